// The window where there is little room: pages made larger, phones that lie down, keyboards that cover the page, few colours.
import assert from "node:assert/strict";
import { after } from "node:test";
import { visit, leave, PHONE } from "./shop.mjs";
import { signal } from "./wire.mjs";

after(leave);
const style = (locator, name) => locator.evaluate((node, of) => getComputedStyle(node).getPropertyValue(of), name);

/** Whether a press in the middle of something reaches it. */
const reached = (locator) =>
  locator.evaluate((node) => {
    const { x, y, width, height } = node.getBoundingClientRect();
    return node.contains(node.getRootNode().elementFromPoint(x + width / 2, y + height / 2));
  });

// What is left of 1280 by 720 when it is shown twice and four times as large, and the smallest page that the guidelines know.
for (const [name, width, height, log] of [["200%", 640, 360, 220], ["400%", 320, 180, 60], ["reflow", 320, 256, 120], ["lying", 740, 340, 200]]) {
  visit(`at ${width} by ${height} the conversation has most of the room, and nothing lies on anything`, { viewport: { width, height } }, async (shop) => {
    await shop.open();
    await shop.ask("送料はいくらですか");
    await shop.answered();
    await shop.picture(`room-${name}`);
    const [panel, room] = [await shop.panel.boundingBox(), await shop.log.boundingBox()];
    assert.ok(panel.y >= 0 && panel.y + panel.height <= height, JSON.stringify(panel));
    assert.ok(room.height >= log, `${room.height} px`);
    await shop.log.evaluate((node) => (node.scrollTop = 0));
    await shop.chat.locator(".latest").waitFor();
    for (const what of [".latest", ".close", ".ask-person", "form.ask textarea", ".send", ".foot"]) assert.ok(await reached(shop.chat.locator(what)), what);
    await shop.accessible();
    await shop.chat.locator(".ask-person").click();
    await shop.picture(`room-${name}-person`);
    const form = shop.chat.locator("form.person");
    assert.equal(await shop.input.isVisible(), false);
    assert.ok((await form.boundingBox()).height >= Math.min(120, height - 70));
    for (const field of ["textarea", "input", ".main"]) {
      await form.locator(field).scrollIntoViewIfNeeded();
      assert.ok(await reached(form.locator(field)), field);
    }
    await shop.accessible();
  });
}

/** What the browser says that is seen of the page: its keyboard, or two fingers, leave less. */
const see = (shop, seen, name = "resize") =>
  shop.page.evaluate(
    ([seen, name]) => {
      for (const [key, value] of Object.entries(seen)) Object.defineProperty(visualViewport, key, { configurable: true, get: () => value });
      visualViewport.dispatchEvent(new Event(name));
    },
    [seen, name],
  );

for (const [name, viewport] of [["a phone", PHONE.viewport], ["a phone that lies down", { width: 740, height: 360 }], ["a tablet", { width: 1024, height: 768 }]]) {
  visit(`above the keyboard of ${name} the whole window is seen, wherever the page is moved to`, { ...PHONE, viewport }, async (shop) => {
    await shop.open();
    const before = await shop.panel.boundingBox();
    const tall = viewport.height - 180;
    for (const [offsetTop, event] of [[0, "resize"], [60, "scroll"]]) {
      await see(shop, { height: tall, offsetTop }, event);
      const { y, height } = await shop.panel.boundingBox();
      assert.ok(y >= offsetTop && y + height <= offsetTop + tall, `${y} and ${height} in ${offsetTop} and ${tall}`);
      assert.ok(height >= Math.min(tall, 500));
    }
    await see(shop, { height: viewport.height, offsetTop: 0 });
    assert.deepEqual(await shop.panel.boundingBox(), before);
  });
}

for (const [name, lang] of [["ja", "/"], ["en", "/#/en"]]) {
  visit(`letters are as large as the shopper's browser is set to, and at twice the size a phone still shows all (${name})`, { ...PHONE, path: lang }, async (shop) => {
    const devtools = await shop.page.context().newCDPSession(shop.page);
    const sizes = async () => {
      await shop.open();
      const all = await shop.panel.evaluate((panel) => ["h2", ".say", ".small", ".foot", "textarea"].map((name) => parseFloat(getComputedStyle(panel.querySelector(name)).fontSize)));
      await shop.chat.locator(".close").click();
      return [parseFloat(await style(shop.launch, "font-size")), ...all];
    };
    const before = await sizes();
    assert.ok(Math.min(...before) > 11, String(before));
    await devtools.send("Page.setFontSizes", { fontSizes: { standard: 32 } });
    await shop.page.reload();
    await shop.launch.waitFor();
    // A page that sets its own size for its own letters has no say in it.
    await shop.page.evaluate(() => (document.documentElement.style.fontSize = "10px"));
    for (const [n, size] of (await sizes()).entries()) assert.ok(size / before[n] > 1.85, `${n}: ${before[n]} and ${size}`);
    await shop.open();
    await shop.ask("送料はいくらですか");
    await shop.answered();
    await shop.picture(`large-${name}`);
    assert.ok(await shop.log.evaluate((log) => log.scrollWidth <= log.clientWidth));
    for (const what of [".close", ".ask-person", "form.ask textarea", ".send"]) assert.ok(await reached(shop.chat.locator(what)), what);
    const cut = await shop.panel.evaluate((panel) => [...panel.querySelectorAll(".head *, .foot, .small")].filter((node) => node.getClientRects().length && (node.getBoundingClientRect().right > 361 || node.scrollWidth > node.clientWidth + 1 && node.clientWidth)).map((node) => node.className || node.localName));
    assert.deepEqual(cut, []);
    await shop.chat.locator(".ask-person").click();
    await shop.picture(`large-${name}-person`);
    assert.ok(await shop.chat.locator("form.person").evaluate((form) => form.scrollWidth <= form.clientWidth));
  });
}

visit("who looks closer with two fingers gets no smaller window", PHONE, async (shop) => {
  await shop.open();
  const before = await shop.panel.boundingBox();
  await see(shop, { height: 370, offsetTop: 100, scale: 2 });
  assert.deepEqual(await shop.panel.boundingBox(), before);
});

visit("with few colours the dots of an answer that is written are seen", { forcedColors: "active" }, async (shop) => {
  await shop.open();
  const [seen, see] = signal();
  shop.wire.next("/chat", { hold: seen });
  await shop.ask("返品したい");
  const dot = shop.answers.first().locator(".dots i").first();
  await dot.waitFor();
  await shop.picture("forced-colours");
  assert.notEqual(await style(dot, "background-color"), await style(shop.answers.first().locator(".say"), "background-color"));
  see();
  await shop.answered();
});
