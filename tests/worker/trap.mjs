// The Worker with a trap in it, for the test of what comes after a panic: the n-th time after a request with `x-trap: n` that Rust asks
// for the time, the platform throws what wasm throws when Rust panics, through all of Rust's frames. And after a request with `x-evict: 1`
// the next ask finds the budget's object gone, as when the platform moves it: what it had in memory is lost, and what was running in it.
import worker, { Budget as Granting } from "./index.js";

export * from "./index.js";

const now = Date.now.bind(Date);
let left = 0;
let evict = false;

Date.now = () => {
  if (left > 0 && --left === 0) throw new WebAssembly.RuntimeError("unreachable");
  return now();
};

export class Budget extends Granting {
  constructor(state, env) {
    super(state, env);
    this.state = state;
  }
  fetch(request) {
    if (evict) {
      evict = false;
      this.state.abort("evicted");
    }
    return super.fetch(request);
  }
}

export default {
  fetch(request, env, context) {
    evict ||= request.headers.has("x-evict");
    left = Number(request.headers.get("x-trap") ?? left);
    return worker.fetch(request, env, context);
  },
};
