// Answers, sources, histories and questions that mean harm: text stays text, links lead only where a shopper can be led.
import assert from "node:assert/strict";
import { after } from "node:test";
import { visit, leave } from "./shop.mjs";
import { answer, event } from "./wire.mjs";

after(leave);

const SCRIPTS = [
  `<script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>`,
  `<iframe srcdoc="<script>parent.alert(4)</script>"></iframe><a href="javascript:alert(5)">ここ</a>`,
  `<style>*{display:none}</style><form action=//evil.example><button>送信</button></form>`,
  `"><b onmouseover=alert(6)>x</b>{{constructor.constructor('alert(7)')()}}`,
].join("\n\n");

const CELLS = `| <img src=x onerror=alert(1)> | [x](javascript:alert(2)) |\n|---|---|\n| <td onclick=alert(3)> | \u202Eab |\n| ${SCRIPTS.replace(/\n+/g, " ")} | b | c | d |\n|||`;

const LINKS = [
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "java\u0000script:alert(1)",
  "\u0001javascript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "vbscript:x",
  "file:///etc/passwd",
  "blob:https://shop.example/1",
  "https://shop.example@evil.example/",
  "https://user:word@evil.example/",
];

/** Which elements an answer made, and where its links lead. */
const made = (shop) =>
  shop.answers.last().evaluate((turn) => ({
    tags: [...new Set([...turn.querySelectorAll(".say *")].map((node) => node.localName))].sort(),
    links: [...turn.querySelectorAll("a")].map((a) => a.href),
    handlers: [...turn.querySelectorAll("*")].flatMap((node) => [...node.attributes].map(({ name }) => name)).filter((name) => /^on|^style$|^srcdoc$/.test(name)),
  }));

const elsewhere = (shop) => shop.requests.filter((url) => !url.startsWith(shop.wire.url));

visit("markup in an answer is shown as the text that it is", {}, async (shop) => {
  await shop.open();
  shop.wire.says(answer(SCRIPTS, { pieces: 40 }));
  await shop.ask("こんにちは");
  await shop.answered();
  assert.match(await shop.answer(), /<script>alert\(1\)<\/script>/);
  const { tags, links, handlers } = await made(shop);
  assert.deepEqual(tags, ["p"]);
  assert.deepEqual([links, handlers], [[], []]);
  await shop.picture("hostile-markup");
  assert.deepEqual(elsewhere(shop), []);
});

visit("markup in a table is shown as the text that it is, and a table of odd rows is a table", {}, async (shop) => {
  await shop.open();
  shop.wire.says(answer(CELLS, { pieces: 40 }));
  await shop.ask("表");
  await shop.answered();
  const { tags, links, handlers } = await made(shop);
  assert.deepEqual(tags, ["div", "table", "tbody", "td", "th", "thead", "tr"]);
  assert.deepEqual([links, handlers], [[], []]);
  const cells = await shop.answers.first().locator("td").allTextContents();
  assert.deepEqual(cells.slice(0, 2), ["<td onclick=alert(3)>", "ab"]);
  assert.match(cells[2], /<script>alert\(1\)<\/script>/);
  assert.deepEqual(elsewhere(shop), []);
});

visit("links of an answer lead to the web, to mail and to the telephone, and nowhere else", {}, async (shop) => {
  await shop.open();
  shop.wire.says(answer([...LINKS.map((href) => `[ここ](${href})`), "[よい](https://shop.example/a)", "[文](mailto:a@shop.example)", "[電話](tel:0500000126)", "[近く](/#/help)", "https://shop.example/b。", "![絵](https://evil.example/pixel.png)"].join("\n\n")));
  await shop.ask("リンク");
  await shop.answered();
  const { links } = await made(shop);
  assert.deepEqual(links, ["https://shop.example/a", "mailto:a@shop.example", "tel:0500000126", `${shop.wire.url}/#/help`, "https://shop.example/b", "https://evil.example/pixel.png"]);
  const rel = await shop.answers.last().locator("a").evaluateAll((all) => all.map((a) => a.rel));
  assert.ok(rel.every((value) => /noopener/.test(value) && /noreferrer/.test(value)));
  assert.deepEqual(elsewhere(shop), []);
});

visit("brackets in pairs belong to an address, and those around it do not", {}, async (shop) => {
  await shop.open();
  const wiki = "https://ja.wikipedia.org/wiki";
  const lines = [`${wiki}/椀_(食器)。`, `(${wiki}/X_(Y))`, `[椀](${wiki}/椀_(食器))、[皿](${wiki}/皿)`, `${wiki}/a(返品)について`, `（${wiki}/b）`, `${wiki}/f(1).html.`, `${wiki}/open(`, `[文](${wiki}/two(a)(b))`];
  shop.wire.says(answer(lines.join("\n\n")));
  await shop.ask("括弧");
  await shop.answered();
  const { links } = await made(shop);
  const wanted = ["椀_(食器)", "X_(Y)", "椀_(食器)", "皿", "a", "b", "f(1).html", "open", "two(a)(b)"];
  assert.deepEqual(links.map((href) => decodeURI(href)), wanted.map((name) => `${wiki}/${name}`));
  assert.match(await shop.answer(), /\(食器\)。\s+\(https.*\)\s+椀、皿\s/);
  assert.match(await shop.voice.textContent(), /椀、皿/);
});

