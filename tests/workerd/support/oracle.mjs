// Tokens for the comparison with jose: good ones, and faults for each part of a token. All randomness comes from one seed.
// A fault with an intentionally different verdict names its departure (see DEPARTURES).
import { assemble, seal, segment, signer } from './tokens.mjs';

/** A generator of numbers in [0, 1) that depends on the seed alone (mulberry32). */
export function generator(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count) => Math.floor(next() * count);
  return { next, below, one: (list) => list[below(list.length)] };
}

/**
 * The cases in which this verifier is intentionally stricter than jose: its codes, and the reason. It must never accept a
 * token that jose refuses, so there is no opposite list.
 */
export const DEPARTURES = {
  'duplicate member': { codes: ['token_malformed'], reason: 'two parsers that keep different ones see two tokens (RFC 7519 §4)' },
  // A character that no token holds is already a malformed Authorization header (RFC 6750 §2.1).
  'lenient base64url': {
    codes: ['token_malformed', 'request_ambiguous'],
    reason: 'padding and unused bits give one token several spellings (RFC 7515 §2)',
  },
  'NUL in a name': { codes: ['token_malformed'], reason: 'parsers written in C end the name there' },
  'lone surrogate': { codes: ['token_malformed'], reason: 'it is not Unicode, and parsers replace it differently' },
  'byte order mark': { codes: ['token_malformed'], reason: 'RFC 8259 §8.1 has none' },
  'deep JSON': { codes: ['token_malformed'], reason: 'nesting is bounded' },
  'huge number': { codes: ['token_malformed'], reason: 'jose reads Infinity' },
  'too large': { codes: ['token_too_large'], reason: 'verify.max_token_bytes' },
  'impossible date': { codes: ['token_malformed'], reason: 'a date before 1970 or beyond 9999 is a mistake, as in milliseconds' },
  'issued in the future': { codes: ['token_issued_in_future'], reason: 'jose looks at iat only for maxTokenAge' },
  'ill-typed member': { codes: ['token_malformed'], reason: 'sub, azp, kid and typ are strings, aud holds strings only (RFC 7519 §4.1)' },
  'other typ': { codes: ['type_not_allowed'], reason: 'a token made for something else (RFC 8725 §3.11); jose checks typ only if configured' },
  'processing in the header': { codes: ['header_unsupported'], reason: 'b64, zip and crit ask for what no JWT needs; jose ignores some' },
  'small exponent': { codes: ['key_unusable'], reason: 'FIPS 186-5 §5.1' },
  'weak secret': { codes: ['secret_missing'], reason: 'RFC 7518 §3.2' },
};

/**
 * The faults of a token. Each takes `{ header, payload, algorithm, sign, random, now, other }` and returns a token, or
 * `{ token, departure }`. `sign` uses the right key, so a fault that comes before it has a good signature.
 */
export const FAULTS = {
  ...times(),
  ...claims(),
  ...headers(),
  ...encodings(),
  ...signatures(),
};

const meant = (departure, token) => ({ token, departure });
const json = JSON.stringify;

function times() {
  const withDates = (change) => (it) => assemble(it.header, { ...it.payload, ...change(it) }, it.sign);
  const departing = (departure, change) => (it) => meant(departure, withDates(change)(it));
  return {
    'exp long ago': withDates(({ now, random }) => ({ exp: now - 6 - random.below(100_000) })),
    'exp within the leeway': withDates(({ now, random }) => ({ exp: now - random.below(4) })),
    'exp a float': withDates(({ now, random }) => ({ exp: now + 60 + random.next() })),
    'exp a float long ago': withDates(({ now, random }) => ({ exp: now - 60 - random.next() })),
    'exp absent': withDates(() => ({ exp: undefined })),
    'exp a string': withDates(({ now }) => ({ exp: String(now + 600) })),
    'exp null': withDates(() => ({ exp: null })),
    'exp true': withDates(() => ({ exp: true })),
    'exp negative': withDates(() => ({ exp: -1 })),
    'exp zero': withDates(() => ({ exp: 0 })),
    'exp in milliseconds': departing('impossible date', ({ now }) => ({ exp: (now + 600) * 1000 })),
    'exp the greatest integer': departing('impossible date', () => ({ exp: Number.MAX_SAFE_INTEGER })),
    'exp 1e999': (it) => meant('huge number', assemble(it.header, json(it.payload).replace(/"exp":\d+/, '"exp":1e999'), it.sign)),
    'exp with an exponent': (it) => assemble(it.header, json(it.payload).replace(/"exp":\d+/, '"exp":2.5e9'), it.sign),
    'nbf ahead': withDates(({ now, random }) => ({ nbf: now + 10 + random.below(100_000) })),
    'nbf within the leeway': withDates(({ now, random }) => ({ nbf: now + random.below(4) })),
    'nbf a float': withDates(({ now, random }) => ({ nbf: now - 60 - random.next() })),
    'nbf a string': withDates(({ now }) => ({ nbf: String(now - 60) })),
    'nbf null': withDates(() => ({ nbf: null })),
    'nbf negative': departing('impossible date', () => ({ nbf: -5 })),
    'iat a string': withDates(({ now }) => ({ iat: String(now) })),
    'iat absent': withDates(() => ({ iat: undefined })),
    'iat negative': departing('impossible date', () => ({ iat: -5 })),
    'iat ahead': departing('issued in the future', ({ now, random }) => ({ iat: now + 10 + random.below(100_000) })),
    'iat in milliseconds': departing('impossible date', ({ now }) => ({ iat: now * 1000 })),
  };
}

