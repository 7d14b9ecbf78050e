// What the gateway costs on bare workerd: requests a second at 32 connections and added ms at one, beside a pass-through in JavaScript, one that
// makes the same calls of the platform, and Portkey's gateway.
import { bare } from "./peers/bare.mjs";
import { load, warm } from "./peers/load.mjs";
import { portkey } from "./peers/portkey.mjs";
import { madoguchi, median, upstream } from "./peers/processes.mjs";

const ROUNDS = 5;

export default async function gateway() {
  const host = await upstream();
  const sides = {
    direct: { url: host.url, stop() {} },
    javascript: await bare("passthrough.mjs", host.url),
    "same calls": await bare("same_calls.mjs", host.url, { signals: true }),
    madoguchi: await madoguchi(host.url),
  };
  const peer = await portkey();
  if (peer) sides.portkey = { ...peer, headers: ["x-portkey-provider: openai", `x-portkey-custom-host: ${host.url}/v1`] };
  else console.log("portkey is skipped: npm could not install @portkey-ai/gateway");
  const results = Object.fromEntries(Object.keys(sides).map((name) => [name, { rate: [], p99: [], one: [] }]));
  await warm(Object.values(sides));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, side] of Object.entries(sides)) {
      const many = await load(side, 32, 3);
      results[name].rate.push(many.rate);
      results[name].p99.push(many.p99_ms);
      results[name].one.push((await load(side, 1, 1)).median_ms);
    }
  }
  const js = median(results.javascript.rate);
  const direct = median(results.direct.one);
  console.log("            | req/s at 32 | of javascript | p99 ms at 32 | added ms at 1");
  for (const [name, r] of Object.entries(results)) {
    const [rate, p99, one] = [median(r.rate), median(r.p99), median(r.one)];
    console.log(`${name.padEnd(11)} | ${rate.toFixed(0).padStart(11)} | ${(rate / js).toFixed(2).padStart(13)} | ${p99.toFixed(1).padStart(12)} | +${(one - direct).toFixed(2)}`);
  }
  for (const side of Object.values(sides)) side.stop();
  host.stop();
}
