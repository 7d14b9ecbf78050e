// The counter's window in a shop's page: one script tag, one custom element. Its attributes, CSS variables and methods: see the README.
//
// What a server or a document says reaches the page only as text nodes and checked links, so no answer can inject anything; the
// strictest Content-Security-Policy (Trusted Types too) needs only this origin in script-src and connect-src.
(() => {
  "use strict";
  if (customElements.get("madoguchi-chat")) return;
  const script = document.currentScript;

  // --- words

  const WORDS = {
    ja: {
      heading: "お問い合わせ窓口",
      standing: "自動応答・24時間",
      launch: "ご相談",
      launchFull: "ご相談（お問い合わせ窓口を開く）",
      unread: "ご相談（新しい返事があります）",
      close: "閉じる",
      person: "担当者に相談",
      greeting: "いらっしゃいませ。配送、返品、商品のことなど、何でもお尋ねください。",
      suggestions: "送料はいくらですか？|返品したい|支払い方法を知りたい",
      suggested: "よくあるご質問",
      placeholder: "ご質問を入力",
      input: "ご質問",
      send: "送信",
      latest: "会話の続きへ",
      you: "お客様",
      counter: "窓口",
      log: "会話",
      typing: "お調べしています",
      queued: (ahead, seconds) => `順番にお答えしています。${ahead > 0 ? `前に${ahead}名様がお待ちです。` : ""}およそ${seconds}秒お待ちください。`,
      wait: (seconds) => `ただいま混み合っております。${seconds}秒ほどのちに自動でお送りしますので、このままお待ちください。`,
      lost: "接続が切れました。つなぎ直しています…",
      offline: "インターネットにつながっていません。つながりしだい続けます。",
      back: "つながりました。",
      gaveUp: "うまくつながりませんでした。入力された内容は残っています。",
      retry: "もう一度送る",
      tooLong: "文章が長すぎるようです。短く分けてお送りください。",
      closed: "このページからはお使いいただけません。お手数ですが、お店の連絡先へお問い合わせください。",
      refused: "この内容はお送りできませんでした。言い方を変えてお試しください。",
      failed: "お答えをご用意できませんでした。もう一度お試しいただくか、担当者にご相談ください。",
      sources: "参考にしたページ",
      excerpt: "お店のページからの抜粋です",
      up: "役に立った",
      down: "役に立たなかった",
      late: (question) => `お待たせいたしました。ご質問「${question}」にお答えしました。`,
      lateShow: "お答えを見る",
      thanks: "ご意見をありがとうございます。",
      sorry: "ご期待に沿えず申し訳ありません。担当者にもご相談いただけます。",
      handoffTitle: "担当者へのご相談",
      handoffText: "ここまでの会話を担当者にお送りします。",
      note: "お伝えになりたいこと（任意）",
      contact: "お返事先のメールまたは電話番号（任意）",
      handoffSend: "会話を送る",
      cancel: "やめる",
      handoffSent: "会話を担当者にお送りしました。",
      handoffReply: "内容を確認のうえ、ご連絡いたします。",
      handoffFailed: "お送りできませんでした。しばらくしてから、もう一度お試しください。",
      handoffContact: "担当者へは、こちらからご連絡ください。",
      handoffNone: "お手数ですが、お店のお問い合わせ先へご連絡ください。",
      email: "メール",
      phone: "電話",
      hours: "受付",
      page: "ページ",
      pageName: "お問い合わせのページ",
      note_privacy: "AIがお答えします。カード番号などは入力しないでください。",
    },
    en: {
      heading: "Customer service",
      standing: "Open day and night",
      launch: "Ask us",
      launchFull: "Ask us: open customer service",
      unread: "Ask us: there is a new reply",
      close: "Close",
      person: "Ask a person",
      greeting: "Welcome. Ask us anything about delivery, returns or our products.",
      suggestions: "How much is shipping?|I want to return something|How can I pay?",
      suggested: "Common questions",
      placeholder: "Type your question",
      input: "Your question",
      send: "Send",
      latest: "Read on",
      you: "You",
      counter: "Counter",
      log: "Conversation",
      typing: "Looking it up",
      queued: (ahead, seconds) => `We answer in turn${ahead > 0 ? `, with ${ahead} ahead of you` : ""}. Please wait about ${seconds} seconds.`,
      wait: (seconds) => `It is busy just now. Your message goes out by itself in about ${seconds} seconds; please stay here.`,
      lost: "The connection was lost. Reconnecting…",
      offline: "You are offline. We will go on as soon as you are back.",
      back: "Connected again.",
      gaveUp: "We could not connect. Your message is kept.",
      retry: "Send again",
      tooLong: "That message is too long. Please send it in shorter pieces.",
      closed: "The chat cannot be used from this page. Please write to the shop instead.",
      refused: "That message could not be sent. Please try other words.",
      failed: "We could not prepare an answer. Please try again, or talk to a person.",
      sources: "Pages used",
      excerpt: "Quoted from the shop's pages",
      up: "Helpful",
      down: "Not helpful",
      late: (question) => `Thank you for waiting. Here is the answer to “${question}”.`,
      lateShow: "See the answer",
      thanks: "Thank you for telling us.",
      sorry: "We are sorry about that. You can also talk to a person.",
      handoffTitle: "Hand over to a person",
      handoffText: "We send this conversation to our staff.",
      note: "Anything to add (optional)",
      contact: "Email or phone for the reply (optional)",
      handoffSend: "Send the conversation",
      cancel: "Cancel",
      handoffSent: "Your conversation was sent to our staff.",
      handoffReply: " They will get in touch with you.",
      handoffFailed: "That did not go through. Please wait a little and try again.",
      handoffContact: "Please reach our staff here.",
      handoffNone: "Please write to the shop, at the address on its pages.",
      email: "Email",
      phone: "Phone",
      hours: "Hours",
      page: "Page",
      pageName: "Contact page",
      note_privacy: "An AI answers. Please do not type card numbers.",
    },
  };

  // --- looks

  const DARK = `--accent: var(--madoguchi-accent, #9cc7dc); --on-accent: var(--madoguchi-on-accent, #10202a);
  --surface: var(--madoguchi-surface, #171b1e); --ground: var(--madoguchi-ground, #22282c);
  --text: var(--madoguchi-text, #eceff1); --quiet: var(--madoguchi-quiet, #a9b4bb);
  --line: var(--madoguchi-line, #3a4349); --link: var(--madoguchi-link, #9dd0ec); --alarm: #ffb4a2;
  --head: var(--madoguchi-head, var(--ground)); --on-head: var(--madoguchi-on-head, var(--text)); color-scheme: dark;`;
  const CSS = `
:host {
  --accent: var(--madoguchi-accent, #1f4b63); --on-accent: var(--madoguchi-on-accent, #fff);
  --surface: var(--madoguchi-surface, #fff); --ground: var(--madoguchi-ground, #f3f4f4);
  --text: var(--madoguchi-text, #1c2226); --quiet: var(--madoguchi-quiet, #59636a);
  --line: var(--madoguchi-line, #d9dee1); --link: var(--madoguchi-link, #0a5a85); --alarm: #a1260d;
  --head: var(--madoguchi-head, var(--accent)); --on-head: var(--madoguchi-on-head, var(--on-accent));
  --radius: var(--madoguchi-radius, 18px); --x: var(--madoguchi-offset-x, 20px); --y: var(--madoguchi-offset-y, 20px);
  all: initial; color-scheme: light; position: fixed; z-index: var(--madoguchi-z, 2147483000); inset: auto;
}
@media (prefers-color-scheme: dark) { :host(:not([theme=light])) {
${DARK}} }
:host([theme=dark]) {
${DARK}}
* { box-sizing: border-box; font: inherit; }
[hidden] { display: none !important; }
.launch, .panel {
  font: 15px/1.7 var(--madoguchi-font, system-ui, -apple-system, "Hiragino Sans", "Yu Gothic UI", "Noto Sans JP", "Noto Sans CJK JP", sans-serif);
  color: var(--text); position: fixed; right: var(--x); bottom: calc(var(--y) + env(safe-area-inset-bottom, 0px));
}
:host([position=left]) .launch, :host([position=left]) .panel { right: auto; left: var(--x); }
button { color: inherit; background: none; border: 0; margin: 0; padding: 0; cursor: pointer; touch-action: manipulation; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
svg { display: block; width: 18px; height: 18px; fill: none; stroke: currentColor; stroke-width: 1.7; stroke-linecap: round; stroke-linejoin: round; flex: none; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.launch { display: flex; align-items: center; gap: 8px; min-height: 54px; padding: 0 22px 0 18px; border-radius: 27px; background: var(--accent); color: var(--on-accent); font-weight: 600; border: 1px solid transparent; box-shadow: 0 2px 6px #0003, 0 10px 28px #0003; }
.launch:focus-visible { outline: 3px solid var(--surface); box-shadow: 0 0 0 6px var(--link); }
.launch .dot { position: absolute; top: 2px; right: 4px; width: 14px; height: 14px; border-radius: 50%; background: #d1361a; border: 2px solid #fff; }
.panel { display: flex; flex-direction: column; width: 400px; max-width: calc(100vw - 2 * var(--x)); height: min(660px, 100vh - 2 * var(--y)); height: min(660px, 100dvh - 2 * var(--y)); background: var(--surface); border: 1px solid var(--line); border-radius: var(--radius); overflow: hidden; box-shadow: 0 4px 12px #0002, 0 20px 60px #0004; }
.head { display: flex; align-items: center; gap: 10px; padding: 12px 10px 12px 18px; background: var(--head); color: var(--on-head); border-bottom: 1px solid var(--line); }
.head :focus-visible { outline-color: currentColor; }
.names { flex: 1; min-width: 0; }
h2 { margin: 0; font-size: 16px; font-weight: 650; line-height: 1.35; }
.names p { margin: 1px 0 0; font-size: 12px; line-height: 1.4; }
.head button { display: flex; align-items: center; justify-content: center; gap: 6px; min-height: 44px; min-width: 44px; border-radius: 12px; font-size: 13px; font-weight: 600; }
.head .ask-person { padding: 0 11px; border: 1px solid currentColor; min-height: 38px; border-radius: 19px; }
.launch svg, .send svg, .close svg { width: 22px; height: 22px; }
.head button:hover { background: color-mix(in srgb, currentColor 14%, transparent); }
.body { position: relative; flex: 1; min-height: 0; display: flex; }
.log { position: relative; flex: 1; min-width: 0; overflow: auto; overscroll-behavior: contain; padding: 18px 16px 10px; scrollbar-width: thin; }
.log:focus-visible { outline-offset: -3px; }
.turn { margin: 0 0 16px; max-width: 100%; }
.turn.you { display: flex; justify-content: flex-end; }
.say { width: fit-content; max-width: 92%; padding: 10px 14px; border-radius: 4px 16px 16px 16px; background: var(--ground); overflow-wrap: anywhere; contain: paint; }
.you .say { max-width: 84%; border-radius: 16px 16px 4px 16px; background: var(--accent); color: var(--on-accent); white-space: pre-wrap; }
.you.waiting .say { opacity: .82; }
.say > :first-child { margin-top: 0; } .say > :last-child { margin-bottom: 0; }
.say p, .say ul, .say ol, .say pre, .say .table, .say blockquote { margin: 0 0 .6em; }
.say ul, .say ol { padding-inline-start: 1.4em; }
.say strong { font-weight: 700; }
.say code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .92em; background: color-mix(in srgb, var(--text) 9%, transparent); border-radius: 4px; padding: .05em .3em; }
.say pre { overflow: auto; padding: 10px; border-radius: 8px; background: color-mix(in srgb, var(--text) 7%, transparent); }
.say pre code { background: none; padding: 0; white-space: pre; }
.table { overflow: auto; scrollbar-width: thin; }
.say table { border-collapse: collapse; font-size: 14px; line-height: 1.5; overflow-wrap: normal; }
th, td { min-width: 6em; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; white-space: pre-line; }
th { font-weight: 700; white-space: pre; } th:not([align]) { text-align: start; }
.say blockquote { padding-inline-start: 12px; border-inline-start: 3px solid var(--line); white-space: pre-line; }
a { color: var(--link); text-decoration: underline; text-underline-offset: 2px; border-radius: 3px; }
.dots { display: flex; gap: 5px; align-items: center; height: 26px; }
.dots i { width: 7px; height: 7px; border-radius: 50%; background: var(--quiet); animation: beat 1.2s infinite ease-in-out; }
.dots i:nth-child(2) { animation-delay: .15s; } .dots i:nth-child(3) { animation-delay: .3s; }
@keyframes beat { 0%, 60%, 100% { opacity: .35; transform: none; } 30% { opacity: 1; transform: translateY(-3px); } }
.state { margin: 6px 2px 0; font-size: 13px; line-height: 1.6; color: var(--quiet); }
.state.alarm { color: var(--alarm); }
.sources { margin: 8px 0 0; padding: 0; font-size: 13px; line-height: 1.5; max-width: 92%; }
.sources p { margin: 0 2px 4px; font-size: 12px; color: var(--quiet); }
.sources ul { margin: 0; padding: 0; list-style: none; display: grid; gap: 6px; }
.sources a, .sources span.link { display: flex; gap: 8px; align-items: center; min-height: 38px; padding: 7px 12px; border: 1px solid var(--line); border-radius: 10px; text-decoration: none; overflow-wrap: anywhere; }
.sources a:hover { border-color: currentColor; }
.sources svg { width: 15px; height: 15px; }
.sources small { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 1; overflow: hidden; font-size: 12px; color: var(--quiet); }
.marks { display: flex; gap: 2px; margin: 3px 0 0 -6px; align-items: center; }
.marks button { width: 36px; height: 32px; display: grid; place-items: center; border-radius: 9px; color: var(--quiet); }
.marks button:hover { background: var(--ground); color: var(--text); }
.marks button[aria-pressed=true] { color: var(--link); background: var(--ground); }
.marks button[aria-pressed=true] svg { fill: color-mix(in srgb, currentColor 25%, transparent); }
.down svg, .latest svg { transform: scaleY(-1); }
.small { display: inline-flex; align-items: center; min-height: 40px; margin-top: 8px; padding: 4px 16px; border-radius: 20px; border: 1px solid var(--line); color: var(--link); font-size: 14px; font-weight: 600; background: var(--surface); }
.small:hover { border-color: currentColor; }
.hints { display: flex; flex-wrap: wrap; gap: 8px; margin: -4px 0 14px; }
.hints .small { margin: 0; }
.card { padding: 12px 14px; border: 1px solid var(--line); border-radius: 12px; margin: 0 0 16px; overflow-wrap: anywhere; }
.card p { margin: 0 0 6px; } .card p:last-child { margin: 0; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 4px 14px; margin: 0; } dt { color: var(--quiet); } dd { margin: 0; }
.latest { position: absolute; right: 12px; bottom: 10px; width: 40px; height: 40px; display: grid; place-items: center; border-radius: 50%; background: var(--surface); border: 1px solid var(--line); box-shadow: 0 2px 10px #0003; }
form.ask { padding: 10px 12px 0; border-top: 1px solid var(--line); }
.field { display: flex; align-items: flex-end; gap: 6px; padding: 4px 4px 4px 14px; border: 1px solid color-mix(in srgb, var(--quiet) 80%, transparent); border-radius: 24px; background: var(--surface); }
.field:focus-within { border-color: var(--link); box-shadow: inset 0 0 0 1px var(--link); }
textarea, input { color: var(--text); background: transparent; font-size: 16px; line-height: 1.5; }
.field textarea { flex: 1; min-width: 0; border: 0; outline: 0; resize: none; padding: 7px 0; height: 38px; max-height: 132px; overflow: auto; scrollbar-width: thin; }
textarea::placeholder { color: var(--quiet); opacity: 1; }
.send { width: 40px; height: 40px; border-radius: 50%; display: grid; place-items: center; background: var(--accent); color: var(--on-accent); flex: none; }
.send[aria-disabled=true] { background: var(--ground); color: var(--quiet); cursor: default; }
.foot { margin: 0; padding: 5px 14px calc(8px + env(safe-area-inset-bottom, 0px)); font-size: 11px; line-height: 1.5; text-align: center; color: var(--quiet); }
form.person { position: absolute; inset: 0; z-index: 1; overflow: auto; padding: 22px 18px; background: var(--surface); display: flex; flex-direction: column; gap: 12px; }
form.person h3 { margin: 0; font-size: 17px; font-weight: 650; } form.person p { margin: 0; }
form.person label { display: grid; gap: 4px; font-size: 14px; }
form.person textarea, form.person input { width: 100%; padding: 9px 12px; border: 1px solid color-mix(in srgb, var(--quiet) 80%, transparent); border-radius: 10px; }
form.person textarea { min-height: 92px; resize: vertical; }
.row { display: flex; gap: 10px; } .row .small { margin: 0; }
.main { background: var(--accent); color: var(--on-accent); border-color: transparent; }
@media (max-width: 480px) {
  .launch { --x: 14px; --y: 14px; min-height: 52px; padding: 0 18px 0 15px; }
  .panel { inset: 0 !important; top: var(--top, 0) !important; width: auto; max-width: none; height: var(--tall, 100dvh); border: 0; border-radius: 0; }
}
@media (max-width: 400px) { .head { gap: 4px; } h2 { font-size: 15px; } .ask-person svg { display: none; } }
@media (prefers-reduced-motion: no-preference) { .panel { animation: rise .18s ease-out; } }
@keyframes rise { from { opacity: 0; transform: translateY(10px); } }
@media (prefers-reduced-motion: reduce) { .dots i { animation: none; opacity: .7; } }
@media (forced-colors: active) { .say, .send, .marks button[aria-pressed=true] { border: 1px solid; } }
@media print { :host { display: none; } }
`;

  const SVG = "http://www.w3.org/2000/svg";
  const ICONS = {
    bubble: "M4 5.5h16v11h-9l-4.5 3.5v-3.5H4zM8.5 9.5h7M8.5 12.5h4.5",
    close: "M6 6l12 12M18 6L6 18",
    person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c.6-4 3.6-6 7.5-6s6.9 2 7.5 6",
    send: "M12 19V5M5.5 11.5L12 5l6.5 6.5",
    page: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
    up: "M7 11v9H4v-9zM7 11l4-8c1.7 0 2.5 1.2 2.2 2.8L12.5 9H19c1 0 1.7.9 1.5 1.9l-1.4 7.5c-.2 1-1 1.6-1.9 1.6H7",
  };

  function icon(name) {
    const svg = document.createElementNS(SVG, "svg");
    const path = document.createElementNS(SVG, "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", ICONS[name]);
    svg.append(path);
    return svg;
  }

  /** An element; `text` and `label` are keys of WORDS, kept on the node for another language. */
  function make(tag, { text, label, hint, on, ...attributes } = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== undefined) node.setAttribute(name, value);
    }
    if (text) node.dataset.text = text;
    if (label) node.dataset.label = label;
    if (hint) node.dataset.hint = hint;
    for (const [event, listener] of Object.entries(on ?? {})) node.addEventListener(event, listener);
    node.append(...children);
    return node;
  }

  // --- answers as text nodes

  // Characters that turn the direction of what follows, or are no text at all: what they hide is shown as it stands.
  const UNSEEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]/g;
  const clean = (text) => String(text ?? "").replace(/\r\n?/g, "\n").replace(UNSEEN, "");

  /** The address if a shopper may be led there, else null. */
  function address(href) {
    try {
      const url = new URL(String(href).trim(), document.baseURI);
      if (/^https?:$/.test(url.protocol)) return url.username || url.password ? null : url;
      return /^(mailto|tel):$/.test(url.protocol) ? url : null;
    } catch {
      return null;
    }
  }

  function link(href, ...children) {
    const url = address(href);
    if (!url) return null;
    const a = make("a", { href: url.href, rel: "noopener noreferrer nofollow" }, ...children);
    if (/^http/.test(url.protocol) && url.origin !== location.origin) a.target = "_blank";
    return a;
  }

  const INLINE = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|\[([^[\]\n]{1,300})\]\(([^()\s]{1,2000})\)|https?:\/\/[^\s<>"'`*()[\]{}、。，！？「」『』【】（）]+/g;

  /** Bold, code, links and bare addresses; whatever is none of these stays text. */
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

  const BULLET = /^\s*(?:[-*•・])\s*(?=[^\s*-])/;
  const NUMBER = /^\s*(\d{1,3})[.)．]\s+/;

  /** The answer's blocks, each `[kind, lines]`. */
  function blocks(text) {
    const found = [];
    let open = null;
    for (const line of text.split("\n")) {
      if (/^\s*```/.test(line)) {
        if (open?.[0] === "pre") open = null;
        else found.push((open = ["pre", []]));
        continue;
      }
      if (open?.[0] === "pre") {
        open[1].push(line);
        continue;
      }
      // A row of dashes makes a table of the line above it, while it is still being written too.
      if (open?.[0] === "p" && /^[\s|:-]+$/.test(line) && line.includes("|") && open[1].at(-1).includes("|")) {
        const head = open[1].pop();
        if (!open[1].length) found.pop();
        found.push((open = ["table", [head, line]]));
        continue;
      }
      if (open?.[0] === "table" && line.includes("|")) {
        open[1].push(line);
        continue;
      }
      const bold = /^\s*\*\*/.test(line);
      const kind = !line.trim() ? null : /^\s*>/.test(line) ? "blockquote" : !bold && BULLET.test(line) ? "ul" : NUMBER.test(line) ? "ol" : /^#{1,6}\s/.test(line) ? "head" : "p";
      if (kind === null) open = null;
      else if (open?.[0] === kind && kind !== "head") open[1].push(line);
      else found.push((open = [kind, [line]]));
    }
    return found;
  }

  /** The cells of a table's row; `\\|` is no border. */
  const cells = (row) => row.replace(/\\\|/g, "\0").trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.replace(/\0/g, "|").replace(/<br ?\/?>/gi, "\n").trim());

  function table([head, rule, ...rows]) {
    const sides = cells(rule).map((cell) => /:$/.test(cell) && (/^:/.test(cell) ? "center" : "right"));
    const row = (tag, line) => make("tr", {}, ...cells(line).map((cell, n) => make(tag, { dir: "auto", align: sides[n], scope: tag === "th" && "col" }, ...inline(cell))));
    // It is scrolled by keys too, under the name of its columns.
    return make("div", { class: "table", role: "group", tabindex: "0", "aria-label": cells(head).join(" ") }, make("table", {}, make("thead", {}, row("th", head)), make("tbody", {}, ...rows.map((line) => row("td", line)))));
  }

  function block([kind, lines]) {
    if (kind === "table") return table(lines);
    if (kind === "pre") return make("pre", { tabindex: "0" }, make("code", {}, lines.join("\n")));
    if (kind === "head") return make("p", { dir: "auto" }, make("strong", {}, lines[0].replace(/^#+\s*/, "")));
    if (kind === "blockquote") return make("blockquote", { dir: "auto" }, ...inline(lines.map((line) => line.replace(/^\s*>\s?/, "")).join("\n")));
    if (kind === "p") return make("p", { dir: "auto" }, ...lines.flatMap((line, n) => (n ? [make("br"), ...inline(line)] : inline(line))));
    const list = make(kind, { dir: "auto" }, ...lines.map((line) => make("li", {}, ...inline(line.replace(BULLET, "").replace(NUMBER, "")))));
    const start = kind === "ol" && NUMBER.exec(lines[0])[1];
    if (start && start !== "1") list.setAttribute("start", String(Number(start)));
    return list;
  }

  /** Draws a growing answer; blocks that did not change keep their nodes, however long it is. */
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

  // The history tells when a kept question has its answer. A look at it comes after the first wait, then after half of the question's age,
  // while the page is in sight: about 21 in half an hour, each one read of the shopper's own record. Opening the window looks too.
  const LOOK_FIRST_MS = 12_000;
  const LOOK_LONGEST_MS = 120_000;
  const LOOK_FOR_MS = 30 * 60_000;
  const LOOK_APART_MS = 5_000;

  /** Why a message will not be answered: `status` of the refusal, 0 for a connection that did not come back. */
  class Refused {
    constructor(status, response) {
      Object.assign(this, { status, response });
    }
  }

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
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** Seconds that a refusal asks to wait: whole seconds or a date. */
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
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        alive();
        rest += decoder.decode(value, { stream: true });
        // A carriage return at the end may be half of a line's end.
        const whole = rest.endsWith("\r") ? rest.slice(0, -1) : rest;
        const lines = whole.split(/\r\n|\n|\r/);
        rest = lines.pop() + rest.slice(whole.length);
        for (const line of lines) {
          if (line === "") {
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
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  /** One visitor: the token, what waits to be sent, and calls that mend themselves. */
  class Visitor {
    constructor(endpoint) {
      this.endpoint = endpoint.replace(/\/+$/, "");
      this.key = `madoguchi ${this.endpoint}`;
      this.memory = { outbox: [] };
    }

    /** What is remembered; another tab may have changed it, and a browser may forbid remembering. */
    get kept() {
      try {
        const kept = JSON.parse(localStorage.getItem(this.key));
        if (kept && Array.isArray(kept.outbox)) this.memory = kept;
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
        // One that is still good need not wait for the next.
        if (!token || expires < Date.now()) throw error;
      }
    }

    /** A fresh token; calls that want one at the same time get the same. */
    session(locale) {
      this.renewal ??= this.renew(locale).finally(() => (this.renewal = null));
      return this.renewal;
    }

    async renew(locale) {
      const { token: before } = this.kept;
      const response = await fetch(`${this.endpoint}/chat/session`, {
        method: "POST",
        headers: { "content-type": "application/json", ...(before ? { authorization: `Bearer ${before}` } : {}) },
        body: JSON.stringify({ locale }),
      });
      if (!response.ok) throw new Refused(response.status, response);
      const { token, expires_at: at, renewed, greeting, contact } = await response.json();
      const expires = Date.parse(at);
      // By a clock that is wrong every token would be late; then the counter's refusal alone tells.
      const late = !(expires > Date.now() + SOON_MS);
      // `who` changes where the counter did not know the token: what was said under it is another's.
      this.keep({ token, expires: late ? undefined : expires, who: (renewed && this.kept.who) || identity(), greeting, contact, locale });
    }

    /** A call with the token; a token that is refused is renewed and the call made again, once. */
    async call(path, { locale, signal, headers, body } = {}) {
      await this.ready(locale);
      for (let renewed = false; ; renewed = true) {
        const { token } = this.kept;
        const response = await fetch(this.endpoint + path, {
          method: body === undefined ? "GET" : "POST",
          headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
          body: body === undefined ? undefined : JSON.stringify(body),
          signal,
        });
        if (response.status !== 401 || renewed) return response;
        // Another tab may have renewed it already.
        if (this.kept.token === token) await this.session(locale);
      }
    }

    /**
     * Asks, and tells `hear` each event once, whatever the network does: a stream that breaks is taken up again with the same id
     * after the last event heard. Ends at `done` or `error`; throws `Refused` where asking again is of no use.
     */
    async ask({ id, text }, locale, hear) {
      let last = "";
      let { who } = this.kept;
      let seen = new Set();
      for (let tries = 0; ; ) {
        const abort = new AbortController();
        let timer;
        const alive = () => {
          clearTimeout(timer);
          timer = setTimeout(() => abort.abort(), SILENCE_MS);
        };
        let response = null;
        try {
          alive();
          response = await this.call("/chat", {
            locale,
            signal: abort.signal,
            headers: { accept: "text/event-stream", ...(last ? { "last-event-id": last } : {}) },
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
          if (error instanceof Refused) response = error.response;
          else if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
          else response = null;
        } finally {
          clearTimeout(timer);
          abort.abort();
        }
        const status = response?.status ?? 0;
        if (status === 429 || status === 503) {
          const seconds = retryAfter(response);
          if (seconds > LONGEST_WAIT_S || ++tries > TRIES) throw new Refused(status);
          hear("wait", { seconds });
          await pause(seconds * 1000);
          continue;
        }
        if (status >= 400 && status < 500) throw new Refused(status);
        hear("lost", {});
        if (navigator.onLine === false) await pause(15_000);
        else if (++tries > TRIES) throw new Refused(0);
        else await pause(Math.min(8000, 400 * 2 ** tries) * (0.5 + Math.random() / 2));
      }
    }
  }

  // --- the element

  /** Black or white, whichever stands out more on a colour. */
  function contrasting(hex) {
    const digits = /^#([0-9a-f]{6}|[0-9a-f]{3})$/i.exec(hex.trim())?.[1];
    if (!digits) return null;
    const full = digits.length === 3 ? digits.replace(/./g, "$&$&") : digits;
    const light = [0, 2, 4].map((at) => {
      const part = parseInt(full.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    const luminance = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
    return 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 ? "#fff" : "#000";
  }

  // Anchored: without it a text with no end of a sentence would be searched once from each of its letters.
  const SENTENCE = /^[^]*(?:[。！？\n]|[.!?](?=\s))/;

  class MadoguchiChat extends HTMLElement {
    static observedAttributes = ["lang", "heading", "heading-ja", "heading-en", "accent", "suggestions", "suggestions-ja", "suggestions-en"];

    #root = this.attachShadow({ mode: "open" });
    #visitor = null;
    #nodes = {};
    #ready = null;
    #busy = false;
    #stuck = null;
    #opener = null;
    #clock = 0;
    #asked = null;
    #kept = new Map();
    #looking = false;
    #next = 0;

    connectedCallback() {
      if (this.#visitor) return;
      const from = script?.src || location.href;
      this.#visitor = new Visitor(new URL(this.getAttribute("endpoint") || new URL(from, location.href).origin, location.href).href);
      try {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(CSS);
        this.#root.adoptedStyleSheets = [sheet];
      } catch {
        this.#root.append(make("style", {}, CSS));
      }
      this.#build();
      this.attributeChangedCallback();
      new MutationObserver(() => this.#relabel()).observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });
      addEventListener("online", () => {
        this.#stuck?.();
        this.#look();
      });
      document.addEventListener("visibilitychange", () => this.#look());
      if (this.#visitor.kept.unread) this.#unread();
      globalThis.visualViewport?.addEventListener("resize", () => this.#fit());
      // A shopper who follows a link within the shop finds the conversation as it was; on a phone it would hide the page.
      if (this.#remember() === "open" && !this.#narrow) this.open(undefined, false);
      else this.#plan();
    }

    attributeChangedCallback() {
      if (!this.#nodes.panel) return;
      const accent = this.getAttribute("accent");
      const on = accent && contrasting(accent);
      if (on) {
        this.style.setProperty("--madoguchi-accent", accent.trim());
        this.style.setProperty("--madoguchi-on-accent", on);
      }
      this.#relabel();
    }

    // --- words

    get #language() {
      const lang = this.lang || this.closest("[lang]")?.lang || document.documentElement.lang || navigator.language || "";
      return /^ja\b/i.test(lang) ? "ja" : "en";
    }

    #word(key) {
      return WORDS[this.#language][key];
    }

    #button(text, click) {
      return make("button", { class: "small", type: "button", text, on: { click } }, this.#word(text));
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
      for (const node of this.#root.querySelectorAll("[data-hint]")) node.setAttribute("placeholder", say(node.dataset.hint));
      for (const part of ["panel", "launch", "voice"]) this.#nodes[part].lang = this.#language;
      this.#greet();
    }

    // --- frame

    #build() {
      const n = this.#nodes;
      n.dot = make("span", { class: "dot", hidden: true });
      n.launch = make(
        "button",
        { class: "launch", part: "launcher", type: "button", "aria-haspopup": "dialog", label: "launchFull", on: { click: () => this.open() } },
        icon("bubble"),
        make("span", { text: "launch" }),
        n.dot,
      );
      n.title = make("h2", { id: "title", text: "heading" });
      n.person = make("button", { class: "ask-person", type: "button", on: { click: () => this.#handoff() } }, icon("person"), make("span", { text: "person" }));
      n.close = make("button", { class: "close", type: "button", label: "close", on: { click: () => this.close() } }, icon("close"));
      n.log = make("div", { class: "log", role: "log", "aria-live": "off", tabindex: "0", label: "log", on: { scroll: () => this.#scrolled() } });
      n.first = make("div", { class: "first" });
      n.log.append(n.first);
      n.latest = make("button", { class: "latest", type: "button", label: "latest", hidden: true, on: { click: () => this.#further() } }, icon("send"));
      n.input = make("textarea", {
        rows: "1",
        maxlength: "2000",
        label: "input",
        hint: "placeholder",
        enterkeyhint: "send",
        autocomplete: "off",
        on: { input: () => this.#typed(), keydown: (event) => this.#key(event) },
      });
      n.send = make("button", { class: "send", type: "submit", label: "send", "aria-disabled": "true" }, icon("send"));
      n.form = make("form", { class: "ask", novalidate: true }, make("div", { class: "field" }, n.input, n.send));
      n.form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.#submit();
      });
      n.body = make("div", { class: "body" }, n.log, n.latest);
      n.panel = make(
        "section",
        { class: "panel", part: "panel", role: "dialog", "aria-modal": "true", "aria-labelledby": "title", hidden: true },
        make("div", { class: "head" }, make("div", { class: "names" }, n.title, make("p", { text: "standing" })), n.person, n.close),
        n.body,
        n.form,
        make("p", { class: "foot", text: "note_privacy" }),
      );
      // What a screen reader says: whole sentences put in here, never the log's growing text.
      n.voice = make("div", { class: "sr", role: "status", "aria-live": "polite", "aria-relevant": "additions" });
      n.panel.addEventListener("keydown", (event) => this.#keep(event));
      n.panel.addEventListener("click", (event) => {
        const a = event.target.closest("a");
        if (a && !a.target && /^http/.test(a.protocol) && this.#narrow) this.close(false);
      });
      // Within the dialog: a screen reader may leave out what stands outside of a modal one.
      n.panel.append(n.voice);
      this.#root.append(n.launch, n.panel);
    }

    get #narrow() {
      return matchMedia("(max-width: 480px)").matches;
    }

    #remember(state) {
      try {
        if (state) sessionStorage.setItem(this.#visitor.key, state);
        return sessionStorage.getItem(this.#visitor.key);
      } catch {
        return null;
      }
    }

    /** A phone's keyboard covers the page without making it smaller. */
    #fit() {
      const view = globalThis.visualViewport;
      if (!view || this.#nodes.panel.hidden) return;
      this.#nodes.panel.style.setProperty("--tall", `${view.height}px`);
      this.#nodes.panel.style.setProperty("--top", `${view.offsetTop}px`);
    }

    /** Opens the window, with words in the field if given. */
    open(text, focus = true) {
      const n = this.#nodes;
      if (n.panel.hidden) {
        this.#opener = document.activeElement === this ? null : document.activeElement;
        n.panel.hidden = false;
        n.launch.hidden = true;
        n.dot.hidden = true;
        n.launch.dataset.label = "launchFull";
        this.#remember("open");
        this.#visitor.keep({ unread: undefined });
        this.#fit();
        this.#relabel();
      }
      if (text) {
        n.input.value = text;
        this.#typed();
      }
      if (focus) n.input.focus({ preventScroll: true });
      this.#toEnd();
      if (this.#ready) this.#look();
      else this.#ready = this.#begin();
    }

    /** Opens the window and asks. */
    ask(text) {
      this.open(text);
      this.#submit();
    }

    close(focus = true) {
      const n = this.#nodes;
      if (n.panel.hidden) return;
      n.panel.hidden = true;
      n.launch.hidden = false;
      this.#remember("closed");
      if (!focus) return;
      const opener = this.#opener?.isConnected && this.#opener !== document.body ? this.#opener : n.launch;
      opener.focus({ preventScroll: true });
    }

    #key(event) {
      // Enter that ends a conversion belongs to the input method; 229 is how some browsers tell it.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.#submit();
    }

    #keep(event) {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === "Escape") {
        event.stopPropagation();
        const form = this.#root.querySelector("form.person");
        if (form) this.#leaveHandoff(form);
        else this.close();
      }
      if (event.key !== "Tab") return;
      const within = [...this.#nodes.panel.querySelectorAll("a[href], button, input, textarea, [tabindex='0']")].filter(
        (node) => node.getClientRects().length && !node.closest("[inert]"),
      );
      const end = event.shiftKey ? within[0] : within.at(-1);
      if (this.#root.activeElement !== end && this.#root.activeElement) return;
      event.preventDefault();
      (event.shiftKey ? within.at(-1) : within[0])?.focus();
    }

    #typed() {
      const { input, send } = this.#nodes;
      send.setAttribute("aria-disabled", String(!input.value.trim()));
      input.style.height = "38px";
      if (input.scrollHeight > 38) input.style.height = `${Math.min(132, input.scrollHeight)}px`;
    }

    #scrolled() {
      const { log, latest } = this.#nodes;
      latest.hidden = log.scrollHeight - log.scrollTop - log.clientHeight < 90;
    }

    /** Where the log should stand: at its end, but with the question under way in sight; answers are read from the top. */
    get #place() {
      const { log } = this.#nodes;
      const end = log.scrollHeight - log.clientHeight;
      return this.#asked?.isConnected ? Math.min(end, this.#asked.offsetTop - 14) : end;
    }

    /** To the end; the button goes away there, so the focus moves to the log. */
    #further() {
      const { log } = this.#nodes;
      log.scrollTop = log.scrollHeight;
      log.focus({ preventScroll: true });
    }

    #toEnd() {
      this.#nodes.log.scrollTop = this.#place;
    }

    /** Runs a change of the log and stays with it, if the shopper had not scrolled away. */
    #follow(change) {
      const { log } = this.#nodes;
      const along = log.scrollTop >= this.#place - 60;
      const result = change();
      if (along) this.#toEnd();
      this.#scrolled();
      return result;
    }

    #announce(text) {
      const plain = clean(text).replace(/\[([^\]\n]*)\]\([^()\s]*\)/g, "$1").replace(/^[ |:-]+$|[*`>#|]+/gm, "").trim();
      if (!plain) return;
      const { voice } = this.#nodes;
      voice.append(make("p", {}, plain));
      while (voice.childNodes.length > 12) voice.firstChild.remove();
    }

    // --- conversation

    async #begin() {
      const locale = this.#language;
      try {
        if (!this.#visitor.kept.token) await this.#visitor.session(locale);
        else {
          const ids = this.#awaited;
          const messages = await this.#said();
          if (messages) {
            this.#history(messages);
            this.#settle(ids, messages);
          }
        }
      } catch {
        // The first question tries again, and says what is wrong.
      }
      this.#greet();
      this.#restore();
    }

    /** The greeting and questions to begin with, for as long as nothing was said. */
    #greet() {
      const n = this.#nodes;
      const kept = this.#visitor.kept;
      const greeting = (kept.locale === this.#language && kept.greeting) || this.#word("greeting");
      const say = make("div", { class: "say" });
      painter(say)(greeting);
      n.first.replaceChildren(make("div", { class: "turn" }, make("span", { class: "sr", text: "counter" }, this.#word("counter")), say));
      if (n.first.nextSibling) return;
      const hints = make("div", { class: "hints", role: "group", "aria-label": this.#word("suggested") });
      for (const text of (this.#own("suggestions") ?? this.#word("suggestions")).split("|").map((part) => part.trim())) {
        if (text) hints.append(make("button", { class: "small", type: "button", on: { click: () => this.ask(text) } }, text));
      }
      n.first.append(hints);
    }

    #history(messages) {
      let asked = "";
      for (const message of messages) {
        if (message.role === "user") this.#mine(message.text, (asked = message.id));
        else if (message.role === "assistant") {
          const turn = this.#turn();
          turn.whole(message);
          if (message.rung === "kept") this.#await(asked, turn);
        } else this.#notice(message.text);
      }
      this.#toEnd();
    }

    // --- questions that were kept

    /** What was said, as the counter has it; null where it does not tell now. */
    async #said() {
      this.#visitor.keep({ looked: Date.now() });
      const response = await this.#visitor.call("/chat/history", { locale: this.#language, signal: AbortSignal.timeout?.(SILENCE_MS) });
      return response.ok ? ((await response.json()).messages ?? []) : null;
    }

    /** Kept questions, each with when it was kept. */
    get #waiting() {
      const { awaits } = this.#visitor.kept;
      return Array.isArray(awaits) ? awaits : [];
    }

    /** Their ids, and those shown here whose answer another tab has seen. */
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
      const ids = this.#awaited;
      if (!ids.size || this.#looking || document.hidden) return;
      const past = Date.now() - this.#visitor.kept.looked;
      if (navigator.onLine !== false && !(past >= 0 && past < LOOK_APART_MS)) {
        this.#looking = true;
        try {
          const messages = await this.#said();
          if (messages) this.#settle(ids, messages);
        } catch {}
        this.#looking = false;
      }
      this.#plan();
    }

    /** Puts answers in place of the word that their question is kept; what the counter does not know is waited for no more. */
    #settle(ids, messages) {
      const answers = new Map();
      let asked = "";
      for (const message of messages) {
        if (message.role === "user") asked = message.id;
        else if (message.role === "assistant") answers.set(asked, message);
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

    #late(turn, answer) {
      const { log } = this.#nodes;
      const question = turn.node.previousElementSibling;
      const word = this.#word("late")(clean(question.dataset.said).slice(0, 60));
      const last = turn.node === log.lastElementChild;
      this.#follow(() => {
        turn.whole(answer);
        if (last) return;
        // The conversation has gone on below: a word there leads to it.
        const show = () => (log.scrollTop = question.offsetTop - 14);
        log.append(make("div", { class: "card" }, make("p", {}, word), this.#button("lateShow", show)));
      });
      this.#announce(`${word}\n${answer.text}`);
    }

    #unread() {
      const n = this.#nodes;
      n.dot.hidden = false;
      n.launch.dataset.label = "unread";
      this.#visitor.keep({ unread: true });
      this.#relabel();
    }

    /** Questions that were under way when the page was left: those that the history answers are done, the others go on. */
    #restore() {
      const log = [...this.#nodes.log.querySelectorAll(".turn[data-role]")];
      const open = this.#visitor.kept.outbox.filter(({ id, text }) => {
        const at = log.findLastIndex((turn) => turn.dataset.role === "you" && (turn.dataset.id === id || turn.dataset.said === text));
        if (at < 0) this.#mine(text, id);
        return at < 0 || log[at + 1]?.dataset.role !== "counter";
      });
      this.#visitor.keep({ outbox: open });
      this.#drain();
    }

    #mine(text, id) {
      const turn = make("div", { class: "turn you" }, make("span", { class: "sr", text: "you" }, this.#word("you")), make("div", { class: "say", dir: "auto" }, clean(text)));
      Object.assign(turn.dataset, { role: "you", id: id ?? "", said: text ?? "" });
      this.#nodes.first.querySelector(".hints")?.remove();
      this.#nodes.log.append(turn);
      this.#asked = turn;
      this.#toEnd();
      return turn;
    }

    #notice(text, ...more) {
      return this.#follow(() => {
        this.#asked = null;
        const card = make("div", { class: "card" }, make("p", {}, clean(text)), ...more);
        this.#nodes.log.append(card);
        this.#announce(text);
        return card;
      });
    }

    #submit() {
      const { input } = this.#nodes;
      const text = input.value.trim();
      if (!text) return;
      input.value = "";
      this.#typed();
      const entry = { id: identity(), text };
      this.#mine(text, entry.id).classList.add("waiting");
      this.#visitor.keep({ outbox: [...this.#visitor.kept.outbox, entry] });
      this.#stuck?.();
      this.#ready.then(() => this.#drain());
    }

    /** Sends what waits, one at a time and in order. */
    async #drain() {
      if (this.#busy) return;
      this.#busy = true;
      for (let entry; (entry = this.#visitor.kept.outbox[0]); ) {
        await this.#converse(entry);
        this.#visitor.keep({ outbox: this.#visitor.kept.outbox.filter(({ id }) => id !== entry.id) });
      }
      this.#busy = false;
    }

    async #converse(entry) {
      for (;;) {
        const asked = [...this.#nodes.log.children].find(({ dataset }) => dataset.id === entry.id);
        const turn = this.#turn(asked);
        asked?.classList.remove("waiting");
        turn.typing();
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
        // A counter that said it failed is asked anew; a connection that failed asks for the same answer.
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
              const word = this.#word(navigator.onLine === false ? "offline" : "lost");
              if (!broken) this.#announce(word);
              broken = true;
              this.#follow(() => turn.state(() => word));
            } else if (name === "wait") this.#countdown(turn, data.seconds, (seconds) => this.#word("wait")(seconds));
            else if (name === "queued") this.#countdown(turn, Math.ceil((Number(data.eta_ms) || 0) / 1000), (seconds) => this.#word("queued")(Number(data.ahead) || 0, seconds));
            else if (name === "sources") this.#follow(() => turn.sources(data));
            else if (name === "delta") {
              if (!text) turn.state();
              text += String(data.text ?? "");
              draw();
            } else if (name === "done") {
              cancelAnimationFrame(frame);
              turn.state();
              this.#follow(() => {
                turn.draw(text);
                turn.finish(data.message_id, data.rung);
              });
              if (data.rung === "kept") this.#await(entry.id, turn);
              this.#announce(text.slice(said));
            } else if (name === "error") [failure, anew] = ["failed", true];
          });
        } catch (error) {
          const status = error instanceof Refused ? error.status : -1;
          const final = { 413: "tooLong", 403: "closed", 400: "refused", 422: "refused" }[status];
          failure = final ?? { 0: "gaveUp", 401: "closed" }[status] ?? "failed";
          if (final) {
            turn.fail(this.#word(final));
            this.#announce(this.#word(final));
            return;
          }
        }
        cancelAnimationFrame(frame);
        if (!failure) {
          if (this.#nodes.panel.hidden) this.#unread();
          return;
        }
        const word = this.#word(failure);
        this.#announce(word);
        await this.#follow(() => turn.fail(word, true));
        if (anew) {
          const { outbox } = this.#visitor.kept;
          const id = identity();
          if (asked) asked.dataset.id = id;
          this.#visitor.keep({ outbox: outbox.map((other) => (other.id === entry.id ? { ...entry, id } : other)) });
          entry.id = id;
        }
        turn.remove();
      }
    }

    #countdown(turn, seconds, words) {
      clearInterval(this.#clock);
      const until = Date.now() + seconds * 1000;
      const left = () => words(Math.max(1, Math.ceil((until - Date.now()) / 1000)));
      this.#announce(left());
      this.#follow(() => turn.state(left));
    }

    /** The counter's side of a turn, under the question it answers. */
    #turn(after) {
      const say = make("div", { class: "say" });
      const state = make("p", { class: "state", hidden: true });
      const node = make("div", { class: "turn" }, make("span", { class: "sr", text: "counter" }, this.#word("counter")), say, state);
      node.dataset.role = "counter";
      this.#nodes.first.querySelector(".hints")?.remove();
      if (after) after.after(node);
      else this.#nodes.log.append(node);
      this.#toEnd();
      const paint = painter(say);
      let typing = null;
      let shown = null;
      return {
        node,
        typing: () => {
          typing?.remove();
          paint("");
          typing = make("div", { class: "dots" }, make("i"), make("i"), make("i"), make("span", { class: "sr", text: "typing" }, this.#word("typing")));
          say.append(typing);
          say.hidden = false;
        },
        draw: (text) => {
          if (!text) return;
          typing?.remove();
          typing = null;
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
        sources: (list) => {
          if (!Array.isArray(list) || !list.length) return;
          shown?.remove();
          shown = make("div", { class: "sources", hidden: Boolean(typing) }, make("p", { text: "sources" }, this.#word("sources")), make("ul"));
          for (const { title, url, passage, id } of list.slice(0, 5)) {
            const name = make("span", { dir: "auto" }, clean(title || id));
            const content = [icon("page"), make("span", {}, name, ...(passage ? [make("small", { class: "passage", dir: "auto", hidden: true }, clean(passage).replace(/\s+/g, " ").slice(0, 200))] : []))];
            shown.lastChild.append(make("li", {}, (url && link(url, ...content)) || make("span", { class: "link" }, ...content)));
          }
          state.before(shown);
        },
        /** All of an answer that the counter has, in place of what stood there. */
        whole({ id, text, sources, rung, feedback }) {
          for (const old of node.querySelectorAll(".sources, .small, .marks")) old.remove();
          shown = null;
          paint(text);
          this.sources(sources);
          this.finish(id, rung, feedback);
        },
        finish: (id, rung, feedback) => {
          typing?.remove();
          say.hidden = !say.childNodes.length;
          if (shown) {
            shown.hidden = false;
            // Where the answer is itself made of the passages, they are not shown twice.
            if (rung === "passages") Object.assign(shown.firstChild, { textContent: this.#word("excerpt") }).dataset.text = "excerpt";
            else for (const passage of shown.querySelectorAll(".passage")) passage.hidden = false;
          } else if (rung === "passages" || rung === "kept") {
            // What is not answered here and now, a person may.
            node.append(this.#button("person", () => this.#handoff()));
          }
          // That a question is kept is no answer to be judged.
          if (id && rung !== "kept") node.append(this.#marks(id, feedback));
        },
        /** What went wrong, and (asked to) a button that resolves the promise. */
        fail: (word, again) => {
          clearInterval(this.#clock);
          typing?.remove();
          say.hidden = !say.childNodes.length;
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
        remove: () => node.remove(),
      };
    }

    #marks(id, feedback) {
      const buttons = ["up", "down"].map((value) =>
        make("button", { type: "button", class: value, label: value, "aria-label": this.#word(value), "aria-pressed": String(feedback === value), on: { click: () => mark(value) } }, icon("up")),
      );
      const mark = async (pressed) => {
        const before = buttons.map((button) => button.getAttribute("aria-pressed"));
        // Pressed again, a thumb is taken back.
        const value = before[pressed === "up" ? 0 : 1] === "true" ? null : pressed;
        buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.className === value)));
        try {
          const response = await this.#visitor.call("/chat/feedback", { locale: this.#language, body: { message_id: id, value } });
          if (!response.ok) throw new Refused(response.status);
          if (value) this.#announce(this.#word(value === "up" ? "thanks" : "sorry"));
        } catch {
          buttons.forEach((button, n) => button.setAttribute("aria-pressed", before[n]));
        }
      };
      return make("div", { class: "marks" }, ...buttons);
    }

    // --- a person

    #handoff() {
      const n = this.#nodes;
      if (this.#root.querySelector("form.person")) return;
      // A shop that gives its contact takes no letters.
      if (this.#visitor.kept.contact) return this.#reach(this.#visitor.kept.contact);
      const note = make("textarea", { maxlength: "2000", name: "note" });
      const contact = make("input", { type: "text", maxlength: "200", name: "contact", autocomplete: "email", inputmode: "email" });
      const state = make("p", { class: "state alarm", role: "alert" });
      const send = make("button", { class: "small main", type: "submit", text: "handoffSend" });
      const form = make(
        "form",
        { class: "person", novalidate: true, "aria-labelledby": "handoff" },
        make("h3", { id: "handoff", text: "handoffTitle" }),
        make("p", { text: "handoffText" }),
        make("label", {}, make("span", { text: "note" }), note),
        make("label", {}, make("span", { text: "contact" }), contact),
        make("div", { class: "row" }, send, this.#button("cancel", () => this.#leaveHandoff(form))),
        state,
      );
      let sending = false;
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        if (sending) return;
        sending = true;
        send.setAttribute("aria-disabled", "true");
        state.textContent = "";
        const body = {};
        if (note.value.trim()) body.note = note.value.trim();
        if (contact.value.trim()) body.contact = contact.value.trim();
        try {
          const response = await this.#visitor.call("/chat/handoff", { locale: this.#language, body });
          if (!response.ok) throw new Refused(response.status);
          const reply = await response.json();
          this.#leaveHandoff(form);
          if (reply.status === "sent") this.#notice(this.#word("handoffSent") + (body.contact ? this.#word("handoffReply") : ""));
          else this.#reach(reply.contact);
        } catch {
          state.textContent = this.#word("handoffFailed");
        }
        sending = false;
        send.removeAttribute("aria-disabled");
      });
      n.log.inert = true;
      n.form.inert = true;
      n.body.append(form);
      this.#relabel();
      note.focus({ preventScroll: true });
    }

    #leaveHandoff(form) {
      form.remove();
      this.#nodes.log.inert = false;
      this.#nodes.form.inert = false;
      this.#nodes.input.focus({ preventScroll: true });
    }

    /** How the shop is reached. */
    #reach({ email, phone, hours, url } = {}) {
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
    if (document.querySelector("madoguchi-chat")) return;
    const element = document.createElement("madoguchi-chat");
    for (const { name, value } of script?.attributes ?? []) if (name.startsWith("data-")) element.setAttribute(name.slice(5), value);
    document.body.append(element);
  }
  if (document.body) place();
  else document.addEventListener("DOMContentLoaded", place);
})();