function claims() {
  const withClaims = (change) => (it) => assemble(it.header, { ...it.payload, ...change(it) }, it.sign);
  const departing = (departure, change) => (it) => meant(departure, withClaims(change)(it));
  const raw = (departure, change) => (it) => meant(departure, assemble(it.header, change(json(it.payload), it), it.sign));
  return {
    'iss of an unknown issuer': withClaims(({ payload }) => ({ iss: `${payload.iss}/` })),
    'iss in other case': withClaims(({ payload }) => ({ iss: payload.iss.toUpperCase() })),
    'iss absent': withClaims(() => ({ iss: undefined })),
    'iss a list': withClaims(({ payload }) => ({ iss: [payload.iss] })),
    'iss null': withClaims(() => ({ iss: null })),
    'aud another': withClaims(() => ({ aud: 'another' })),
    'aud in other case': withClaims(() => ({ aud: 'API' })),
    'aud absent': withClaims(() => ({ aud: undefined })),
    'aud an empty list': withClaims(() => ({ aud: [] })),
    'aud an empty text': withClaims(() => ({ aud: '' })),
    'aud among others': withClaims(() => ({ aud: ['another', 'api'] })),
    'aud others only': withClaims(() => ({ aud: ['another', 'apis'] })),
    'aud an object': withClaims(() => ({ aud: { api: true } })),
    'aud a number': withClaims(() => ({ aud: 1 })),
    'aud beside a number': departing('ill-typed member', () => ({ aud: ['api', 7] })),
    'aud null': withClaims(() => ({ aud: null })),
    'sub a number': departing('ill-typed member', () => ({ sub: 7 })),
    'sub null': departing('ill-typed member', () => ({ sub: null })),
    'sub absent': withClaims(() => ({ sub: undefined })),
    'sub empty': withClaims(() => ({ sub: '' })),
    'azp a number': departing('ill-typed member', () => ({ azp: 7 })),
    'own claims of every kind': withClaims(({ random }) => ({ a: random.next(), b: [null, true, 'ü€𝄞'], c: { d: { e: -0.5 } }, '': 1 })),
    'an escaped name': (it) => assemble(it.header, json(it.payload).replace('"iss"', '"\\u0069ss"'), it.sign),
    'white space in the JSON': (it) => assemble(it.header, JSON.stringify(it.payload, null, '\t'), it.sign),
    'exp twice': raw('duplicate member', (text, { now }) => text.replace('{', `{"exp":${now - 9999},`)),
    'sub twice, once escaped': raw('duplicate member', (text) => text.replace('{', '{"s\\u0075b":"root",')),
    'a claim twice, deep within': raw('duplicate member', (text) => text.replace('{', '{"x":[{"y":1,"y":2}],')),
    'a NUL in a name': raw('NUL in a name', (text) => text.replace('{', '{"is\\u0000s":1,')),
    'a lone surrogate': raw('lone surrogate', (text) => text.replace('{', '{"x":"\\ud800",')),
    'a byte order mark': raw('byte order mark', (text) => `\ufeff${text}`),
    'not UTF-8': (it) => {
      const octets = Buffer.concat([Buffer.from(json(it.payload).slice(0, -1)), Buffer.from(',"x":"'), Buffer.from([0xff, 0xc0]), Buffer.from('"}')]);
      return assemble(it.header, octets, it.sign);
    },
    'forty levels': raw('deep JSON', (text) => text.replace('{', `{"x":${'['.repeat(40)}${']'.repeat(40)},`)),
    'twenty levels': (it) => assemble(it.header, json(it.payload).replace('{', `{"x":${'['.repeat(20)}${']'.repeat(20)},`), it.sign),
    'twenty kilobytes': departing('too large', () => ({ x: 'x'.repeat(20_000) })),
    'a number too great': raw('huge number', (text) => text.replace('{', '{"x":1e999,')),
    'no object': (it) => assemble(it.header, it.random.one(['[]', 'null', '1', '"x"', '', '{', '{}x']), it.sign),
    'a trailing comma': (it) => assemble(it.header, json(it.payload).replace(/}$/, ',}'), it.sign),
  };
}

