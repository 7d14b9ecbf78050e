// The window on a phone, in the dark, at rest, in a shop's own colours.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { visit, leave, PHONE } from "./shop.mjs";
import { answer, event, signal } from "./wire.mjs";

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

const TABLE = [
  "送料は次のとおりです。",
  "| 地域 | 送料（税込） | お届けの目安 | 備考 |",
  "|:---|---:|:---:|---|",
  "| 北海道 | 1,100円 | ご注文から4日 | 離島は**さらに2日**かかります |",
  "| 関東・中部 | 660円 | 翌日から2日 | 5,500円以上で送料無料 |",
  "| 沖縄 | 1,650円 | 5日 | [航空便](/#/help) は `air\\|sea` |",
  "",
  "ほかの地域もお尋ねください。",
].join("\n");

for (const colorScheme of ["light", "dark"]) {
  visit(`a table of an answer is a table, scrolled within its bubble on a phone (${colorScheme})`, { ...PHONE, colorScheme }, async (shop) => {
    await shop.open();
    shop.wire.says(answer(TABLE, { pieces: 25 }));
    await shop.ask("送料の表");
    await shop.answered();
    const say = shop.answers.first().locator(".say");
    assert.deepEqual(await say.evaluate((node) => [...node.children].map((child) => child.localName)), ["p", "div", "p"]);
    const cells = (part, tag) => say.locator(`${part} tr`).evaluateAll((rows, name) => rows.map((row) => [...row.querySelectorAll(name)].map((cell) => cell.textContent)), tag);
    assert.deepEqual(await cells("thead", "th"), [["地域", "送料（税込）", "お届けの目安", "備考"]]);
    assert.deepEqual((await cells("tbody", "td"))[2], ["沖縄", "1,650円", "5日", "航空便 は air|sea"]);
    assert.deepEqual(await say.locator("th").evaluateAll((all) => all.map((cell) => [cell.scope, getComputedStyle(cell).textAlign.replace("-webkit-", "")])), [["col", "start"], ["col", "right"], ["col", "center"], ["col", "start"]]);
    assert.equal(await say.locator("td strong, td a, td code").count(), 3);
    const frame = say.getByRole("group", { name: "地域 送料（税込）" });
    assert.ok(await frame.evaluate((node) => node.scrollWidth > node.clientWidth), "it is wider than the phone");
    assert.ok(await shop.log.evaluate((log) => log.scrollWidth <= log.clientWidth), "and the log is not");
    await shop.picture(`table-${colorScheme}`);
    await frame.focus();
    await frame.press("ArrowRight");
    await shop.page.waitForFunction((node) => node.scrollLeft > 0, await frame.elementHandle());
    await shop.accessible();
    assert.doesNotMatch(await shop.voice.textContent(), /---|\|/);
  });
}

visit("a table is drawn as it is written, row by row", {}, async (shop) => {
  await shop.open();
  // Each piece with the cells of each row that are to be seen once it has come.
  const steps = [["表です。\n\n| 品 | 価格 |\n|", "2"], ["--", "2"], ["-|---|\n| 飯碗 ", "2,1"], ["| 1,9", "2,2"], ["80円 |\n| 皿 | 2,200円 |", "2,2,2"], ["\n\n以上です。", "2,2,2"]];
  const seen = async (rows) => {
    const say = await shop.answers.first().locator(".say").elementHandle();
    await shop.page.waitForFunction(([node, wanted]) => [...node.querySelectorAll("tr")].map((row) => row.cells.length).join() === wanted, [say, rows]);
  };
  const text = steps.map(([piece], n) => event("delta", { text: piece }, `w${n + 1}`)).join("");
  shop.wire.says(text + event("done", { message_id: "m", rung: "full" }, "w9"), { after: (n) => seen(steps[n - 1][1]) });
  await shop.ask("表");
  await shop.answered();
  await seen("2,2,2");
  assert.match(await shop.answer(), /飯碗\s+1,980円\s+皿\s+2,200円\s+以上です。/);
});

visit("a list is one however its lines are marked, and a minus or a star begins none", {}, async (shop) => {
  await shop.open();
  const text = "## **送料**\n- **本州**: 660円\n* **沖縄**: 1,650円\n・離島は別\n\n-18℃まで冷凍できます。\n*は税込です。\n\n3. 三\n4. 四";
  shop.wire.says(answer(text));
  await shop.ask("印");
  await shop.answered();
  const say = shop.answers.first().locator(".say");
  assert.deepEqual(await say.evaluate((node) => [...node.children].map((child) => child.localName)), ["p", "ul", "p", "ol"]);
  assert.deepEqual(await say.locator("ul li").allInnerTexts(), ["本州: 660円", "沖縄: 1,650円", "離島は別"]);
  assert.deepEqual(await say.locator("strong").allInnerTexts(), ["送料", "本州", "沖縄"]);
  assert.equal(await say.locator("p").nth(1).innerText(), "-18℃まで冷凍できます。\n*は税込です。");
  assert.equal(await say.locator("ol").getAttribute("start"), "3");
});

