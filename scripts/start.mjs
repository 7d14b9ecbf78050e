// npm start: sets up what is missing, builds, and serves on this machine with wrangler dev.
import { spawn } from "node:child_process";
import { createConnection } from "node:net";
import { join } from "node:path";
import { environment, program, root } from "./steps.mjs";
import { setup } from "./setup.mjs";
import { localSecrets } from "./setup/local-secrets.mjs";
import { build } from "./build.mjs";
import { CONTACT, loadDemoShop, namesContact } from "./demo-shop.mjs";

const listens = (port) =>
  new Promise((resolve) => {
    const socket = createConnection({ port, host: "127.0.0.1" });
    socket.on("connect", () => resolve(socket.destroy() && true));
    socket.on("error", () => resolve(false));
  });

// wrangler builds by itself after a change: it takes the profile from here.
process.env.MADOGUCHI_PROFILE ??= "quick";

await program(async () => {
  await setup();
  await build();
  const key = localSecrets();
  const given = process.argv.slice(2);
  const at = given.indexOf("--port");
  const port = Number(at >= 0 ? given[at + 1] : (process.env.PORT ?? 8787));
  // The demo shop's people, unless the shop has its own.
  const contact = namesContact() ? [] : ["--var", `SHOP_CONTACT:${CONTACT}`];
  const args = ["dev", ...contact, ...given, ...(at >= 0 ? [] : ["--port", String(port)]), "--ip", "127.0.0.1", "--show-interactive-dev-session=false"];
  const child = spawn(join(root, "node_modules/.bin/wrangler"), args, { cwd: root, env: environment(), stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code) => process.exit(code ?? 0));
  while (!(await listens(port))) await new Promise((again) => setTimeout(again, 200));
  const url = `http://127.0.0.1:${port}`;
  const documents = await loadDemoShop(url, key).catch((error) => `no documents yet (${error.message})`);
  console.log(`
Madoguchi is open: the demo shop at ${url}/ answers from ${typeof documents === "number" ? `${documents} documents` : documents}
the key of this machine for /v1/*: ${key}

  curl ${url}/v1/answer -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' -d '{"query":"返品できますか"}'
`);
});
