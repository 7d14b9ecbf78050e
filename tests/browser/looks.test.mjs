// The window on a phone, in the dark, at rest, in a shop's own colours.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { visit, leave, PHONE } from "./shop.mjs";
import { answer, signal } from "./wire.mjs";

after(leave);
const style = (locator, name) => locator.evaluate((node, of) => getComputedStyle(node).getPropertyValue(of), name);

visit("on a phone of 360 px the window fills the screen, nothing is cut off, and fingers fit", PHONE, async (shop) => {
  await shop.picture("phone-shop");
  const wide = () => shop.page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok((await wide()) <= 360, `${await wide()} px`);
  await shop.open();
  await shop.ask("返品したい");
  await shop.answered();
  await shop.picture("phone");
  assert.deepEqual(await shop.panel.boundingBox(), { x: 0, y: 0, width: 360, height: 740 });
  assert.ok((await wide()) <= 360);
  const small = await shop.panel.evaluate((panel) => [...panel.querySelectorAll("button, a, textarea")].filter((node) => node.offsetParent && (node.offsetHeight < 24 || node.offsetWidth < 24)).map((node) => node.outerHTML));
  assert.deepEqual(small, []);
  const cut = await shop.panel.evaluate((panel) => [...panel.querySelectorAll(".say, .sources, .card, .head *")].filter((node) => node.getBoundingClientRect().right > 361).length);
  assert.equal(cut, 0);
  // The keyboard of a phone must not make the page zoom in on the field.
  assert.ok(parseFloat(await style(shop.input, "font-size")) >= 16);
  await shop.answers.first().locator(".sources a").first().click();
  assert.equal(await shop.panel.isVisible(), false);
});

visit("in English too the head of a narrow window keeps to two lines and the foot to one", { ...PHONE, path: "/#/en" }, async (shop) => {
  await shop.open();
  const lines = (selector) => shop.chat.locator(selector).evaluate((node) => Math.round(node.getBoundingClientRect().height / parseFloat(getComputedStyle(node).lineHeight)));
  assert.deepEqual([await lines("h2"), await lines(".names p")], [1, 1]);
  assert.ok((await shop.chat.locator(".foot").boundingBox()).height < 35);
});

visit("a word without end stays within its bubble", PHONE, async (shop) => {
  await shop.open();
  shop.wire.says(answer(`${"x".repeat(3000)}\n\n\`${"y".repeat(500)}\`\n\n\`\`\`\n${"z".repeat(500)}\n\`\`\``));
  await shop.ask("ながい");
  await shop.answered();
  const over = await shop.log.evaluate((log) => log.scrollWidth - log.clientWidth);
  assert.ok(over <= 0, `${over} px`);
});

visit("in the dark the window is dark", { colorScheme: "dark" }, async (shop) => {
  await shop.open();
  await shop.ask("送料はいくらですか");
  await shop.answered();
  await shop.picture("dark");
  const light = (await style(shop.panel, "background-color")).match(/\d+/g).slice(0, 3).map(Number);
  assert.ok(Math.max(...light) < 60, String(light));
});

visit("who asked for no motion gets none", {}, async (shop) => {
  await shop.open();
  const [seen, see] = signal();
  shop.wire.next("/chat", { hold: seen });
  await shop.ask("返品したい");
  await shop.answers.first().locator(".dots i").first().waitFor();
  assert.equal(await style(shop.answers.first().locator(".dots i").first(), "animation-name"), "none");
  assert.equal(await style(shop.panel, "animation-name"), "none");
  see();
  await shop.answered();
});

visit("who did not ask for rest sees the window rise", { reducedMotion: "no-preference" }, async (shop) => {
  await shop.open();
  assert.equal(await style(shop.panel, "animation-name"), "rise");
});

visit("a shop's own colour, heading, side and words, with text that stands out from any colour", {}, async (shop) => {
  await shop.page.evaluate(() => {
    const chat = document.querySelector("madoguchi-chat");
    for (const [name, value] of Object.entries({ accent: "#ffd400", heading: "みせの窓口", position: "left", suggestions: "ひとつ|ふたつ" })) chat.setAttribute(name, value);
  });
  assert.equal(await style(shop.launch, "background-color"), "rgb(255, 212, 0)");
  assert.equal(await style(shop.launch, "color"), "rgb(0, 0, 0)");
  assert.ok((await shop.launch.boundingBox()).x < 100);
  await shop.open();
  assert.equal(await shop.chat.locator("h2").innerText(), "みせの窓口");
  assert.deepEqual(await shop.chat.locator(".hints button").allInnerTexts(), ["ひとつ", "ふたつ"]);
  await shop.accessible();
});

visit("a long answer is read from its beginning, and a shopper who scrolled away is left there", {}, async (shop) => {
  await shop.open();
  shop.wire.says(answer(Array.from({ length: 60 }, (_, n) => `${n + 1}行目の文です。`).join("\n\n"), { pieces: 30 }));
  await shop.ask("くわしく");
  await shop.answered();
  const [log, question] = [await shop.log.boundingBox(), await shop.questions.first().boundingBox()];
  assert.ok(question.y >= log.y && question.y < log.y + 60, `${question.y} in ${log.y}`);
  await shop.chat.locator(".latest").click();
  assert.ok(await shop.log.evaluate((node) => node.scrollHeight - node.scrollTop - node.clientHeight < 4));
  await shop.log.evaluate((node) => (node.scrollTop = 0));
  const [scrolled, scroll] = signal();
  shop.wire.next("/chat", { cut: 1, heard: () => scrolled });
  await shop.ask("送料");
  await shop.answers.nth(1).locator(".say p").first().waitFor();
  await shop.log.evaluate((node) => (node.scrollTop = 0));
  scroll();
  await shop.answered(2);
  assert.equal(await shop.log.evaluate((node) => node.scrollTop), 0);
});

test("the widget is under 20 KiB gzipped and makes no markup from strings", () => {
  const source = readFileSync(new URL("../../storefront/widget.js", import.meta.url));
  const size = gzipSync(source, { level: 6 }).length;
  assert.ok(size < 20 * 1024, `${size} bytes`);
  assert.doesNotMatch(source.toString(), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|setAttribute\("style"/);
});
