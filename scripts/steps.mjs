// Running one step of a set-up or a test: announced, timed, its output kept and shown when it fails.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, delimiter } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const tools = join(root, ".tools");
const exe = process.platform === "win32" ? ".exe" : "";

/** The environment of every command: the project's own tools come first. */
export function environment(extra = {}) {
  const path = [join(root, "node_modules/.bin"), join(tools, "bin"), process.env.PATH].join(delimiter);
  return {
    ...process.env,
    PATH: path,
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    WRANGLER_SEND_METRICS: "false",
    ...extra,
  };
}

export const toolPath = (name) => join(tools, "bin", name + exe);

/** A failure whose message is meant for the person at the terminal. */
export class Stop extends Error {}

/** Runs a command; gives {code, output}. `show` passes its output through as it comes. */
export function command(program, args, { cwd = root, env = {}, show = false, timeout = 0 } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd,
      env: environment(env),
      stdio: ["ignore", show ? "inherit" : "pipe", show ? "inherit" : "pipe"],
    });
    const parts = [];
    child.stdout?.on("data", (d) => parts.push(d));
    child.stderr?.on("data", (d) => parts.push(d));
    const timer = timeout && setTimeout(() => child.kill("SIGKILL"), timeout);
    const end = (code, output) => {
      clearTimeout(timer);
      resolve({ code, output });
    };
    child.on("error", (e) => end(127, e.message));
    child.on("close", (code) => end(code ?? 1, Buffer.concat(parts).toString()));
  });
}

/** Announces `what`, awaits `work`, tells the seconds it took. */
export async function step(what, work) {
  const began = Date.now();
  const seconds = () => `${((Date.now() - began) / 1000).toFixed(0)} s`;
  console.log(`• ${what}`);
  const ticking = setInterval(() => console.log(`  … ${what}: ${seconds()}`), 30_000);
  try {
    const result = await work();
    console.log(`  done: ${what} (${seconds()})`);
    return result;
  } finally {
    clearInterval(ticking);
  }
}

/** Runs a command that must succeed; its output is shown when it does not. */
export async function must(program, args, options = {}) {
  const { code, output } = await command(program, args, options);
  if (code !== 0) {
    throw new Stop(`${program} ${args.join(" ")} ended with ${code}\n${output.split("\n").slice(-40).join("\n")}`);
  }
  return output;
}

/** A digest of texts, to tell whether something must be done again. */
export const digest = (...texts) => texts.reduce((h, t) => h.update(t), createHash("sha256")).digest("hex");

const stampPath = (name) => join(tools, "stamps", name);

/** Whether step `name` was last done for just this `key`. */
export const isDone = (name, key) => existsSync(stampPath(name)) && readFileSync(stampPath(name), "utf8") === key;

export function markDone(name, key) {
  mkdirSync(dirname(stampPath(name)), { recursive: true });
  writeFileSync(stampPath(name), key);
}

/** Runs `main`; a Stop ends with its message alone. */
export async function program(main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Stop ? `\nStopped: ${error.message}` : error);
    process.exit(1);
  }
}
