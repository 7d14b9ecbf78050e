// npm test: sets up what is missing, then every part of the tests; `npm test -- NAME` runs the parts of that name alone.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Stop, command, digest, isDone, markDone, must, program, root, step, toolPath, tools } from "./steps.mjs";
import { setup } from "./setup.mjs";
import { build } from "./build.mjs";

const cargo = (...args) => () => command("cargo", args, { show: true });
const wasm = "wasm32-unknown-unknown";

async function python() {
  const requirements = join(root, "tests/sdk/requirements.txt");
  const venv = join(tools, "venv");
  const key = digest(readFileSync(requirements));
  if (!existsSync(venv) || !isDone("venv", key)) {
    const made = await command("python3", ["-m", "venv", venv]);
    if (made.code !== 0) return { skipped: "this machine has no python3 with venv" };
    await step("installing the Python packages of tests/sdk", () => must(join(venv, "bin/pip"), ["install", "-q", "-r", requirements]));
    markDone("venv", key);
  }
  return command("cargo", ["test", "--test", "sdk", "--", "python", "--nocapture"], { show: true, env: { MADOGUCHI_PYTHON: join(venv, "bin/python") } });
}

const parts = [
  { name: "fmt", run: cargo("fmt", "--check") },
  { name: "clippy", run: cargo("clippy", "--locked", "--all-targets", "--", "-D", "warnings") },
  { name: "clippy-wasm", run: cargo("clippy", "--locked", "--lib", "--target", wasm, "--", "-D", "warnings") },
  { name: "native", run: cargo("test", "--locked", "--lib", "--test", "counter", "--test", "simulation", "--test", "json", "--test", "json_schema", "--test", "upstream_itself") },
  {
    name: "wasm",
    run: () => command("cargo", ["test", "--locked", "--target", wasm, "--test", "wasm"], { show: true, env: { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER: toolPath("wasm-bindgen-test-runner") } }),
  },
  { name: "worker", run: cargo("test", "--locked", "--test", "worker", "--", "--test-threads=2") },
  { name: "sdk-node", run: cargo("test", "--locked", "--test", "sdk", "--", "node", "--nocapture") },
  { name: "sdk-python", run: python },
];

await program(async () => {
  await setup();
  await build();
  process.env.MADOGUCHI_BUILT = "1";
  const wanted = process.argv.slice(2);
  const chosen = parts.filter((p) => wanted.length === 0 || wanted.includes(p.name));
  if (chosen.length === 0) throw new Stop(`no such part; there are: ${parts.map((p) => p.name).join(", ")}`);
  const results = [];
  for (const { name, run } of chosen) {
    console.log(`\n=== ${name}`);
    const began = Date.now();
    const { code, skipped } = await run();
    const state = skipped ? `skipped: ${skipped}` : code === 0 ? "passed" : "FAILED";
    results.push({ name, state, seconds: (Date.now() - began) / 1000 });
  }
  console.log("");
  for (const r of results) console.log(`${r.name.padEnd(12)} ${r.state} (${r.seconds.toFixed(0)} s)`);
  const count = (test) => results.filter(test).length;
  const failed = count((r) => r.state === "FAILED");
  console.log(`${count((r) => r.state === "passed")} passed, ${failed} failed, ${count((r) => r.state.startsWith("skipped"))} skipped`);
  if (failed) process.exitCode = 1;
});
