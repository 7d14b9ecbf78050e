// The shop's own page around the window: its keys, its styles, its direction, its way to swap pages, and what was typed but not sent.
import assert from "node:assert/strict";
import { after } from "node:test";
import { visit, leave, PHONE } from "./shop.mjs";

after(leave);
const json = { "content-type": "application/json" };
const style = (locator, name) => locator.evaluate((node, of) => getComputedStyle(node).getPropertyValue(of), name);
const ask = (shop, text) => shop.page.evaluate((text) => document.querySelector("madoguchi-chat").ask(text), text);
const focused = (shop) => shop.page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.localName ?? document.activeElement?.localName);

visit("what is typed in the window is none of the page's shortcuts; its own keys still work", {}, async (shop) => {
  await shop.page.evaluate(() => {
    window.pressed = [];
    for (const name of ["keydown", "keypress", "keyup"]) document.addEventListener(name, ({ key }) => window.pressed.push(key));
  });
  await shop.launch.focus();
  await shop.page.keyboard.press("Space");
  await shop.input.waitFor();
  await shop.page.evaluate(() => (window.pressed = []));
  await shop.input.pressSequentially("s/送料");
  await shop.page.keyboard.press("Enter");
  await shop.answered();
  await shop.page.keyboard.press("Tab");
  assert.deepEqual(await shop.page.evaluate(() => window.pressed), []);
  await shop.page.keyboard.press("Escape");
  assert.equal(await shop.panel.isVisible(), false);
});

visit("the window is modal only with the focus in it; on a phone, where it covers the page, always", {}, async (shop) => {
  const modal = async () => (await shop.panel.getAttribute("aria-modal")) === "true";
  await shop.open();
  assert.ok(await modal());
  await shop.page.locator("h1").click();
  assert.ok(!(await modal()));
  await shop.input.focus();
  assert.ok(await modal());
  await shop.page.reload();
  await shop.panel.waitFor();
  assert.equal(await focused(shop), "body");
  assert.ok(!(await modal()));
  await shop.page.setViewportSize(PHONE.viewport);
  await shop.input.focus();
  await shop.input.evaluate((node) => node.blur());
  assert.ok(await modal());
});

visit("the form for a person is there when the window is opened again, gives way to a question, and keeps its words", {}, async (shop) => {
  const form = shop.chat.locator("form.person");
  await shop.begun();
  await shop.chat.locator(".ask-person").click();
  await form.locator("textarea").fill("箱が濡れていました");
  await form.locator("input").fill("hanako@shopper.example");
  await shop.chat.locator(".close").click();
  await shop.launch.click();
  assert.equal(await focused(shop), "textarea");
  await shop.page.keyboard.press("End");
  await shop.page.keyboard.type("。");
  await ask(shop, "送料");
  await shop.answered();
  assert.equal(await form.count(), 0);
  assert.ok(await shop.questions.first().isVisible());
  await shop.page.reload();
  await shop.chat.locator(".ask-person").click();
  assert.deepEqual([await form.locator("textarea").inputValue(), await form.locator("input").inputValue()], ["箱が濡れていました。", "hanako@shopper.example"]);
  shop.wire.next("/chat/handoff", { status: 413, headers: json, body: "{}" }, { status: 200, headers: json, body: '{"status":"sent"}' });
  await form.locator(".main").click();
  await form.getByText("長すぎる").waitFor();
  await form.locator(".main").click();
  await shop.chat.locator(".card").waitFor();
  await shop.chat.locator(".ask-person").click();
  assert.equal(await form.locator("textarea").inputValue(), "");
});

