// The edge's own JavaScript: steps that belong together, so that Rust crosses over once for all of them. It decides nothing.

// The functions by which the wasm instance of now is told: `told` a value, `heard` bytes, `replied` a reply's head, `failed` a reason,
// `ticked` that a timer has ended, `pulled` that more of a stream is wanted, `cancelled` that no more is; `ends`, what is called when it
// breaks; and `waitUntil`, the platform's own. What one instance began is told to it alone: the next one counts from the start again.
let rust;

/** Takes them. */
export function attach(exports) {
  rust = exports;
}

/** Tells what a promise comes to. */
export function settle(id, promise) {
  const to = rust;
  promise.then((value) => to.told(id, value), (reason) => to.failed(id, reason));
}

/** Tells the whole body of a request or a reply. */
export function read(id, message) {
  const to = rust;
  message.bytes().then((bytes) => to.heard(id, bytes), (reason) => to.failed(id, reason));
}

/** Makes a call, from here or through a lane, and tells its reply's head; gives what aborts it. */
export function send(id, lane, head, body) {
  const to = rust;
  const { url, init } = JSON.parse(head);
  const controller = new AbortController();
  // The bytes are in wasm's memory, which goes on changing.
  init.body = body.slice();
  init.signal = controller.signal;
  const reply = lane === undefined ? fetch(url, init) : lane.fetch(url, init);
  reply.then(
    (reply) => to.replied(id, reply, reply.status, Number(reply.headers.get("content-length") ?? NaN)),
    (reason) => to.failed(id, reason),
  );
  return controller;
}

/** Lets the platform run on after the reply until the function that this gives is called. */
export function hold() {
  const { ends, waitUntil } = rust;
  let end;
  waitUntil(new Promise((resolve) => (end = () => resolve(ends.delete(end)))));
  ends.add(end);
  return end;
}

/** A stream of what Rust writes. It breaks with its instance, so that whoever reads it does not wait for ever. */
export function stream(id) {
  const to = rust;
  let end;
  return new ReadableStream({
    start(controller) {
      to.ends.add((end = (reason) => controller.error(reason)));
    },
    async pull(controller) {
      // What Rust waits for may come in another event; the promise brings it back to this one.
      const bytes = await new Promise((next) => to.pulled(id, next));
      if (bytes !== undefined) return controller.enqueue(bytes);
      to.ends.delete(end);
      controller.close();
    },
    cancel() {
      to.ends.delete(end);
      to.cancelled(id);
    },
  }, { highWaterMark: 0 });
}

/** Tells when the caller has gone. */
export function gone(id, request) {
  const to = rust;
  request.signal.addEventListener("abort", () => to.told(id, undefined));
}

/** Tells after so many milliseconds. */
export function tick(id, ms) {
  return setTimeout(rust.ticked, ms, id);
}

/** What is read of every request: its method, its address, and those of the headers that are there, a line each. */
export function head(request, names) {
  const headers = request.headers;
  let lines = `${request.method}\n${request.url}`;
  for (const name of names) {
    const value = headers.get(name);
    if (value !== null) lines += `\n${name}:${value}`;
  }
  return lines;
}

/** A response with a whole body; a status such as 204 forbids even an empty one. */
export function respond(init, body) {
  return new Response(body.length > 0 ? body.slice() : null, JSON.parse(init));
}
