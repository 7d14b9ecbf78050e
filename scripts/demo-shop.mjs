// The demo shop's documents, put into the counter that serves on this machine, and how the shop is reached.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./steps.mjs";

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Where the demo shop's people are reached, as its own pages have it. */
export const CONTACT = JSON.stringify({ email: "help@ito-to-wan.example", phone: "050-0000-0126", hours: "平日10時から17時 (Mon–Fri 10:00–17:00)", url: "/#/contact" });

/** Whether whoever runs this has said where their own shop is reached. */
export function namesContact() {
  const files = ["wrangler.toml", ".dev.vars"].map((name) => join(root, name)).filter(existsSync);
  return files.some((file) => /^\s*(SHOP_CONTACT|HANDOFF_URL)\s*=/m.test(readFileSync(file, "utf8")));
}

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
