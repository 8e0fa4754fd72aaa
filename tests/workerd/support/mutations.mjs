// Tokens changed at random, for the comparison with jose. The departures (features of a token that this verifier refuses
// and jose accepts) are found in the token itself and not derived from the change.
import { seal, segment } from './tokens.mjs';

const CHARACTERS = 'ABCXYZabcxyz0189-_.=+/ ~';
const JSON_PARTS = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '\\',
  '0',
  '1',
  '-',
  '.',
  'e9',
  'null',
  'true',
  ' ',
  '\\u0000',
  '\\ud800',
  '"exp":',
  '"aud":',
  '"kid":',
  'é',
  '\u0000',
  '\ufeff',
  '"crit":["x"],',
  '"iat":9e9,',
];

/** `text` with one to three changes, each of a part from `parts`. */
function changed(text, random, parts) {
  let characters = [...text];
  for (let left = 1 + random.below(3); left > 0; left -= 1) {
    const place = random.below(characters.length + 1);
    const part = random.one(parts);
    const ways = [
      () => characters.splice(place, 1, part),
      () => characters.splice(place, 0, part),
      () => characters.splice(place, 1 + random.below(3)),
      () => characters.splice(place, 0, ...characters.slice(place, place + 1 + random.below(12))),
      () => characters.splice(place, 2, ...characters.slice(place, place + 2).reverse()),
      () => (characters = characters.slice(0, random.below(8) === 0 ? place : characters.length)),
    ];
    random.one(ways)();
  }
  return characters.join('');
}

/** The ways to change a token of `{ header, payload, sign }`. Each returns the token's text. */
export const MUTATIONS = {
  'its characters': ({ header, payload, sign, random }) => changed(seal(segment(header), segment(payload), sign), random, [...CHARACTERS]),
  'the header, signed': ({ header, payload, sign, random }) =>
    seal(segment(changed(JSON.stringify(header), random, JSON_PARTS)), segment(payload), sign),
  'the payload, signed': ({ header, payload, sign, random }) =>
    seal(segment(header), segment(changed(JSON.stringify(payload), random, JSON_PARTS)), sign),
  'the payload after it was signed': ({ header, payload, sign, random }) => {
    const [first, , last] = seal(segment(header), segment(payload), sign).split('.');
    return [first, segment(changed(JSON.stringify(payload), random, JSON_PARTS)), last].join('.');
  },
  'the octets of the signature': ({ header, payload, sign, random }) =>
    seal(segment(header), segment(payload), (input) => {
      const octets = sign(input);
      const place = random.below(octets.length);
      return random.one([
        () => ((octets[place] ^= 1 << random.below(8)), octets),
        () => octets.subarray(0, place),
        () => Buffer.concat([octets, octets.subarray(0, 1 + random.below(octets.length))]),
        () => Buffer.concat([Buffer.alloc(1), octets]),
        () => ((octets[place] = random.one([0, 0xff])), octets),
      ])();
    }),
};

/** Which of the DEPARTURES of oracle.mjs hold for a token, as of `now` in seconds with a leeway. */
export function departuresOf(token, now, leeway) {
  const found = new Set();
  const segments = token.split('.');
  if (segments.some((one) => Buffer.from(one, 'base64url').toString('base64url') !== one)) found.add('lenient base64url');
  for (const [index, one] of segments.slice(0, 2).entries()) {
    const text = Buffer.from(one, 'base64url').toString();
    if (text.startsWith('\ufeff')) found.add('byte order mark');
    if (/\\u(d[89ab]|D[89ABab])/i.test(text)) found.add('lone surrogate');
    // All objects here are flat, so a name that occurs twice is a repeated member.
    const names = [...text.matchAll(/"((?:[^"\\]|\\.)*)"\s*:/g)].map(([, name]) => unescaped(name));
    if (new Set(names).size < names.length) found.add('duplicate member');
    if (names.some((name) => name.includes('\0'))) found.add('NUL in a name');
    const members = parsed(text);
    if (Object.values(members).some((value) => Math.abs(value) === Infinity)) found.add('huge number');
    if (index === 0) headerDepartures(members, found);
    else claimDepartures(members, now + leeway, found);
  }
  return found;
}

function headerDepartures({ typ, kid, ...rest }, found) {
  if (['crit', 'b64', 'zip'].some((name) => name in rest)) found.add('processing in the header');
  if ([typ, kid].some((value) => value !== undefined && typeof value !== 'string')) found.add('ill-typed member');
  if (typeof typ === 'string' && typ.replace(/^application\//i, '').toUpperCase() !== 'JWT') found.add('other typ');
}

function claimDepartures({ sub, azp, aud, exp, nbf, iat }, latest, found) {
  const isOther = (value) => value !== undefined && typeof value !== 'string';
  if (isOther(sub) || isOther(azp) || [aud].flat().some(isOther)) found.add('ill-typed member');
  if ([exp, nbf, iat].some((date) => date < 0 || date > 253402300799)) found.add('impossible date');
  if ([nbf, iat].some((date) => date !== undefined && typeof date !== 'number')) found.add('ill-typed member');
  if (iat > latest) found.add('issued in the future');
}

function parsed(text) {
  try {
    return JSON.parse(text.replace(/^\ufeff/, '')) ?? {};
  } catch {
    return {};
  }
}

function unescaped(name) {
  try {
    return JSON.parse(`"${name}"`);
  } catch {
    return name;
  }
}
