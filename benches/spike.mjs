// Ten times what the upstream can do, for half a minute: what it did, whom it refused, and what became of the people, beside the seed's method and Portkey's gateway.
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must, root } from "../scripts/steps.mjs";
import { pythonPackages } from "../scripts/setup/python-packages.mjs";
import { loadDemoShop } from "../scripts/demo-shop.mjs";
import { portkey } from "./peers/portkey.mjs";
import { freePort, madoguchi, upstream } from "./peers/processes.mjs";

// SPIKE_CAPACITY sizes the whole to a machine: the people are always ten times what the upstream can do.
const CAPACITY = Number(process.env.SPIKE_CAPACITY ?? 50);
const RATE = 10 * CAPACITY;
const SECONDS = 30;
const AFTER = { rate: CAPACITY / 5, seconds: 12 };
// SPIKE_FAULT=none,refusing,slow,dead,panic,evicted,restarted runs Madoguchi alone, once with each: the host's faults for 20 of the 30 seconds,
// and in the middle a panic in the isolate, the budget's object evicted, or the whole engine started anew.
const WELL = [`rate=${CAPACITY}`, "window=1000", "latency=300", "jitter=200", "retry-after=1"];
const FAULTS = {
  none: { from: 0, to: 0 },
  refusing: { behaviour: "status=429 retry-after=1", from: 5, to: 25 },
  slow: { behaviour: `rate=${CAPACITY} window=1000 latency=3000 jitter=2000 retry-after=1`, from: 5, to: 25 },
  dead: { behaviour: "reset", from: 5, to: 25 },
  panic: { trap: "x-trap", from: 15, to: 15 },
  evicted: { trap: "x-evict", from: 15, to: 15 },
  restarted: { restart: true, from: 15, to: 15 },
};
const PEOPLE = [RATE, SECONDS, AFTER.rate, AFTER.seconds].map(String);
const RETRIES = 'x-portkey-config: {"retry":{"attempts":3,"on_status_codes":[429]}}';

const rush = async (kind, url, people, headers, env) =>
  JSON.parse(await must(join(root, "target/release/examples/spike"), [kind, url, ...people, ...headers], { env }));

/** The rush, after a few who come alone: back to normal is an answer within a second of what it took them. `meanwhile` runs beside it. */
async function people(host, kind, url, headers = [], env = {}, meanwhile = async () => {}) {
  const alone = await rush(kind, url, ["1", "5", "0", "0"], headers, { ...env, SPIKE_FIRST: "500000" });
  await fetch(`${host.url}/_/reset`, { method: "POST" });
  const [came] = await Promise.all([rush(kind, url, PEOPLE, headers, { ...env, SPIKE_USUAL_MS: String(alone.answer_median_ms) }), meanwhile()]);
  return came;
}

async function seen(host) {
  return (await fetch(`${host.url}/_/seen`)).json();
}

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

async function behave(host, words) {
  await fetch(`${host.url}/_/behaviour`, { method: "PUT", body: words });
}

/** What goes wrong within the spike, from its first second. */
async function goWrong(fault, host, counter) {
  await sleep(fault.from);
  if (fault.trap) await fetch(`${counter.url}/v1/models`, { headers: { authorization: "Bearer bench", [fault.trap]: "1" } });
  if (fault.restart) await counter.restart();
  if (!fault.behaviour) return;
  await behave(host, fault.behaviour);
  await sleep(fault.to - fault.from);
  await behave(host, WELL.join(" "));
}

async function ours(host, fault) {
  const secret = randomBytes(24).toString("hex");
  // One disk that syncs for every shopper's object in turn is nothing that the platform has: the objects' storage is in memory.
  const state = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "madoguchi-spike-"));
  const counter = await madoguchi(host.url, {
    ...(fault?.trap ? { ENTRY: "tests/worker/trap.mjs" } : {}),
    PORT: String(await freePort()), STATE_DIR: state, UPSTREAM_RPM: String(CAPACITY * 60), QUEUE_MS: "15000", VISITOR_SECRET: secret, VISITOR_RPM: "0", ADDRESS_RPM: "0",
  });
  try {
    await loadDemoShop(counter.url, "bench");
    return await people(host, "chat", counter.url, [], { VISITOR_SECRET: secret }, fault && (() => goWrong(fault, host, counter)));
  } finally {
    await counter.stop();
    rmSync(state, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  }
}

async function seed(host) {
  const python = await pythonPackages();
  if (!python) return undefined;
  return JSON.parse(await must(python, [join(import.meta.dirname, "peers/seed_spike.py"), `${host.url}`, ...PEOPLE]));
}

async function theirs(host) {
  const gateway = await portkey();
  if (!gateway) return undefined;
  try {
    const headers = ["x-portkey-provider: openai", `x-portkey-custom-host: ${host.url}/v1`, RETRIES];
    return await people(host, "completions", gateway.url, headers);
  } finally {
    gateway.stop();
  }
}

const answered = new Set(["full", "fallback_model", "shared", "passages", "kept"]);

/** What the upstream answered in the seconds of the spike in which it was well, as a part of what it could. */
function goodput(saw, fault) {
  const well = (_, at) => !fault?.behaviour || at + 1 < fault.from || at + 1 > fault.to;
  const seconds = saw.by_second.slice(1, SECONDS).filter(well);
  return seconds.reduce((sum, [, taken]) => sum + taken, 0) / (seconds.length * CAPACITY);
}

