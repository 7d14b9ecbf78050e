// A question that is kept in a rush: its answer comes to the shopper without a reload, once, and the waiting burdens nobody.
import assert from "node:assert/strict";
import { after } from "node:test";
import { crowded, visit, leave } from "./shop.mjs";
import { answer, signal } from "./wire.mjs";

after(leave);
const json = { "content-type": "application/json" };
const KEPT = "ご質問はお預かりしました。";
const LATE = "はい、**承ります**。";
const SOURCES = [{ id: "a", title: "ご予約", url: "https://shop.example/a", passage: "ご予約を承ります。" }];

/** A history as the counter tells it: each question with its answer's rung and text. */
const history = (...turns) => ({
  status: 200,
  headers: json,
  body: JSON.stringify({
    messages: turns.flatMap(([asked, rung, text, sources = []], n) => [
      { id: asked.id, role: "user", text: asked.message },
      { id: `m${n}-${rung}`, role: "assistant", text, sources, rung },
    ]),
  }),
});

/** Asks a question that the counter keeps; gives it as it was sent. */
async function keep(shop, question = "予約はできますか") {
  shop.wire.says(answer(KEPT, { rung: "kept" }));
  const kept = shop.answers.getByText(KEPT);
  const before = await kept.count();
  await shop.ask(question);
  await kept.nth(before).waitFor();
  await shop.chat.locator(".turn .small").nth(before).waitFor();
  return shop.wire.asked().at(-1).body;
}

const looks = (shop) => shop.wire.seen.filter(({ path }) => path === "/chat/history").length;

/** On a page with a clock of its own: lets so many minutes pass, but none over a request. */
async function pass(shop, minutes) {
  for (let left = minutes * 60_000; left > 0; left -= 2000) {
    await shop.page.clock.runFor(2000);
    while (shop.flying.size) await shop.page.waitForEvent("requestfinished", { timeout: 1000 }).catch(() => {});
  }
}

/** What the browser tells a page that goes out of sight or comes back. */
const sight = (shop, hidden) =>
  shop.page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);

visit("kept while the model is down, a question is answered in the open window when it is back, with its sources, once", { crowded: true }, async (shop) => {
  const { behave, put } = crowded;
  await behave("say=はい。");
  await shop.open();
  // A first question that no page answers needs no model to be told so.
  await shop.ask("こんにちは");
  await shop.answered();
  await behave("status=500");
  await shop.ask("ワニは飼えますか");
  const late = shop.answers.nth(1);
  await late.getByText("お預かりしました").waitFor();
  await late.getByRole("button", { name: "担当者に相談" }).waitFor();
  assert.equal(await shop.finished.count(), 1);
  await shop.picture("kept");
  await put("crocodiles", { title: "ワニについて", content: "ワニは飼えません。トカゲは飼えます。", url: "/#/help" });
  await behave("say=いいえ、ワニは飼えません。");
  // A look whose token has run out renews it.
  shop.wire.next("/chat/history", { status: 401, headers: json, body: "{}" });
  await shop.ask("お礼まで");
  await late.getByText("いいえ、ワニは飼えません。").waitFor({ timeout: 300_000 });
  await shop.answered(3);
  assert.equal(await shop.answers.count(), 3);
  assert.equal(await shop.answers.getByText("お預かりしました").count(), 0);
  assert.equal(await late.locator(".sources a").count(), 1);
  assert.match(await shop.voice.innerText(), /「ワニは飼えますか」にお答えしました。\s*いいえ、ワニは飼えません。/);
  await shop.picture("late");
  await shop.accessible();
  assert.equal(shop.wire.seen.filter(({ path }) => path === "/chat/session").length, 2);
  const before = await shop.answers.locator(".say").allInnerTexts();
  await shop.page.reload();
  await shop.answered(3);
  assert.deepEqual(await shop.answers.locator(".say").allInnerTexts(), before);
});

