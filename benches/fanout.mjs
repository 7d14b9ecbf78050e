// The seed's table: 100 prompts on an upstream of 80 ms, in turn and 6, 10, 20, 50 at once, beside the ideal, the seed's own method, and a JavaScript Worker with lanes and nothing else.
import { join } from "node:path";
import { must } from "../scripts/steps.mjs";
import { pythonPackages } from "../scripts/setup/python-packages.mjs";
import { bare } from "./peers/bare.mjs";
import { madoguchi, median, upstream } from "./peers/processes.mjs";

const RUNS = 7;
const CALLS = 100;
const LATENCY_MS = 80;
// An engine compiles what is called often, and only then well.
const WARM_UP = 30;

async function batch(side, width) {
  const prompts = Array.from({ length: CALLS }, (_, i) => `q${i}`);
  const began = performance.now();
  const reply = await fetch(`${side.url}/v1/batch`, {
    method: "POST",
    headers: { authorization: "Bearer bench", "content-type": "application/json" },
    body: JSON.stringify({ prompts, model: "gpt-4.1", max_concurrent: width }),
  });
  const { summary } = await reply.json();
  if (summary?.ok !== CALLS) throw new Error(`a batch failed: ${JSON.stringify(summary)}`);
  return (performance.now() - began) / 1000;
}

export default async function fanout() {
  const python = await pythonPackages();
  const host = await upstream(`latency=${LATENCY_MS}`);
  const workers = { madoguchi: await madoguchi(host.url), javascript: await bare("lanes.mjs", host.url, { lanes: true }) };
  if (!python) console.log("the seed's method is skipped: this machine has no python3 with venv");
  // It is a program that begins anew for each batch; its first one opens connections and is not counted.
  const seed = async (width) =>
    Number((await must(python, [join(import.meta.dirname, "peers/seed.py"), host.url, String(width), "2"])).trim().split("\n").at(-1));
  for (const side of Object.values(workers)) for (let i = 0; i < WARM_UP; i++) await batch(side, 50);
  console.log("at once | ideal s | madoguchi s (of ideal) | seed's method | javascript, no policy | madoguchi req/s");
  for (const width of [1, 6, 10, 20, 50]) {
    const took = { madoguchi: [], seed: [], javascript: [] };
    for (let i = 0; i < (width === 1 ? 1 : RUNS); i++) {
      for (const [name, side] of Object.entries(workers)) took[name].push(await batch(side, width));
      if (python) took.seed.push(await seed(width));
    }
    const ideal = (Math.ceil(CALLS / width) * LATENCY_MS) / 1000;
    const cell = (name) => (took[name].length ? `${median(took[name]).toFixed(3)} (${(median(took[name]) / ideal).toFixed(2)})` : "-");
    const ours = (CALLS / median(took.madoguchi)).toFixed(0);
    console.log(`${String(width).padStart(7)} | ${ideal.toFixed(2)} | ${cell("madoguchi").padStart(12)} | ${cell("seed").padStart(12)} | ${cell("javascript").padStart(12)} | ${ours}`);
  }
  for (const side of Object.values(workers)) side.stop();
  host.stop();
}