function headers() {
  const withHeader = (change) => (it) => assemble({ ...it.header, ...change(it) }, it.payload, it.sign);
  const departing = (departure, change) => (it) => meant(departure, withHeader(change)(it));
  const raw = (departure, change) => (it) => meant(departure, assemble(change(json(it.header), it), it.payload, it.sign));
  return {
    'alg none, unsigned': (it) => `${segment({ ...it.header, alg: it.random.one(['none', 'None', 'NONE', 'nOnE']) })}.${segment(it.payload)}.`,
    'alg none, signed': withHeader(({ random }) => ({ alg: random.one(['none', 'None', 'NONE']) })),
    'alg of another': withHeader(({ other }) => ({ alg: other })),
    'alg in lower case': withHeader(({ algorithm }) => ({ alg: algorithm.toLowerCase() })),
    'alg absent': withHeader(() => ({ alg: undefined })),
    'alg null': withHeader(() => ({ alg: null })),
    'alg unheard of': withHeader(({ random }) => ({ alg: random.one(['ES256K', 'Ed448', 'RSA-OAEP', 'dir', '', 'HS1']) })),
    'Ed25519 for EdDSA': withHeader(({ algorithm }) => (algorithm === 'EdDSA' ? { alg: 'Ed25519' } : {})),
    'kid unknown': withHeader(({ random }) => ({ kid: `unknown-${random.below(1e9)}` })),
    'kid of another key': withHeader(({ foreignKid }) => ({ kid: foreignKid })),
    'kid absent': withHeader(() => ({ kid: undefined })),
    'kid empty': withHeader(() => ({ kid: '' })),
    'kid a path': withHeader(() => ({ kid: '../../../../dev/null' })),
    'kid a number': departing('ill-typed member', () => ({ kid: 7 })),
    'kid null': departing('ill-typed member', () => ({ kid: null })),
    'typ absent': withHeader(() => ({ typ: undefined })),
    'typ jwt': withHeader(() => ({ typ: 'jwt' })),
    'typ application/at+jwt': withHeader(() => ({ typ: 'application/at+jwt' })),
    'typ of something else': departing('other typ', ({ random }) => ({ typ: random.one(['secevent+jwt', 'logout+jwt', 'JOSE', '']) })),
    'typ a number': departing('ill-typed member', () => ({ typ: 7 })),
    'x5t and cty': withHeader(() => ({ x5t: 'AAAA', cty: 'x', cat: 'cl_1' })),
    'crit unknown': withHeader(() => ({ crit: ['exp'], exp: 1 })),
    'crit empty': withHeader(() => ({ crit: [] })),
    'crit b64, true': departing('processing in the header', () => ({ crit: ['b64'], b64: true })),
    'crit b64, false': withHeader(() => ({ crit: ['b64'], b64: false })),
    'b64 alone': departing('processing in the header', () => ({ b64: false })),
    zip: departing('processing in the header', () => ({ zip: 'DEF' })),
    'a key in the header': withHeader(({ random, foreign }) => ({
      [random.one(['jwk', 'jku', 'x5u', 'x5c'])]: random.one([foreign, 'https://attacker.example/jwks.json', ['MIIB']]),
    })),
    'alg twice': raw('duplicate member', (text) => text.replace('{', '{"alg":"none",')),
    'kid twice': raw('duplicate member', (text) => text.replace('{', '{"k\\u0069d":"x",')),
    'header no object': (it) => assemble(it.random.one(['[]', 'null', '"x"', '', '{']), it.payload, it.sign),
    'header deep': raw('deep JSON', (text) => text.replace('{', `{"x":${'['.repeat(40)}${']'.repeat(40)},`)),
  };
}

