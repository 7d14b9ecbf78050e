// The network between a browser and the counter, with the faults that a test asks for; what stands behind it may be the mock or a Worker.
import { createServer, request as ask } from "node:http";

/** One event of a server-sent stream as it goes over the wire. */
export const event = (name, data, id) => `${id ? `id: ${id}\n` : ""}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

/** Every event of a whole answer. */
export function answer(text, { sources = [], rung = "full", first = [], pieces = 1 } = {}) {
  const letters = [...text];
  const size = Math.ceil(letters.length / pieces) || 1;
  const deltas = Array.from({ length: pieces }, (_, n) => letters.slice(n * size, (n + 1) * size).join("")).filter(Boolean);
  const events = [...first, ["sources", sources], ...deltas.map((piece) => ["delta", { text: piece }]), ["done", { message_id: `m-${Math.random()}`, rung }]];
  return events.map(([name, data], n) => event(name, data, `w${n + 1}`)).join("");
}

/**
 * Stands between. `next(path, fault)` holds for one request of that path:
 * `{ status, headers, body }` answers in the counter's place; `{ refuse: true }` breaks the connection before an answer;
 * `{ cut: n, heard }` breaks it after the nth piece of the counter's answer, once `heard()` is over (a browser drops what it has not read
 * of a connection that breaks); `{ pace, piece }` lets the answer through `piece` bytes at a time.
 */
export async function between(target) {
  const faults = [];
  const seen = [];
  const server = createServer((incoming, outgoing) => {
    const path = new URL(incoming.url, target).pathname;
    const pieces = [];
    incoming.on("data", (piece) => pieces.push(piece));
    incoming.on("end", () => {
      const body = Buffer.concat(pieces);
      seen.push({ method: incoming.method, path, headers: incoming.headers, body: body.length ? JSON.parse(body) : null });
      const at = faults.findIndex((fault) => fault.path === path);
      const fault = at < 0 ? {} : faults.splice(at, 1)[0];
      if (fault.refuse) return incoming.socket.destroy();
      if (fault.status) return outgoing.writeHead(fault.status, fault.headers).end(fault.body);
      const onward = ask(new URL(incoming.url, target), { method: incoming.method, headers: incoming.headers }, (reply) => {
        outgoing.writeHead(reply.statusCode, reply.headers);
        outgoing.flushHeaders();
        pass(reply, outgoing, fault);
      });
      onward.on("error", () => incoming.socket.destroy());
      outgoing.on("close", () => onward.destroy());
      onward.end(body);
    });
  });

  async function pass(reply, outgoing, { cut = Infinity, heard = async () => {}, pace = 0, piece = 65536 }) {
    let before = "";
    try {
      for await (const chunk of reply) {
        for (let at = 0; at < chunk.length; at += piece) {
          const part = chunk.subarray(at, at + piece);
          // The byte after which the nth delta is whole; a delta may lie in two chunks.
          const text = before + part.toString("latin1");
          const deltas = [...text.matchAll(/event: ?delta[^]*?\r?\n\r?\n/g)];
          const end = deltas[cut - 1];
          before = text;
          if (end) {
            await new Promise((done) => outgoing.write(part.subarray(0, Math.max(0, end.index + end[0].length - text.length + part.length)), done));
            await heard();
            return outgoing.socket?.destroy();
          }
          await new Promise((done) => outgoing.write(part, done));
          if (pace) await new Promise((done) => setTimeout(done, pace));
        }
      }
      outgoing.end();
    } catch {
      outgoing.socket?.destroy();
    }
  }

  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    seen,
    next: (path, ...more) => faults.push(...more.map((fault) => ({ path, ...fault }))),
    /** The counter's answer replaced by these events. */
    says: (body) => faults.push({ path: "/chat", status: 200, headers: { "content-type": "text/event-stream" }, body }),
    /** Every connection breaks now. */
    drop: () => server.closeAllConnections(),
    /** Faults that were not met are forgotten. */
    calm: () => faults.splice(0),
    asked: () => seen.filter(({ method, path }) => method === "POST" && path === "/chat"),
    close: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    },
  };
}
