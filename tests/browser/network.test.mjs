// What the network does to a conversation, and that nothing said is lost or said twice.
import assert from "node:assert/strict";
import { after } from "node:test";
import { visit, leave } from "./shop.mjs";
import { answer, event, signal } from "./wire.mjs";

after(leave);
const json = { "content-type": "application/json" };
const stream = { "content-type": "text/event-stream" };

visit("an answer broken off in the middle goes on where it was, once", {}, async (shop) => {
  await shop.open();
  await shop.ask("配送日数");
  await shop.answered();
  let shown = 0;
  const heard = async () => {
    const more = await shop.page.waitForFunction((shown) => {
      const said = document.querySelector("madoguchi-chat").shadowRoot.querySelectorAll(".turn[data-role=counter]")[1]?.querySelector(".say").textContent ?? "";
      return said.length > shown && said.length;
    }, shown);
    shown = await more.jsonValue();
  };
  shop.wire.next("/chat", { cut: 1, heard }, { cut: 1, heard });
  await shop.ask("返品したい");
  await shop.answered(2);
  const asked = shop.wire.asked().filter(({ body }) => body.message === "返品したい");
  assert.ok(asked.length >= 2, `${asked.length} requests`);
  assert.equal(new Set(asked.map(({ body }) => body.id)).size, 1);
  assert.ok(asked.at(-1).headers["last-event-id"]);
  // What was heard in pieces is what the counter keeps as the whole answer; a question asked again may be answered otherwise.
  const answered = await shop.answer(1);
  await shop.page.reload();
  await shop.answered(2);
  assert.equal(shop.wire.asked().length, asked.length + 1);
  assert.equal(await shop.answer(1), answered);
});

visit("a server that begins again from the first event does not make the answer double", {}, async (shop) => {
  await shop.open();
  const all = answer("一つ。二つ。三つ。", { pieces: 3 });
  shop.wire.next("/chat", { status: 200, headers: stream, body: all.slice(0, all.indexOf("event: delta", all.indexOf("event: delta") + 5)) });
  shop.wire.says(all);
  await shop.ask("数えて");
  await shop.answered();
  assert.equal(await shop.answer(), "一つ。二つ。三つ。");
});

visit("with the network gone the shopper is told, and the answer comes when it is back", {}, async (shop) => {
  await shop.open();
  await shop.page.context().setOffline(true);
  await shop.ask("返品したい");
  const state = shop.answers.first().locator(".state");
  await state.getByText("つながりしだい続けます").waitFor();
  await shop.picture("offline");
  await shop.page.context().setOffline(false);
  await shop.answered();
  assert.equal(await state.isVisible(), false);
  assert.match(await shop.answer(), /返品/);
});

visit("the network lost while an answer comes: it is whole in the end", {}, async (shop) => {
  await shop.open();
  const [gone, go] = signal();
  shop.wire.next("/chat", { cut: 1, heard: () => gone });
  await shop.ask("送料はいくらですか");
  await shop.answers.first().locator(".say p").first().waitFor();
  await shop.page.context().setOffline(true);
  go();
  await shop.answers.first().locator(".state").waitFor();
  await shop.page.context().setOffline(false);
  await shop.answered();
  const whole = await shop.answer();
  await shop.ask("送料はいくらですか");
  await shop.answered(2);
  assert.equal(await shop.answer(1), whole);
});

visit("a page reloaded in the middle of an answer goes on with the same question", {}, async (shop) => {
  await shop.open();
  // The rest of the first answer is held back, so the page is left in its middle however slow or fast it is.
  shop.wire.next("/chat", { cut: 1, heard: () => new Promise(() => {}) });
  await shop.ask("返品したい");
  await shop.answers.first().locator(".say p").first().waitFor();
  await shop.page.reload();
  await shop.answered();
  assert.deepEqual(await shop.questions.locator(".say").allInnerTexts(), ["返品したい"]);
  assert.equal(new Set(shop.wire.asked().map(({ body }) => body.id)).size, 1);
  assert.equal(await shop.answers.count(), 1);
});