function encodings() {
  const good = (it) => assemble(it.header, it.payload, it.sign);
  const pad = (text) => text.padEnd(Math.ceil(text.length / 4) * 4, '=');
  return {
    'padding on the payload, signed so': (it) => meant('lenient base64url', seal(segment(it.header), pad(segment(it.payload)), it.sign)),
    'padding on every segment': (it) =>
      meant(
        'lenient base64url',
        seal(pad(segment(it.header)), pad(segment(it.payload)), it.sign)
          .split('.')
          .map(pad)
          .join('.'),
      ),
    'the standard alphabet': (it) => meant('lenient base64url', good(it).replaceAll('-', '+').replaceAll('_', '/')),
    'white space in a segment': (it) =>
      meant('lenient base64url', seal(`${segment(it.header).slice(0, 8)}\t${segment(it.header).slice(8)}`, segment(it.payload), it.sign)),
    'an unused bit in the signature': (it) => {
      const token = good(it);
      const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
      const last = alphabet[alphabet.indexOf(token.slice(-1)) ^ 1];
      // Where the length leaves no unused bits, this is simply another signature.
      return meant('lenient base64url', token.slice(0, -1) + last);
    },
    'four segments': (it) => `${good(it)}.${it.random.one(['', 'AAAA', 'e30'])}`,
    'two segments': (it) => good(it).split('.').slice(0, 2).join('.'),
    'one segment': (it) => good(it).split('.')[it.random.below(3)],
    'five segments, as of a JWE': (it) => `${good(it)}.AAAA.AAAA`,
    'an empty segment': (it) => {
      const parts = good(it).split('.');
      parts[it.random.below(3)] = '';
      return parts.join('.');
    },
    'segments in another order': (it) => good(it).split('.').reverse().join('.'),
    'a character changed': (it) => {
      const token = good(it);
      const at = it.random.below(token.length);
      return meant('lenient base64url', token.slice(0, at) + it.random.one([...'ABCxyz019-_.~+/']) + token.slice(at + 1));
    },
    'a character left out': (it) => {
      const token = good(it);
      const at = it.random.below(token.length);
      return meant('lenient base64url', token.slice(0, at) + token.slice(at + 1));
    },
    'a character put in': (it) => {
      const token = good(it);
      const at = it.random.below(token.length);
      return meant('lenient base64url', token.slice(0, at) + it.random.one([...'Az0-_.=']) + token.slice(at));
    },
  };
}

function signatures() {
  const withSignature = (change) => (it) => assemble(it.header, it.payload, (input) => change(Buffer.from(it.sign(input)), it));
  return {
    'a bit of the signature': withSignature((signature, { random }) => {
      signature[random.below(signature.length)] ^= 1 << random.below(8);
      return signature;
    }),
    'a signature cut short': withSignature((signature, { random }) => signature.subarray(0, random.below(signature.length) || 1)),
    'a signature with an octet more': withSignature((signature) => Buffer.concat([signature, Buffer.from([0])])),
    'a signature with a zero before it': withSignature((signature) => Buffer.concat([Buffer.from([0]), signature])),
    'a signature of zeros': withSignature((signature) => Buffer.alloc(signature.length)),
    'a signature of ones': withSignature((signature) => Buffer.alloc(signature.length, 0xff)),
    'a signature by another key': withSignature((_, { foreignSign, header, payload }) =>
      foreignSign(Buffer.from(`${segment(header)}.${segment(payload)}`)),
    ),
    'halves exchanged': withSignature((signature) =>
      Buffer.concat([signature.subarray(signature.length / 2), signature.subarray(0, signature.length / 2)]),
    ),
    'of other claims': (it) => {
      const [header, , signature] = assemble(it.header, it.payload, it.sign).split('.');
      return `${header}.${segment({ ...it.payload, sub: 'root' })}.${signature}`;
    },
    'of another hash': (it) => {
      const other = { 256: '384', 384: '512', 512: '256' }[it.algorithm.slice(2)];
      if (!other || it.algorithm.startsWith('E')) return assemble(it.header, it.payload, () => Buffer.alloc(64, 1));
      return assemble(it.header, it.payload, signer(it.algorithm.slice(0, 2) + other, it.key));
    },
    'a public key as the secret': (it) => assemble({ ...it.header, alg: 'HS256' }, it.payload, signer('HS256', Buffer.from(it.publicPem))),
  };
}
