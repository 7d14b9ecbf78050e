// A Worker in plain JavaScript on bare workerd, beside which ours is measured.
import { spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../scripts/steps.mjs";

const LANES = `
  durableObjectNamespaces = [(className = "Lane", uniqueKey = "lane", preventEviction = true)], durableObjectStorage = (inMemory = void),`;

/**
 * Serves a module of this folder, which has the upstream's address as `UPSTREAM`, and its objects `Lane` as `LANE` if it has any; with `signals` it
 * hears of callers who leave, and has our Worker's timers.
 */
export function bare(module, base, { lanes = false, signals = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "bare-"));
  copyFileSync(join(import.meta.dirname, module), join(folder, "index.js"));
  const lane = lanes ? `, (name = "LANE", durableObjectNamespace = "Lane")` : "";
  writeFileSync(join(folder, "config.capnp"), `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .w), (name = "internet", network = (allow = ["private", "public"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]);
const w :Workerd.Worker = (
  modules = [(name = "index.js", esModule = embed "index.js")], compatibilityDate = "2026-11-01", globalOutbound = "internet",
  compatibilityFlags = ["request_signal_passthrough"${signals ? `, "enable_request_signal", "no_nodejs_global_timers"` : ""}],${lanes ? LANES : ""}
  bindings = [(name = "UPSTREAM", text = "${base}")${lane}]);`);
  const child = spawn(join(root, "node_modules/.bin/workerd"), ["serve", "--experimental", "--control-fd=3", join(folder, "config.capnp")], {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  child.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return new Promise((resolve) =>
    child.stdio[3].on("data", (d) => resolve({ url: `http://127.0.0.1:${JSON.parse(d.toString().split("\n")[0]).port}`, stop: () => child.kill() })),
  );
}
