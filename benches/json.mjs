// The reader of model JSON: valid JSON beside serde_json (native and in wasm), broken replies beside the readers that a
// user would pick instead, and how many replies of the project's own table each reads right.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { command, must, root, tools } from "../scripts/steps.mjs";

const JSON_REPAIR = "json_repair==0.64.6";
const ROUNDS = 5;
const crate = join(import.meta.dirname, "json-peers");
const target = process.env.CARGO_TARGET_DIR ?? join(crate, "target");

/** The table of the tests: what each reply is, and its value (null for a refusal). */
function table() {
  const folder = join(root, "tests/json/cases");
  return readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), "utf8").split("\n== ").slice(1).map((block) => {
      const name = block.slice(0, block.indexOf("\n"));
      const end = block.lastIndexOf("\n=> ");
      let verdict = block.slice(end + 4).split("\n")[0];
      if (/ \| [a-z_, ]+$/.test(verdict)) verdict = verdict.slice(0, verdict.lastIndexOf(" | "));
      return { name, reply: block.slice(name.length + 1, end), value: verdict === "refused" ? null : JSON.parse(verdict) };
    }),
  );
}

const point = (i) => ({
  id: `doc-${i}`, relevance: Math.round(1e4 * Math.abs(Math.sin(i))) / 1e4, summary: `お客様は注文${i}番の返品を希望しています。 The parcel is "late" by ${i} days.`,
  key_points: ["返品", "refund\nrequested", `code ${i * 7919}`], urgent: i % 3 === 0, note: null,
});

/** A list of about so many bytes. */
function list(bytes, indent) {
  const items = [];
  for (let size = 0; size < bytes; size = Buffer.byteLength(JSON.stringify(items, null, indent))) items.push(point(items.length));
  return JSON.stringify(items, null, indent);
}

/** An answer of about so many bytes, with one document at least. */
function answer(bytes) {
  const documents = [point(0)];
  while (Buffer.byteLength(JSON.stringify({ documents }, null, 2)) < bytes) documents.push(point(documents.length));
  return { count: documents.length, documents };
}

const shown = (value) => JSON.stringify(value, null, 2);

/** The faults that models make most: each gives the reply and the value that was meant. */
const FAULTS = {
  "in a fence": (v) => [`\`\`\`json\n${shown(v)}\n\`\`\``, v],
  "a fence and prose": (v) => [`Here is the analysis:\n\n\`\`\`json\n${shown(v)}\n\`\`\`\n\nLet me know if you need more.`, v],
  "commas at ends": (v) => [shown(v).replaceAll("\n    }", ",\n    }"), v],
  "commas missing": (v) => [shown(v).replaceAll(",\n      \"", "\n      \""), v],
  "Python's literals": (v) => [shown(v).replaceAll(": true", ": True").replaceAll(": false", ": False").replaceAll(": null", ": None"), v],
  "single quotes": (v) => {
    const plain = JSON.parse(JSON.stringify(v).replaceAll('\\"', "").replaceAll("\\n", " "));
    return [shown(plain).replaceAll('"', "'"), plain];
  },
  "bare keys": (v) => [shown(v).replace(/"(\w+)":/g, "$1:"), v],
  comments: (v) => [shown(v).replaceAll("    {\n", "    {\n      // as asked\n"), v],
  "quotes not escaped": (v) => [shown(v).replaceAll('\\"late\\"', '"late"'), v],
  "raw newlines": (v) => [shown(v).replaceAll("\\n", "\n"), v],
  "cut off": (v) => [`${shown(v).slice(0, -6)},\n    {\n      "id": "doc`, { ...v, documents: [...v.documents, { id: "doc" }] }],
  "brackets not closed": (v) => [shown(v).slice(0, -12), v],
  "most of these at once": (v) => {
    const text = shown(v).replaceAll(": true", ": True").replaceAll(": null", ": None").replaceAll('\\"late\\"', '"late"');
    return [`Here is the analysis:\n\`\`\`json\n// as asked\n${text.replaceAll("\n    }", ",\n    }").slice(0, -6)}`, v];
  },
};

