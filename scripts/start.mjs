// npm start: sets up what is missing, builds, and serves on this machine with wrangler dev.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { environment, program, root } from "./steps.mjs";
import { setup } from "./setup.mjs";
import { localSecrets } from "./setup/local-secrets.mjs";
import { build } from "./build.mjs";

const listens = (port) =>
  new Promise((resolve) => {
    const socket = createConnection({ port, host: "127.0.0.1" });
    socket.on("connect", () => resolve(socket.destroy() && true));
    socket.on("error", () => resolve(false));
  });

/** Gives the demo shop's documents to the counter; those that are there already stay as they are. */
async function load(address, key) {
  const response = await fetch(`${address}/v1/knowledge`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/x-ndjson" },
    body: readFileSync(join(root, "storefront/shop/documents.ndjson")),
  });
  const told = await response.json();
  if (!response.ok || told.failed.length) return `the demo shop's documents were not taken: ${JSON.stringify(told.error ?? told.failed[0])}`;
  return `the demo shop is open at ${address}/ with its ${told.stored.length} documents`;
}

// wrangler builds by itself after a change: it takes the profile from here.
process.env.MADOGUCHI_PROFILE ??= "quick";

await program(async () => {
  await setup();
  await build();
  const key = localSecrets();
  const given = process.argv.slice(2);
  const at = given.indexOf("--port");
  const port = Number(at >= 0 ? given[at + 1] : (process.env.PORT ?? 8787));
  const args = ["dev", ...given, ...(at >= 0 ? [] : ["--port", String(port)]), "--ip", "127.0.0.1", "--show-interactive-dev-session=false"];
  const child = spawn(join(root, "node_modules/.bin/wrangler"), args, { cwd: root, env: environment(), stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code) => process.exit(code ?? 0));
  while (!(await listens(port))) await new Promise((again) => setTimeout(again, 200));
  const address = `http://127.0.0.1:${port}`;
  const shop = await load(address, key).catch((error) => `the demo shop's documents could not be sent: ${error.message}`);
  console.log(`
Madoguchi is open at ${address}
${shop}
the key of this machine: ${key}

  curl ${address}/v1/answer -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' \\
    -d '{"query":"返品できますか"}'
`);
});
