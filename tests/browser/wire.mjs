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

/** A promise with what ends it: `const [shown, show] = signal()`. */
export function signal() {
  let end;
  return [new Promise((done) => (end = done)), end];
}

/**
 * Stands between. `next(path, fault)` holds for one request of that path:
 * `{ status, headers, body }` answers in the counter's place; `{ refuse: true }` breaks the connection before an answer;
 * `{ hold }` lets nothing through before that promise is over; `{ after }` is called with the number of each delta that went through, and
 * the next waits until it is over; `{ cut: n, heard }` breaks the connection after the nth delta, once `heard()` is over (a browser drops
 * what it has not read of a connection that breaks); `{ pace, piece }` lets the answer through `piece` bytes at a time.
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
      if (fault.status) {
        outgoing.writeHead(fault.status, fault.headers);
        return pass([Buffer.from(fault.body ?? "")], outgoing, fault);
      }
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

  async function pass(reply, outgoing, { hold, cut = Infinity, heard = () => {}, after = () => {}, pace = 0, piece = 65536 }) {
    const write = (text) => new Promise((done) => outgoing.write(Buffer.from(text, "latin1"), done));
    // Bytes since the last whole delta, and how many of them went through: a delta may lie in two chunks.
    let [text, written, deltas] = ["", 0, 0];
    try {
      await hold;
      for await (const chunk of reply) {
        for (let at = 0; at < chunk.length; at += piece) {
          text += chunk.subarray(at, at + piece).toString("latin1");
          for (let delta; (delta = /event: ?delta[^]*?\r?\n\r?\n/.exec(text)); ) {
            const end = delta.index + delta[0].length;
            await write(text.slice(written, end));
            [text, written] = [text.slice(end), 0];
            await after(++deltas);
            if (deltas < cut) continue;
            await heard();
            return outgoing.socket?.destroy();
          }
          await write(text.slice(written));
          written = text.length;
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
    /** The counter's answer replaced by these events, which pass as any answer does. */
    says: (body, more) => faults.push({ path: "/chat", status: 200, headers: { "content-type": "text/event-stream" }, body, ...more }),
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