visit("a limit is a wait with a countdown, and then the answer", {}, async (shop) => {
  await shop.open();
  shop.wire.next("/chat", { status: 429, headers: { ...json, "retry-after": "4" }, body: "{}" });
  await shop.ask("返品したい");
  await shop.answers.first().locator(".state").getByText("自動でお送りします").waitFor();
  await shop.picture("wait");
  await shop.answered();
  const asked = shop.wire.asked();
  assert.equal(asked.length, 2);
  assert.equal(asked[0].body.id, asked[1].body.id);
});

visit("a limit told as a date is kept, one told as nonsense is a short wait", {}, async (shop) => {
  await shop.open();
  shop.wire.next("/chat", { status: 503, headers: { ...json, "retry-after": new Date(Date.now() + 2500).toUTCString() }, body: "{}" });
  const began = Date.now();
  await shop.ask("返品したい");
  await shop.answered();
  assert.ok(Date.now() - began > 900);
});

/** Changes what the widget remembers between two pages. */
const remember = (shop, change) =>
  shop.page.evaluate((change) => {
    const key = `madoguchi ${location.origin}`;
    localStorage.setItem(key, JSON.stringify({ ...JSON.parse(localStorage.getItem(key)), ...change }));
  }, change);
const sessions = (shop) => shop.wire.seen.filter(({ path }) => path === "/chat/session");

visit("a token that is refused as run out is renewed, the message sent again, once, and the conversation goes on", {}, async (shop) => {
  await shop.open();
  await shop.ask("送料");
  await shop.answered();
  shop.wire.next("/chat", { status: 401, headers: json, body: "{}" });
  await shop.ask("返品したい");
  await shop.answered(2);
  assert.equal(sessions(shop).length, 2);
  const [first, second] = shop.wire.asked().slice(-2);
  assert.equal(first.body.id, second.body.id);
  // The old token was shown, so the counter knows the shopper still.
  assert.equal(sessions(shop)[1].headers.authorization, first.headers.authorization);
  await shop.page.reload();
  await shop.answered(2);
  assert.deepEqual(await shop.questions.locator(".say").allInnerTexts(), ["送料", "返品したい"]);
});

visit("a token about to run out is renewed before anything is asked, and a shopper who comes back late finds the conversation", {}, async (shop) => {
  await shop.open();
  await shop.ask("送料");
  await shop.answered();
  await remember(shop, { expires: Date.now() + 20_000 });
  await shop.ask("返品したい");
  await shop.answered(2);
  assert.equal(sessions(shop).length, 2);
  assert.equal(shop.wire.asked().length, 2);
  await remember(shop, { expires: Date.now() - 86_400_000 });
  await shop.page.reload();
  await shop.answered(2);
  assert.equal(sessions(shop).length, 3);
  assert.deepEqual(await shop.questions.locator(".say").allInnerTexts(), ["送料", "返品したい"]);
});

visit("a renewal that fails does not hold up a token that is still good", {}, async (shop) => {
  await shop.open();
  await shop.ask("送料");
  await shop.answered();
  await remember(shop, { expires: Date.now() + 20_000 });
  shop.wire.next("/chat/session", { refuse: true }, { refuse: true });
  await shop.ask("返品したい");
  await shop.answered(2);
  assert.equal(shop.wire.asked().length, 2);
});

visit("an answer whose token runs out while the line is broken goes on where it was, with a fresh token", {}, async (shop) => {
  await shop.open();
  const all = answer("一つ。二つ。三つ。", { pieces: 3 });
  const [heard, rest] = [all.slice(0, all.indexOf("id: w3")), all.slice(all.indexOf("id: w3"))];
  shop.wire.next("/chat", { status: 200, headers: stream, body: heard }, { status: 401, headers: json, body: "{}" });
  shop.wire.says(rest);
  await shop.ask("数えて");
  await shop.answered();
  assert.equal(await shop.answer(), "一つ。二つ。三つ。");
  assert.equal(shop.wire.asked().at(-1).headers["last-event-id"], "w2");
  assert.equal(sessions(shop).length, 2);
});

