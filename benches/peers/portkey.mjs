// Portkey's gateway, installed with npm and started as its users start it.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { command, environment, tools } from "../../scripts/steps.mjs";
import { freePort, listening } from "./processes.mjs";

const VERSION = "1.15.2";

/** The running gateway; none where npm cannot install it. */
export async function portkey() {
  const folder = join(tools, "portkey");
  const server = join(folder, "node_modules/@portkey-ai/gateway/build/start-server.js");
  if (!existsSync(server)) {
    const install = ["install", "--prefix", folder, "--ignore-scripts", "--no-save", `@portkey-ai/gateway@${VERSION}`];
    if ((await command("npm", install)).code !== 0) return undefined;
  }
  const port = await freePort();
  const child = spawn(process.execPath, [server, `--port=${port}`, "--headless"], { env: environment({ NODE_ENV: "production" }), stdio: "ignore" });
  await listening(port);
  return { url: `http://127.0.0.1:${port}`, stop: () => child.kill() };
}
