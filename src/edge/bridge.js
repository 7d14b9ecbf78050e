// The edge's own JavaScript: steps that belong together, so that Rust crosses over once for all of them. It decides nothing.

// The functions by which Rust is told: `told` a value, `heard` bytes, `replied` a reply's head, `failed` a reason, `ticked` that a
// timer has ended. And `waitUntil`, the platform's own.
let rust;

/** Takes them. */
export function attach(exports) {
  rust = exports;
}

/** Tells what a promise comes to. */
export function settle(id, promise) {
  promise.then((value) => rust.told(id, value), (reason) => rust.failed(id, reason));
}

/** Tells the whole body of a request or a reply. */
export function read(id, message) {
  message.bytes().then((bytes) => rust.heard(id, bytes), (reason) => rust.failed(id, reason));
}

/** Makes a call, from here or through a lane, and tells its reply's head; gives what aborts it. */
export function send(id, lane, head, body) {
  const { url, init } = JSON.parse(head);
  const controller = new AbortController();
  // The bytes are in wasm's memory, which goes on changing.
  init.body = body.slice();
  init.signal = controller.signal;
  const reply = lane === undefined ? fetch(url, init) : lane.fetch(url, init);
  reply.then(
    (reply) => rust.replied(id, reply, reply.status, Number(reply.headers.get("content-length") ?? NaN)),
    (reason) => rust.failed(id, reason),
  );
  return controller;
}

/** Lets the platform run on after the reply until the function that this gives is called. */
export function hold() {
  let end;
  rust.waitUntil(new Promise((resolve) => (end = resolve)));
  return end;
}

/** Tells when the caller has gone. */
export function gone(id, request) {
  request.signal.addEventListener("abort", () => rust.told(id, undefined));
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
