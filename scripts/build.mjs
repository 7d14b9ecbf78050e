// The Worker's build: worker-build makes build/index.js and its wasm, skipped when no source has changed.
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { digest, isDone, markDone, must, program, root, step, toolPath } from "./steps.mjs";

const inputs = ["Cargo.toml", "Cargo.lock", "package-lock.json", "src"];

function texts(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path, readFileSync(path)];
  return readdirSync(path).sort().flatMap((name) => texts(join(path, name)));
}

/** Builds what `npm start`, `serve`, `deploy` and the tests run. */
export async function build() {
  const key = digest(...inputs.flatMap((i) => texts(join(root, i))));
  if (existsSync(join(root, "build/index.js")) && isDone("worker", key)) return;
  await step("building the Worker", () => must(toolPath("worker-build"), ["--release"]));
  markDone("worker", key);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await program(build);
