// A shopper takes back what was said: the conversation is deleted, here and at the counter.
import assert from "node:assert/strict";
import { after } from "node:test";
import { visit, leave, PHONE } from "./shop.mjs";
import { event, signal } from "./wire.mjs";

after(leave);
const json = { "content-type": "application/json" };
const deleted = (shop) => shop.wire.seen.filter(({ method }) => method === "DELETE");
const kept = (shop) => shop.page.evaluate(() => JSON.parse(localStorage.getItem(`madoguchi ${location.origin}`)));

visit("the conversation is deleted at the second press, and nothing of it is left", PHONE, async (shop) => {
  await shop.begun();
  const forget = shop.log.getByRole("button", { name: "この会話を消す" });
  const again = shop.log.getByRole("button", { name: "もう一度押すと" });
  assert.ok(await forget.isHidden());
  await shop.ask("送料はいくらですか");
  await shop.answered();
  await forget.scrollIntoViewIfNeeded();
  await shop.picture("forget");
  await shop.accessible();
  // Whoever turns away is asked anew.
  await forget.click();
  await again.waitFor();
  await shop.input.focus();
  await forget.waitFor();
  assert.equal(deleted(shop).length, 0);
  shop.wire.next("/chat/history", { status: 503, headers: json, body: "{}" });
  await forget.click();
  await again.click();
  await shop.chat.locator(".card").getByText("消せませんでした").waitFor();
  assert.equal(await shop.questions.count(), 1);
  const { token } = await kept(shop);
  shop.wire.next("/chat/history", { status: 204 });
  await forget.click();
  await again.click();
  await shop.questions.first().waitFor({ state: "detached" });
  assert.equal(deleted(shop).at(-1).headers.authorization, `Bearer ${token}`);
  assert.ok(await forget.isHidden());
  assert.equal(await shop.log.locator(".card, .turn[data-role]").count(), 0);
  const hints = await shop.chat.locator(".hints button").allInnerTexts();
  assert.ok(hints.length > 0 && new Set(hints).size === hints.length, `each once: ${hints}`);
  await shop.ask("返品したい");
  await shop.answered();
  assert.notEqual((await kept(shop)).token, token);
  assert.notEqual(shop.wire.asked().at(-1).headers.authorization, `Bearer ${token}`);
});

visit("an answer that the counter ends because the conversation is deleted goes without a word, and is not asked again", {}, async (shop) => {
  await shop.begun();
  const ended = event("delta", { text: "送料は" }, "e1") + event("error", { error: { message: "deleted", type: "not_found_error", code: "conversation_deleted" } }, "e2");
  const [heard, hear] = signal();
  shop.wire.says(ended, { hold: heard });
  await shop.ask("送料はいくらですか");
  await shop.answers.first().locator(".dots").waitFor();
  hear();
  await shop.questions.first().waitFor({ state: "detached" });
  await shop.page.waitForFunction(() => !JSON.parse(localStorage.getItem(`madoguchi ${location.origin}`)).outbox.length);
  assert.equal(await shop.log.locator(".card, .alarm, .turn[data-role]").count(), 0);
  assert.doesNotMatch(await shop.voice.textContent(), /もう一度/);
  await shop.ask("返品したい");
  await shop.answered();
  assert.deepEqual(shop.wire.asked().map(({ body }) => body.message), ["送料はいくらですか", "返品したい"]);
});

visit("a question that waits for another try is forgotten too, and the next one is answered", {}, async (shop) => {
  await shop.begun();
  shop.wire.says(event("error", { error: { message: "upstream", type: "upstream_error" } }, "e1"));
  await shop.ask("送料はいくらですか");
  await shop.chat.getByRole("button", { name: "もう一度送る" }).waitFor();
  shop.wire.next("/chat/history", { status: 204 });
  await shop.log.getByRole("button", { name: "この会話を消す" }).click();
  await shop.log.getByRole("button", { name: "もう一度押すと" }).click();
  await shop.questions.first().waitFor({ state: "detached" });
  assert.deepEqual((await kept(shop)).outbox, []);
  await shop.ask("返品したい");
  await shop.answered();
  assert.deepEqual(await shop.questions.locator(".say").allInnerTexts(), ["返品したい"]);
  assert.deepEqual(shop.wire.asked().map(({ body }) => body.message), ["送料はいくらですか", "返品したい"]);
});

visit("deleted in one tab, the conversation is gone from the other, which goes on as the same new visitor", {}, async (shop) => {
  await shop.begun();
  const other = await shop.another();
  await other.begun();
  await shop.ask("送料はいくらですか");
  await other.answered();
  shop.wire.next("/chat/history", { status: 204 });
  await shop.log.getByRole("button", { name: "この会話を消す" }).click();
  await shop.log.getByRole("button", { name: "もう一度押すと" }).click();
  await other.questions.first().waitFor({ state: "detached" });
  await other.ask("返品したい");
  for (const tab of [other, shop]) {
    await tab.answered();
    assert.deepEqual(await tab.questions.locator(".say").allInnerTexts(), ["返品したい"]);
  }
});
