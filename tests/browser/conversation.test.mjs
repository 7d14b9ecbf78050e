// A shopper asks, reads, comes back, and asks for a person.
import assert from "node:assert/strict";
import { after } from "node:test";
import { visit, leave, real, PHONE } from "./shop.mjs";
import { answer, event, signal } from "./wire.mjs";

after(leave);
const json = { "content-type": "application/json" };

visit("a question in Japanese is answered from the shop's pages, with links to them", {}, async (shop) => {
  await shop.open();
  await shop.ask("送料はいくらですか");
  await shop.answered();
  assert.match(await shop.answer(), /660円|8,800円|送料/);
  const link = shop.answers.first().locator(".sources a").first();
  assert.match(await link.getAttribute("href"), /#\/help\//);
  await shop.picture("desktop");
  await link.click();
  await shop.page.locator("#page h1").waitFor();
  assert.ok(await shop.panel.isVisible());
});

visit("a question in English is answered in English, in a window in English", { path: "/#/en" }, async (shop) => {
  await shop.open();
  assert.equal(await shop.chat.locator("h2").innerText(), "Customer service");
  await shop.ask("How much is shipping to Osaka?");
  await shop.answered();
  assert.match(await shop.answer(), /yen|shipping/i);
  const session = shop.wire.seen.find(({ path }) => path === "/chat/session");
  assert.equal(session.body.locale, "en");
  await shop.picture("english");
});

visit("the answer grows as it comes, and its links are there at its end", {}, async (shop) => {
  await shop.open();
  const say = shop.answers.first().locator(".say");
  const [dots, look] = signal();
  const grown = [""];
  const after = async () => {
    grown.push(await shop.changed(say, grown.at(-1)));
    if (grown.length === 3) await shop.picture("mid-stream");
  };
  shop.wire.next("/chat", { hold: dots, after });
  await shop.ask("返品したい");
  await shop.answers.first().locator(".dots").waitFor();
  grown[0] = await say.textContent();
  assert.equal(await shop.finished.count(), 0);
  look();
  await shop.answered();
  assert.ok(grown.length >= 3, `${grown.length} texts seen`);
  assert.equal(await shop.answers.first().locator(".dots").count(), 0);
  assert.ok(await shop.answers.first().locator(".sources a").first().isVisible());
});

visit("after a reload the conversation is there, and the window as it was left", {}, async (shop) => {
  await shop.open();
  await shop.ask("返品したい");
  await shop.answered();
  const before = await shop.answer();
  await shop.page.reload();
  await shop.answered();
  assert.ok(await shop.panel.isVisible());
  assert.deepEqual(await shop.questions.locator(".say").allInnerTexts(), ["返品したい"]);
  assert.equal(await shop.answer(), before);
  assert.equal(await shop.answers.first().locator(".sources a").count() > 0, true);
  assert.equal(shop.wire.asked().length, 1);
});

visit("questions sent while an answer comes are answered in their order", {}, async (shop) => {
  await shop.open();
  shop.wire.next("/chat", { pace: 10, piece: 80 });
  await shop.ask("送料はいくらですか");
  await shop.ask("返品したい");
  await shop.answered(2);
  assert.deepEqual(shop.wire.asked().map(({ body }) => body.message), ["送料はいくらですか", "返品したい"]);
  assert.notEqual(shop.wire.asked()[0].body.id, shop.wire.asked()[1].body.id);
  const order = await shop.chat.locator(".turn[data-role]").evaluateAll((turns) => turns.map((turn) => turn.dataset.role));
  assert.deepEqual(order, ["you", "counter", "you", "counter"]);
});

visit("a place in the queue is told with its time", {}, async (shop) => {
  await shop.open();
  shop.wire.next("/chat", { status: 200, headers: { "content-type": "text/event-stream" }, body: event("queued", { eta_ms: 12_000, ahead: 3 }, "q1") });
  shop.wire.says(answer("お待たせしました。"));
  const state = shop.answers.first().locator(".state");
  const told = shop.page.evaluate(() => {
    const { shadowRoot } = document.querySelector("madoguchi-chat");
    return new Promise((found) => {
      new MutationObserver(() => {
        const line = shadowRoot.querySelector(".turn .state")?.textContent ?? "";
        if (line.includes("3名様")) found(line);
      }).observe(shadowRoot, { subtree: true, childList: true, characterData: true });
    });
  });
  await shop.ask("急ぎです");
  assert.match(await told, /およそ1[12]秒/);
  await shop.answered();
  assert.equal(await state.isVisible(), false);
});

visit("a thumb is told to the counter, can be changed, and is taken back if the counter refuses it", {}, async (shop) => {
  await shop.open();
  await shop.ask("ポイントの有効期限");
  await shop.answered();
  const [up, down] = [shop.finished.first().locator(".up"), shop.finished.first().locator(".down")];
  const given = () => shop.wire.seen.filter(({ path }) => path === "/chat/feedback").map(({ body }) => body.value);
  const told = () => shop.page.waitForResponse((response) => response.url().endsWith("/chat/feedback"));
  const upTold = told();
  await up.click();
  assert.equal((await upTold).status(), 200);
  assert.equal(await up.getAttribute("aria-pressed"), "true");
  shop.wire.next("/chat/feedback", { status: 500, headers: json, body: "{}" });
  await down.click();
  await shop.page.waitForFunction(() => document.querySelector("madoguchi-chat").shadowRoot.querySelector(".marks .up").getAttribute("aria-pressed") === "true");
  assert.deepEqual(given(), ["up", "down"]);
  const downTold = told();
  await down.click();
  assert.equal((await downTold).status(), 200);
  await shop.page.reload();
  await shop.answered();
  assert.equal(await down.getAttribute("aria-pressed"), "true");
  const taken = told();
  await down.click();
  assert.equal((await taken).status(), 200);
  assert.equal(given().at(-1), null);
  await shop.page.reload();
  await shop.answered();
  assert.equal(await down.getAttribute("aria-pressed"), "false");
});

visit("a question that the shop's pages do not answer is told so, and a person is a press away", {}, async (shop) => {
  await shop.open();
  await shop.ask("猫を飼っていますか");
  await shop.answered();
  assert.match(await shop.answer(), /担当者/);
  assert.equal(await shop.answers.first().locator(".sources").count(), 0);
  await shop.picture("no-answer");
  await shop.answers.first().getByRole("button", { name: "担当者に相談" }).click();
  await shop.chat.locator("form.person").waitFor();
  await shop.accessible();
});

visit("asked for a person, the counter gives the shop's contact, with links that call and write", {}, async (shop) => {
  await shop.open();
  await shop.ask("人と話したい");
  await shop.answered();
  shop.wire.next("/chat/handoff", { status: 200, headers: json, body: JSON.stringify({ status: "contact", contact: { email: "help@ito-to-wan.example", phone: "050-0000-0126", hours: "平日10時から17時", url: "javascript:alert(1)" } }) });
  await shop.chat.locator(".ask-person").click();
  await shop.picture("handoff");
  await shop.chat.locator("form.person .main").click();
  const card = shop.chat.locator(".card");
  await card.waitFor();
  const links = await card.locator("a").evaluateAll((all) => all.map((a) => a.href));
  assert.deepEqual(links, ["mailto:help@ito-to-wan.example", "tel:05000000126"]);
  assert.match(await card.innerText(), /平日10時から17時/);
});

visit("a shop that takes no letters gives its contact at once, and once", { ...PHONE, crowded: true }, async (shop) => {
  await shop.begun();
  for (let n = 0; n < 2; n++) {
    await shop.chat.locator(".ask-person").click();
    await shop.chat.locator(".card").getByText("050-0000-0126").waitFor();
    // The focus goes to the first of its links.
    assert.equal(await shop.page.evaluate(() => document.activeElement.shadowRoot.activeElement.href), "mailto:help@ito-to-wan.example");
  }
  assert.equal(await shop.chat.locator(".card").count(), 1);
  assert.equal(await shop.chat.locator("form.person").count(), 0);
  assert.equal(shop.wire.seen.filter(({ path }) => path === "/chat/handoff").length, 0);
  await shop.picture("contact");
  await shop.accessible();
});

visit("with no contact to give, the counter says so in words; a letter without an address promises no reply", {}, async (shop) => {
  await shop.begun();
  await shop.ask("送料");
  await shop.answered();
  const send = async (reply) => {
    shop.wire.next("/chat/handoff", { status: 200, headers: json, body: JSON.stringify(reply) });
    await shop.chat.locator(".ask-person").click();
    await shop.chat.locator("form.person .main").click();
  };
  await send({ status: "contact", contact: {} });
  await shop.chat.locator(".card").getByText("お店のお問い合わせ先へ").waitFor();
  await send({ status: "sent" });
  await shop.chat.locator(".card").getByText("担当者にお送りしました。", { exact: true }).waitFor();
});

visit("a hand-off carries what the shopper adds; one that fails can be sent again with nothing lost", {}, async (shop) => {
  await shop.open();
  await shop.ask("器が割れていました");
  await shop.answered();
  await shop.chat.locator(".ask-person").click();
  const form = shop.chat.locator("form.person");
  await form.locator("textarea").fill("飯碗の大が2つ割れています");
  await form.locator("input").fill("hanako@shopper.example");
  shop.wire.next("/chat/handoff", { status: 502, headers: json, body: "{}" }, { status: 200, headers: json, body: '{"status":"sent"}' });
  await form.locator(".main").click();
  await form.getByText("お送りできませんでした").waitFor();
  assert.equal(await form.locator("textarea").inputValue(), "飯碗の大が2つ割れています");
  await form.locator(".main").click();
  await shop.chat.locator(".card").getByText("担当者にお送りしました。追ってご連絡いたします。").waitFor();
  const sent = shop.wire.seen.filter(({ path }) => path === "/chat/handoff");
  assert.deepEqual(sent.at(-1).body, { note: "飯碗の大が2つ割れています", contact: "hanako@shopper.example" });
});

visit("that a letter was sent stands where it was sent, in the next page and in another tab too, and once", PHONE, async (shop) => {
  await shop.begun();
  await shop.ask("器が割れていました");
  await shop.answered();
  const [sent, at] = ["担当者にお送りしました。追ってご連絡いたします。", new Date().toISOString()];
  const letter = { id: "handoff_1", role: "handoff", text: "", contact: "hanako@shopper.example", at };
  if (!real) shop.wire.next("/chat/handoff", ...[1, 2].map(() => ({ status: 200, headers: json, body: '{"status":"sent","id":"handoff_1"}' })));
  for (let n = 0; n < 2; n++) {
    await shop.chat.locator(".ask-person").click();
    await shop.chat.locator("form.person input").fill("hanako@shopper.example");
    await shop.chat.locator("form.person .main").click();
    await shop.chat.locator("form.person").waitFor({ state: "detached" });
    await shop.chat.locator(".card").getByText(sent).waitFor();
  }
  await shop.ask("送料");
  await shop.answered(2);
  const order = (tab) => tab.chat.locator(".turn[data-role], .card").evaluateAll((all) => all.map((node) => node.dataset.role ?? "card"));
  const before = await order(shop);
  assert.deepEqual(before, ["you", "counter", "card", "you", "counter"]);
  if (!real) {
    const reply = await shop.page.evaluate(async () => {
      const { token } = JSON.parse(localStorage.getItem(`madoguchi ${location.origin}`));
      return (await fetch("/chat/history", { headers: { authorization: `Bearer ${token}` } })).json();
    });
    reply.messages.splice(2, 0, letter);
    shop.wire.next("/chat/history", ...[1, 2].map(() => ({ status: 200, headers: json, body: JSON.stringify(reply) })));
  }
  await shop.page.reload();
  const other = await shop.another();
  await other.begun();
  for (const tab of [other, shop]) {
    if (!(await tab.panel.isVisible())) await tab.open();
    await tab.answered(2);
    assert.deepEqual(await order(tab), before);
    assert.equal(await tab.chat.locator(".card").innerText(), sent);
    // What is no news is not read aloud.
    assert.doesNotMatch(await tab.voice.textContent(), /お送りしました/);
  }
  await shop.picture("letter-again");
});

visit("before anything was said a letter must say what it is about, and a shopper who leaves that out is told", PHONE, async (shop) => {
  await shop.begun();
  await shop.chat.locator(".ask-person").click();
  const form = shop.chat.locator("form.person");
  const note = form.getByLabel("ご用件をお書きください");
  assert.equal(await form.getByText("ここまでの会話").count(), 0);
  if (!real) shop.wire.next("/chat/handoff", { status: 400, headers: json, body: JSON.stringify({ error: { code: "empty_letter", param: "note" } }) });
  await form.locator(".main").click();
  await form.locator("[role=alert]").getByText("ご用件をお書きください").waitFor();
  assert.ok(await note.evaluate((node) => node.getRootNode().activeElement === node));
  await shop.picture("handoff-empty");
  await shop.accessible();
  await note.fill("ギフト包装について");
  if (!real) shop.wire.next("/chat/handoff", { status: 200, headers: json, body: '{"status":"sent"}' });
  await form.locator(".main").click();
  await shop.chat.locator(".card").getByText("担当者にお送りしました。", { exact: true }).waitFor();
  // Once there is a conversation, it may go as it is.
  await shop.ask("送料");
  await shop.answered();
  await shop.chat.locator(".ask-person").click();
  await form.getByText("ここまでの会話").waitFor();
  await form.getByLabel("お伝えになりたいこと（任意）").waitFor();
});

visit("a page may open the window with words in it", { path: "/#/item/donabe" }, async (shop) => {
  await shop.page.getByRole("button", { name: "この商品について尋ねる" }).click();
  assert.equal(await shop.input.inputValue(), "「伊賀焼の炊飯土鍋 3合」について、");
});

visit("the window follows the page into another language, and keeps what was said", {}, async (shop) => {
  await shop.open();
  await shop.ask("送料");
  await shop.answered();
  await shop.page.evaluate(() => (location.hash = "#/en"));
  await shop.chat.getByText("Customer service").waitFor();
  assert.equal(await shop.input.getAttribute("placeholder"), "Type your question");
  assert.equal(await shop.questions.count(), 1);
  assert.equal(await shop.finished.first().locator(".up").getAttribute("aria-label"), "Helpful");
});
