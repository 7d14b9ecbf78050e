// A counter with no Worker behind it: the storefront's files and the /chat contract, in memory, for trying the widget alone.
// `node tests/browser/mock.mjs [port]` serves it by hand.
import { createServer } from "node:http";
import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const storefront = fileURLToPath(new URL("../../storefront/", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".ndjson": "application/x-ndjson; charset=utf-8" };
// What the widget and the shop must live under: nothing inline, nothing from elsewhere, no markup made from strings.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const secret = randomBytes(16);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

const documents = () => readFileSync(join(storefront, "shop/documents.ndjson"), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
const grams = (text) => {
  const plain = text.normalize("NFKC").toLowerCase();
  return new Set([...plain.matchAll(/[a-z0-9]{2,}/g)].map(([word]) => word.replace(/(ing|ed|es|s|e)$/, "")).concat([...plain].map((c, n, all) => c + (all[n + 1] ?? "")).filter((two) => /[^\x00-\x7f]{2}/.test(two))));
};

/** The pages nearest to a question by shared pairs of characters: enough to look real, not a search. */
function nearest(question, pages) {
  const wanted = grams(question);
  return pages
    .map((page) => {
      const [title, content] = [grams(page.title), grams(page.content)];
      let score = 0;
      for (const gram of wanted) score += (title.has(gram) ? 3 : 0) + (content.has(gram) ? 1 : 0);
      return { page, score: score / Math.sqrt(wanted.size || 1) };
    })
    .filter(({ score }) => score > 1)
    .sort((a, b) => b.score - a.score)
    .slice(0, 3)
    .map(({ page }) => page);
}

/** The lines of a page that share most with the question. */
function passage(question, page) {
  const wanted = grams(question);
  const lines = page.content.split("\n").filter((line) => line.trim());
  const score = (line) => [...grams(line)].filter((gram) => wanted.has(gram)).length;
  const best = lines.reduce((at, line, n) => (score(line) > score(lines[at]) ? n : at), 0);
  return lines.slice(Math.max(0, best - 1), best + 4).join("\n");
}

function reply(question, english, pages) {
  const found = nearest(question, pages.filter((page) => (page.lang === "en") === english));
  if (!found.length) {
    const text = english
      ? "I could not find that in the shop's pages. **Talk to a person** at the top of this window reaches our staff."
      : "申し訳ありません。お店のページには見当たりませんでした。窓の上の **担当者に相談** から、お店の者にお尋ねいただけます。";
    return { sources: [], text, rung: "passages" };
  }
  const sources = found.map((page) => ({ id: page.id, title: page.title, url: page.url, passage: passage(question, page) }));
  const lead = english ? `Here is what our page **${found[0].title}** says.` : `「**${found[0].title}**」のページに、次のようにございます。`;
  const list = sources[0].passage.split("\n").map((line) => `- ${line.replace(/^[■・]\s*/, "")}`).join("\n");
  const end = english ? "Is there anything else you would like to know?" : "ほかにもご不明な点がございましたら、お尋ねください。";
  return { sources, text: `${lead}\n\n${list}\n\n${end}`, rung: "full" };
}

/** Serves; `pace` is the time between two pieces of an answer, `handoff` what becomes of a hand-off: sent or contact. */
export async function start({ port = 0, pace = 25, handoff = "contact" } = {}) {
  const pages = documents();
  const visitors = new Map();
  const turns = new Map();
  const options = { pace, handoff, queue: null, life: 3600 };

  const sign = (name) => createHmac("sha256", secret).update(name).digest("base64url");
  function visitor(request, late = false) {
    const [name, expires, signature] = (request.headers.authorization ?? "").replace(/^Bearer /, "").split(".");
    if (signature !== sign(`${name}.${expires}`) || (!late && Number(expires) * 1000 < Date.now())) return null;
    return visitors.get(name) ?? null;
  }

  const json = (response, status, body, headers = {}) => response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  const fault = (response, status, type, message) => json(response, status, { error: { message, type, code: type, param: null, request_id: randomUUID() } });

  /** One turn, told to whoever listens, from the first event or from a later one: it goes on though nobody does. */
  function turn(who, id, message) {
    const key = `${who.name} ${id}`;
    if (turns.has(key)) return turns.get(key);
    const made = { events: [], listeners: new Set() };
    turns.set(key, made);
    const tell = (event, data) => {
      made.events.push({ id: `${id}-${made.events.length + 1}`, event, data });
      for (const listener of made.listeners) listener();
    };
    (async () => {
      who.messages.push({ id, role: "user", text: message, at: new Date().toISOString() });
      if (options.queue) {
        tell("queued", { eta_ms: options.queue, ahead: 3 });
        await sleep(options.queue);
      }
      const english = !/[^\x00-\u024f]/.test(message);
      await sleep(options.pace * 8);
      const { sources, text, rung } = reply(message, english, pages);
      if (sources.length) tell("sources", sources);
      for (const piece of text.match(/[^]{1,4}/gu)) {
        await sleep(options.pace);
        tell("delta", { text: piece });
      }
      const messageId = randomUUID();
      who.messages.push({ id: messageId, role: "assistant", text, sources, rung, at: new Date().toISOString() });
      tell("done", { message_id: messageId, rung });
    })();
    return made;
  }

  async function chat(request, response, path, body) {
    if (path === "/chat/session") {
      const known = visitor(request, true);
      const name = known?.name ?? randomUUID();
      const expires = Math.floor(Date.now() / 1000) + options.life;
      if (!known) visitors.set(name, { name, messages: [] });
      const greeting =
        body.locale === "en"
          ? "Welcome to Ito to Wan. Ask us anything about delivery, returns, sizes or our products."
          : "糸と椀へようこそ。配送、返品、サイズ、商品のことなど、何でもお尋ねください。";
      return json(response, 200, { token: `${name}.${expires}.${sign(`${name}.${expires}`)}`, expires_at: new Date(expires * 1000).toISOString(), renewed: Boolean(known), greeting });
    }
    const who = visitor(request);
    if (!who) return fault(response, 401, "authentication_error", "The token has expired; ask for another at /chat/session");
    if (path === "/chat/history" && request.method === "DELETE") {
      who.messages = [];
      return response.writeHead(204).end();
    }
    if (path === "/chat/history") return json(response, 200, { messages: who.messages });
    if (path === "/chat/feedback") {
      const message = who.messages.find(({ id }) => id === body.message_id);
      if (!message) return fault(response, 404, "not_found_error", "no such message");
      message.feedback = body.value;
      return json(response, 200, { message_id: body.message_id, value: body.value });
    }
    if (path === "/chat/handoff") {
      who.handoff = body;
      if (options.handoff === "sent") return json(response, 200, { status: "sent" });
      return json(response, 200, { status: "contact", contact: { email: "help@ito-to-wan.example", phone: "050-0000-0126", hours: "平日10時から17時", url: "/#/contact" } });
    }
    if (path !== "/chat" || request.method !== "POST") return fault(response, 404, "not_found_error", "no such path");
    if (!body.message || !body.id) return fault(response, 400, "invalid_request_error", "message and id are needed");
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    const answer = turn(who, body.id, body.message);
    let next = answer.events.findIndex(({ id }) => id === request.headers["last-event-id"]) + 1;
    const tell = () => {
      for (; next < answer.events.length; next++) {
        const { id, event, data } = answer.events[next];
        response.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
        if (event === "done") response.end();
      }
    };
    answer.listeners.add(tell);
    response.on("close", () => answer.listeners.delete(tell));
    tell();
  }

  function file(response, path) {
    const name = normalize(path === "/" ? "/index.html" : decodeURIComponent(path));
    try {
      const content = readFileSync(join(storefront, name));
      response.writeHead(200, { "content-type": TYPES[extname(name)] ?? "application/octet-stream", "content-security-policy": POLICY, "x-content-type-options": "nosniff", "cache-control": "no-cache" }).end(content);
    } catch {
      response.writeHead(404, { "content-type": "text/plain" }).end("no such file");
    }
  }

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://counter");
    if (!pathname.startsWith("/chat")) return file(response, pathname);
    const pieces = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => {
      let body = {};
      try {
        if (pieces.length) body = JSON.parse(Buffer.concat(pieces).toString());
      } catch {
        return fault(response, 400, "invalid_request_error", "the body is no JSON");
      }
      if (Buffer.concat(pieces).length > 16384) return fault(response, 413, "invalid_request_error", "over 16 KiB");
      chat(request, response, pathname, body);
    });
  });
  await new Promise((done) => server.listen(port, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    options,
    visitors,
    close: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await start({ port: Number(process.argv[2] ?? 8787) });
  console.log(url);
}
