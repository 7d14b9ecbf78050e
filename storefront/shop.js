// The demo shop's pages: the documents that the counter answers from, shown as a shopper would read them.
const page = document.querySelector("#page");
const home = document.querySelector("#home");
const basket = new Map();
let documents = null;
// Which page is shown, how far down each stood, and whether a link led to the next one.
let here = location.hash;
const stood = new Map();
let followed = false;

const GROUPS = {
  ja: [
    ["配送", ["shipping-fee", "shipping-days", "delivery-datetime", "tracking", "absence", "address-change", "remote-islands", "overseas"]],
    ["返品・交換・お直し", ["returns", "return-steps", "exchange", "defects", "cancel", "warranty"]],
    ["お支払い", ["payment", "payment-advance", "payment-cod", "payment-later", "receipt", "coupon"]],
    ["贈り物", ["gift-wrapping", "noshi", "gift-direct", "embroidery"]],
    ["商品", ["size-guide", "care-linen", "care-tableware", "stock"]],
    ["会員・お問い合わせ", ["membership", "points", "password", "email-missing", "stores", "contact", "privacy"]],
  ],
  en: [
    ["Orders", ["en-shipping", "en-overseas", "en-orders", "en-payment"]],
    ["After it arrives", ["en-returns", "en-sizes", "en-care"]],
    ["More", ["en-gifts", "en-account", "en-contact"]],
  ],
};
// Where the English pages are fewer: the one that tells the same.
const TOLD_IN = {
  "shipping-days": "en-shipping", "shipping-fee": "en-shipping", exchange: "en-returns", returns: "en-returns", warranty: "en-care", contact: "en-contact", privacy: "en-contact",
};
const WORDS = {
  ja: { home: "糸と椀", help: "ご利用案内", items: "商品", cart: "かご", empty: "かごは空です。", add: "かごに入れる", added: "かごに入れました。", remove: "取り出す", removed: (name) => `「${name}」をかごから取り出しました。`, about: "この商品について尋ねる", ask: "窓口で尋ねる", sum: "合計", sample: "見本のお店のため、ご注文はできません。", missing: "ページが見つかりません。", yen: "円", asking: (name) => `「${name}」について、` },
  en: { home: "Ito to Wan", help: "Help", items: "Shop", cart: "Cart", empty: "Your cart is empty.", add: "Add to cart", added: "Added to your cart.", remove: "Remove", removed: (name) => `${name} was removed from your cart.`, about: "Ask about this product", ask: "Ask the counter", sum: "Total", sample: "This is a sample shop: nothing can be ordered.", missing: "There is no such page.", yen: " yen", asking: (name) => `About the ${name}: `, foreign: "This page is in Japanese only. The counter can tell you about it in English." },
};