visit("a long text that is pasted is sent whole; one that the counter does not take stays, with a word", {}, async (shop) => {
  await shop.begun();
  const whole = "送料。".repeat(900);
  await shop.ask(whole);
  await shop.answered();
  assert.equal(shop.wire.asked()[0].body.message, whole);
  const word = shop.chat.locator("form.ask [role=alert]");
  assert.ok(await word.isHidden());
  await shop.ask("あ".repeat(4001));
  await word.waitFor();
  await shop.picture("too-long");
  await shop.accessible();
  assert.equal(await shop.chat.locator(".send").getAttribute("aria-disabled"), "true");
  await shop.chat.locator(".send").click({ force: true });
  assert.equal((await shop.input.inputValue()).length, 4001);
  assert.equal(shop.wire.asked().length, 1);
  // Two halves of a letter are one.
  await shop.input.fill("𠮷".repeat(4000));
  assert.ok(await word.isHidden());
});

visit("a half-written question outlives the page and is never overwritten", { path: "/#/item/donabe" }, async (shop) => {
  await shop.open();
  await shop.input.fill("家族で使うなら");
  await shop.page.reload();
  assert.equal(await shop.input.inputValue(), "家族で使うなら");
  const about = shop.page.getByRole("button", { name: "この商品について尋ねる" });
  for (let n = 0; n < 2; n++) {
    // The open window may lie on it.
    await about.dispatchEvent("click");
    assert.equal(await shop.input.inputValue(), "家族で使うなら\n「伊賀焼の炊飯土鍋 3合」について、");
  }
  await ask(shop, "送料");
  await shop.answered();
  assert.deepEqual(await shop.questions.locator(".say").allInnerTexts(), ["送料"]);
  assert.match(await shop.input.inputValue(), /^家族で使うなら/);
  await shop.input.press("Enter");
  await shop.answered(2);
  await shop.page.reload();
  assert.equal(await shop.input.inputValue(), "");
});

visit("the demo shop stands where it stood for whoever goes back to it, and a link leads to a page's top", {}, async ({ page }) => {
  const item = page.locator(".grid .item").last();
  await item.scrollIntoViewIfNeeded();
  const stood = await page.evaluate(() => scrollY);
  assert.ok(stood > 200, `${stood} px`);
  await item.click();
  await page.locator("#page h1").waitFor();
  assert.equal(await page.evaluate(() => scrollY), 0);
  await page.goBack();
  await page.waitForFunction((stood) => Math.abs(scrollY - stood) < 2, stood);
});

for (const [name, options] of [["", PHONE], ["/en", { ...PHONE, colorScheme: "dark" }]]) {
  visit(`what was put into the demo shop's cart can be taken out again (${name || "ja"})`, { ...options, path: `/#${name}/item/donabe` }, async (shop) => {
    const { page } = shop;
    for (const item of ["donabe", "rice-bowl"]) {
      await page.evaluate((to) => (location.hash = to), `#${name}/item/${item}`);
      await page.locator(`#page img[src*=${item}]`).waitFor();
      await page.locator(".actions .button").first().click();
    }
    await page.locator(".actions .button").first().click();
    assert.equal(await page.locator("#count").textContent(), "3");
    await page.locator(".cart").click();
    const rows = page.locator(".basket li");
    await rows.nth(1).waitFor();
    await shop.picture(`cart${name.replace("/", "-")}`);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360));
    await shop.accessible();
    await rows.nth(1).getByRole("button").click();
    assert.equal(await rows.count(), 1);
    assert.equal(await page.locator("#count").textContent(), "1");
    assert.match(await page.locator(".sum b").textContent(), /^9,900/);
    assert.match(await page.locator("#page [role=status]").textContent(), name ? /Kohiki rice bowl was removed/ : /粉引の飯碗.*取り出しました/);
    assert.equal(await focused(shop), "h1");
    await rows.getByRole("button").click();
    assert.equal(await rows.count(), 0);
    await page.locator("#page .button").waitFor();
    await shop.accessible();
  });
}

