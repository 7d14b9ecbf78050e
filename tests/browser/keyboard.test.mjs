// The window without a mouse, without eyes, and with an input method.
import assert from "node:assert/strict";
import { after } from "node:test";
import { visit, leave, PHONE } from "./shop.mjs";
import { answer, signal } from "./wire.mjs";

after(leave);

/** What has the focus, inside the window's shadow tree if it is there. */
const focused = (shop) =>
  shop.page.evaluate(() => {
    const inner = document.activeElement?.shadowRoot?.activeElement;
    return inner ? `${inner.localName}.${inner.className}` : `page:${document.activeElement?.localName}`;
  });

visit("Enter that ends a conversion does not send; the next one does", {}, async (shop) => {
  await shop.open();
  const devtools = await shop.page.context().newCDPSession(shop.page);
  await devtools.send("Input.imeSetComposition", { text: "へんぴん", selectionStart: 4, selectionEnd: 4 });
  const enter = { key: "Enter", code: "Enter", windowsVirtualKeyCode: 229 };
  await devtools.send("Input.dispatchKeyEvent", { type: "rawKeyDown", ...enter });
  await devtools.send("Input.dispatchKeyEvent", { type: "keyUp", ...enter });
  await devtools.send("Input.insertText", { text: "返品" });
  assert.equal(await shop.questions.count(), 0);
  assert.equal(await shop.input.inputValue(), "返品");
  // As one browser tells it: the composition is over, but the key was the input method's.
  await shop.input.evaluate((node) => {
    const event = new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true });
    Object.defineProperty(event, "keyCode", { value: 229 });
    node.dispatchEvent(event);
    node.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, isComposing: true }));
  });
  assert.equal(await shop.questions.count(), 0);
  await shop.page.keyboard.press("Enter");
  await shop.answered();
  assert.deepEqual(await shop.questions.locator(".say").allInnerTexts(), ["返品"]);
});

visit("Shift and Enter begin a new line, an empty field sends nothing", {}, async (shop) => {
  await shop.open();
  await shop.page.keyboard.press("Enter");
  await shop.page.keyboard.type("  ");
  await shop.page.keyboard.press("Enter");
  assert.equal(await shop.questions.count(), 0);
  await shop.input.fill("送料と");
  await shop.page.keyboard.press("Shift+Enter");
  await shop.page.keyboard.type("日数");
  const tall = await shop.input.evaluate((node) => node.offsetHeight);
  assert.ok(tall > 50, `${tall} px`);
  await shop.page.keyboard.press("Enter");
  await shop.answered();
  assert.equal(await shop.questions.locator(".say").innerText(), "送料と\n日数");
});

visit("Escape with a conversion open belongs to the input method", {}, async (shop) => {
  await shop.open();
  await shop.input.evaluate((node) => node.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true, composed: true, isComposing: true })));
  assert.ok(await shop.panel.isVisible());
});

visit("the keyboard alone reaches everything and never leaves the open window", {}, async (shop) => {
  await shop.launch.focus();
  await shop.page.keyboard.press("Enter");
  assert.equal(await focused(shop), "textarea.");
  await shop.page.keyboard.type("送料");
  await shop.page.keyboard.press("Enter");
  await shop.answered();
  const round = [];
  for (let n = 0; n < 40; n++) {
    await shop.page.keyboard.press("Tab");
    const at = await focused(shop);
    assert.ok(!at.startsWith("page:"), `the focus went to ${at} after ${round.join(", ")}`);
    round.push(at);
  }
  for (const stop of ["textarea.", "button.send", "button.ask-person", "button.close", "div.log", "button.up", "button.down", "a."]) assert.ok(round.includes(stop), `${stop} was not reached: ${round}`);
  const back = [];
  for (let n = 0; n < 40; n++) {
    await shop.page.keyboard.press("Shift+Tab");
    back.push(await focused(shop));
  }
  assert.deepEqual(new Set(back), new Set(round));
  await shop.page.keyboard.press("Escape");
  assert.equal(await shop.panel.isVisible(), false);
  assert.equal(await focused(shop), "button.launch");
});

