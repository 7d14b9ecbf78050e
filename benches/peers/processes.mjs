// Starting what a bench measures, and ending it; medians.
import { spawn } from "node:child_process";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import { environment, root } from "../../scripts/steps.mjs";

/** Starts a program and waits for its line `listening on http://127.0.0.1:PORT`. `stop` gives a promise of its end, `restart` of its next line. */
export async function start(program, args, env = {}) {
  const run = async () => {
    const child = spawn(program, args, { cwd: root, env: environment(env), stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise((resolve) => child.on("exit", resolve));
    const url = await new Promise((resolve, reject) => {
      let text = "";
      child.stdout.on("data", (data) => {
        text += data;
        const port = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1];
        if (port) resolve(`http://127.0.0.1:${port}`);
      });
      child.on("exit", (code) => reject(new Error(`${program} ${args.join(" ")} ended with ${code}`)));
    });
    return { child, ended, url };
  };
  let now = await run();
  const restart = async () => {
    now.child.kill();
    await now.ended;
    now = await run();
  };
  const stop = () => now.child.kill() && now.ended;
  return { url: now.url, stop, restart };
}

export const upstream = (...words) => start(join(root, "target/release/examples/upstream"), ["port=0", "no-record", ...words]);

export const madoguchi = (base, env = {}) =>
  start(process.execPath, [join(root, "scripts/serve.mjs")], {
    PORT: "0", API_KEYS: "bench", UPSTREAM_BASE_URL: `${base}/v1`, UPSTREAM_OPEN: "true", UPSTREAM_RPM: "100000000", ...env,
  });

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** A port that nothing listens on. */
export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Resolves once something listens on the port. */
export async function listening(port) {
  for (;;) {
    const there = await new Promise((resolve) => {
      const socket = createConnection({ port, host: "127.0.0.1" });
      socket.on("connect", () => resolve(socket.destroy() && true));
      socket.on("error", () => resolve(false));
    });
    if (there) return;
    await new Promise((again) => setTimeout(again, 100));
  }
}
