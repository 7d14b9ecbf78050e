// A module's bytes, read and written no further than the build needs.

/** The number at a place, and the place after it. */
export function number(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, at];
  }
}

/** A number's bytes. */
export function written(value) {
  const bytes = [];
  do {
    bytes.push((value & 127) | (value > 127 ? 128 : 0));
    value = Math.floor(value / 128);
  } while (value > 0);
  return Buffer.from(bytes);
}

/** The module's sections: where each begins, its body and its end. */
export function* sections(wasm) {
  for (let at = 8; at < wasm.length; ) {
    const [length, body] = number(wasm, at + 1);
    yield { kind: wasm[at], at, body, end: body + length };
    at = body + length;
  }
}

/** What a section of imports holds: of each the module, the name and the kind. */
export function imported(wasm, { body }) {
  const found = [];
  let [count, at] = number(wasm, body);
  const skip = () => ([, at] = number(wasm, at));
  const text = () => {
    const [length, from] = number(wasm, at);
    at = from + length;
    return wasm.toString("utf8", from, at);
  };
  const limits = () => {
    const flags = wasm[at++];
    skip();
    if (flags & 1) skip();
  };
  for (; count > 0; count--) {
    const [module, name] = [text(), text()];
    const kind = wasm[at++];
    if (kind === 0) skip();
    else if (kind === 1) at++, limits();
    else if (kind === 2) limits();
    else if (kind === 3) at += 2;
    else at++, skip();
    found.push({ module, name, kind });
  }
  return found;
}