visit("a link whose name is another address shows where it really leads", {}, async (shop) => {
  await shop.open();
  shop.wire.says(answer("[https://mybank.example/login](https://evil.example/x) と [www.mybank.example](https://evil.example/y)"));
  await shop.ask("銀行");
  await shop.answered();
  assert.deepEqual(await shop.answers.last().locator("a").allInnerTexts(), ["https://evil.example/x", "https://evil.example/y"]);
});

visit("controls that turn the direction of text do not, in answers, sources and questions", {}, async (shop) => {
  await shop.open();
  const turned = "安全\u202Egpj.exe\u202C \u2066隠す\u2069 \u200F終わり\u0000\u0007";
  shop.wire.says(answer(turned, { sources: [{ id: "a", title: `題\u202Eeltit`, url: "javascript:alert(1)", passage: "p\u202Eq" }, { id: "b", title: null, url: "https://shop.example/\u202Eb" }] }));
  await shop.ask("問い\u202Eい問");
  await shop.answered();
  const text = await shop.log.evaluate((log) => log.textContent);
  assert.doesNotMatch(text, /[\u202a-\u202e\u2066-\u2069\u200e\u200f\u0000\u0007]/);
  assert.match(text, /安全gpj\.exe/);
  assert.deepEqual((await made(shop)).links, ["https://shop.example/%E2%80%AEb"]);
});

visit("sixteen KiB of emoji, cut anywhere, is drawn and the window still answers", {}, async (shop) => {
  await shop.open();
  const emoji = "👩‍👩‍👧‍👦🇯🇵🫶🏽".repeat(400).slice(0, 16 * 1024);
  shop.wire.says(answer(emoji, { pieces: 300 }));
  const cost = await shop.cost(async () => {
    await shop.ask("絵文字");
    await shop.answered();
  });
  assert.ok(cost < 4000, `${cost} ms`);
  assert.equal((await shop.answer()).replace(/\s/g, ""), emoji.replace(/\s/g, ""));
  assert.ok(await shop.log.evaluate((log) => log.scrollWidth <= log.clientWidth));
  await shop.ask("送料");
  await shop.answered(2);
});

visit("text made to be slow to read is read at once", {}, async (shop) => {
  await shop.open();
  const slow = ["[".repeat(20_000), "**a".repeat(8000), "`".repeat(9001), "[a](".repeat(6000), "> ".repeat(4000), "- ".repeat(6000), `${" ".repeat(20_000)}x`, "https://".repeat(3000), "1.".repeat(5000), `${"|a".repeat(5000)}\n|-\n${"|b".repeat(5000)}`, `|a|\n|-|\n${"|b|\n".repeat(4000)}`, `a|b\n${"- |".repeat(7000)}x`];
  for (const [n, text] of slow.entries()) {
    shop.wire.says(answer(text, { pieces: 20 }));
    const cost = await shop.cost(async () => {
      await shop.ask(`遅い${n}`);
      await shop.answered(n + 1);
    });
    assert.ok(cost < 3000, `${text.slice(0, 6)}: ${cost} ms`);
  }
});

visit("events and histories of the wrong shape break nothing", {}, async (shop) => {
  await shop.open();
  const wrong = [["sources", "none"], ["sources", [{}, { url: 7, title: { a: 1 } }]], ["queued", {}], ["delta", {}], ["delta", { text: { toString: 1 } }.text ? { text: 5 } : {}], ["done", {}]];
  shop.wire.says(wrong.map(([name, data], n) => event(name, data, `x${n}`)).join(""));
  await shop.ask("変な");
  // An answer without an id has no thumbs to wait for; what is done waits to be sent no more.
  await shop.page.waitForFunction(() => JSON.parse(localStorage.getItem(`madoguchi ${location.origin}`))?.outbox.length === 0);
  const messages = [{ role: "user", text: "<b>前の問い</b>" }, { role: "assistant", text: SCRIPTS, id: "1", sources: [{ title: "<i>", url: "javascript:1", passage: "<u>" }], rung: "passages" }, { role: "assistant" }, { role: "system", text: "<script>alert(9)</script>" }];
  shop.wire.next("/chat/history", { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify({ messages }) });
  await shop.page.reload();
  await shop.answered();
  assert.match(await shop.questions.first().innerText(), /<b>前の問い<\/b>/);
  assert.deepEqual(await shop.chat.locator(".log script, .log b, .log i:not(.dots i), .log u").count(), 0);
  await shop.ask("送料");
  await shop.answered(2);
});

visit("a greeting is text too", {}, async (shop) => {
  shop.wire.next("/chat/session", { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify({ token: "t", expires_at: Date.now() / 1000 + 900, greeting: "<img src=x onerror=alert(1)>[x](javascript:alert(1))" }) });
  await shop.open();
  await shop.log.getByText("<img src=x onerror=alert(1)>").waitFor();
  assert.equal(await shop.log.locator("img, a").count(), 0);
});

visit("what a shopper typed is text on the screen and whole on the wire", {}, async (shop) => {
  await shop.open();
  const typed = `<img src=x onerror=alert(1)> **太字** "引用" \\ 𠮷野家 ｶﾞ`;
  await shop.ask(typed);
  await shop.answered();
  assert.equal(await shop.questions.first().locator(".say").innerText(), typed);
  assert.equal(shop.wire.asked()[0].body.message, typed);
});
