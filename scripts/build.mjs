// The Worker's build: cargo, wasm-bindgen, wasm-opt and esbuild make build/index.js and build/index_bg.wasm, and the search's vocabulary is put
// beside the storefront's files; skipped when no source has changed.
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { namedInOrder } from "./order.mjs";
import { setup } from "./setup.mjs";
import { Stop, command, digest, isDone, markDone, must, program, root, step, toolPath } from "./steps.mjs";

const inputs = ["Cargo.toml", "Cargo.lock", "package-lock.json", "build.rs", "src", "scripts/build.mjs", "scripts/order.mjs"];
const target = "wasm32-unknown-unknown";
// What workerd understands; binaryen's newer encodings are left out.
const features = ["mutable-globals", "sign-ext", "nontrapping-float-to-int", "bulk-memory", "multivalue", "reference-types", "exception-handling"];

// A profile of the running Worker is readable with the names kept.
const names = process.env.MADOGUCHI_NAMES === "1";

function texts(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path, readFileSync(path)];
  return readdirSync(path).sort().flatMap((name) => texts(join(path, name)));
}

/** Makes the module small. More than -O1 makes it smaller as it is and larger after gzip. */
async function optimize(wasm) {
  const opt = (...flags) =>
    must(join(root, "node_modules/.bin/wasm-opt"), [...features.map((f) => `--enable-${f}`), ...flags, wasm, "-o", wasm]);
  await opt("-O1", "--dae-optimizing", "--skip-pass=memory-packing", ...(names ? ["--debuginfo"] : []));
  if (names) return;
  writeFileSync(wasm, namedInOrder(readFileSync(wasm)));
  await opt("--reorder-functions-by-name");
}

/** Where the search's vocabulary is served from: a file of the storefront that the build writes. */
export const vocabularies = join(root, "storefront/vocabulary");

/** What is uploaded, in bytes after gzip, as `wrangler deploy --dry-run` counts it. */
export function bundleSize() {
  return gzipSync(Buffer.concat(["index.js", "index_bg.wasm"].map((f) => readFileSync(join(root, "build", f))))).length;
}

/** Compiles the Worker; gives what cargo tells of it, a JSON object each. */
async function compile(profile) {
  const words = ["build", "--locked", "--lib", "--target", target, "--profile", profile, "--message-format=json-render-diagnostics"];
  const { code, output } = await command("cargo", words);
  const [told, shown] = [(line) => line.startsWith("{"), (line) => !line.startsWith("{")].map((of) => output.split("\n").filter(of));
  if (code !== 0) throw new Stop(`cargo ${words.join(" ")} ended with ${code}\n${shown.slice(-40).join("\n")}`);
  return told.map((line) => JSON.parse(line));
}

/** What the build script has told: the search's vocabulary, and the digest that the Worker asks for it by. */
function vocabularyOf(told) {
  for (const { reason, out_dir, env = [] } of told) {
    const digest = reason === "build-script-executed" && env.find(([name]) => name === "MADOGUCHI_VOCABULARY")?.[1];
    if (digest) return { digest, bytes: readFileSync(join(out_dir, "vocabulary")) };
  }
  throw new Stop("cargo did not tell where the vocabulary is");
}

/** Puts the vocabulary among the files that the platform serves, in the place of an older one. */
function publish({ digest, bytes }) {
  const name = `${digest}.bin`;
  mkdirSync(vocabularies, { recursive: true });
  for (const old of readdirSync(vocabularies).filter((other) => other !== name)) rmSync(join(vocabularies, old));
  writeFileSync(join(vocabularies, name), bytes);
}

async function bundle(profile) {
  const work = join(root, "target/worker");
  const built = join(root, "target", target, profile);
  const told = await compile(profile);
  const vocabulary = vocabularyOf(told);
  rmSync(work, { recursive: true, force: true });
  // The instance is made anew after a panic: the last two flags give the entry what that takes.
  await must(toolPath("wasm-bindgen"), [
    join(built, "madoguchi.wasm"), "--out-dir", work, "--out-name", "index", "--target", "module", "--no-typescript",
    "--experimental-reset-state-function", "--force-enable-abort-handler",
  ]);
  const wasm = join(work, "index_bg.wasm");
  if (profile === "release") await optimize(wasm);
  const entry = join(work, "entry.js");
  writeFileSync(entry, readFileSync(join(root, "src/edge/entry.js")));
  await must(join(root, "node_modules/.bin/esbuild"), [
    entry, "--bundle", ...(names ? [] : ["--minify"]), "--format=esm", "--external:./index_bg.wasm", "--external:cloudflare:*",
    `--outfile=${join(work, "bundled.js")}`,
  ]);
  // workerd takes the plain form of what the proposal for source phase imports writes.
  const text = readFileSync(join(work, "bundled.js"), "utf8").replaceAll("import source ", "import ");
  const out = join(root, "build");
  mkdirSync(out, { recursive: true });
  for (const old of readdirSync(out)) rmSync(join(out, old), { recursive: true });
  renameSync(wasm, join(out, "index_bg.wasm"));
  writeFileSync(join(out, "index.js"), text);
  publish(vocabulary);
}

/**
 * Builds what is run: `release` is what is deployed and tested, `quick` trades its size and speed for a short wait.
 */
export async function build({ profile = process.env.MADOGUCHI_PROFILE ?? "release" } = {}) {
  if (!["release", "quick"].includes(profile)) throw new Stop(`MADOGUCHI_PROFILE is ${profile}: use release or quick`);
  const key = digest(profile, String(names), ...inputs.flatMap((i) => texts(join(root, i))));
  if (existsSync(join(root, "build/index.js")) && existsSync(vocabularies) && isDone("worker", key)) return;
  await step(`building the Worker (${profile})`, () => bundle(profile));
  if (profile === "release" && !names) console.log(`the Worker's bundle: ${(bundleSize() / 1024).toFixed(1)} KiB after gzip`);
  markDone("worker", key);
}

// wrangler runs this file, and may itself be the first thing that was typed in a new clone.
if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await program(async () => {
    await setup();
    await build();
  });
}
