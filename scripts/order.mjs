// The order of the functions in the Worker's module. gzip looks back 32 KiB and no further, so functions that are alike are put beside
// each other. It takes a thirtieth off the bundle.

// Functions are alike by the runs of so many bytes that they share; runs that many share tell nothing.
const RUN = 4;
const COMMON = 60;

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

/** The functions' places, each followed by the one that is most like it of those that are left. */
function chain(functions) {
  const runs = functions.map((f) => {
    const seen = new Set();
    for (let at = 0; at + RUN <= f.length; at++) seen.add(f.readUInt32LE(at));
    return seen;
  });
  const holders = new Map();
  runs.forEach((seen, place) => {
    for (const run of seen) {
      const there = holders.get(run);
      if (there === undefined) holders.set(run, [place]);
      else if (there.length <= COMMON) there.push(place);
    }
  });
  const telling = runs.map((seen) => [...seen].filter((run) => holders.get(run).length > 1 && holders.get(run).length <= COMMON));
  const left = new Set(functions.keys());
  const order = [];
  while (left.size > 0) {
    let place = left.values().next().value;
    while (place !== undefined) {
      order.push(place);
      left.delete(place);
      const shared = new Map();
      for (const run of telling[place]) {
        for (const other of holders.get(run)) if (left.has(other)) shared.set(other, (shared.get(other) ?? 0) + 1);
      }
      let best = 0;
      const from = telling[place].length;
      place = undefined;
      for (const [other, count] of shared) {
        const likeness = count / (telling[other].length + from + 20);
        if (likeness > best) [best, place] = [likeness, other];
      }
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
