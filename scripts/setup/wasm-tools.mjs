// wasm-bindgen and its test runner, in the version that Cargo.lock names.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Stop, isDone, markDone, must, root, step, toolPath, tools } from "../steps.mjs";

export async function wasmTools() {
  const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
  const bindgen = /name = "wasm-bindgen"\nversion = "([^"]+)"/.exec(lock)?.[1];
  if (!bindgen) throw new Stop("Cargo.lock names no wasm-bindgen; restore it from git");
  await install("wasm-bindgen-cli", bindgen, ["wasm-bindgen", "wasm-bindgen-test-runner"]);
}

async function install(crate, version, programs) {
  if (programs.every((p) => existsSync(toolPath(p))) && isDone(crate, version)) return;
  // A quick build of a tool that runs for a second beats an optimised build of minutes.
  const env = {
    CARGO_PROFILE_RELEASE_OPT_LEVEL: "1",
    CARGO_PROFILE_RELEASE_DEBUG: "0",
    CARGO_PROFILE_RELEASE_LTO: "off",
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16",
    CARGO_TARGET_DIR: join(tools, "target"),
  };
  await step(`building ${crate} ${version} (minutes, once)`, () =>
    must("cargo", ["install", "--locked", "--force", "--root", tools, `${crate}@${version}`], { env }),
  );
  markDone(crate, version);
}