visit("the focus returns to what opened the window; the form for a person keeps it and gives it back", {}, async (shop) => {
  const opener = shop.page.locator("article .ask");
  await opener.focus();
  await shop.page.keyboard.press("Enter");
  await shop.chat.locator(".ask-person").focus();
  await shop.page.keyboard.press("Enter");
  assert.equal(await focused(shop), "textarea.");
  const stops = new Set();
  for (let n = 0; n < 12; n++) {
    await shop.page.keyboard.press("Tab");
    stops.add(await focused(shop));
  }
  assert.ok(!stops.has("div.log") && !stops.has("button.send"), [...stops].join(", "));
  await shop.page.keyboard.press("Escape");
  assert.equal(await shop.chat.locator("form.person").count(), 0);
  assert.ok(await shop.panel.isVisible());
  await shop.page.keyboard.press("Escape");
  assert.equal(await shop.page.evaluate(() => document.activeElement.className), "button ask");
});

visit("a screen reader hears sentences, not letters, and no marks", {}, async (shop) => {
  await shop.open();
  await shop.page.evaluate(() => {
    const { shadowRoot } = document.querySelector("madoguchi-chat");
    window.heard = [];
    new MutationObserver((all) => all.forEach((one) => one.addedNodes.forEach((node) => window.heard.push(node.textContent)))).observe(shadowRoot.querySelector("[role=status]"), { childList: true });
  });
  shop.wire.says(answer("**返品**は10日以内です。送料は[こちら](https://shop.example/a)をご覧ください。\n- 未使用\n- タグ付き\n\nほかにございますか", { pieces: 60 }));
  await shop.ask("返品");
  await shop.answered();
  const heard = await shop.page.evaluate(() => window.heard);
  assert.equal(heard.join(""), "返品は10日以内です。送料はこちらをご覧ください。- 未使用- タグ付きほかにございますか");
  assert.ok(heard.length <= 5, heard.join(" | "));
  assert.equal(await shop.log.getAttribute("aria-live"), "off");
  assert.equal(await shop.panel.getAttribute("role"), "dialog");
});

visit("a reply that comes while the window is closed is heard, and not once more when it is opened", {}, async (shop) => {
  await shop.open();
  const [closed, close] = signal();
  shop.wire.says(answer("10日以内です。お待ちしております。", { pieces: 8 }), { hold: closed });
  await shop.ask("返品");
  await shop.answers.first().locator(".dots").waitFor();
  await shop.chat.locator(".close").click();
  const spoken = () => shop.voice.evaluate((node) => [node.getClientRects().length > 0, node.textContent]);
  assert.deepEqual(await spoken(), [true, ""]);
  close();
  await shop.finished.waitFor({ state: "attached" });
  assert.deepEqual(await spoken(), [true, "10日以内です。お待ちしております。"]);
  await shop.accessible();
  // Within the open window it is no part of what the window hides.
  await shop.open();
  assert.deepEqual(await spoken(), [true, ""]);
  assert.ok(await shop.voice.evaluate((node) => node.closest("[role=dialog]")));
});

for (const [name, options] of [
  ["in the light", {}],
  ["in the dark", { colorScheme: "dark" }],
  ["in English", { path: "/#/en" }],
  ["on a phone", PHONE],
]) {
  visit(`axe finds nothing ${name}: shop, window, answer, form for a person, failure`, options, async (shop) => {
    await shop.accessible();
    await shop.open();
    await shop.accessible();
    await shop.ask(options.path ? "How much is shipping?" : "送料はいくらですか");
    await shop.answered();
    await shop.finished.first().locator(".up").click();
    await shop.accessible();
    shop.wire.next("/chat", { status: 413, headers: {}, body: "" });
    await shop.ask("長い");
    await shop.chat.locator(".state.alarm").waitFor();
    await shop.accessible();
    await shop.chat.locator(".ask-person").click();
    await shop.accessible();
  });
}

visit("axe finds nothing on the shop's other pages", { path: "/#/item/donabe" }, async (shop) => {
  for (const path of ["/item/donabe", "/help", "/help/shipping-fee", "/en/help/sizes", "/en/item/apron", "/cart"]) {
    await shop.page.evaluate((to) => (location.hash = `#${to}`), path);
    await shop.page.locator("#page h1").waitFor();
    await shop.accessible();
  }
});
