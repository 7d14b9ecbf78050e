// The Worker's entry as the platform calls it: hands each event to Rust, and makes the wasm instance anew after a panic.
import { waitUntil } from "cloudflare:workers";
import * as rust from "./index.js";

const state = rust.__worker_init_state();

/** A panic has left the instance in pieces: the next event gets a new one. */
function revive() {
  if (!state.criticalError) return;
  console.log("a panic ended the wasm instance; starting a new one");
  rust.__wbg_reset_state();
  state.criticalError = false;
  state.instanceId++;
  attach();
}

// How to end each event that the instance has not answered yet, each stream that it writes and each promise that it holds open.
let open;

/** An instance that ends takes all its events with it: nobody would answer them any more. */
function broke(error) {
  console.error("Critical", error);
  state.criticalError = true;
  const ending = open;
  open = new Set();
  for (const end of ending) end(error);
}

// What Rust's own executor throws, nobody else hears of; wasm-bindgen wraps what came through Rust's frames.
const isTrap = (error) => [error, error?.cause].some((e) => e instanceof WebAssembly.RuntimeError);
addEventListener("error", (event) => isTrap(event.error) && broke(event.error));
addEventListener("unhandledrejection", (event) => isTrap(event.reason) && broke(event.reason));

/** Tells Rust's side of the bridge whom to call: functions of this instance, which throw nothing and are deaf when it is gone. */
function attach() {
  const of = state.instanceId;
  const heard = (tell) => (id, one, two, three) => {
    if (state.criticalError || state.instanceId !== of) return;
    try {
      tell(id, one, two, three);
    } catch (error) {
      broke(error);
    }
  };
  open = new Set();
  const names = ["told", "heard", "replied", "failed", "ticked", "pulled", "cancelled"];
  rust.attach({ ...Object.fromEntries(names.map((name) => [name, heard(rust[name])])), ends: open, waitUntil });
}

attach();

/** What an event comes to: one promise, since each costs the engine as much as a header. */
function handled(begin) {
  return new Promise((answer, fail) => {
    revive();
    const events = open;
    events.add(fail);
    const ended = (tell) => (value) => {
      events.delete(fail);
      tell(value);
    };
    try {
      begin(ended(answer), ended(fail));
    } catch (error) {
      broke(error);
    }
  });
}

/** The error of the API when Rust can tell none. */
function stumbled() {
  const id = `req_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
  const message = "The counter stumbled over this request; send it again";
  const error = { message, type: "internal_error", code: "panic", param: null, request_id: id };
  return Response.json({ error }, { status: 500, headers: { "x-request-id": id, "cache-control": "no-store" } });
}

/** A Durable Object whose Rust half is made again when the instance was. */
function durable(Half) {
  return class {
    constructor(...given) {
      this.given = given;
      this.half();
    }
    half() {
      revive();
      if (this.of !== state.instanceId) {
        this.made = new Half(...this.given);
        this.of = state.instanceId;
      }
      return this.made;
    }
    fetch(request) {
      return handled((answer, fail) => this.half().fetch(request).then(answer, fail));
    }
    alarm() {
      return handled((answer, fail) => this.half().alarm().then(answer, fail));
    }
  };
}

export const Budget = durable(rust.Budget);
export const Conversation = durable(rust.Conversation);
export const Idempotency = durable(rust.Idempotency);
export const Knowledge = durable(rust.Knowledge);
export const Shared = durable(rust.Shared);

/**
 * The Durable Object of a lane: six more connections for a fan-out. It hands the call and its reply on as they come, redirects too, and a
 * caller that leaves aborts it (compatibility flag `request_signal_passthrough`). It keeps nothing, so there is nothing to clean up.
 */
export class Lane {
  fetch(call) {
    return fetch(call);
  }
}

export default {
  fetch(request, env) {
    return handled((answer) => rust.fetch(request, env, answer)).catch(stumbled);
  },
};
