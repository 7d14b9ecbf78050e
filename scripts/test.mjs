// npm test: sets up what is missing, then every part of the tests; `npm test -- NAME` runs the parts of that name alone.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Stop, command, environment, must, program, root, toolPath } from "./steps.mjs";
import { setup } from "./setup.mjs";
import { pythonPackages } from "./setup/python-packages.mjs";
import { build } from "./build.mjs";
import { CONTACT, loadDemoShop } from "./demo-shop.mjs";

const cargo = (...args) => () => command("cargo", args, { show: true });
const wasm = "wasm32-unknown-unknown";

async function python() {
  const interpreter = await pythonPackages();
  if (!interpreter) return { skipped: "this machine has no python3 with venv" };
  return command("cargo", ["test", "--test", "sdk", "--", "python", "--nocapture"], { show: true, env: { MADOGUCHI_PYTHON: interpreter } });
}

/** The widget in the demo shop in front of the built Worker, in the system's Chromium. */
async function browser() {
  const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
  if (!chromium && !process.env.MADOGUCHI_CHROMIUM) {
    return { skipped: "this machine has no Chromium (install it, or name one in MADOGUCHI_CHROMIUM)" };
  }
  const key = "browser-tests";
  const variables = { PORT: "0", API_KEYS: key, VISITOR_SECRET: randomBytes(24).toString("hex"), VISITOR_RPM: "0", ADDRESS_RPM: "0", SHOP_CONTACT: CONTACT };
  const started = [];
  const start = (...words) => {
    started.push(listening(...words));
    return started.at(-1).address;
  };
  const serve = (more) => start(process.execPath, [join(root, "scripts/serve.mjs")], { ...variables, ...more });
  try {
    await must("cargo", ["build", "--locked", "--quiet", "--profile", "test", "--example", "upstream"], { show: true });
    const upstream = await start(join(root, "target/debug/examples/upstream"), ["port=0"]);
    const [url, crowded] = [await serve({ HANDOFF_URL: `${upstream}/v1/chat/completions` }), await serve({ UPSTREAM_BASE_URL: `${upstream}/v1`, UPSTREAM_OPEN: "true", RETRIES: "0" })];
    await loadDemoShop(url, key);
    const tests = readdirSync(join(root, "tests/browser")).filter((f) => f.endsWith(".test.mjs")).map((f) => join(root, "tests/browser", f));
    const env = { MADOGUCHI_BASE_URL: url, MADOGUCHI_CROWDED_URL: crowded, MADOGUCHI_UPSTREAM_URL: upstream, MADOGUCHI_KEY: key };
    return await command("node", ["--test", "--test-concurrency=1", ...tests], { show: true, env });
  } finally {
    for (const { child } of started) child.kill();
  }
}

/** Starts a server that says where it listens; its address is a promise. */
function listening(program, args, variables = {}) {
  const child = spawn(program, args, { cwd: root, env: environment(variables), stdio: ["ignore", "pipe", "inherit"] });
  const address = new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
      const found = /^listening on (http:\S+)/m.exec(text)?.[1];
      if (found) resolve(found);
    });
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`${program} ended with ${code}`)));
  });
  return { child, address };
}

const parts = [
  { name: "fmt", run: cargo("fmt", "--check") },
  { name: "clippy", run: cargo("clippy", "--locked", "--all-targets", "--", "-D", "warnings") },
  { name: "clippy-wasm", run: cargo("clippy", "--locked", "--lib", "--target", wasm, "--", "-D", "warnings") },
  { name: "native", run: cargo("test", "--locked", "--lib", "--test", "counter", "--test", "conversation", "--test", "simulation", "--test", "json", "--test", "json_schema", "--test", "upstream_itself") },
  { name: "search", run: cargo("test", "--locked", "--test", "knowledge", "nothing_is_found_less") },
  {
    name: "wasm",
    run: () => command("cargo", ["test", "--locked", "--target", wasm, "--test", "wasm"], { show: true, env: { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER: toolPath("wasm-bindgen-test-runner") } }),
  },
  { name: "worker", run: cargo("test", "--locked", "--test", "worker", "--", "--test-threads=2") },
  { name: "sdk-node", run: cargo("test", "--locked", "--test", "sdk", "--", "node", "--nocapture") },
  { name: "sdk-python", run: python },
  { name: "browser", run: browser },
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
