// A browser in the demo shop: in front of the Worker at MADOGUCHI_BASE_URL if that is set, else of the mock.
// MADOGUCHI_PICTURES names a folder for pictures of what the tests see; MADOGUCHI_CHROMIUM another browser than the system's.
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { start } from "./mock.mjs";
import { between } from "./wire.mjs";

const require = createRequire(import.meta.url);
const program = process.env.MADOGUCHI_CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
export const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
export const real = Boolean(process.env.MADOGUCHI_BASE_URL);

/** A Worker with a model that does as it is told (`behave`), and a shop without documents until one is `put`. */
export const crowded = {
  url: process.env.MADOGUCHI_CROWDED_URL,
  behave: (words) => must(`${process.env.MADOGUCHI_UPSTREAM_URL}/_/behaviour`, {}, words),
  put: (id, page) => must(`${crowded.url}/v1/knowledge/${id}`, { authorization: `Bearer ${process.env.MADOGUCHI_KEY}`, "content-type": "application/json" }, JSON.stringify(page)),
};

async function must(url, headers, body) {
  const reply = await fetch(url, { method: "PUT", headers, body });
  assert.ok(reply.ok, `${url}: ${reply.status} ${await reply.text()}`);
}

/** Opens the counter's window in the shop and gives handles for what is in it. */
class Visit {
  constructor(page, wire) {
    this.page = page;
    this.wire = wire;
    this.complaints = [];
    this.requests = [];
    this.flying = new Set();
    const chat = page.locator("madoguchi-chat");
    this.chat = chat;
    this.launch = chat.locator(".launch");
    this.panel = chat.locator(".panel");
    this.input = chat.locator("form.ask textarea");
    this.log = chat.locator(".log");
    this.answers = chat.locator(".turn[data-role=counter]");
    this.questions = chat.locator(".turn[data-role=you]");
    this.finished = chat.locator(".turn .marks");
    this.voice = chat.locator("[role=status]");
    page.on("pageerror", (error) => this.complaints.push(String(error.stack)));
    page.on("dialog", (dialog) => {
      this.complaints.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on("console", (message) => {
      // A refused or broken request is told to the console by the browser itself.
      if (message.type() === "error" && !/Failed to load resource/.test(message.text())) this.complaints.push(message.text());
    });
    page.on("request", (request) => {
      this.requests.push(request.url());
      this.flying.add(request);
    });
    for (const end of ["requestfinished", "requestfailed"]) page.on(end, (request) => this.flying.delete(request));
  }

  /** The same shopper in another tab of the same shop. */
  async another() {
    const page = await this.page.context().newPage();
    const other = new Visit(page, this.wire);
    other.complaints = this.complaints;
    await page.goto(this.page.url());
    await other.launch.waitFor();
    return other;
  }

  async open() {
    await this.launch.click();
    await this.panel.waitFor();
  }

  /** Opens the window and waits until it has begun: a session is there, and what was said before is shown. */
  async begun() {
    const begun = this.page.waitForResponse((response) => /\/chat\/(session|history)$/.test(response.url()));
    await this.open();
    await (await begun).finished();
    await this.page.waitForFunction(() => {
      const kept = JSON.parse(localStorage.getItem(`madoguchi ${location.origin}`));
      return Boolean(kept?.token);
    });
  }

  /** On a page with a clock of its own (`clock.install`): lets its time pass, but none over a request, until something is to be seen. */
  async passing(locator) {
    let waiting = true;
    const seen = locator.waitFor();
    seen.catch(() => {}).finally(() => (waiting = false));
    while (waiting) {
      if (this.flying.size) await Promise.race([seen, ...["requestfinished", "requestfailed"].map((end) => this.page.waitForEvent(end, { timeout: 0 }))]).catch(() => {});
      else await this.page.clock.runFor(500);
    }
    await seen;
  }

  /** Waits until the page shows another text in a place than the one given; gives it. */
  async changed(locator, before) {
    for (;;) {
      const text = await locator.textContent();
      if (text !== before) return text;
      await this.page.evaluate(() => new Promise((done) => requestAnimationFrame(done)));
    }
  }

  async ask(text) {
    await this.input.fill(text);
    await this.input.press("Enter");
  }

  /** Waits until so many answers are whole. */
  async answered(count = 1) {
    await this.finished.nth(count - 1).waitFor();
  }

  /** The whole text of an answer, as a shopper would copy it. */
  answer(n = 0) {
    return this.answers.nth(n).locator(".say").innerText();
  }

  /** Milliseconds of processor that the page's own thread takes for something: unlike the time that passes, the same on a busy machine. */
  async cost(something) {
    const devtools = await this.page.context().newCDPSession(this.page);
    await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
    const spent = async () => (await devtools.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration").value * 1000;
    const before = await spent();
    await something();
    const after = await spent();
    await devtools.detach();
    return after - before;
  }

  async picture(name) {
    const folder = process.env.MADOGUCHI_PICTURES;
    if (!folder) return;
    mkdirSync(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, `${name}.png`) });
  }

  /** No violation that axe knows of, in the page and in the window's shadow tree. */
  async accessible() {
    await this.page.evaluate(`window.axe ?? (() => { ${require("axe-core").source} })()`);
    const found = await this.page.evaluate(async () => {
      const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
      return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`);
    });
    assert.deepEqual(found, []);
  }
}

let browser = null;
let counter = null;

/** A test in a fresh browser context; what the page complains of fails it. */
export function visit(name, options, body) {
  const { path = "/", crowded: busy = false, ...context } = options;
  const skip = (!program && "this machine has no Chromium") || (busy && !crowded.url && "it needs a Worker with a model");
  test(name, { skip, timeout: 480_000 }, async () => {
    browser ??= await require("playwright-core").chromium.launch({ executablePath: program, args: FLAGS });
    counter ??= real ? { url: process.env.MADOGUCHI_BASE_URL, close: async () => {} } : await start({ pace: 8 });
    const wire = await between(busy ? crowded.url : counter.url);
    const opened = await browser.newContext({ viewport: { width: 1280, height: 860 }, reducedMotion: "reduce", ...context });
    // A machine that is busy with other things is slow, not wrong.
    opened.setDefaultTimeout(100_000);
    const page = await opened.newPage();
    const here = new Visit(page, wire);
    try {
      await page.goto(wire.url + path);
      await here.launch.waitFor();
      await body(here);
      assert.deepEqual(here.complaints, []);
    } finally {
      await opened.close();
      await wire.close();
    }
  });
}

/** Called once at the end of a file. */
export async function leave() {
  await browser?.close();
  await counter?.close();
}