const language = () => (/^#\/en(\/|$)/.test(location.hash) ? "en" : "ja");
const word = (key) => WORDS[language()][key];
const counter = () => document.querySelector("madoguchi-chat");
const to = (path) => (language() === "en" ? `#/en${path}` : `#${path}`);

/** Where the other language tells the same, else its first page. */
function otherwise(path, lang) {
  const name = path.split("/")[2];
  const told = TOLD_IN[name] ? name : Object.keys(TOLD_IN).find((id) => TOLD_IN[id] === `en-${name}`);
  const there = path.startsWith("/help/") ? (told ? `/help/${told}` : "/") : path;
  return lang === "en" ? `#${there}` : `#/en${there === "/" ? "" : there}`;
}

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function button(text, look, act) {
  const node = make("button", { type: "button", class: `button ${look}` }, text);
  node.addEventListener("click", act);
  return node;
}

async function load() {
  documents ??= (await (await fetch("/shop/documents.ndjson")).text()).trimEnd().split("\n").map((line) => JSON.parse(line));
  return documents;
}

/** A document's lines as headings, lists, tables and paragraphs. */
function text({ content, lang }) {
  const into = make("div", { class: "text" });
  let open = null;
  const within = (tag) => {
    if (open?.localName !== tag) into.append((open = make(tag)));
    return open;
  };
  for (const line of content.split("\n")) {
    const row = (lang === "en" ? /^([^:.]{1,28}): (.+[^.])$/ : /^(?![A-Z] )([^\s。、]{1,9}|[^。]{1,28}(?= [\d¥])) (.+[^。])$/).exec(line);
    const number = /^\d+\. (.+)/.exec(line);
    if (!line) open = null;
    else if (line.startsWith("■ ")) {
      open = null;
      into.append(make("h2", {}, line.slice(2)));
    } else if (line.startsWith("・")) within("ul").append(make("li", {}, line.slice(1)));
    else if (number) within("ol").append(make("li", {}, number[1]));
    else if (row) within("dl").append(make("div", {}, make("dt", {}, row[1]), make("dd", {}, row[2])));
    else {
      const paragraph = within("p");
      if (paragraph.firstChild) paragraph.append(make("br"));
      paragraph.append(line);
    }
  }
  return into;
}

const way = (...steps) => make("ol", { class: "way" }, ...steps.map(([name, path]) => make("li", {}, path === undefined ? name : make("a", { href: to(path) }, name))));
const heading = (name) => make("h1", { tabindex: "-1" }, name);

function showDocument(document) {
  const ask = button(word("ask"), "plain", () => counter()?.open());
  return [way([word("home"), "/"], [word("help"), "/help"], [document.title]), heading(document.title), text(document), make("div", { class: "actions" }, ask)];
}

function showItem(document, name) {
  const price = /([\d,]+)(?:円| yen)/.exec(document.content)?.[1] ?? "";
  const said = make("p", { class: "added", role: "status" });
  const add = button(word("add"), "", () => {
    basket.set(name, (basket.get(name) ?? 0) + 1);
    count();
    said.textContent = word("added");
  });
  const about = button(word("about"), "plain", () => counter()?.open(word("asking")(document.title)));
  const told = make("div", { lang: document.lang }, heading(document.title), make("p", { class: "cost" }, `${price}${document.lang === "en" ? " yen" : "円"}`), text(document));
  const note = document.lang === language() ? [] : [make("p", { class: "foreign" }, word("foreign"))];
  return [
    way([word("home"), "/"], [word("items"), "/items"], [document.title]),
    make("div", { class: "product" }, make("img", { src: `/shop/pictures/${name}.svg`, alt: "", width: "600", height: "600" }), make("div", {}, ...note, told, make("div", { class: "actions" }, add, about), said)),
  ];
}

function showHelp(all) {
  const groups = GROUPS[language()].map(([name, ids]) =>
    make("section", {}, make("h2", {}, name), make("ul", {}, ...ids.map((id) => all.find((d) => d.id === id)).map((d) => make("li", {}, make("a", { href: d.url.slice(1) }, d.title))))),
  );
  return [way([word("home"), "/"], [word("help")]), heading(word("help")), make("div", { class: "groups" }, ...groups)];
}

function showCart() {
  const told = make("p", { class: "added", role: "status" });
  if (!basket.size) return [heading(word("cart")), told, make("p", {}, word("empty")), make("a", { class: "button", href: to("/items") }, word("items"))];
  let sum = 0;
  const rows = [...basket].map(([name, pieces]) => {
    const card = document.querySelector(`.item[data-to="/item/${name}"]`);
    const shown = [...card.querySelectorAll(`[data-in="${language()}"]`)].map((node) => node.textContent);
    sum += pieces * Number(/[\d,]+/.exec(shown[1])[0].replace(",", ""));
    const remove = button(word("remove"), "plain", () => {
      basket.delete(name);
      count();
      page.replaceChildren(...showCart());
      page.querySelector(".added").textContent = word("removed")(shown[0]);
      // The button is gone, and the focus must not be.
      page.querySelector("h1").focus({ preventScroll: true });
    });
    remove.setAttribute("aria-label", `${word("remove")}: ${shown[0]}`);
    return make("li", {}, make("img", { src: `/shop/pictures/${name}.svg`, alt: "", width: "76", height: "76" }), make("a", { href: to(`/item/${name}`) }, shown[0]), make("span", {}, `${shown[1]} × ${pieces}`), remove);
  });
  return [heading(word("cart")), told, make("ul", { class: "basket" }, ...rows), make("p", { class: "sum" }, `${word("sum")} `, make("b", {}, `${sum.toLocaleString("ja-JP")}${word("yen")}`)), make("p", {}, word("sample"))];
}

function count() {
  document.querySelector("#count").textContent = [...basket.values()].reduce((all, pieces) => all + pieces, 0);
}

async function route(event) {
  // What the counter's contact names: its page in the language that is read here.
  if (location.hash === "#/contact") return location.replace(document.documentElement.lang === "en" ? "#/en/help/contact" : "#/help/contact");
  const path = location.hash.replace(/^#(\/en(?=\/|$))?/, "") || "/";
  // A place within the page, not a page.
  if (!path.startsWith("/")) return;
  const lang = language();
  document.documentElement.lang = lang;
  for (const link of document.querySelectorAll("[data-to]")) link.setAttribute("href", to(link.dataset.to));
  for (const node of document.querySelectorAll("[data-label-ja]")) node.setAttribute("aria-label", node.dataset[lang === "en" ? "labelEn" : "labelJa"]);
  for (const link of document.querySelectorAll(".language")) link.setAttribute("href", otherwise(path, lang));

  let content = null;
  const name = path.split("/")[2];
  if (path.startsWith("/item/") || path.startsWith("/help")) {
    const all = await load();
    if (path === "/help") content = showHelp(all);
    else {
      const found =
        all.find((d) => d.url === `/${to(path)}`) ?? (lang === "en" && (all.find((d) => d.id === TOLD_IN[name]) ?? all.find((d) => d.url === `/#${path}`)));
      content = !found ? [heading(word("missing"))] : path.startsWith("/item/") ? showItem(found, name) : showDocument(found);
    }
  } else if (path === "/cart") content = showCart();

  home.hidden = content !== null;
  page.hidden = content === null;
  page.replaceChildren(...(content ?? []));
  const first = content && page.querySelector("h1");
  document.title = first ? `${first.textContent} | ${word("home")}` : lang === "en" ? "Ito to Wan | Linen and tableware" : "糸と椀 | リネンと器の店";
  here = location.hash;
  if (!event) return;
  const back = followed ? undefined : stood.get(here);
  followed = false;
  const part = back === undefined && content === null && path !== "/" ? document.querySelector(`${path.replace("/", "#")}-title`) : null;
  if (part) part.scrollIntoView();
  else scrollTo({ top: back ?? 0, behavior: "instant" });
  // A shopper who followed the counter's link is still talking to it.
  if (document.activeElement !== counter()) (part ?? first ?? document.querySelector("#main")).focus({ preventScroll: true });
}

// Whoever goes back finds the page as it stood.
addEventListener("click", (event) => (followed ||= event.composedPath().some((node) => node.localName === "a")), true);
addEventListener("scroll", () => stood.set(here, scrollY), { passive: true });
addEventListener("hashchange", route);
for (const node of document.querySelectorAll(".ask")) node.addEventListener("click", () => counter()?.open());
route();
