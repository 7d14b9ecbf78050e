// What the limits cost: one plain call on bare workerd with the upstream's limit kept by leases, and with none, in turns.
import { load, warm } from "./peers/load.mjs";
import { madoguchi, median, upstream } from "./peers/processes.mjs";

const ROUNDS = 4;
// One process of the same code is faster than the next for as long as it lives, so that each side has several.
const PROCESSES = 3;
// It never binds, so that what is measured is the keeping.
const LIMITS = { leases: "100000000", none: "0" };

export default async function cost() {
  const host = await upstream();
  const sides = [];
  for (let process = 0; process < PROCESSES; process++) {
    const names = Object.keys(LIMITS);
    for (const name of process % 2 ? names.reverse() : names) {
      sides.push({ name, ...(await madoguchi(host.url, { UPSTREAM_RPM: LIMITS[name] })) });
    }
  }
  const rates = Object.fromEntries(Object.keys(LIMITS).map((name) => [name, { rate: [], one: [] }]));
  await warm(sides);
  for (let round = 0; round < ROUNDS; round++) {
    for (const side of round % 2 ? sides.toReversed() : sides) {
      rates[side.name].rate.push((await load(side, 32, 2)).rate);
      rates[side.name].one.push((await load(side, 1, 1)).median_ms);
    }
  }
  console.log("        | req/s at 32 | ms at 1");
  const told = Object.entries(rates).map(([name, r]) => {
    const [rate, one] = [median(r.rate), median(r.one)];
    console.log(`${name.padEnd(7)} | ${rate.toFixed(0).padStart(11)} | ${one.toFixed(2)}`);
    return { rate, one };
  });
  const [leases, none] = told;
  console.log(`with leases: ${(leases.rate / none.rate).toFixed(3)} of the requests a second, +${(leases.one - none.one).toFixed(3)} ms`);
  for (const side of sides) side.stop();
  host.stop();
}