visit("with a clock that is wrong by years a token is not renewed at every call", {}, async (shop) => {
  await shop.page.clock.setFixedTime(new Date("2040-01-01T00:00:00Z"));
  await shop.page.reload();
  await shop.open();
  await shop.ask("送料");
  await shop.answered();
  await shop.ask("返品したい");
  await shop.answered(2);
  assert.equal(sessions(shop).length, 1);
});

visit("a token that is refused again and again ends in a word to the shopper, not in a storm", {}, async (shop) => {
  await shop.begun();
  for (let n = 0; n < 40; n++) shop.wire.next("/chat", { status: 401, headers: json, body: "{}" });
  await shop.ask("送料");
  await shop.answers.first().locator(".state.alarm").waitFor();
  assert.ok(shop.wire.asked().length <= 2);
});

visit("a token forged or broken in storage is replaced", {}, async (shop) => {
  await shop.page.evaluate(() => localStorage.setItem(`madoguchi ${location.origin}`, JSON.stringify({ token: "x.y.z", outbox: [] })));
  await shop.page.reload();
  await shop.open();
  await shop.ask("送料");
  await shop.answered();
  await shop.page.evaluate(() => localStorage.setItem(`madoguchi ${location.origin}`, "{broken"));
  await shop.page.reload();
  await shop.ask("返品したい");
  await shop.answered();
});

visit("what is too long or not allowed is said once and not sent again", {}, async (shop) => {
  await shop.open();
  shop.wire.next("/chat", { status: 413, headers: json, body: "{}" });
  await shop.ask("長い長い");
  await shop.answers.first().getByText("長すぎる").waitFor();
  shop.wire.next("/chat", { status: 403, headers: json, body: "{}" });
  await shop.ask("ここから");
  await shop.answers.nth(1).getByText("お使いいただけません").waitFor();
  assert.equal(shop.wire.asked().length, 2);
  await shop.ask("送料");
  await shop.answered();
});

visit("a counter that says it failed is asked again at the shopper's word, as a new message", {}, async (shop) => {
  await shop.open();
  shop.wire.says(event("error", { error: { message: "upstream", type: "upstream_error" } }, "e1"));
  await shop.ask("返品したい");
  await shop.chat.getByRole("button", { name: "もう一度送る" }).click();
  await shop.answered();
  const asked = shop.wire.asked();
  assert.equal(asked.length, 2);
  assert.notEqual(asked[0].body.id, asked[1].body.id);
  assert.equal(await shop.answers.count(), 1);
});

visit("a network that stays broken ends in a button, and the button sends the same message", {}, async (shop) => {
  await shop.page.clock.install();
  await shop.begun();
  for (let n = 0; n < 60; n++) shop.wire.next("/chat", { refuse: true });
  await shop.ask("返品したい");
  const again = shop.chat.getByRole("button", { name: "もう一度送る" });
  await shop.passing(again);
  await shop.picture("gave-up");
  // A browser may itself ask once more on a connection that broke.
  const asked = shop.wire.asked().length;
  assert.ok(asked >= 6 && asked <= 16, `${asked} requests`);
  shop.wire.calm();
  await again.click();
  await shop.passing(shop.finished.first());
  assert.equal(new Set(shop.wire.asked().map(({ body }) => body.id)).size, 1);
});

visit("events cut anywhere, with any line's end, comments and unknown fields, are read the same", {}, async (shop) => {
  await shop.open();
  const odd = `: hello\r\n\r\nid: a1\rretry: 10\revent: delta\rdata: {"text":\rdata: "前半、"}\r\rid: a2\r\nevent: delta\r\ndata:{"text":"後半。"}\r\n\r\nevent: unheard\ndata: {}\n\nevent: delta\ndata: no json\n\nid: a3\nevent: done\ndata: {"message_id":"m","rung":"full"}\n\n`;
  shop.wire.says(odd);
  await shop.ask("読めますか");
  await shop.answered();
  assert.equal(await shop.answer(), "前半、後半。");
});
