// What the gateway costs on bare workerd: requests a second at 32 connections and added ms at one, beside a pass-through in JavaScript.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync, copyFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../scripts/steps.mjs";
import { madoguchi, median, upstream } from "./peers/processes.mjs";

const ROUNDS = 5;
const body = JSON.stringify({ model: "gpt-4.1", messages: [{ role: "user", content: "返品はできますか" }] });

function passthrough(base) {
  const folder = mkdtempSync(join(tmpdir(), "passthrough-"));
  copyFileSync(join(import.meta.dirname, "peers/passthrough.mjs"), join(folder, "index.js"));
  writeFileSync(join(folder, "config.capnp"), `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .w), (name = "internet", network = (allow = ["private", "public"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]);
const w :Workerd.Worker = (
  modules = [(name = "index.js", esModule = embed "index.js")], compatibilityDate = "2026-11-01", globalOutbound = "internet",
  bindings = [(name = "UPSTREAM", text = "${base}")]);`);
  const child = spawn(join(root, "node_modules/.bin/workerd"), ["serve", "--control-fd=3", join(folder, "config.capnp")], {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  child.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return new Promise((resolve) =>
    child.stdio[3].on("data", (d) => resolve({ url: `http://127.0.0.1:${JSON.parse(d.toString().split("\n")[0]).port}`, stop: () => child.kill() })),
  );
}

/** Requests a second and the median latency in ms over so many connections. */
function load(url, connections, seconds) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const options = { method: "POST", agent, headers: { authorization: "Bearer bench", "content-type": "application/json", "content-length": Buffer.byteLength(body) } };
  const times = [];
  const until = performance.now() + seconds * 1000;
  const one = () =>
    new Promise((resolve, reject) => {
      const began = performance.now();
      const request = http.request(`${url}/v1/chat/completions`, options, (reply) => {
        if (reply.statusCode !== 200) reject(new Error(`status ${reply.statusCode}`));
        reply.resume().on("end", () => resolve(times.push(performance.now() - began)));
      });
      request.on("error", reject).end(body);
    });
  const loop = async () => {
    while (performance.now() < until) await one();
  };
  return Promise.all(Array.from({ length: connections }, loop)).then(() => {
    agent.destroy();
    times.sort((a, b) => a - b);
    return { rate: times.length / seconds, median: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)] };
  });
}

export default async function gateway() {
  const host = await upstream();
  const sides = { direct: { url: host.url, stop() {} }, javascript: await passthrough(host.url), madoguchi: await madoguchi(host.url) };
  const results = Object.fromEntries(Object.keys(sides).map((name) => [name, { rate: [], p99: [], one: [] }]));
  for (const { url } of Object.values(sides)) await load(url, 32, 2);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, { url }] of Object.entries(sides)) {
      const many = await load(url, 32, 3);
      results[name].rate.push(many.rate);
      results[name].p99.push(many.p99);
      results[name].one.push((await load(url, 1, 1)).median);
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
}
