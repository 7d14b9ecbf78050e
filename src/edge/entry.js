// The Worker's entry as the platform calls it: hands each event to Rust, and makes the wasm instance anew after a panic.
import { waitUntil } from "cloudflare:workers";
import * as rust from "./index.js";

const state = rust.__worker_init_state();

rust.attach({
  told: rust.told, heard: rust.heard, replied: rust.replied, failed: rust.failed, ticked: rust.ticked,
  waitUntil,
});

/** A panic has left the instance in pieces: the next event gets a new one. */
function revive() {
  if (!state.criticalError) return;
  console.log("a panic ended the wasm instance; starting a new one");
  rust.__wbg_reset_state();
  state.criticalError = false;
  state.instanceId++;
}

function note(error) {
  if (error instanceof WebAssembly.RuntimeError) {
    console.error("Critical", error);
    state.criticalError = true;
  }
}

addEventListener("error", (event) => note(event.error));
addEventListener("unhandledrejection", (event) => note(event.reason));

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
    async fetch(request) {
      try {
        return await this.half().fetch(request);
      } catch (error) {
        note(error);
        throw error;
      }
    }
    async alarm() {
      try {
        return await this.half().alarm();
      } catch (error) {
        note(error);
        throw error;
      }
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
    revive();
    return new Promise((answer, fail) => {
      try {
        rust.fetch(request, env, answer);
      } catch (error) {
        note(error);
        fail(error);
      }
    });
  },
};
