// One conversation on many pages: in two tabs at once, while its history is slow or does not come, and days later.
import assert from "node:assert/strict";
import { after } from "node:test";
import { visit, leave } from "./shop.mjs";
import { signal } from "./wire.mjs";

after(leave);
const json = { "content-type": "application/json" };
const [SHIPPING, RETURNS] = ["送料はいくらですか", "返品したい"];
const asked = (shop) => shop.questions.locator(".say").allInnerTexts();
const answers = (shop) => shop.answers.locator(".say").allInnerTexts();
const sides = (shop) => shop.chat.locator(".turn[data-role]").evaluateAll((turns) => turns.map((turn) => turn.dataset.role).join());

visit("two tabs answer their own questions, each once, and then show each other's in their order", {}, async (shop) => {
  await shop.begun();
  const other = await shop.another();
  await other.begun();
  const [held, go] = signal();
  shop.wire.next("/chat", { hold: held });
  await shop.ask(SHIPPING);
  await shop.answers.first().locator(".dots").waitFor();
  await other.ask(RETURNS);
  await other.answered();
  assert.match(await other.answer(), /返品/);
  // A tab that opens now finds the question of the first under way, and leaves it there.
  const third = await shop.another();
  await third.begun();
  go();
  for (const tab of [shop, other, third]) {
    await tab.answered(2);
    assert.deepEqual(await asked(tab), [SHIPPING, RETURNS]);
    assert.equal(await sides(tab), "you,counter,you,counter");
    assert.deepEqual(await answers(tab), await answers(shop));
  }
  assert.deepEqual(shop.wire.asked().map(({ body }) => body.message), [SHIPPING, RETURNS]);
});

visit("two tabs that begin at once have one session, and though the first is slow to have it or there are no locks", {}, async (shop) => {
  const other = await shop.another();
  const tabs = [shop, other];
  const sessions = () => shop.wire.seen.filter(({ path }) => path === "/chat/session").length;
  const token = (tab) => tab.page.evaluate(() => JSON.parse(localStorage.getItem(`madoguchi ${location.origin}`))?.token);
  for (const [waits, made] of [[true, 1], [false, 2], [false, 2]]) {
    const [before, [held, go]] = [sessions(), signal()];
    shop.wire.next("/chat/session", { hold: held });
    await shop.open();
    while (sessions() === before) await shop.page.waitForTimeout(20);
    await other.open();
    await other.ask(SHIPPING);
    if (waits) {
      await other.answers.first().locator(".dots").waitFor();
      go();
    }
    await other.answered();
    const first = await token(other);
    if (!waits) await Promise.all([shop.page.waitForEvent("requestfinished", (request) => request.url().endsWith("/chat/session")), go()]);
    await shop.answered();
    await shop.ask(RETURNS);
    for (const tab of tabs) {
      await tab.answered(2);
      assert.deepEqual(await asked(tab), [SHIPPING, RETURNS]);
      assert.equal(await token(tab), first);
    }
    assert.equal(sessions() - before, made);
    // A third time without locks, as outside of a secure context.
    if (!waits) await shop.page.context().addInitScript(() => Object.defineProperty(Navigator.prototype, "locks", { value: undefined }));
    for (const { page } of tabs) await page.evaluate(() => (localStorage.clear(), sessionStorage.clear()));
    for (const { page } of tabs) await page.reload();
  }
});

visit("a question whose tab is gone is asked by the next page, and by one alone", {}, async (shop) => {
  await shop.begun();
  const other = await shop.another();
  shop.wire.next("/chat", { status: 429, headers: { ...json, "retry-after": "100" }, body: "{}" });
  await other.begun();
  await other.ask(RETURNS);
  await other.answers.first().getByText("自動でお送りします").waitFor();
  await other.page.close();
  const [second, third] = [await shop.another(), await shop.another()];
  await Promise.all([second.begun(), third.begun()]);
  for (const tab of [second, third]) {
    await tab.answered();
    assert.deepEqual(await asked(tab), [RETURNS]);
  }
  assert.equal(new Set(shop.wire.asked().map(({ body }) => body.id)).size, 1);
  assert.equal(shop.wire.asked().length, 2);
});

visit("a question asked while the history is slow is answered at once, and stands below what was said before", {}, async (shop) => {
  await shop.open();
  await shop.ask(SHIPPING);
  await shop.answered();
  const [[slow, come], [held, go]] = [signal(), signal()];
  shop.wire.next("/chat/history", { hold: slow });
  shop.wire.next("/chat", { hold: held });
  await shop.page.reload();
  await shop.launch.waitFor({ state: "attached" });
  await shop.page.evaluate((text) => document.querySelector("madoguchi-chat").ask(text), RETURNS);
  await shop.answers.first().locator(".dots").waitFor();
  go();
  await shop.answered();
  assert.deepEqual(await asked(shop), [RETURNS]);
  come();
  await shop.answered(2);
  assert.deepEqual(await asked(shop), [SHIPPING, RETURNS]);
  assert.equal(await sides(shop), "you,counter,you,counter");
});

visit("a history that does not come is told so, and read when the page is seen again, the network back, the window opened", {}, async (shop) => {
  await shop.open();
  await shop.ask(SHIPPING);
  await shop.answered();
  const gap = shop.log.getByText("まだ表示できません");
  const occasions = [
    () => shop.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange"))),
    async () => {
      await shop.page.context().setOffline(true);
      await shop.page.context().setOffline(false);
    },
    async () => {
      await shop.chat.locator(".close").click();
      await shop.launch.click();
    },
  ];
  for (const occasion of occasions) {
    shop.wire.next("/chat/history", { status: 503, headers: json, body: "{}" });
    await shop.page.reload();
    await gap.waitFor();
    await shop.picture("gap");
    assert.equal(await shop.questions.count(), 0);
    await occasion();
    await shop.answered();
    await gap.waitFor({ state: "hidden" });
    assert.deepEqual(await asked(shop), [SHIPPING]);
  }
});

visit("a question that was left for hours is put into the field, after a draft, and not sent unasked", {}, async (shop) => {
  await shop.begun();
  await shop.input.fill("下書き");
  await shop.page.evaluate((text) => {
    const key = `madoguchi ${location.origin}`;
    const kept = JSON.parse(localStorage.getItem(key));
    localStorage.setItem(key, JSON.stringify({ ...kept, outbox: [{ id: "left", lock: "left", text, at: Date.now() - 2 * 60 * 60_000 }] }));
  }, RETURNS);
  await shop.page.reload();
  await shop.page.waitForFunction(() => JSON.parse(localStorage.getItem(`madoguchi ${location.origin}`)).outbox.length === 0);
  assert.equal(await shop.input.inputValue(), `下書き\n${RETURNS}`);
  assert.equal(await shop.questions.count(), 0);
  assert.equal(shop.wire.asked().length, 0);
});
