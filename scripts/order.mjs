// The order of the functions in the Worker's module. gzip looks back 32 KiB and no further, so each function is put where what came
// before it within that reach is most like it. It takes a twentieth off the bundle.

import { imported, number, sections, written } from "./wasm.mjs";

// Functions are alike by the runs of so many bytes that they share; runs that many share tell nothing.
const RUN = 6;
const COMMON = 60;
const REACH = 30_000;

function bodies(wasm, { body }) {
  let [count, at] = number(wasm, body);
  const found = [];
  for (; count > 0; count--) {
    const [length, from] = number(wasm, at);
    found.push(wasm.subarray(from, from + length));
    at = from + length;
  }
  return found;
}

/** The runs of each function that tell something, as numbers from 0 up, and the functions that hold each run. */
function telling(functions) {
  const runs = new Map();
  functions.forEach((f, place) => {
    for (let at = 0; at + RUN <= f.length; at++) {
      const run = f.readUIntLE(at, RUN);
      const holders = runs.get(run);
      if (holders === undefined) runs.set(run, [place]);
      else if (holders.length <= COMMON && holders.at(-1) !== place) holders.push(place);
    }
  });
  const holders = [...runs.values()].filter((places) => places.length > 1 && places.length <= COMMON);
  const held = functions.map(() => []);
  holders.forEach((places, run) => places.forEach((place) => held[place].push(run)));
  return { held, holders };
}

/** The functions' places, each followed by the one of those left that has the largest part in common with what is within reach of it. */
function chain(functions) {
  const { held, holders } = telling(functions);
  const within = holders.map(() => 0);
  const shared = functions.map(() => 0);
  const left = new Set(functions.keys());
  const order = [];
  let [bytes, first, place] = [0, 0, 0];
  while (left.size > 0) {
    order.push(place);
    left.delete(place);
    for (const run of held[place]) if (within[run]++ === 0) for (const other of holders[run]) shared[other]++;
    for (bytes += functions[place].length; bytes > REACH && order[first] !== place; first++) {
      bytes -= functions[order[first]].length;
      for (const run of held[order[first]]) if (--within[run] === 0) for (const other of holders[run]) shared[other]--;
    }
    let best = -1;
    for (const other of left) {
      const likeness = shared[other] / (held[other].length + 5);
      if (likeness > best) [best, place] = [likeness, other];
    }
  }
  return order;
}

/** The module, its functions named so that `wasm-opt --reorder-functions-by-name` puts them in this order. */
export function namedInOrder(wasm) {
  const all = [...sections(wasm)];
  const imports = all.find((s) => s.kind === 2);
  const first = imports ? imported(wasm, imports).filter(({ kind }) => kind === 0).length : 0;
  const names = [];
  chain(bodies(wasm, all.find((s) => s.kind === 10))).forEach((place, rank) => (names[place] = `f${String(rank).padStart(6, "0")}`));
  const listed = Buffer.concat([
    written(names.length),
    ...names.flatMap((name, place) => [written(first + place), written(name.length), Buffer.from(name)]),
  ]);
  const section = Buffer.concat([written(4), Buffer.from("name"), Buffer.from([1]), written(listed.length), listed]);
  const kept = all.filter((s) => s.kind !== 0).map((s) => wasm.subarray(s.at, s.end));
  return Buffer.concat([wasm.subarray(0, 8), ...kept, Buffer.from([0]), written(section.length), section]);
}
