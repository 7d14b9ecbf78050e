// The seed's table: 100 prompts on an upstream of 80 ms, in turn and 6, 10, 20, 50 at once, beside the ideal and the seed's own method.
import { join } from "node:path";
import { must } from "../scripts/steps.mjs";
import { pythonPackages } from "../scripts/setup/python-packages.mjs";
import { madoguchi, median, upstream } from "./peers/processes.mjs";

const RUNS = 5;

export default async function fanout() {
  const python = await pythonPackages();
  const host = await upstream("latency=80");
  const worker = await madoguchi(host.url);
  if (!python) console.log("the seed's method is skipped: this machine has no python3 with venv");
  const batch = async (width) => {
    const prompts = Array.from({ length: 100 }, (_, i) => `q${i}`);
    const began = performance.now();
    const reply = await fetch(`${worker.url}/v1/batch`, {
      method: "POST",
      headers: { authorization: "Bearer bench", "content-type": "application/json" },
      body: JSON.stringify({ prompts, model: "gpt-4.1", max_concurrent: width }),
    });
    const { summary } = await reply.json();
    if (summary?.ok !== 100) throw new Error(`a batch failed: ${JSON.stringify(summary)}`);
    return (performance.now() - began) / 1000;
  };
  await batch(50); // Lanes are made once and kept.
  console.log("at once | ideal s | madoguchi s (of ideal) | seed s | madoguchi req/s | seed req/s");
  for (const width of [1, 6, 10, 20, 50]) {
    const runs = width === 1 ? 1 : RUNS;
    const ours = [];
    const seeds = [];
    for (let i = 0; i < runs; i++) {
      ours.push(await batch(width));
      if (python) seeds.push(Number(await must(python, [join(import.meta.dirname, "peers/seed.py"), host.url, String(width), "1"])));
    }
    const ideal = Math.ceil(100 / width) * 0.08;
    const [a, b] = [median(ours), median(seeds)];
    console.log(`${String(width).padStart(7)} | ${ideal.toFixed(2)} | ${a.toFixed(3)} (${(a / ideal).toFixed(2)}) | ${b?.toFixed(3)} | ${(100 / a).toFixed(0)} | ${b ? (100 / b).toFixed(0) : "-"}`);
  }
  worker.stop();
  host.stop();
}