visit("the counter's contact leads to the shop's page in the language that is read, and each language to the same page in the other", {}, async ({ page }) => {
  const title = async (wanted) => page.locator("#page h1").getByText(wanted).waitFor();
  const go = (hash) => page.evaluate((to) => (location.hash = to), hash);
  for (const [from, wanted, other, back] of [["#/", "お問い合わせ窓口", "Contact and stores", "お問い合わせ窓口"], ["#/en", "Contact and stores", "お問い合わせ窓口", "Contact and stores"]]) {
    await go(from);
    await page.locator("#home").waitFor();
    await go("#/contact");
    for (const name of [wanted, other, back]) {
      await title(name);
      await page.locator(".language:visible").click();
    }
  }
  await go("#/en/help/sizes");
  await title("Clothing sizes");
  await page.locator(".language:visible").click();
  await page.locator("#home").waitFor();
});

visit("a shop that swaps the whole body keeps the window, as it is", { bypassCSP: true }, async (shop) => {
  await shop.open();
  await shop.ask("送料");
  await shop.answered();
  const swap = (again) =>
    shop.page.evaluate((again) => {
      const body = document.createElement("body");
      body.append(document.createElement("h1"));
      if (again) body.append(Object.assign(document.createElement("script"), { src: "/widget.js" }));
      document.body.replaceWith(body);
      return new Promise((done) => (again ? (body.lastChild.onload = done) : done()));
    }, again);
  for (const again of [false, true]) {
    await swap(again);
    await shop.panel.waitFor();
    assert.equal(await shop.chat.count(), 1);
    assert.equal(await shop.finished.count(), 1);
  }
  await shop.ask("返品したい");
  await shop.answered(2);
  await shop.page.evaluate(() => (document.documentElement.lang = "en"));
  await shop.chat.getByText("Customer service").waitFor();
});

visit("taken off the page, the window listens to it no more; the script run again puts one there", { bypassCSP: true }, async (shop) => {
  await shop.open();
  await shop.ask("送料");
  await shop.answered();
  shop.wire.next("/chat/history", { status: 503, headers: json, body: "{}" });
  await shop.page.reload();
  await shop.log.getByText("まだ表示できません").waitFor();
  const reads = () => shop.wire.seen.filter(({ path }) => path === "/chat/history").length;
  const before = reads();
  await shop.page.evaluate(async () => {
    document.querySelector("madoguchi-chat").remove();
    dispatchEvent(new Event("online"));
    document.dispatchEvent(new Event("visibilitychange"));
    await fetch("/healthz");
  });
  assert.equal(reads(), before);
  assert.equal(await shop.chat.count(), 0);
  await shop.page.evaluate(() => document.body.append(Object.assign(document.createElement("script"), { src: "/widget.js" })));
  await shop.answered();
  assert.equal(reads(), before + 1);
});

visit("no style of the shop moves, hides or fades the window, whatever it is meant for", {}, async (shop) => {
  await shop.open();
  const before = await shop.panel.boundingBox();
  await shop.page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("body > * { position: relative; inset: 40px; transform: translateX(50px) scale(.5); translate: 30px; opacity: .2; filter: blur(2px); perspective: 1px; z-index: 1; display: none; visibility: hidden; contain: strict }");
    document.adoptedStyleSheets = [sheet];
  });
  assert.deepEqual(await shop.panel.boundingBox(), before);
  const seen = await Promise.all(["position", "opacity", "filter", "transform", "visibility", "z-index"].map((name) => style(shop.chat, name)));
  assert.deepEqual(seen, ["fixed", "1", "none", "none", "visible", "2147483000"]);
  await shop.chat.evaluate((node) => (node.hidden = true));
  assert.equal(await shop.panel.isVisible(), false);
});

visit("on a page that is read from the right the window is read as its own languages are", { path: "/#/en" }, async (shop) => {
  await shop.page.evaluate(() => (document.documentElement.dir = "rtl"));
  assert.equal(await style(shop.launch, "direction"), "ltr");
  await shop.open();
  await shop.picture("rtl");
  assert.equal(await style(shop.chat.locator(".foot"), "direction"), "ltr");
});

for (const [path, may] of [["/", /AIが答える場合があります/], ["/#/en", /An AI may answer/]]) {
  visit(`the window claims no AI that may not be there (${path})`, { path }, async (shop) => {
    await shop.open();
    assert.match(await shop.chat.locator(".foot").innerText(), may);
  });
}
