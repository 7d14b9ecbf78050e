// The demo shop's documents, put into the counter that serves on this machine.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./steps.mjs";

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Loads the documents of the demo shop, unless the counter has documents already: they may be a shop's own. Gives how many it has. */
export async function loadDemoShop(url, key) {
  const headers = { authorization: `Bearer ${key}` };
  // The development server listens before the Worker answers.
  for (let attempt = 1; ; attempt++) {
    try {
      const there = await fetch(`${url}/v1/knowledge`, { headers });
      if (!there.ok) throw new Error(`GET /v1/knowledge: ${there.status} ${(await there.text()).slice(0, 300)}`);
      const { total } = await there.json();
      if (total > 0) return total;
      const body = readFileSync(join(root, "storefront/shop/documents.ndjson"), "utf8");
      const reply = await fetch(`${url}/v1/knowledge`, { method: "POST", headers: { ...headers, "content-type": "application/x-ndjson" }, body });
      if (!reply.ok) throw new Error(`POST /v1/knowledge: ${reply.status} ${(await reply.text()).slice(0, 300)}`);
      const { stored } = await reply.json();
      return stored.length;
    } catch (error) {
      if (attempt === 20) throw error;
      await pause(500);
    }
  }
}
