// npm run serve: the built Worker on bare workerd, the production engine, with no development proxy in between.
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { environment, program, root } from "./steps.mjs";
import { setup } from "./setup.mjs";
import { build } from "./build.mjs";

await program(async () => {
  // The tests build once and then serve many times.
  if (!process.env.MADOGUCHI_BUILT) {
    await setup();
    await build();
  }
  const { workerdConfig } = await import(pathToFileURL(join(root, "scripts/workerd-config.mjs")).href);
  const folder = mkdtempSync(join(tmpdir(), "madoguchi-"));
  const state = resolve(process.env.STATE_DIR ?? join(folder, "state"));
  mkdirSync(state, { recursive: true });
  for (const file of readdirSync(join(root, "build")).filter((f) => /\.(js|wasm)$/.test(f))) {
    copyFileSync(join(root, "build", file), join(folder, file));
  }
  // A module that stands before the Worker, for what can only be provoked from within.
  const entry = process.env.ENTRY && "entry.mjs";
  if (entry) copyFileSync(resolve(root, process.env.ENTRY), join(folder, entry));
  const isolates = Number(process.env.ISOLATES ?? 1);
  const config = join(folder, "config.capnp");
  // The configuration holds the secrets of this run.
  writeFileSync(config, workerdConfig({ port: process.env.PORT ?? 8788, state, env: process.env, isolates, entry }), { mode: 0o600 });
  const child = spawn(join(root, "node_modules/.bin/workerd"), ["serve", "--experimental", "--control-fd=3", config], {
    env: environment(),
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  const clean = () => rmSync(folder, { recursive: true, force: true });
  const ports = new Map();
  child.stdio[3].on("data", (data) => {
    for (const line of data.toString().split("\n").filter(Boolean)) {
      const { event, socket, port } = JSON.parse(line);
      if (event !== "listen") continue;
      ports.set(socket, port);
      if (ports.size < isolates) continue;
      // The others are told first: whoever reads the first one's address then knows all.
      for (const [name, other] of ports) if (name !== "http") console.log(`another isolate on http://127.0.0.1:${other}`);
      console.log(`listening on http://127.0.0.1:${ports.get("http")}`);
    }
  });
  // workerd finishes the requests that run; whoever asks a second time does not want to wait for them.
  let ending = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      child.kill(ending ? "SIGKILL" : "SIGTERM");
      ending = true;
    });
  }
  process.on("exit", () => child.kill("SIGKILL"));
  child.on("exit", (code) => {
    clean();
    process.exit(code ?? 0);
  });
});
