// Makes a finished WebAssembly module smaller when it is compressed: without the exports that no JavaScript uses, and with its functions in an order
// in which gzip finds more of each in those before it. Neither changes what a function does.

const CUSTOM = 0;
const IMPORTS = 2;
const EXPORTS = 7;
const CODE = 10;
const PREAMBLE_BYTES = 8;

/** The module without the exports whose names `isUsed` denies. wasm-opt then removes the functions that nothing else calls. */
export function withoutExports(module, isUsed) {
  return rebuilt(module, (section) => {
    if (section.id !== EXPORTS) return section.whole;
    const reader = new Reader(section.payload);
    const kept = [];
    for (let left = reader.number(); left > 0; left -= 1) {
      const start = reader.at;
      const name = reader.bytes(reader.number()).toString('utf8');
      reader.bytes(1);
      reader.number();
      if (isUsed(name)) kept.push(section.payload.subarray(start, reader.at));
    }
    return sectionOf(EXPORTS, [number(kept.length), ...kept]);
  });
}

/**
 * The module with names for its functions whose alphabetical order is the one that compresses well. `wasm-opt --reorder-functions-by-name` puts them into
 * it, and changes the calls.
 */
export function named(module) {
  const sections = [...sectionsOf(module)];
  const code = new Reader(/** @type {{ payload: Buffer }} */ (sections.find(({ id }) => id === CODE)).payload);
  const bodies = [];
  for (let left = code.number(); left > 0; left -= 1) bodies.push(code.bytes(code.number()));
  const first = importedFunctions(sections);
  const places = new Array(bodies.length);
  for (const [place, body] of compressible(bodies).entries()) places[body] = place;
  const digits = String(bodies.length).length;
  const names = places.map((place, body) => [number(first + body), text(String(place).padStart(digits, '0'))]).flat();
  const functions = Buffer.concat([number(bodies.length), ...names]);
  const section = sectionOf(CUSTOM, [text('name'), Buffer.of(1), number(functions.length), functions]);
  return Buffer.concat([module.subarray(0, PREAMBLE_BYTES), ...sections.map(({ whole }) => whole), section]);
}

// gzip looks back 32 kB, and three octets that are equal are its shortest match. Longer sequences say better what two functions have in common.
const SEQUENCE_BYTES = 6;
const WINDOW_BYTES = 12_000;
/** A sequence that is in more functions is everywhere near. */
const MOST_FUNCTIONS = 100;

/**
 * The order of the functions in which each comes after those with which it has the most in common: the indices of `bodies`. Of all that are left, the next one
 * has the most sequences of octets that the functions right before it have too, by the root of its length.
 */
export function compressible(bodies) {
  const { sequences, functions } = shared(bodies);
  const inWindow = new Uint32Array(functions.length);
  const scores = new Int32Array(bodies.length);
  const window = [];
  const order = [];
  const left = new Set(bodies.keys());
  let windowBytes = 0;
  const enter = (body) => {
    window.push(body);
    windowBytes += bodies[body].length;
    for (const sequence of sequences[body]) if (inWindow[sequence]++ === 0) for (const other of functions[sequence]) scores[other] += 1;
  };
  const leave = (body) => {
    windowBytes -= bodies[body].length;
    for (const sequence of sequences[body]) if (--inWindow[sequence] === 0) for (const other of functions[sequence]) scores[other] -= 1;
  };
  while (left.size > 0) {
    let next;
    let most = -1;
    for (const body of left) {
      const score = scores[body] / Math.sqrt(bodies[body].length + 1);
      if (score > most) [next, most] = [body, score];
    }
    left.delete(next);
    order.push(next);
    enter(next);
    while (windowBytes > WINDOW_BYTES && window.length > 1) leave(window.shift());
  }
  return order;
}

/** Of each function the sequences that others have too, as numbers, and of each number the functions. */
function shared(bodies) {
  const all = bodies.map((body) => {
    const found = new Set();
    for (let at = 0; at + SEQUENCE_BYTES <= body.length; at += 1) found.add(body.readUIntBE(at, SEQUENCE_BYTES));
    return found;
  });
  const counts = new Map();
  for (const found of all) for (const sequence of found) counts.set(sequence, (counts.get(sequence) ?? 0) + 1);
  const numbers = new Map();
  const functions = [];
  const sequences = all.map((found, body) => {
    const ours = [...found].filter((sequence) => counts.get(sequence) > 1 && counts.get(sequence) <= MOST_FUNCTIONS);
    return ours.map((sequence) => {
      if (!numbers.has(sequence)) numbers.set(sequence, functions.push([]) - 1);
      functions[numbers.get(sequence)].push(body);
      return numbers.get(sequence);
    });
  });
  return { sequences, functions };
}

/** How many functions a module imports: their indices come before those of its own. */
function importedFunctions(sections) {
  const imports = sections.find(({ id }) => id === IMPORTS);
  if (!imports) return 0;
  const reader = new Reader(imports.payload);
  let functions = 0;
  for (let left = reader.number(); left > 0; left -= 1) {
    reader.bytes(reader.number());
    reader.bytes(reader.number());
    const [kind] = reader.bytes(1);
    // wasm-bindgen makes the memory, the table and the globals inside.
    if (kind !== 0) throw new Error('the module imports something that is not a function');
    reader.number();
    functions += 1;
  }
  return functions;
}
/** The module with each section replaced by what `change` returns for it. */
function rebuilt(module, change) {
  return Buffer.concat([module.subarray(0, PREAMBLE_BYTES), ...[...sectionsOf(module)].map(change)]);
}

/** The sections of a module: `id`, the `payload`, and the `whole` with its header. */
function* sectionsOf(module) {
  const reader = new Reader(module, PREAMBLE_BYTES);
  while (reader.at < module.length) {
    const start = reader.at;
    const [id] = reader.bytes(1);
    const payload = reader.bytes(reader.number());
    yield { id, payload, whole: module.subarray(start, reader.at) };
  }
}

function sectionOf(id, parts) {
  const payload = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(id), number(payload.length), payload]);
}

const text = (value) => Buffer.concat([number(Buffer.byteLength(value)), Buffer.from(value)]);

/** A number below 2^32 in LEB128, as WebAssembly writes all counts, lengths and indices. */
function number(value) {
  const octets = [];
  do {
    octets.push(value >= 0x80 ? (value & 0x7f) | 0x80 : value);
    value >>>= 7;
  } while (value > 0);
  return Buffer.from(octets);
}

class Reader {
  #octets;

  constructor(octets, at = 0) {
    this.#octets = octets;
    this.at = at;
  }

  number() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const octet = this.#octets[this.at++];
      if (octet === undefined || shift > 28) throw new Error('a number of the module cannot be read');
      value += (octet & 0x7f) * 2 ** shift;
      if (octet < 0x80) return value;
    }
  }

  bytes(length) {
    const end = this.at + length;
    if (end > this.#octets.length) throw new Error('the module is cut');
    const octets = this.#octets.subarray(this.at, end);
    this.at = end;
    return octets;
  }
}
