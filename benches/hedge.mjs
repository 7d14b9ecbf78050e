// A second call beside a late one: how long a call takes, and how many the host gets, with and without, where one call in 25 takes 3 s more.
import { load } from "./peers/load.mjs";
import { madoguchi, median, upstream } from "./peers/processes.mjs";

const ROUNDS = 3;

export default async function hedge() {
  const results = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const HEDGE of ["false", "true"]) {
      const host = await upstream("latency=100", "jitter=100", "tail=3000");
      const side = await madoguchi(host.url, { HEDGE });
      await load(side, 8, 10);
      await fetch(`${host.url}/_/reset`, { method: "POST" });
      const many = await load(side, 8, 20);
      const { total } = await (await fetch(`${host.url}/_/seen`)).json();
      const result = (results[HEDGE] ??= { median: [], p99: [], calls: [] });
      result.median.push(many.median_ms);
      result.p99.push(many.p99_ms);
      result.calls.push(total / (many.rate * 20));
      await side.stop();
      host.stop();
    }
  }
  console.log("HEDGE | median ms | p99 ms | calls for an answer");
  for (const [name, r] of Object.entries(results)) {
    console.log(`${name.padEnd(5)} | ${median(r.median).toFixed(0).padStart(9)} | ${median(r.p99).toFixed(0).padStart(6)} | ${median(r.calls).toFixed(3)}`);
  }
}
