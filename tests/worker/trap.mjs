// The Worker with a trap in it, for the test of what comes after a panic: the n-th time after a request with `x-trap: n` that Rust asks
// for the time, the platform throws what wasm throws when Rust panics, through all of Rust's frames.
import worker from "./index.js";

export * from "./index.js";

const now = Date.now.bind(Date);
let left = 0;

Date.now = () => {
  if (left > 0 && --left === 0) throw new WebAssembly.RuntimeError("unreachable");
  return now();
};

export default {
  fetch(request, env, context) {
    left = Number(request.headers.get("x-trap") ?? left);
    return worker.fetch(request, env, context);
  },
};
