// The counter's window in a shop's page: see the README. What a server says reaches the page only as text nodes and checked links;
// the strictest CSP (Trusted Types too) needs only this origin in script-src and connect-src.
(() => {
  "use strict";
  const script = document.currentScript;
  let placed = null;
  // A shop that swaps its pages runs the script once more.
  if (customElements.get("madoguchi-chat")) return place();

  // --- words

  // Each in Japanese and in English.
  const WORDS = {
    heading: ["お問い合わせ窓口", "Customer service"],
    standing: ["自動応答・24時間", "Open day and night"],
    launch: ["ご相談", "Ask us"],
    unread: ["ご相談（新しい返事があります）", "Ask us: there is a new reply"],
    close: ["閉じる", "Close"],
    person: ["担当者に相談", "Ask a person"],
    greeting: ["いらっしゃいませ。何でもお尋ねください。", "Welcome. Ask us anything."],
    suggestions: ["送料はいくらですか？|返品したい|支払い方法を知りたい", "How much is shipping?|I want to return something|How can I pay?"],
    placeholder: ["ご質問を入力", "Type your question"],
    send: ["送信", "Send"],
    latest: ["会話の続きへ", "Read on"],
    you: ["お客様", "You"],
    counter: ["窓口", "Counter"],
    log: ["会話", "Conversation"],
    typing: ["お調べしています", "Looking it up"],
    queued: [
      (seconds, ahead) => `順番にお答えしています。${ahead > 0 ? `前に${ahead}名様がお待ちです。` : ""}およそ${seconds}秒お待ちください。`,
      (seconds, ahead) => `We answer in turn${ahead > 0 ? `, with ${ahead} ahead of you` : ""}. Please wait about ${seconds} seconds.`,
    ],
    wait: [
      (seconds) => `ただいま混み合っております。${seconds}秒ほどのちに自動でお送りします。`,
      (seconds) => `It is busy just now. Your message goes out by itself in about ${seconds} seconds.`,
    ],
    lost: ["接続が切れました。つながりしだい続けます。", "The connection was lost. We will go on as soon as it is back."],
    back: ["つながりました。", "Connected again."],
    gaveUp: ["つながりませんでした。内容は残っています。", "We could not connect. Your message is kept."],
    retry: ["もう一度送る", "Send again"],
    gap: ["これまでの会話は、まだ表示できません。", "What was said before cannot be shown yet."],
    tooLong: ["長すぎるようです。分けてお送りください。", "That is too long. Please send it in pieces."],
    closed: ["このページからはお使いいただけません。お店のお問い合わせ先へご連絡ください。", "This cannot be used here. Please write to the shop, at the address on its pages."],
    failed: ["お答えできませんでした。もう一度お試しください。", "That could not be answered. Please try again."],
    sources: ["参考にしたページ", "Pages used"],
    excerpt: ["お店のページからの抜粋です", "Quoted from the shop's pages"],
    up: ["役に立った", "Helpful"],
    down: ["役に立たなかった", "Not helpful"],
    late: [
      (question) => `お待たせいたしました。ご質問「${question}」にお答えしました。`,
      (question) => `Thank you for waiting. Here is the answer to “${question}”.`,
    ],
    lateShow: ["お答えを見る", "See the answer"],
    forget: ["この会話を消す", "Delete this conversation"],
    forgetAll: ["もう一度押すと、すべて消えます", "Press again to delete it all"],
    forgetFailed: ["消せませんでした。しばらくしてから、もう一度お試しください。", "That could not be deleted. Please try again later."],
    handoffText: ["ここまでの会話を担当者にお送りします。", "We send this conversation to our staff."],
    note: ["お伝えになりたいこと（任意）", "Anything to add (optional)"],
    about: ["ご用件をお書きください", "Please write what it is about"],
    contact: ["お返事先のメールまたは電話番号（任意）", "Email or phone for the reply (optional)"],
    cancel: ["やめる", "Cancel"],
    handoffSent: ["担当者にお送りしました。", "Sent to our staff."],
    handoffReply: ["追ってご連絡いたします。", " They will be in touch."],
    handoffFailed: ["お送りできませんでした。しばらくしてから、もう一度お試しください。", "That could not be sent. Please try again later."],
    handoffContact: ["担当者へは、こちらからご連絡ください。", "Please reach our staff here."],
    handoffNone: ["お店のお問い合わせ先へご連絡ください。", "Please write to the shop, at the address on its pages."],
    email: ["メール", "Email"],
    phone: ["電話", "Phone"],
    hours: ["受付", "Hours"],
    page: ["ページ", "Page"],
    pageName: ["お問い合わせのページ", "Contact page"],
    foot: ["AIが答える場合があります。カード番号は入力しないでください。", "An AI may answer. Please do not type card numbers."],
  };

  // --- looks

  const DARK = `--accent: var(--lit, var(--madoguchi-accent, #9cc7dc)); --on-accent: var(--on-lit, var(--madoguchi-on-accent, #10202a));
  --surface: var(--madoguchi-surface, #171b1e); --ground: var(--madoguchi-ground, #22282c);
  --text: var(--madoguchi-text, #eceff1); --quiet: var(--madoguchi-quiet, #a9b4bb);
  --line: var(--madoguchi-line, #3a4349); --link: var(--madoguchi-link, #9dd0ec); --alarm: #ffb4a2;
  --head: var(--madoguchi-head, var(--ground)); --on-head: var(--madoguchi-on-head, var(--text)); color-scheme: dark !important;`;
  const CSS = `
:host {
  --accent: var(--madoguchi-accent, #1f4b63); --on-accent: var(--madoguchi-on-accent, #fff);
  --surface: var(--madoguchi-surface, #fff); --ground: var(--madoguchi-ground, #f3f4f4);
  --text: var(--madoguchi-text, #1c2226); --quiet: var(--madoguchi-quiet, #59636a);
  --line: var(--madoguchi-line, #d9dee1); --link: var(--madoguchi-link, #0a5a85); --alarm: #a1260d;
  --head: var(--madoguchi-head, var(--accent)); --on-head: var(--madoguchi-on-head, var(--on-accent));
  --radius: var(--madoguchi-radius, 18px); --x: var(--madoguchi-offset-x, 20px); --y: var(--madoguchi-offset-y, 20px);
  all: initial !important; position: fixed !important; z-index: var(--madoguchi-z, 2147483000) !important; color-scheme: light !important;
}
:host([accent]) { --lit: color-mix(in srgb-linear, var(--madoguchi-accent), #fff var(--lift)); --on-lit: #000; }
@media (prefers-color-scheme: dark) { :host(:not([theme=light])) {
${DARK}} }
:host([theme=dark]) {
${DARK}}
* { box-sizing: border-box; font: inherit; margin: 0; scrollbar-width: thin; }
[hidden] { display: none !important; }
.launch, .panel {
  font: .94em/1.7 var(--madoguchi-font, system-ui, -apple-system, "Hiragino Sans", "Yu Gothic UI", "Noto Sans JP", sans-serif);
  color: var(--text); direction: ltr; position: fixed; right: var(--x); bottom: calc(var(--y) + env(safe-area-inset-bottom, 0px));
}
:host([position=left]) .launch, :host([position=left]) .panel { right: auto; left: var(--x); }
button { color: inherit; background: none; border: 0; padding: 0; cursor: pointer; touch-action: manipulation; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
svg { display: block; width: 22px; height: 22px; fill: none; stroke: currentColor; stroke-width: 1.7; stroke-linecap: round; stroke-linejoin: round; flex: none; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.launch { display: flex; align-items: center; gap: 8px; min-height: 54px; padding: 0 22px 0 18px; border-radius: 27px; background: var(--accent); color: var(--on-accent); border: 1px solid transparent; box-shadow: 0 4px 20px #0004; }
.launch:focus-visible { outline: 3px solid var(--surface); box-shadow: 0 0 0 6px var(--link); }
.dot { position: absolute; top: 2px; right: 4px; width: 14px; height: 14px; border-radius: 50%; background: #d1361a; border: 2px solid #fff; }
.panel { display: flex; flex-direction: column; width: 26.7em; max-width: calc(100vw - 2 * var(--x)); height: min(44em, 100dvh - 2 * var(--y)); background: var(--surface); border: 1px solid var(--line); border-radius: var(--radius); overflow: hidden; box-shadow: 0 8px 40px #0004; }
.head { display: flex; flex-wrap: wrap; align-items: center; gap: 0 10px; padding: 12px 10px 12px 18px; background: var(--head); color: var(--on-head); border-bottom: 1px solid var(--line); }
.head :focus-visible { outline-color: currentColor; }
.names { flex: 1 0 7em; min-width: 0; line-height: 1.4; overflow-wrap: anywhere; }
h2, h3 { font-size: 1.07em; }
h2, h3, .launch, .head button, .small { font-weight: 600; }
.names p, .log > .small { font-size: .8em; }
.head button { display: flex; align-items: center; justify-content: center; gap: 6px; min-height: 44px; min-width: 44px; border-radius: 12px; }
.head .ask-person { padding: 0 11px; border: 1px solid currentColor; min-height: 38px; border-radius: 20px; }
.head button:hover, .marks button:hover { background: color-mix(in srgb, currentColor 14%, transparent); }
.body { position: relative; flex: 1; min-height: 0; overflow: hidden; display: flex; }
.log { position: relative; flex: 1; min-width: 0; overscroll-behavior: contain; padding: 18px 16px 10px; }
.log:focus-visible { outline-offset: -3px; }
.turn, .card { margin: 0 0 16px; }
.you { display: flex; justify-content: flex-end; }
.say { width: fit-content; max-width: 92%; padding: 10px 14px; border-radius: 4px 16px 16px 16px; background: var(--ground); overflow-wrap: anywhere; contain: paint; }
.you .say { max-width: 84%; border-radius: 16px 16px 4px 16px; background: var(--accent); color: var(--on-accent); white-space: pre-wrap; }
.say > :not(:last-child) { margin: 0 0 .6em; }
.say ul, .say ol { padding-inline-start: 1.4em; }
strong, th { font-weight: 700; }
code, pre { background: color-mix(in srgb, var(--text) 9%, transparent); border-radius: 6px; }
code { font-family: ui-monospace, monospace; font-size: .92em; padding: .05em .3em; }
pre { padding: 10px; }
.log, .person, .table, pre { overflow: auto; }
pre code { background: none; padding: 0; }
table { border-collapse: collapse; font-size: .93em; line-height: 1.5; overflow-wrap: break-word; }
th, td { min-width: 6em; max-width: 16em; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; white-space: pre-line; }
th:not([align]) { text-align: start; }
blockquote { padding-inline-start: 12px; border-inline-start: 3px solid var(--line); white-space: pre-line; }
a { color: var(--link); text-decoration: underline; text-underline-offset: 2px; border-radius: 4px; }
.dots { display: flex; gap: 5px; align-items: center; height: 26px; }
.dots i { width: 7px; height: 7px; border-radius: 50%; background: var(--quiet); }
@keyframes beat { 60% { opacity: .35; } 30% { transform: translateY(-3px); } }
.state, .alarm, .sources, .head button { font-size: .87em; }
.sources p, small { font-size: .92em; }
.state, .sources p, small, dt { color: var(--quiet); }
.state { margin: 6px 2px; }
.alarm { color: var(--alarm); }
.sources { margin: 8px 0 0; line-height: 1.5; max-width: 92%; }
.sources ul { padding: 0; list-style: none; }
.sources a, .link { display: block; padding: 8px 12px; margin: 6px 0 0; border: 1px solid var(--line); border-radius: 10px; text-decoration: none; overflow-wrap: anywhere; }
small { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.marks { display: flex; gap: 2px; margin: 3px 0 0 -6px; }
.marks button { width: 36px; height: 32px; border-radius: 10px; color: var(--quiet); }
.marks [aria-pressed=true] { color: var(--link); background: var(--ground); }
.marks svg { width: 18px; height: 18px; }
.down svg, .latest svg { transform: scaleY(-1); }
.small { display: inline-flex; align-items: center; min-height: 40px; margin: 8px 0 0; padding: 4px 16px; border-radius: 20px; border: 1px solid var(--line); color: var(--link); font-size: .93em; background: var(--surface); }
.small:hover, .sources a:hover { border-color: currentColor; }
.hints { display: flex; flex-wrap: wrap; gap: 8px; margin: -8px 0 16px; }
.hints .small, .row .small { margin: 0; }
.log > .small { min-height: 24px; margin: 0 0 16px; padding: 0; border: 0; color: var(--quiet); }
.card { padding: 12px 14px; border: 1px solid var(--line); border-radius: 12px; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 4px 14px; margin: 6px 0 0; }
.send, .latest, .marks button { display: grid; place-items: center; }
.send, .latest { flex: none; width: 40px; height: 40px; border-radius: 50%; }
.latest { position: absolute; right: 12px; bottom: 10px; background: var(--surface); border: 1px solid var(--line); box-shadow: 0 2px 6px #0003; }
.ask { padding: 10px 12px 0; border-top: 1px solid var(--line); }
.field { display: flex; align-items: flex-end; gap: 6px; padding: 4px 4px 4px 14px; }
.field, .person textarea, .person input { border: 1px solid color-mix(in srgb, var(--quiet) 80%, transparent); border-radius: 24px; }
.field:focus-within { border-color: var(--link); box-shadow: inset 0 0 0 1px var(--link); }
textarea, input { color: var(--text); background: none; font-size: max(16px, 1em); line-height: 1.5; }
.field textarea { flex: 1; min-width: 0; border: 0; outline: 0; resize: none; padding: 7px 0; height: 38px; max-height: 8.5em; }
textarea::placeholder { color: var(--quiet); opacity: 1; }
.send, .main { background: var(--accent); color: var(--on-accent); }
.send[aria-disabled=true] { background: var(--ground); color: var(--quiet); cursor: default; }
.foot { padding: 5px 14px calc(8px + env(safe-area-inset-bottom, 0px)); font-size: .74em; line-height: 1.5; text-align: center; color: var(--quiet); }
.person { position: absolute; inset: 0; padding: 18px; background: var(--surface); display: flex; flex-direction: column; gap: 12px; }
label { display: grid; gap: 4px; }
.person textarea, .person input { width: 100%; padding: 9px 12px; border-radius: 10px; }
.person textarea { min-height: 92px; resize: vertical; }
.row { display: flex; gap: 10px; }
.covered { top: var(--top); height: min(44em, var(--tall)); }
@media (max-height: 480px) {
  .panel { --y: 0px; }
  .head, .ask { padding-block: 2px; }
  .foot { padding-block: 0 env(safe-area-inset-bottom, 0px); line-height: 1.3; }
  .names p { display: none; }
}
@media (max-width: 480px) {
  .launch { --x: 14px; --y: 14px; }
  .head { gap: 0 4px; }
  .panel { inset: 0 !important; top: var(--top, 0) !important; width: auto; max-width: none; height: var(--tall, 100dvh); border: 0; border-radius: 0; }
}
@media (prefers-reduced-motion: no-preference) { .panel { animation: rise .18s ease-out; } .dots i { animation: beat 1.2s infinite ease-in-out; } }
@keyframes rise { from { opacity: 0; transform: translateY(10px); } }
@media (forced-colors: active) {
  .say, .send, .marks [aria-pressed=true] { border: 1px solid; }
  .dots i { forced-color-adjust: none; background: CanvasText; }
}
:host([hidden]) { display: none !important; }
@media print { :host { display: none !important; } }
`;

  const ICONS = {
    bubble: "M4 5h16v11h-9l-4 4v-4H4zM8 9h8M8 12h5",
    close: "M6 6l12 12M18 6L6 18",
    send: "M12 19V5M6 11l6-6 6 6",
    up: "M4 11h3v9H4zM7 11l4-8c2 0 2.5 1.5 2 3l-1 3h8l-2 11H7",
  };

  function icon(name) {
    const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", true);
    path.setAttribute("d", ICONS[name]);
    svg.append(path);
    return svg;
  }

  /** An element; `text` and `label` are keys of WORDS, kept on the node for another language. */
  function make(tag, { on = {}, ...attributes } = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== false && value !== undefined) node.setAttribute(/^(text|label)$/.test(name) ? `data-${name}` : name, value === true ? "" : value);
    }
    for (const [event, listener] of Object.entries(on)) node.addEventListener(event, listener);
    node.append(...children);
    return node;
  }

  // --- answers as text nodes

  // Characters that are no text, or turn its direction.
  const UNSEEN = /(?![\t\n])[\p{Cc}\p{Bidi_Control}\ufff9-\ufffb]/gu;
  const clean = (text) => String(text ?? "").replace(/\r\n?/g, "\n").replace(UNSEEN, "");

  /** A link, if a shopper may be led there. */
  function link(href, ...children) {
    let url;
    try {
      url = new URL(String(href).trim(), document.baseURI);
    } catch {
      return null;
    }
    if (!/^(https?|mailto|tel):$/.test(url.protocol) || url.username || url.password) return null;
    const a = make("a", { href: url.href, rel: "noopener noreferrer" }, ...children);
    if (/^http/.test(url.protocol) && url.origin !== location.origin) a.target = "_blank";
    return a;
  }

  // Brackets in pairs belong to an address.
  const INLINE = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|\[([^[\]\n]{1,300})\]\(((?:[^()\s]|\([^()\s]*\)){1,2000})\)|https?:\/\/(?:_\([^()\s]*\)|\([!-'*-~]*\)|[^\s<>"'`*()[\]{}\u3001-\u301f\uff01-\uff1f])+/g;

  /** Bold, code, links and addresses; all else stays text. */
  function inline(text) {
    const nodes = [];
    let from = 0;
    for (const match of text.matchAll(INLINE)) {
      let [whole, code, bold, name, href] = match;
      let node;
      if (code) node = make("code", {}, code);
      else if (bold) node = make("strong", {}, bold);
      else {
        if (!href) name = href = whole = whole.replace(/[.,:;!?]+$/, "");
        // A name that looks like an address must not lead to another one.
        node = link(href, /^\s*(\w+:|www\.)|\w\.\w+\//i.test(name) ? href : name);
      }
      if (!node) continue;
      nodes.push(text.slice(from, match.index), node);
      from = match.index + whole.length;
    }
    nodes.push(text.slice(from));
    return nodes.filter((node) => node !== "");
  }

  // A dash may be a minus.
  const BULLET = /^\s*(?:[-*+]\s+|[•・]\s*)(?=\S)/;
  const NUMBER = /^\s*(\d{1,3})[.)．]\s+/;

  /** The answer's blocks, each `[kind, lines]`. */
  function blocks(text) {
    const found = [];
    let open = null;
    const begin = (...block) => found.push((open = block));
    for (const line of text.split("\n")) {
      const [within, lines] = open ?? [];
      if (/^\s*```/.test(line)) {
        if (within === "pre") open = null;
        else begin("pre", []);
      } else if (within === "pre" || (within === "table" && line.includes("|"))) lines.push(line);
      // A row of dashes makes a table of the line above it, while it is still being written too.
      else if (within === "p" && /^[\s|:-]+$/.test(line) && line.includes("|") && lines.at(-1).includes("|")) {
        const head = lines.pop();
        if (!lines.length) found.pop();
        begin("table", [head, line]);
      } else {
        const kind = !line.trim() ? null : /^\s*>/.test(line) ? "blockquote" : BULLET.test(line) ? "ul" : NUMBER.test(line) ? "ol" : /^#{1,6}\s/.test(line) ? "head" : "p";
        if (!kind) open = null;
        else if (within === kind && kind !== "head") lines.push(line);
        else begin(kind, [line]);
      }
    }
    return found;
  }

  /** The cells of a table's row; `\\|` is no border. */
  const cells = (row) => row.replace(/\\\|/g, "\0").trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.replace(/\0/g, "|").replace(/<br ?\/?>/gi, "\n").trim());

  function table([head, rule, ...rows]) {
    const sides = cells(rule).map((cell) => /:$/.test(cell) && (/^:/.test(cell) ? "center" : "right"));
    const row = (tag, line) => make("tr", {}, ...cells(line).map((cell, n) => make(tag, { dir: "auto", align: sides[n], scope: tag === "th" && "col" }, ...inline(cell))));
    // Scrolled by keys too, it needs a name.
    return make("div", { class: "table", role: "group", tabindex: "0", "aria-label": cells(head).join(" ") }, make("table", {}, make("thead", {}, row("th", head)), make("tbody", {}, ...rows.map((line) => row("td", line)))));
  }

  function block([kind, lines]) {
    if (kind === "table") return table(lines);
    if (kind === "pre") return make("pre", { tabindex: "0" }, make("code", {}, lines.join("\n")));
    if (kind === "head") return make("p", { dir: "auto" }, make("strong", {}, ...inline(lines[0].replace(/^#+\s*|\*\*/g, ""))));
    if (kind === "blockquote") return make("blockquote", { dir: "auto" }, ...inline(lines.map((line) => line.replace(/^\s*>\s?/, "")).join("\n")));
    if (kind === "p") return make("p", { dir: "auto" }, ...lines.flatMap((line, n) => (n ? [make("br"), ...inline(line)] : inline(line))));
    const list = make(kind, { dir: "auto" }, ...lines.map((line) => make("li", {}, ...inline(line.replace(BULLET, "").replace(NUMBER, "")))));
    if (kind === "ol") list.start = NUMBER.exec(lines[0])[1];
    return list;
  }

  /** Draws a growing answer; blocks that did not change keep their nodes. */
  function painter(into) {
    let drawn = [];
    return (text) => {
      const next = blocks(clean(text));
      const keys = next.map((b) => JSON.stringify(b));
      let same = 0;
      while (same < drawn.length && drawn[same] === keys[same]) same++;
      while (into.childNodes.length > same) into.lastChild.remove();
      into.append(...next.slice(same).map(block));
      drawn = keys;
    };
  }

  // --- the line to the counter

  const SILENCE_MS = 60_000;
  const LONGEST_WAIT_S = 120;
  const TRIES = 6;
  // A token that runs out within this time is renewed first.
  const SOON_MS = 60_000;

  // The history tells when a kept question has its answer. It is read after the first wait, then after half of the question's
  // age, while the page is in sight.
  const LOOK_FIRST_MS = 12_000;
  const LOOK_LONGEST_MS = 120_000;
  const LOOK_FOR_MS = 30 * 60_000;
  const LOOK_APART_MS = 5_000;

  // What the counter takes, in characters.
  const LONGEST = 4_000;
  // A question that was left for longer is not sent unasked.
  const STALE_MS = 60 * 60_000;

  const pause = (ms) =>
    new Promise((done) => {
      const timer = setTimeout(end, ms);
      function end() {
        clearTimeout(timer);
        removeEventListener("online", end);
        done();
      }
      addEventListener("online", end);
    });

  function identity() {
    return crypto.getRandomValues(new Uint32Array(4)).join("-");
  }

  /** Seconds to wait. */
  function retryAfter(response) {
    const value = response.headers.get("retry-after") || 5;
    const seconds = isNaN(value) ? (Date.parse(value) - Date.now()) / 1000 : value;
    return Math.max(1, Math.ceil(seconds)) || 5;
  }

  /** The events of a server-sent stream. */
  async function* events(body, alive) {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    let id = "";
    let name;
    let data = [];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      alive();
      rest += decoder.decode(value, { stream: true });
      // A carriage return at the end may be half of a line's end.
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (!line) {
          if (data.length) yield { name, data: data.join("\n"), id };
          name = "";
          data = [];
        }
        const [, field, content] = /^([^:]*):? ?([^]*)$/.exec(line);
        if (field === "data") data.push(content);
        else if (field === "event") name = content;
        else if (field === "id") id = content;
      }
    }
  }

  /** One visitor: what is remembered, and calls that mend themselves. */
  class Visitor {
    constructor(endpoint) {
      this.endpoint = endpoint.replace(/\/+$/, "");
      this.key = `madoguchi ${this.endpoint}`;
      this.memory = { outbox: [] };
    }

    /** What is remembered; another tab may have changed it, a browser may forbid it. */
    get kept() {
      try {
        const kept = JSON.parse(localStorage.getItem(this.key));
        if (Array.isArray(kept?.outbox)) this.memory = kept;
      } catch {}
      return this.memory;
    }

    keep(change) {
      this.memory = { ...this.kept, ...change };
      try {
        localStorage.setItem(this.key, JSON.stringify(this.memory));
      } catch {}
    }

    /** A token that is good for a while yet. */
    async ready(locale) {
      const { token, expires } = this.kept;
      if (token && !(expires < Date.now() + SOON_MS)) return;
      try {
        await this.session(locale);
      } catch (error) {
        // The old one may still do.
        if (!token || expires < Date.now()) throw error;
      }
    }

    /** A fresh one, for all that want it now. */
    session(locale) {
      return (this.renewal ??= this.alone(locale).finally(() => (this.renewal = null)));
    }

    /** Renews it while no other tab does, where there are locks; one that hangs is passed by. */
    async alone(locale) {
      const { token } = this.kept;
      let begun;
      const begin = (waited) => this.renew(locale, token, (begun = true) && waited);
      try {
        await this.lock("", { ifAvailable: true }, (free) => (free ? begin() : this.lock("", { signal: AbortSignal.timeout(3_000) }, begin)));
      } catch (error) {
        if (begun) throw error;
        await begin();
      }
    }

    /** Outside of a secure context there is none. */
    async lock(name, options, then) {
      return navigator.locks.request(`${this.key} ${name}`, options, then);
    }

    /** Whether a question still waits; it may have been forgotten. */
    wants(id) {
      return this.kept.outbox.some((entry) => entry.id === id);
    }

    fetch(path, { body, headers, signal, method = body ? "POST" : "GET" }) {
      const { token } = this.kept;
      return fetch(this.endpoint + path, {
        method,
        headers: { ...(token && { authorization: `Bearer ${token}` }), ...(body && { "content-type": "application/json" }), ...headers },
        body: body && JSON.stringify(body),
        signal,
      });
    }

    /** A fresh token, if no other tab was faster. */
    async renew(locale, old, waited) {
      const others = () => this.kept.token !== old;
      // What another kept may be seen a moment after its lock is free.
      for (let looks = waited ? 20 : 0; looks-- && !others(); ) await pause(50);
      if (others()) return;
      const response = await this.fetch("/chat/session", { body: { locale } });
      if (!response.ok) throw response;
      const { token, expires_at: at, renewed, greeting, contact } = await response.json();
      if (others()) return;
      const expires = Date.parse(at);
      // By a wrong clock every token would be late; then the counter's refusal alone tells.
      const late = !(expires > Date.now() + SOON_MS);
      // What was said under a token that the counter did not know is another's.
      this.keep({ token, expires: late ? undefined : expires, who: (renewed && this.kept.who) || identity(), greeting, contact, locale });
    }

    /** A call with the token; one that is refused is renewed, once. */
    async call(path, locale, options = {}) {
      await this.ready(locale);
      for (let renewed = false; ; renewed = true) {
        const { token } = this.kept;
        const response = await this.fetch(path, options);
        if (response.status !== 401 || renewed) return response;
        // Another tab may have renewed it already.
        if (this.kept.token === token) await this.session(locale);
      }
    }

    /** Asks, and tells `hear` each event once, whatever breaks. Throws the response where asking again is of no use, or a status of 0. */
    async ask({ id, text }, locale, hear) {
      let last = "";
      let { who } = this.kept;
      let seen = new Set();
      for (let tries = 0; this.wants(id); ) {
        const abort = new AbortController();
        let timer;
        const alive = () => {
          clearTimeout(timer);
          timer = setTimeout(() => abort.abort(), SILENCE_MS);
        };
        let response = null;
        try {
          alive();
          response = await this.call("/chat", locale, {
            signal: abort.signal,
            headers: last && { "last-event-id": last },
            body: { message: text, id },
          });
          if (response.ok) {
            if (this.kept.who !== who) {
              // A new visitor to the counter: its answer begins anew.
              if (last) hear("anew", {});
              [who, last, seen] = [this.kept.who, "", new Set()];
            }
            hear("open", {});
            for await (const event of events(response.body, alive)) {
              if (event.id && seen.has(event.id)) continue;
              let data;
              try {
                data = JSON.parse(event.data);
              } catch {
                continue;
              }
              if (event.id) seen.add((last = event.id));
              tries = 0;
              hear(event.name, data);
              if (event.name === "done" || event.name === "error") return;
            }
          }
        } catch (error) {
          response = error instanceof Response ? error : null;
        } finally {
          clearTimeout(timer);
          abort.abort();
        }
        const status = response?.status ?? 0;
        if (status === 429 || status === 503) {
          const seconds = retryAfter(response);
          if (seconds > LONGEST_WAIT_S || ++tries > TRIES) throw response;
          hear("wait", { ms: seconds * 1000 });
          await pause(seconds * 1000);
          continue;
        }
        if (status >= 400 && status < 500) throw response;
        hear("lost", {});
        if (navigator.onLine === false) await pause(15_000);
        else if (++tries > TRIES) throw { status };
        else await pause(Math.min(8000, 400 * 2 ** tries) * (0.5 + Math.random() / 2));
      }
    }
  }

  // --- the element

  function contrasting(hex) {
    const digits = /^#([0-9a-f]{6}|[0-9a-f]{3})$/i.exec(hex.trim())?.[1];
    if (!digits) return null;
    const full = digits.length === 3 ? digits.replace(/./g, "$&$&") : digits;
    const [red, green, blue] = full.match(/../g).map((part) => ((parseInt(part, 16) / 255 + 0.055) / 1.055) ** 2.4);
    // At this luminance both stand out the same.
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
  }

  const answered = (question) => question?.nextSibling?.dataset.role === "counter";

  // Anchored, or a text without an end would be searched from each of its letters.
  const SENTENCE = /^[^]*(?:[。！？\n]|[.!?](?=\s))/;

  class MadoguchiChat extends HTMLElement {
    static observedAttributes = ["lang", "accent", "heading", "suggestions"].flatMap((name) => [name, `${name}-ja`, `${name}-en`]);

    #root = this.attachShadow({ mode: "open" });
    #visitor = null;
    #nodes = {};
    #opener = null;
    #clock = 0;
    #asked = null;
    #stuck = null;
    #line = Promise.resolve();
    #held = new Set();
    #begun = false;
    // Whether the history has more than is shown, and the question last answered in any tab.
    #behind = false;
    #said = "";
    #kept = new Map();
    #looking = false;
    #next = 0;
    #gone = null;
    #observer = new MutationObserver(() => this.#relabel());

    connectedCallback() {
      if (!this.#visitor) this.#build();
      this.#gone = new AbortController();
      const on = (target, name, act) => target.addEventListener(name, act, { signal: this.#gone.signal });
      on(window, "online", () => {
        this.#stuck?.();
        this.#look();
      });
      on(window, "storage", () => this.#elsewhere());
      on(document, "visibilitychange", () => this.#look());
      for (const name of ["resize", "scroll"]) on(visualViewport, name, () => this.#fit());
      this.#observer.observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });
      if (this.#visitor.kept.unread) this.#unread();
      // The window stays open from page to page; on a phone it would hide them.
      if (this.#remember("window") === "open" && !this.#narrow) this.open(undefined, false);
      else this.#plan();
    }

    disconnectedCallback() {
      this.#gone.abort();
      this.#observer.disconnect();
      clearTimeout(this.#next);
    }

    attributeChangedCallback() {
      if (!this.#nodes.panel) return;
      const accent = this.getAttribute("accent");
      const on = accent && contrasting(accent);
      if (on) {
        this.style.setProperty("--madoguchi-accent", accent.trim());
        this.style.setProperty("--madoguchi-on-accent", on);
        // In the dark a dark colour is lightened: it stands out 4.5 to 1.
        this.style.setProperty("--lift", on === "#fff" ? "24%" : "0%");
      }
      this.#relabel();
    }

    // --- words

    get #language() {
      const lang = this.lang || this.closest("[lang]")?.lang || document.documentElement.lang || navigator.language || "";
      return /^ja\b/i.test(lang) ? "ja" : "en";
    }

    #word(key) {
      return WORDS[key][this.#language === "ja" ? 0 : 1];
    }

    #button(text, click) {
      return make("button", { class: "small", type: "button", text, on: { click } }, this.#word(text));
    }

    #heard(text) {
      return make("span", { class: "sr", text }, this.#word(text));
    }

    /** What the shop set for this language, else for any. */
    #own(name) {
      return this.getAttribute(`${name}-${this.#language}`) ?? this.getAttribute(name);
    }

    #relabel() {
      if (!this.#nodes.panel) return;
      const say = (key) => (key === "heading" && this.#own(key)) || this.#word(key);
      for (const node of this.#root.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);
      for (const node of this.#root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
      this.#nodes.input.placeholder = this.#word("placeholder");
      for (const part of ["panel", "launch", "voice"]) this.#nodes[part].lang = this.#language;
      this.#greet();
    }

    // --- frame

    #build() {
      const n = this.#nodes;
      this.#visitor = new Visitor(new URL(this.getAttribute("endpoint") || new URL(script?.src || location.href).origin, location.href).href);
      try {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(CSS);
        this.#root.adoptedStyleSheets = [sheet];
      } catch {
        this.#root.append(make("style", {}, CSS));
      }
      n.dot = make("span", { class: "dot", hidden: true });
      n.launch = make(
        "button",
        { class: "launch", part: "launcher", "aria-haspopup": "dialog", label: "launch", on: { click: () => this.open() } },
        icon("bubble"),
        make("span", { text: "launch" }),
        n.dot,
      );
      const person = make("button", { class: "ask-person", text: "person", on: { click: () => this.#handoff() } });
      const close = make("button", { class: "close", label: "close", on: { click: () => this.close() } }, icon("close"));
      n.log = make("div", { class: "log", role: "log", "aria-live": "off", tabindex: "0", label: "log", on: { scroll: () => this.#scrolled() } });
      n.first = make("div");
      n.gap = make("p", { class: "state", text: "gap", hidden: true });
      n.forget = this.#button("forget", (event) => this.#forget(event));
      n.forget.addEventListener("blur", (event) => this.#forget(event));
      n.turns = make("div", {}, n.gap, n.first);
      n.log.append(n.turns, n.forget);
      n.latest = make("button", { class: "latest", label: "latest", hidden: true, on: { click: () => this.#further() } }, icon("send"));
      n.input = make("textarea", {
        label: "placeholder",
        enterkeyhint: "send",
        autocomplete: "off",
        on: { input: () => this.#typed() },
      });
      n.send = make("button", { class: "send", type: "submit", label: "send", "aria-disabled": "true" }, icon("send"));
      n.input.value = this.#remember("message");
      n.over = make("p", { class: "alarm", role: "alert", text: "tooLong", hidden: true });
      const submit = (event) => {
        event.preventDefault();
        this.#submit();
      };
      n.form = make("form", { class: "ask", on: { submit } }, n.over, make("div", { class: "field" }, n.input, n.send));
      n.body = make("div", { class: "body" }, n.log, n.latest);
      n.panel = make(
        "section",
        { class: "panel", part: "panel", role: "dialog", "aria-labelledby": "title", hidden: true },
        make("div", { class: "head" }, make("div", { class: "names" }, make("h2", { id: "title", text: "heading" }), make("p", { text: "standing" })), person, close),
        n.body,
        n.form,
        make("p", { class: "foot", text: "foot" }),
      );
      // What a screen reader says: whole sentences, never the log's growing text.
      n.voice = make("div", { class: "sr", role: "status", "aria-atomic": "false" });
      n.panel.addEventListener("keydown", (event) => this.#key(event));
      // What is typed here is none of the page's shortcuts.
      for (const name of ["keydown", "keypress", "keyup"]) n.panel.addEventListener(name, (event) => event.stopPropagation());
      // With the focus elsewhere, it must not hide the page from a screen reader.
      const modal = ({ type, relatedTarget: to }) => n.panel.setAttribute("aria-modal", this.#narrow || type === "focusin" || n.panel.contains(to));
      for (const name of ["focusin", "focusout"]) n.panel.addEventListener(name, modal);
      n.panel.addEventListener("click", (event) => {
        const a = event.target.closest("a");
        if (a && !a.target && /^http/.test(a.protocol) && this.#narrow) this.close(false);
      });
      this.#root.append(n.launch, n.voice, n.panel);
      this.attributeChangedCallback();
    }

    get #narrow() {
      return matchMedia("(max-width: 480px)").matches;
    }

    /** What a tab keeps from page to page: whether the window is open, and words not yet sent. */
    #remember(what, value) {
      try {
        const key = `${this.#visitor.key} ${what}`;
        if (value !== undefined) sessionStorage.setItem(key, value);
        return sessionStorage.getItem(key) ?? "";
      } catch {
        return "";
      }
    }

    /** A phone's keyboard covers the page without making it smaller. */
    #fit() {
      const { height, offsetTop, scale } = visualViewport;
      // Who looks closer wants no smaller window.
      if (scale > 1.01) return;
      const { panel } = this.#nodes;
      panel.classList.toggle("covered", innerHeight - height > 150);
      panel.style.setProperty("--tall", `${height}px`);
      panel.style.setProperty("--top", `${offsetTop}px`);
    }

    /** Opens the window, with words added to the field if given. */
    open(text, focus = true) {
      const n = this.#nodes;
      if (n.panel.hidden) {
        this.#opener = document.activeElement;
        n.panel.hidden = false;
        n.launch.hidden = true;
        n.voice.replaceChildren();
        n.panel.append(n.voice);
        this.#remember("window", "open");
        this.#fit();
        this.#unread(false);
        this.#typed();
      }
      if (text) this.#put(text);
      if (focus) (this.#root.querySelector(".person textarea") ?? n.input).focus({ preventScroll: true });
      this.#toEnd();
      if (this.#begun) this.#look();
      else this.#begin();
    }

    /** Opens the window and asks; what stands in the field stays there. */
    ask(text) {
      this.open();
      this.#closeHandoff();
      this.#send(text);
    }

    close(focus = true) {
      const n = this.#nodes;
      if (n.panel.hidden) return;
      n.panel.hidden = true;
      n.launch.hidden = false;
      n.voice.replaceChildren();
      n.launch.after(n.voice);
      this.#remember("window", "closed");
      if (!focus) return;
      n.launch.focus({ preventScroll: true });
      // What cannot take the focus leaves it there.
      this.#opener?.focus({ preventScroll: true });
    }

    #key(event) {
      const { key, shiftKey, target } = event;
      const { panel, input } = this.#nodes;
      // Keys of a conversion belong to the input method; 229 is how some browsers tell them.
      if (event.isComposing || event.keyCode === 229) return;
      if (key === "Enter" && !shiftKey && target === input) {
        event.preventDefault();
        this.#submit();
      }
      if (key === "Escape" && !this.#closeHandoff()) this.close();
      if (key !== "Tab") return;
      const within = [...panel.querySelectorAll("a[href], button, input, textarea, [tabindex='0']")].filter((node) => node.getClientRects().length && !node.closest("[inert]"));
      if (shiftKey) within.reverse();
      if (target !== within.at(-1)) return;
      event.preventDefault();
      within[0].focus();
    }

    #put(text) {
      const { input } = this.#nodes;
      if (!input.value.includes(text)) input.value += (input.value && "\n") + text;
      this.#typed();
    }

    #typed() {
      const { input, send, over } = this.#nodes;
      this.#remember("message", input.value);
      over.hidden = [...input.value.trim()].length <= LONGEST;
      send.setAttribute("aria-disabled", !input.value.trim() || !over.hidden);
      input.style.height = "38px";
      if (input.scrollHeight > 38) input.style.height = `${input.scrollHeight}px`;
    }

    #scrolled() {
      const { log, latest } = this.#nodes;
      latest.hidden = log.scrollHeight - log.scrollTop - log.clientHeight < 90;
    }

    /** Where the log should stand: at its end, but with the last question in sight. */
    get #place() {
      const { log } = this.#nodes;
      const end = log.scrollHeight - log.clientHeight;
      return this.#asked?.isConnected ? Math.min(end, this.#asked.offsetTop - 14) : end;
    }

    /** To the end, where the button goes away: the log has the focus. */
    #further() {
      const { log } = this.#nodes;
      log.scrollTop = log.scrollHeight;
      log.focus({ preventScroll: true });
    }

    #toEnd() {
      this.#nodes.log.scrollTop = this.#place;
    }

    /** Changes the log and stays at its end, if the shopper was there. */
    #follow(change) {
      const { log } = this.#nodes;
      const along = log.scrollTop >= this.#place - 60;
      const result = change();
      if (along) this.#toEnd();
      this.#scrolled();
      return result;
    }

    #announce(text) {
      const plain = clean(text).replace(/\[([^\]\n]*)\]\((?:[^()\s]|\([^()\s]*\))*\)/g, "$1").replace(/^[ |:-]+$|[*`>#|]+/gm, "").trim();
      if (!plain) return;
      const { voice } = this.#nodes;
      voice.append(make("p", {}, plain));
      while (voice.childNodes.length > 12) voice.firstChild.remove();
    }

    // --- conversation

    async #begin() {
      const { token, said } = this.#visitor.kept;
      [this.#begun, this.#behind, this.#said] = [true, Boolean(token), said];
      // The first question tries again, and says what is wrong.
      await (token ? this.#look() : this.#visitor.session(this.#language).catch(() => {}));
      this.#greet();
      // Questions that were under way when a page was left.
      for (const entry of this.#visitor.kept.outbox) this.#take(entry, true);
    }

    /** The greeting, and questions to begin with. */
    #greet() {
      const n = this.#nodes;
      const kept = this.#visitor.kept;
      const greeting = (kept.locale === this.#language && kept.greeting) || this.#word("greeting");
      const say = make("div", { class: "say" });
      painter(say)(greeting);
      // With the focus on it this comes here again.
      n.forget.hidden = !n.first.nextSibling;
      n.first.replaceChildren(make("div", { class: "turn" }, this.#heard("counter"), say));
      if (!n.forget.hidden) return;
      const hints = make("div", { class: "hints" });
      for (const text of (this.#own("suggestions") ?? this.#word("suggestions")).split("|").map((part) => part.trim())) {
        if (text) hints.append(make("button", { class: "small", on: { click: () => this.ask(text) } }, text));
      }
      n.first.append(hints);
    }

    /** Shows what is not shown yet, each in its place. Kept questions that are answered, or unknown, are waited for no more. */
    #history(messages, ids) {
      const answers = new Map();
      let at = this.#nodes.first;
      for (const message of messages) {
        if (message.role === "handoff") at = this.#letter(message, at);
        else if (message.role === "user") at = this.#question(message.id) ?? this.#mine(message.text, message.id, at);
        else if (message.role === "assistant") {
          const { id } = at.dataset;
          answers.set(id, message);
          if (answered(at)) at = at.nextSibling;
          else {
            const turn = this.#turn(at);
            turn.whole(message);
            if (message.rung === "kept") this.#await(id, turn);
            at = turn.node;
          }
        }
      }
      const done = [...ids].filter((id) => answers.get(id)?.rung !== "kept");
      if (!done.length) return;
      this.#visitor.keep({ awaits: this.#waiting.filter(({ id }) => !done.includes(id)) });
      for (const id of done) {
        const [turn, answer] = [this.#kept.get(id), answers.get(id)];
        this.#kept.delete(id);
        if (!answer) continue;
        if (this.#nodes.panel.hidden) this.#unread();
        if (turn) this.#late(turn, answer);
      }
    }

    /** Another tab had an answer, or deleted all: it is seen here too. */
    #elsewhere() {
      const { said } = this.#visitor.kept;
      if (!this.#begun || said === this.#said) return;
      this.#said = said;
      if (said === "") return this.#clear();
      this.#behind = true;
      this.#look();
    }

    // --- questions that were kept

    /** Kept questions, each with when it was kept. */
    get #waiting() {
      return this.#visitor.kept.awaits ?? [];
    }

    /** Their ids, and those whose answer another tab has seen. */
    get #awaited() {
      return new Set([...this.#kept.keys(), ...this.#waiting.map(({ id }) => id)]);
    }

    #await(id, turn) {
      this.#kept.set(id, turn);
      if (!this.#waiting.some((other) => other.id === id)) this.#visitor.keep({ awaits: [...this.#waiting, { id, at: Date.now() }] });
      this.#plan();
    }

    #plan() {
      clearTimeout(this.#next);
      const now = Date.now();
      const age = now - Math.max(...this.#waiting.map(({ at }) => at));
      if (document.hidden || !(age < LOOK_FOR_MS)) return;
      const wait = Math.min(LOOK_LONGEST_MS, Math.max(LOOK_FIRST_MS, age / 2)) * (0.75 + Math.random() / 2);
      const due = (this.#visitor.kept.looked || now) + wait - now;
      this.#next = setTimeout(() => this.#look(), Math.min(wait, Math.max(0, due)));
    }

    async #look() {
      const [behind, ids] = [this.#behind, this.#awaited];
      if (document.hidden || this.#looking || !(behind || ids.size)) return;
      const past = Date.now() - this.#visitor.kept.looked;
      if (navigator.onLine !== false && (behind || !(past >= 0 && past < LOOK_APART_MS))) {
        this.#looking = true;
        this.#behind = false;
        this.#visitor.keep({ looked: Date.now() });
        let read = false;
        try {
          const response = await this.#visitor.call("/chat/history", this.#language, { signal: AbortSignal.timeout?.(SILENCE_MS) });
          if (response.ok) {
            const { messages } = await response.json();
            this.#follow(() => this.#history(messages ?? [], ids));
            read = true;
          }
        } catch {}
        this.#looking = false;
        if (read && this.#behind) return this.#look();
        this.#behind ||= behind && !read;
      }
      this.#nodes.gap.hidden = !this.#behind;
      this.#plan();
    }

    #late(turn, answer) {
      const { log, turns } = this.#nodes;
      const question = turn.node.previousElementSibling;
      const word = this.#word("late")(question.querySelector(".say").textContent.slice(0, 60));
      const last = turn.node === turns.lastChild;
      this.#follow(() => {
        turn.whole(answer);
        if (last) return;
        // The conversation has gone on below: a word there leads to it.
        const show = () => (log.scrollTop = question.offsetTop - 14);
        turns.append(make("div", { class: "card" }, make("p", {}, word), this.#button("lateShow", show)));
      });
      this.#announce(`${word}\n${answer.text}`);
    }

    #unread(unread = true) {
      const { dot, launch } = this.#nodes;
      dot.hidden = !unread;
      launch.dataset.label = unread ? "unread" : "launch";
      this.#visitor.keep({ unread });
      this.#relabel();
    }

    /** The shopper's side of a turn. */
    #mine(text, id = "", after = this.#nodes.turns.lastChild) {
      const turn = make("div", { class: "turn you" }, this.#heard("you"), make("div", { class: "say", dir: "auto" }, clean(text)));
      Object.assign(turn.dataset, { role: "you", id });
      after.after(turn);
      this.#greet();
      if (!turn.nextSibling) this.#asked = turn;
      return turn;
    }

    #question(id) {
      return [...this.#nodes.turns.children].find((turn) => turn.dataset.id === String(id));
    }

    /** A card with a word; one that stands `after` something is no news. */
    #notice(text, more = "", after) {
      return this.#follow(() => {
        const card = make("div", { class: "card" }, make("p", {}, clean(text)), more);
        (after ?? this.#nodes.turns.lastChild).after(card);
        if (after) return card;
        this.#asked = null;
        this.#announce(text);
        return card;
      });
    }

    /** That a letter was sent. */
    #letter({ id, contact }, after) {
      const card = this.#question(id) ?? this.#notice(this.#word("handoffSent") + (contact ? this.#word("handoffReply") : ""), "", after);
      card.dataset.id = id;
      return card;
    }

    #submit() {
      const { input, over } = this.#nodes;
      if (!over.hidden) return;
      const text = input.value;
      input.value = "";
      this.#typed();
      this.#send(text);
    }

    #send(words) {
      const text = String(words).trim();
      if (!text) return;
      const id = identity();
      const entry = { id, lock: id, text, at: Date.now() };
      this.#visitor.keep({ outbox: [...this.#visitor.kept.outbox, entry] });
      this.#mine(text, id);
      this.#toEnd();
      this.#stuck?.();
      this.#take(entry);
    }

    /** Asks a question after those before it. Until then it is locked: no other tab takes it for one that was `left`. */
    #take(entry, left = false) {
      if (this.#held.has(entry.lock)) return;
      this.#held.add(entry.lock);
      const ask = (lock) => {
        if (!lock) return;
        if (left && answered(this.#question(entry.id))) return this.#drop(entry);
        if (Date.now() - entry.at > STALE_MS) {
          // By now the shopper may not want to ask it any more.
          this.#put(entry.text);
          return this.#drop(entry);
        }
        return (this.#line = this.#line.then(() => this.#converse(entry)).then(() => this.#drop(entry)));
      };
      this.#visitor.lock(entry.lock, { ifAvailable: left }, ask).catch(() => ask(true));
    }

    #drop(entry) {
      this.#said = entry.id;
      this.#visitor.keep({ outbox: this.#visitor.kept.outbox.filter(({ id }) => id !== entry.id), said: entry.id });
    }

    async #converse(entry) {
      while (this.#visitor.wants(entry.id)) {
        const asked = this.#question(entry.id) ?? this.#mine(entry.text, entry.id);
        const turn = this.#turn(asked);
        turn.typing();
        this.#toEnd();
        let text = "";
        let said = 0;
        let frame = 0;
        const draw = () => {
          frame ||= requestAnimationFrame(() => {
            frame = 0;
            this.#follow(() => turn.draw(text));
          });
          const sentences = SENTENCE.exec(text.slice(said))?.[0];
          if (sentences) {
            said += sentences.length;
            this.#announce(sentences);
          }
        };
        let broken = false;
        let failure = "";
        let final = false;
        // After a failure of the counter's, not of the connection, asking again is another question.
        let anew = false;
        try {
          await this.#visitor.ask(entry, this.#language, (name, data) => {
            if (name === "open") {
              turn.state();
              if (broken) this.#announce(this.#word("back"));
              broken = false;
            } else if (name === "anew") {
              [text, said] = ["", 0];
              turn.typing();
            } else if (name === "lost") {
              const word = this.#word(name);
              if (!broken) this.#announce(word);
              broken = true;
              this.#follow(() => turn.state(() => word));
            } else if (name === "wait") this.#countdown(turn, name, data.ms);
            else if (name === "queued") this.#countdown(turn, name, data.eta_ms, data.ahead);
            else if (name === "sources") turn.sources(data);
            else if (name === "delta") {
              if (!text) turn.state();
              text += String(data.text ?? "");
              draw();
            } else if (name === "done") {
              turn.state();
              this.#follow(() => {
                turn.draw(text);
                turn.finish(data.message_id, data.rung);
              });
              if (data.rung === "kept") this.#await(entry.id, turn);
              this.#announce(text.slice(said));
            } else if (data.error?.code === "conversation_deleted") {
              asked.remove();
              turn.node.remove();
            } else if (name === "error") [failure, anew] = ["failed", true];
          });
        } catch ({ status }) {
          failure = { 0: "gaveUp", 401: "closed", 403: "closed", 413: "tooLong" }[status] ?? "failed";
          final = status === 403 || status === 413;
        }
        cancelAnimationFrame(frame);
        if (!failure) {
          if (this.#nodes.panel.hidden && asked.isConnected) this.#unread();
          return;
        }
        const word = this.#word(failure);
        this.#announce(word);
        await this.#follow(() => turn.fail(word, !final));
        if (final) return;
        if (anew) {
          const { outbox } = this.#visitor.kept;
          const id = identity();
          asked.dataset.id = id;
          this.#visitor.keep({ outbox: outbox.map((other) => (other.id === entry.id ? { ...entry, id } : other)) });
          entry.id = id;
        }
        turn.node.remove();
      }
    }

    #countdown(turn, word, ms, ahead) {
      const until = Date.now() + (Number(ms) || 0);
      const left = () => this.#word(word)(Math.max(1, Math.ceil((until - Date.now()) / 1000)), ahead);
      this.#announce(left());
      this.#follow(() => turn.state(left));
    }

    /** The counter's side of a turn. */
    #turn(after) {
      const say = make("div", { class: "say" });
      const state = make("p", { class: "state", hidden: true });
      const node = make("div", { class: "turn" }, this.#heard("counter"), say, state);
      node.dataset.role = "counter";
      after.after(node);
      const paint = painter(say);
      let typing = null;
      let found = null;
      const written = () => {
        typing?.remove();
        say.hidden = !say.firstChild;
      };
      return {
        node,
        typing: () => {
          paint("");
          typing = make("div", { class: "dots" }, make("i"), make("i"), make("i"), this.#heard("typing"));
          say.replaceChildren(typing);
        },
        draw: (text) => {
          if (!text) return;
          typing?.remove();
          paint(text);
        },
        /** A line under the answer; a function is asked again each second. */
        state: (line) => {
          clearInterval(this.#clock);
          state.hidden = !line;
          if (!line) return;
          state.textContent = line();
          this.#clock = setInterval(() => (state.textContent = line()), 1000);
        },
        sources: (list) => (found = list),
        whole({ id, text, sources, rung, feedback }) {
          for (const old of node.querySelectorAll(".sources, .small, .marks")) old.remove();
          paint(text);
          found = sources;
          this.finish(id, rung, feedback);
        },
        finish: (id, rung, feedback) => {
          written();
          // Where the answer is itself made of the passages, they are not shown twice.
          const quoted = rung === "passages";
          const word = quoted ? "excerpt" : "sources";
          const links = (Array.isArray(found) ? found : []).slice(0, 5).map(({ title, url, passage, id }) => {
            const content = [make("span", { dir: "auto" }, clean(title || id))];
            if (passage && !quoted) content.push(make("small", { dir: "auto" }, clean(passage).replace(/\s+/g, " ").slice(0, 200)));
            return make("li", {}, (url && link(url, ...content)) || make("span", { class: "link" }, ...content));
          });
          if (links.length) node.append(make("div", { class: "sources" }, make("p", { text: word }, this.#word(word)), make("ul", {}, ...links)));
          // What is not answered here and now, a person may.
          else if (quoted || rung === "kept") node.append(this.#button("person", () => this.#handoff()));
          // That a question is kept is no answer to be judged.
          if (id && rung !== "kept") node.append(this.#marks(id, feedback));
        },
        /** What went wrong, and a button that resolves the promise. */
        fail: (word, again) => {
          written();
          clearInterval(this.#clock);
          state.hidden = false;
          state.classList.add("alarm");
          state.textContent = word;
          if (!again) return;
          return new Promise((resolve) => {
            const button = this.#button("retry", () => this.#stuck?.());
            node.append(button);
            this.#stuck = () => {
              this.#stuck = null;
              if (this.#root.activeElement === button) this.#nodes.input.focus({ preventScroll: true });
              resolve();
            };
            this.#toEnd();
          });
        },
      };
    }

    #marks(id, feedback) {
      const buttons = ["up", "down"].map((value) =>
        make("button", { class: value, label: value, "aria-label": this.#word(value), "aria-pressed": String(feedback === value), on: { click: () => mark(value) } }, icon("up")),
      );
      const mark = async (pressed) => {
        const before = buttons.map((button) => button.getAttribute("aria-pressed"));
        // Pressed again, a thumb is taken back.
        const value = before[pressed === "up" ? 0 : 1] === "true" ? null : pressed;
        buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.className === value)));
        try {
          const response = await this.#visitor.call("/chat/feedback", this.#language, { body: { message_id: id, value } });
          if (!response.ok) throw response;
        } catch {
          buttons.forEach((button, n) => button.setAttribute("aria-pressed", before[n]));
        }
      };
      return make("div", { class: "marks" }, ...buttons);
    }

    /** Deletes the conversation, if pressed once more. */
    async #forget({ type }) {
      const { forget, input } = this.#nodes;
      const sure = type === "click" && forget.dataset.text === "forgetAll";
      forget.dataset.text = sure || type === "blur" ? "forget" : "forgetAll";
      this.#relabel();
      if (!sure) return;
      const { ok } = await this.#visitor.call("/chat/history", this.#language, { method: "DELETE" }).catch((response) => response);
      if (!ok) return this.#notice(this.#word("forgetFailed"));
      this.#visitor.keep({ token: undefined, outbox: [], awaits: [], said: (this.#said = "") });
      this.#clear();
      input.focus();
    }

    #clear() {
      const { first } = this.#nodes;
      this.#kept.clear();
      while (first.nextSibling) first.nextSibling.remove();
      this.#stuck?.();
      this.#greet();
    }

    // --- a person

    #handoff() {
      const n = this.#nodes;
      if (this.#root.querySelector(".person")) return;
      // A shop that gives its contact takes no letters.
      if (this.#visitor.kept.contact) return this.#contact(this.#visitor.kept.contact);
      const field = (tag, name, attributes) => {
        const node = make(tag, { name, ...attributes, on: { input: () => this.#remember(name, node.value) } });
        node.value = this.#remember(name);
        return node;
      };
      const note = field("textarea", "note");
      const contact = field("input", "contact", { autocomplete: "email" });
      const state = make("p", { class: "state alarm", role: "alert" });
      const said = this.#root.querySelector(".you");
      const send = make("button", { class: "small main", type: "submit", text: "send" });
      const form = make(
        "form",
        { class: "person", "aria-labelledby": "handoff" },
        make("h3", { id: "handoff", text: "person" }),
        said ? make("p", { text: "handoffText" }) : "",
        make("label", {}, make("span", { text: said ? "note" : "about" }), note),
        make("label", {}, make("span", { text: "contact" }), contact),
        make("div", { class: "row" }, send, this.#button("cancel", () => this.#closeHandoff())),
        state,
      );
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        if (send.ariaDisabled === "true") return;
        send.ariaDisabled = "true";
        state.textContent = "";
        const body = { note: note.value.trim(), contact: contact.value.trim() };
        try {
          const response = await this.#visitor.call("/chat/handoff", this.#language, { body });
          if (!response.ok) throw response;
          const reply = await response.json();
          for (const { name } of [note, contact]) this.#remember(name, "");
          this.#closeHandoff();
          // The same letter once more is one.
          this.#question(reply.id)?.remove();
          if (reply.status === "sent") this.#letter({ ...body, ...reply });
          else this.#contact(reply.contact);
        } catch ({ status }) {
          state.textContent = this.#word({ 400: "about", 413: "tooLong" }[status] ?? "handoffFailed");
          if (status === 400) note.focus();
        }
        send.ariaDisabled = "false";
      });
      n.log.inert = true;
      n.form.hidden = true;
      n.body.append(form);
      this.#relabel();
      note.focus({ preventScroll: true });
    }

    #closeHandoff() {
      const { log, form, input } = this.#nodes;
      const open = log.inert;
      this.#root.querySelector(".person")?.remove();
      log.inert = form.hidden = false;
      if (open) input.focus({ preventScroll: true });
      return open;
    }

    #contact({ email, phone, hours, url } = {}) {
      const list = make("dl");
      const row = (key, value, href) => {
        if (!value) return;
        list.append(make("dt", {}, this.#word(key)), make("dd", { dir: "auto" }, (href && link(href, clean(value))) || clean(value)));
      };
      row("email", email, `mailto:${email}`);
      row("phone", phone, `tel:${String(phone).replace(/[^\d+]/g, "")}`);
      row("hours", hours);
      row("page", url && this.#word("pageName"), url);
      this.#root.querySelector("dl")?.parentNode.remove();
      const card = this.#notice(this.#word(list.firstChild ? "handoffContact" : "handoffNone"), list);
      this.#nodes.log.scrollTop = card.offsetTop;
      card.querySelector("a")?.focus({ preventScroll: true });
    }
  }

  customElements.define("madoguchi-chat", MadoguchiChat);

  function place() {
    // Further on in a page that is still read there may be one.
    if (document.readyState === "loading" || document.querySelector("madoguchi-chat")) return;
    if (!placed) {
      placed = document.createElement("madoguchi-chat");
      for (const { name, value } of script?.attributes ?? []) if (name.startsWith("data-")) placed.setAttribute(name.slice(5), value);
    }
    document.body.append(placed);
  }
  place();
  document.addEventListener("DOMContentLoaded", place);
  // Where the body is swapped, the window moves into the new one.
  new MutationObserver(place).observe(document.documentElement, { childList: true });
})();