/** Broken replies of about so many bytes. */
const broken = (bytes) => Object.entries(FAULTS).map(([name, fault]) => {
  const [reply, value] = fault(answer(bytes));
  return { name, reply, value };
});

function valid_json(text) {
  try { JSON.parse(text); return true; } catch { return false; }
}

const median = (all) => [...all].sort((a, b) => a - b)[all.length >> 1];

/** Nanoseconds for one reading, as the Rust and the Python side take them. */
function timed(read, text) {
  const once = () => { try { read(text); } catch { /* a refusal takes its time too */ } };
  for (let i = 0; i < 20; i++) once();
  let began = process.hrtime.bigint();
  once();
  const times = Math.max(1, Math.min(5000, Math.floor(2e6 / Math.max(100, Number(process.hrtime.bigint() - began)))));
  return median(Array.from({ length: 11 }, () => {
    began = process.hrtime.bigint();
    for (let i = 0; i < times; i++) once();
    return Number(process.hrtime.bigint() - began) / times;
  }));
}

/** Python with json_repair, made once; nothing where this machine cannot. */
async function python() {
  const venv = join(tools, "venv-json");
  const program = process.env.JSON_REPAIR_PYTHON ?? join(venv, "bin/python");
  if (existsSync(program)) return program;
  mkdirSync(tools, { recursive: true });
  if ((await command("python3", ["-m", "venv", venv])).code !== 0) return null;
  await must(program, ["-m", "pip", "install", "-q", JSON_REPAIR]);
  return program;
}

async function jsonrepair() {
  try {
    return (await import(process.env.JSONREPAIR ?? "jsonrepair")).jsonrepair;
  } catch {
    return null;
  }
}

const lines = (output) => output.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));

