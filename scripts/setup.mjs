// Everything that a build needs, each part got once and skipped when it is there.
import { Stop, command } from "./steps.mjs";
import { nodePackages } from "./setup/node-packages.mjs";
import { wasmTarget } from "./setup/wasm-target.mjs";
import { wasmTools } from "./setup/wasm-tools.mjs";

export async function setup() {
  if (Number(process.versions.node.split(".")[0]) < 18) {
    throw new Stop(`node ${process.versions.node} is too old: install node 20 or later from nodejs.org`);
  }
  for (const program of ["cargo", "rustc"]) {
    if ((await command(program, ["--version"])).code !== 0) {
      throw new Stop(`${program} was not found: install Rust 1.91 or later from rustup.rs`);
    }
  }
  // npm waits for the network while cargo keeps the processor busy.
  const results = await Promise.allSettled([nodePackages(), wasmTarget().then(wasmTools)]);
  const failed = results.find((r) => r.status === "rejected");
  if (failed) throw failed.reason;
}
