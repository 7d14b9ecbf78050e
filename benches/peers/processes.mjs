// Starting what a bench measures, and ending it; medians.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { environment, root } from "../../scripts/steps.mjs";

/** Starts a program and waits for its line `listening on http://127.0.0.1:PORT`. */
export function start(program, args, env = {}) {
  const child = spawn(program, args, { cwd: root, env: environment(env), stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
      const port = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1];
      if (port) resolve({ url: `http://127.0.0.1:${port}`, stop: () => child.kill() });
    });
    child.on("exit", (code) => reject(new Error(`${program} ${args.join(" ")} ended with ${code}`)));
  });
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