visit("lines with a bar that are no table stay as they are written", {}, async (shop) => {
  await shop.open();
  const text = "a | b\n\n|x| は x の大きさ\n\n---\n\n| 見出し |だけ";
  shop.wire.says(answer(text));
  await shop.ask("棒");
  await shop.answered();
  assert.equal(await shop.answers.first().locator("table").count(), 0);
  assert.equal((await shop.answer()).replace(/\n+/g, "\n"), text.replace(/\n+/g, "\n"));
});

visit("a long word in a table's cell, an endless row, and quotes and lists of them stay within their bubble", { ...PHONE, colorScheme: "dark" }, async (shop) => {
  await shop.open();
  const long = "x".repeat(400);
  shop.wire.says(answer(`| 品 | ${long} |\n|---|---|\n| https://shop.example/${long} | ${"長い説明".repeat(40)} |\n\n> ${long}\n\n- ${long}\n\n**${long}**`));
  await shop.ask("ながい表");
  await shop.answered();
  await shop.picture("wide");
  const say = shop.answers.first().locator(".say");
  assert.ok(await shop.log.evaluate((log) => log.scrollWidth <= log.clientWidth));
  for (const part of ["blockquote", "ul", "p"]) assert.ok(await say.locator(part).first().evaluate((node) => node.scrollWidth <= node.clientWidth), part);
  // The table is scrolled by a screen or two, not by the length of a word, and no cell lies on another.
  const table = await say.locator(".table").evaluate((node) => ({ wide: node.scrollWidth, seen: node.clientWidth }));
  assert.ok(table.wide < 3 * table.seen, JSON.stringify(table));
  assert.deepEqual(await say.locator("th, td").evaluateAll((cells) => cells.filter((cell) => cell.scrollWidth > cell.clientWidth).length), 0);
});

/** How a colour stands out from another as the screen shows them. */
const contrast = (locator, [name, on], [other, ground]) =>
  locator.evaluate(
    (panel, [[name, on], [other, ground]]) => {
      const light = (selector, property) => {
        const pen = new OffscreenCanvas(1, 1).getContext("2d");
        pen.fillStyle = getComputedStyle(panel.getRootNode().querySelector(selector)).getPropertyValue(property);
        pen.fillRect(0, 0, 1, 1);
        const [red, green, blue] = [...pen.getImageData(0, 0, 1, 1).data].map((part) => (part <= 10 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
      };
      const [a, b] = [light(name, on), light(other, ground)];
      return Math.max(a, b) / Math.min(a, b);
    },
    [[name, on], [other, ground]],
  );

for (const accent of ["#111", "#000000", "#1f4b63", "#8c2f26", "#00f", "#ffd400"]) {
  visit(`a shop's colour stands out from the dark window, and its text from it (${accent})`, { colorScheme: "dark", bypassCSP: true }, async (shop) => {
    // The demo shop's own colours for its dark pages are not every shop's.
    await shop.page.evaluate((accent) => {
      document.querySelector("link[rel=stylesheet]").remove();
      document.querySelector("madoguchi-chat").setAttribute("accent", accent);
    }, accent);
    const seen = [await contrast(shop.launch, [".launch", "color"], [".launch", "background-color"])];
    await shop.open();
    await shop.ask("返品したい");
    await shop.answered();
    await shop.picture(`accent-${accent.slice(1)}`);
    for (const part of [".you .say", ".send"]) await shop.input.fill("続き").then(async () => seen.push(await contrast(shop.panel, [part, "background-color"], [".panel", "background-color"])));
    seen.push(await contrast(shop.panel, [".you .say", "color"], [".you .say", "background-color"]));
    assert.ok(Math.min(...seen) >= 4.5, String(seen));
  });
}

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

visit("each next question goes to the top, with motion too, however long the answers are", { reducedMotion: "no-preference" }, async (shop) => {
  await shop.open();
  for (const n of [0, 1, 2]) {
    shop.wire.says(answer(Array.from({ length: 40 }, (_, line) => `${line + 1}行目の文です。`).join("\n\n"), { pieces: 20 }));
    await shop.ask(`質問${n}`);
    await shop.answered(n + 1);
    const [log, question] = [await shop.log.boundingBox(), await shop.questions.nth(n).boundingBox()];
    assert.ok(question.y >= log.y && question.y < log.y + 60, `${question.y} in ${log.y}`);
  }
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