export default async function json() {
  await must("cargo", ["build", "--release", "--locked"], { cwd: crate, show: true });
  await must("cargo", ["build", "--profile", "worker", "--lib", "--locked", "--target", "wasm32-unknown-unknown"], { cwd: crate, show: true });
  const native = join(target, "release/json-peers");
  const py = await python();
  const js = await jsonrepair();
  const folder = mkdtempSync(join(tmpdir(), "json-"));
  try {
    const run = async (what, texts, peers = true) => {
      const file = join(folder, "texts.json");
      writeFileSync(file, JSON.stringify(texts));
      const sides = lines(await must(native, [what, file]));
      if (peers && py) sides.push(...lines(await must(py, [join(crate, "json_repair_peer.py"), what, file])));
      if (peers && js) {
        const value = (text) => { try { return { value: JSON.parse(js(text)) }; } catch { return { value: null }; } };
        sides.push(what === "values" ? { peer: "jsonrepair", values: texts.map(value) } : { peer: "jsonrepair", ns: texts.map((t) => timed((text) => JSON.parse(js(text)), t)) });
      }
      return sides;
    };

    const sizes = [1_000, 10_000, 100_000];
    const valid = sizes.flatMap((size) => [list(size), list(size, 2)]);
    const rounds = [];
    for (let i = 0; i < ROUNDS; i++) rounds.push(await run("time", valid, false));
    const wasm = (await WebAssembly.instantiate(readFileSync(join(target, "wasm32-unknown-unknown/worker/json_peers.wasm")))).instance.exports;
    console.log("valid JSON          | serde_json µs | madoguchi µs (of serde_json's) | in wasm, µs      | (of serde_json's)");
    valid.forEach((text, i) => {
      const of = (name) => median(rounds.map((sides) => sides.find((s) => s.peer === name).ns[i]));
      wasm.text_clear();
      for (const byte of Buffer.from(text)) wasm.text_push(byte);
      const times = Math.ceil(2_000_000 / text.length);
      const once = (ours) => {
        const began = performance.now();
        wasm.text_read(ours, times);
        return ((performance.now() - began) * 1000) / times;
      };
      once(0), once(1);
      const pairs = Array.from({ length: 15 }, () => [once(0), once(1)]);
      const [w0, w1] = [median(pairs.map((p) => p[0])), median(pairs.map((p) => p[1]))];
      const [a, b] = [of("serde_json") / 1000, of("madoguchi") / 1000];
      const size = `${Math.round(Buffer.byteLength(text) / 1000)} kB ${i % 2 ? "indented" : "compact"}`;
      console.log(`${size.padEnd(19)} | ${a.toFixed(2).padStart(13)} | ${b.toFixed(2).padStart(12)} (${(b / a).toFixed(2)})            | ${w0.toFixed(2)} → ${w1.toFixed(2)}`.padEnd(86) + ` | (${(w1 / w0).toFixed(2)})`);
    });

    const cases = table();
    const sets = [
      // Valid JSON is compared above; a refusal has no right reading to be fast at, but counts among all.
      { name: "the table", all: cases.filter((c, i) => i % 4 === 0 && !valid_json(c.reply)) },
      ...[[200, "200 B"], [1_000, "1 kB"], [10_000, "10 kB"], [100_000, "100 kB"]].map(([size, name]) => ({ name, all: broken(size) })),
    ];
    const values = await run("values", cases.map((c) => c.reply));
    console.log(`\npeer               | read right of the ${cases.length} replies of the project's table`);
    for (const { peer, values: read } of values) {
      if (peer === "serde_json") continue;
      console.log(`${peer.padEnd(18)} | ${cases.filter((c, i) => isDeepStrictEqual(read[i].value, c.value)).length}`);
      if (process.env.MADOGUCHI_SHOW === peer) {
        const first = values[0].values;
        cases.forEach((c, i) => {
          if (isDeepStrictEqual(read[i].value, c.value) && !isDeepStrictEqual(first[i].value, c.value)) console.log(`  better: ${c.name}`);
        });
      }
    }

    console.log("\nBroken replies, text in and value out. What counts is the time over the replies that the peer reads right: a peer that");
    console.log("gives up early, or gives another value, does not do the same. All replies stand beside it.");
    console.log("replies             | peer               | reads right | its µs over these | ours   | its time is ours × | over all replies × | slowest of ours");
    for (const { name, all } of sets) {
      const read = await run("values", all.map((c) => c.reply));
      const times = await run("time", all.map((c) => c.reply));
      const ours = times[0].ns;
      for (const { peer, values: got } of read) {
        if (peer === "serde_json" || peer === "madoguchi") continue;
        const ns = times.find((s) => s.peer === peer).ns;
        const right = all.map((c, i) => i).filter((i) => all[i].value !== null && isDeepStrictEqual(got[i].value, all[i].value));
        const sum = (of, over) => over.reduce((total, i) => total + of[i], 0);
        const everything = all.map((c, i) => i);
        const worst = right.reduce((w, i) => (w === null || ns[i] / ours[i] < ns[w] / ours[w] ? i : w), null);
        const mean = (of) => (right.length ? (sum(of, right) / right.length / 1000).toFixed(2) : "-");
        const times_ours = (over) => (over.length ? (sum(ns, over) / sum(ours, over)).toFixed(2) : "-");
        console.log(
          `${name.padEnd(19)} | ${peer.padEnd(18)} | ${`${right.length} of ${all.length}`.padStart(11)} | ${mean(ns).padStart(17)} | ${mean(ours).padStart(6)} | ` +
          `${times_ours(right).padStart(18)} | ${times_ours(everything).padStart(18)} | ${worst === null ? "-" : `${(ns[worst] / ours[worst]).toFixed(2)} ${all[worst].name}`}`,
        );
      }
    }
    if (!py) console.log("json_repair is skipped: this machine has no python3 with venv");
    if (!js) console.log("jsonrepair is skipped: `npm install` puts it into node_modules");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