export default async function spike() {
  const faults = process.env.SPIKE_FAULT?.split(",") ?? [];
  const unknown = faults.find((name) => !FAULTS[name]);
  if (unknown) throw new Error(`no fault ${unknown}; there are: ${Object.keys(FAULTS).join(", ")}`);
  const sides = faults.length > 0
    ? Object.fromEntries(faults.map((name) => [name, (host) => ours(host, FAULTS[name])]))
    : { madoguchi: ours, "seed's method": seed, portkey: theirs };
  const results = {};
  for (const [name, side] of Object.entries(sides)) {
    const host = await upstream(...WELL);
    const came = await side(host);
    if (came) results[name] = { ...came, saw: await seen(host) };
    else console.log(`${name} is skipped: it could not be installed here`);
    host.stop();
  }
  console.log(`${RATE} people a second for ${SECONDS} s, then ${AFTER.rate} a second; the upstream does ${CAPACITY} a second and refuses the rest`);
  console.log("              | goodput | refused | p99 of first word or notice | people with no answer | back to normal | what people got");
  for (const [name, r] of Object.entries(results)) {
    const none = Object.entries(r.ends).filter(([end]) => !answered.has(end)).reduce((sum, [, n]) => sum + n, 0);
    const refused = r.saw.refused / Math.max(1, r.saw.total);
    const told = Object.entries(r.ends).map(([end, n]) => `${end} ${n}`).join(", ");
    console.log(
      `${name.padEnd(13)} | ${(100 * goodput(r.saw, FAULTS[name])).toFixed(1).padStart(5)} % | ${(100 * refused).toFixed(2).padStart(5)} % | ${(r.notice_p99_ms / 1000).toFixed(2).padStart(25)} s | ` +
        `${String(none).padStart(12)} of ${r.people} | ${r.normal_after_s.toFixed(1).padStart(12)} s | ${told}`,
    );
  }
  if (faults.length > 0) return;
  const picture = join(root, "docs/spike.svg");
  writeFileSync(picture, draw(results));
  console.log(`the picture: ${picture}`);
}

const COLOURS = { full: "#2f7d5b", fallback_model: "#58a27f", shared: "#8fc7a9", passages: "#e0b04f", kept: "#b9803a", other: "#b6453f" };

/** People by the second in which they came, by what they got, and beneath them what the upstream did. */
function draw(results) {
  const names = Object.keys(results);
  const seconds = SECONDS + AFTER.seconds;
  const [width, high, low, left] = [16 * seconds, 130, 60, 60];
  const parts = [];
  names.forEach((name, n) => {
    const r = results[name];
    const top = 40 + n * (high + low + 60);
    parts.push(`<text x="${left}" y="${top - 8}" class="name">${name.replace("'", "’")}</text>`);
    r.by_second.forEach((second, x) => {
      let y = top + high;
      const kinds = Object.keys(COLOURS).slice(0, -1);
      const other = Object.entries(second).filter(([end]) => !kinds.includes(end)).reduce((sum, [, count]) => sum + count, 0);
      for (const [kind, count] of [...kinds.map((kind) => [kind, second[kind] ?? 0]), ["other", other]]) {
        const tall = (count / RATE) * high;
        if (tall === 0) continue;
        y -= tall;
        parts.push(`<rect x="${left + x * 16}" y="${y.toFixed(1)}" width="14" height="${tall.toFixed(1)}" fill="${COLOURS[kind]}"/>`);
      }
    });
    const most = Math.max(CAPACITY * 1.2, ...r.saw.by_second.slice(0, seconds).map(([calls]) => calls));
    const base = top + high + 16 + low;
    r.saw.by_second.slice(0, seconds).forEach(([calls, taken], x) => {
      const [all, good] = [(calls / most) * low, (taken / most) * low];
      parts.push(`<rect x="${left + x * 16}" y="${(base - all).toFixed(1)}" width="14" height="${(all - good).toFixed(1)}" fill="${COLOURS.other}"/>`);
      parts.push(`<rect x="${left + x * 16}" y="${(base - good).toFixed(1)}" width="14" height="${good.toFixed(1)}" fill="#4a6fa5"/>`);
    });
    const line = base - (CAPACITY / most) * low;
    parts.push(`<line x1="${left}" x2="${left + width}" y1="${line.toFixed(1)}" y2="${line.toFixed(1)}" class="limit"/>`);
    parts.push(`<text x="${left - 6}" y="${top + 10}" class="side">${RATE}/s</text><text x="${left - 6}" y="${(line + 4).toFixed(1)}" class="side">${CAPACITY}/s</text>`);
  });
  const bottom = 40 + names.length * (high + low + 60);
  const keys = [["full", "answered by the model"], ["passages", "the shop’s passages"], ["kept", "kept, answered later"], ["other", "no answer, or refused"]];
  keys.forEach(([kind, word], n) => {
    parts.push(`<rect x="${left + n * 165}" y="${bottom - 18}" width="12" height="12" fill="${COLOURS[kind]}"/><text x="${left + 17 + n * 165}" y="${bottom - 8}">${word}</text>`);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${left + width + 20} ${bottom + 10}" font-family="sans-serif" font-size="12">
<style>text{fill:#444}.name{font-weight:bold;font-size:14px}.side{text-anchor:end;font-size:11px}.limit{stroke:#444;stroke-dasharray:4 3}@media (prefers-color-scheme:dark){text{fill:#ccc}.limit{stroke:#ccc}}</style>
${parts.join("\n")}
</svg>
`;
}