visit("one who waits looks ever more rarely, two dozen times in all, and not at all out of sight", {}, async (shop) => {
  await shop.page.clock.install();
  await shop.begun();
  const asked = await keep(shop);
  for (let n = 0; n < 60; n++) shop.wire.next("/chat/history", history([asked, "kept", KEPT]));
  await pass(shop, 1);
  const soon = looks(shop);
  assert.ok(soon >= 2 && soon <= 5, `${soon} in a minute`);
  await sight(shop, true);
  await pass(shop, 3);
  assert.equal(looks(shop), soon);
  await sight(shop, false);
  await pass(shop, 30);
  const all = looks(shop);
  assert.ok(all > soon + 8 && all <= 26, `${all} in all`);
  await pass(shop, 10);
  assert.equal(looks(shop), all);
  // Whoever comes back later still finds the answer.
  shop.wire.calm();
  shop.wire.next("/chat/history", history([asked, "full", LATE, SOURCES]));
  await sight(shop, false);
  await shop.answered();
  assert.equal(await shop.answer(), "はい、承ります。");
  await pass(shop, 5);
  assert.equal(looks(shop), all + 1);
});

visit("a late answer is seen when the window is opened again, when the network returns, and by a mark on a closed window", {}, async (shop) => {
  await shop.page.clock.install();
  await shop.begun();
  const first = await keep(shop);
  await shop.page.clock.runFor(6000);
  shop.wire.next("/chat/history", history([first, "full", LATE, SOURCES]));
  await shop.page.keyboard.press("Escape");
  await shop.launch.click();
  await shop.answered();
  assert.equal(await shop.chat.locator(".dot").isVisible(), false);
  assert.equal(await shop.answers.first().locator(".sources a").count(), 1);

  const second = await keep(shop, "取り置きはできますか");
  await shop.page.context().setOffline(true);
  await pass(shop, 1);
  const before = looks(shop);
  shop.wire.next("/chat/history", history([first, "full", LATE], [second, "full", "二つ目のお答えです。"]));
  await shop.page.context().setOffline(false);
  await shop.answered(2);
  assert.equal(looks(shop), before + 1);

  const third = await keep(shop, "名入れはできますか");
  const told = history([first, "full", LATE], [second, "full", "二つ目のお答えです。"], [third, "full", "三つ目のお答えです。"]);
  await shop.page.keyboard.press("Escape");
  shop.wire.next("/chat/history", told);
  await shop.passing(shop.chat.locator(".dot"));
  assert.match(await shop.launch.getAttribute("aria-label"), /新しい返事/);
  await shop.picture("unread");
  // On the shop's next page too, until the window is opened.
  await shop.page.reload();
  await shop.chat.locator(".dot").waitFor();
  shop.wire.next("/chat/history", told);
  await shop.launch.click();
  await shop.answered(3);
  assert.equal(await shop.answer(2), "三つ目のお答えです。");
  await shop.page.keyboard.press("Escape");
  assert.equal(await shop.chat.locator(".dot").isVisible(), false);
});

visit("on the next page of the shop, with the window closed, the answer to a kept question makes a mark", {}, async (shop) => {
  await shop.page.clock.install();
  await shop.begun();
  const asked = await keep(shop);
  await shop.page.keyboard.press("Escape");
  await shop.page.reload();
  await shop.launch.waitFor();
  shop.wire.next("/chat/history", history([asked, "full", LATE]));
  await shop.passing(shop.chat.locator(".dot"));
  assert.equal(looks(shop), 1);
});

visit("a late answer far above is pointed at from below, and a look in the middle of another answer shows nothing twice", {}, async (shop) => {
  await shop.page.clock.install();
  await shop.begun();
  const asked = await keep(shop);
  shop.wire.says(answer(Array.from({ length: 40 }, (_, n) => `${n + 1}行目です。`).join("\n\n")));
  await shop.ask("くわしく");
  await shop.passing(shop.finished.first());
  const long = shop.wire.asked().at(-1).body;
  // The next answer is under way while the history is read, and is in it already.
  const [held, go] = signal();
  shop.wire.next("/chat", { hold: held });
  await shop.ask("送料はいくらですか");
  await shop.answers.nth(2).locator(".dots").waitFor();
  const third = shop.wire.asked().at(-1).body;
  shop.wire.next("/chat/history", history([asked, "full", LATE, SOURCES], [long, "full", "長いお答え"], [third, "full", "送料のお答え"]));
  const button = shop.chat.getByRole("button", { name: "お答えを見る" });
  await shop.passing(button);
  go();
  await shop.passing(shop.finished.nth(2));
  assert.equal(await shop.answers.count(), 3);
  assert.equal(await shop.questions.count(), 3);
  assert.equal(await shop.chat.locator(".card").count(), 1);
  await button.click();
  const [log, said] = [await shop.log.boundingBox(), await shop.answers.first().boundingBox()];
  assert.ok(said.y >= log.y && said.y < log.y + log.height / 2, `${said.y} in ${log.y}`);
});
