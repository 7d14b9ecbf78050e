// The order of the functions in the Worker's module. gzip looks back 32 KiB and no further, so each function is put where what came
// before it within that reach is most like it. It takes a twentieth off the bundle.

// Functions are alike by the runs of so many bytes that they share; runs that many share tell nothing.
const RUN = 6;
const COMMON = 60;
const REACH = 30_000;

function number(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, at];
  }
}

function written(value) {
  const bytes = [];
  do {
    bytes.push((value & 127) | (value > 127 ? 128 : 0));
    value = Math.floor(value / 128);
  } while (value > 0);
  return Buffer.from(bytes);
}

/** The module's sections: where each begins, its body and its end. */
function* sections(wasm) {
  for (let at = 8; at < wasm.length; ) {
    const [length, body] = number(wasm, at + 1);
    yield { kind: wasm[at], at, body, end: body + length };
    at = body + length;
  }
}

function importedFunctions(wasm, { body }) {
  let functions = 0;
  let [count, at] = number(wasm, body);
  const skip = () => ([, at] = number(wasm, at));
  const limits = () => {
    const flags = wasm[at++];
    skip();
    if (flags & 1) skip();
  };
  for (; count > 0; count--) {
    for (const _ of ["module", "name"]) {
      const [length, from] = number(wasm, at);
      at = from + length;
    }
    const kind = wasm[at++];
    if (kind === 0) functions++;
    if (kind === 0) skip();
    else if (kind === 1) at++, limits();
    else if (kind === 2) limits();
    else if (kind === 3) at += 2;
    else at++, skip();
  }
  return functions;
}

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
  const first = imports ? importedFunctions(wasm, imports) : 0;
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
