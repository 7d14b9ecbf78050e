// What the limits cost: one plain call on bare workerd with the upstream's limit kept by leases, and with none, in turns.
import { load } from "./peers/load.mjs";
import { madoguchi, median, upstream } from "./peers/processes.mjs";

const ROUNDS = 9;
// It never binds, so that what is measured is the keeping.
const LIMITS = { leases: "100000000", none: "0" };

export default async function cost() {
  const host = await upstream();
  const sides = {};
  for (const [name, UPSTREAM_RPM] of Object.entries(LIMITS)) sides[name] = await madoguchi(host.url, { UPSTREAM_RPM });
  const results = Object.fromEntries(Object.keys(sides).map((name) => [name, { rate: [], one: [] }]));
  for (const side of Object.values(sides)) await load(side, 32, 3);
  for (let round = 0; round < ROUNDS; round++) {
    // Whoever goes second goes first next: the machine's mood is nobody's.
    const order = Object.keys(sides);
    for (const name of round % 2 ? order.reverse() : order) {
      results[name].rate.push((await load(sides[name], 32, 2)).rate);
      results[name].one.push((await load(sides[name], 1, 1)).median_ms);
    }
  }
  const { leases, none } = Object.fromEntries(
    Object.entries(results).map(([name, r]) => [name, { rate: median(r.rate), one: median(r.one) }]),
  );
  console.log("        | req/s at 32 | ms at 1");
  for (const [name, r] of Object.entries({ leases, none })) console.log(`${name.padEnd(7)} | ${r.rate.toFixed(0).padStart(11)} | ${r.one.toFixed(2)}`);
  const paired = results.leases.rate.map((rate, i) => rate / results.none.rate[i]);
  console.log(`with leases: ${(leases.rate / none.rate).toFixed(3)} of the requests a second (pair by pair ${median(paired).toFixed(3)}), +${(leases.one - none.one).toFixed(3)} ms`);
  for (const side of Object.values(sides)) side.stop();
  host.stop();
}
