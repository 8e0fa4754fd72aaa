// Requests through workerd: the same ones sent to edge-assay and to Hono with jose, and to a Worker that does nothing, each in a process of its own. The
// CPU time of the process per request, requests per second, and latencies.
import { step } from '../scripts/lib/steps.mjs';
import { loaded } from './cpu.mjs';
import { getRequest, load, postRequest } from './load.mjs';
import { inRounds } from './rounds.mjs';
import { createSubject } from './subjects.mjs';
import { BOUNDS, ENGINES, ISSUING, audienceOf, startWorkerd } from './workerd.mjs';

/** More tokens than an isolate remembers, so that each costs a signature check although they come again. */
export const DISTINCT_TOKENS = 4000;
export const RIVALS = ['edge-assay', 'hono-jose'];
export const BARE = 'hello';
/** The case of the Worker that does nothing. */
export const HELLO = 'no verification';
export const SERVED_ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'HS256', 'PS256', 'ES384'];
export const PROXIED_ALGORITHMS = ['RS256', 'EdDSA'];
const ENGINE_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'HS256'];
// The other headers of a request through a gateway.
const BROWSER_HEADERS = {
  accept: 'application/json',
  'accept-encoding': 'gzip, deflate, br, zstd',
  'accept-language': 'en-GB,en;q=0.9',
  origin: 'https://app.example.com',
  referer: 'https://app.example.com/',
  'sec-fetch-mode': 'cors',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
};
const SIZES = [0.3, 1, 4, 16];
const ISSUERS = [1, 10, 100, 1000, 10_000];
const KEYS = [1, 10, 100];
/** The requests of each case before the first round, and the most time for them, in times of a measurement. */
const WARM_UP = { requests: 10_000, most: 3 };
/** How long each measurement lasts beyond `seconds`: the warm-up, and what is between two of them. */
const OVERHEAD_SECONDS = 0.35;

export const oneToken = (algorithm) => `${algorithm}, one token`;
export const distinctTokens = (algorithm) => `${algorithm}, distinct tokens`;
export const inKibibytes = (kibibytes) => `${kibibytes} KiB`;
export const issuing = (algorithm) => `signed with ${algorithm}`;

/** Asks for the verdict of this token. */
export const verifyRequest = (token) => getRequest('/verify', { authorization: `Bearer ${token}` });
/** A browser's request through the gateway with this token. */
export const proxyRequest = (token) => getRequest('/profiles/7?fields=name', { ...BROWSER_HEADERS, authorization: `Bearer ${token}` });
/** Asks for a token of `audience` in exchange for this one. */
const exchangeRequest = (token, audience) =>
  postRequest('/token', {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    subject_token: token,
    audience,
  });

/** For each algorithm: one token that comes again and again, different tokens, and one token at the gateway. */
export const casesOf = (subjects) =>
  subjects.flatMap(({ algorithm, tokens }) => [
    { name: oneToken(algorithm), requests: tokens.slice(0, 1).map(verifyRequest) },
    { name: distinctTokens(algorithm), requests: tokens.map(verifyRequest) },
    ...(PROXIED_ALGORITHMS.includes(algorithm) ? [{ name: atGateway(algorithm), requests: tokens.slice(0, 1).map(proxyRequest) }] : []),
  ]);
/** What the names of cases at the gateway begin with. */
export const GATEWAY = 'gateway, ';
/** The case of one token at the gateway. */
export const atGateway = (algorithm) => GATEWAY + oneToken(algorithm);
export const mint = (algorithms = SERVED_ALGORITHMS) => Promise.all(algorithms.map((algorithm) => createSubject(algorithm, DISTINCT_TOKENS)));
const againstEachOther = (name, requests) => RIVALS.map((target) => ({ name, target, requests }));

/** How many measurements each round of a part has, for the estimate of its time. */
export const MEASUREMENTS = {
  served: SERVED_ALGORITHMS.length * 2 * 2 + PROXIED_ALGORITHMS.length * 2 + 1,
  bounds: BOUNDS.length + 4,
  sizes: SIZES.length * 2,
  growth: ISSUERS.length + KEYS.length,
  exchange: ISSUING.length * 2 * 2,
  engines: ENGINE_ALGORITHMS.length * ENGINES.length,
};
/** The seconds that this number of measurements takes in all rounds, after a first one that only warms up. */
export const secondsFor = (measurements, { rounds, seconds }) => measurements * (rounds * (seconds + OVERHEAD_SECONDS) + 1.3 * seconds);

/** Each algorithm, with one token that comes again and again, with tokens that are all different, and through the gateway. */
export async function served(settings, algorithms = SERVED_ALGORITHMS) {
  const subjects = await mint(algorithms);
  const cases = casesOf(subjects).flatMap(({ name, requests }) => againstEachOther(name, requests));
  // Beside the repeated token that it is compared with.
  cases.splice(RIVALS.length, 0, { name: HELLO, target: BARE, requests: [getRequest('/')] });
  const starts = Object.fromEntries([...RIVALS, BARE].map((only) => [only, () => startWorkerd(subjects, { ...settings.folders, only })]));
  return besideEachOther('Requests', starts, cases, settings);
}

/** A repeated token, and one at the gateway, beside Workers that do a part of the work only. */
export async function bounds(settings) {
  const subject = await createSubject('RS256', 1);
  const verify = [verifyRequest(subject.tokens[0])];
  const proxy = [proxyRequest(subject.tokens[0])];
  const [reads, answers, forwards, rewrites] = BOUNDS;
  const cases = [
    { name: oneToken('RS256'), target: BARE, requests: [getRequest('/')] },
    ...[reads, answers, RIVALS[0]].map((target) => ({ name: oneToken('RS256'), target, requests: verify })),
    ...[forwards, rewrites, ...RIVALS].map((target) => ({ name: atGateway('RS256'), target, requests: proxy })),
  ];
  const targets = [...new Set(cases.map(({ target }) => target))];
  const starts = Object.fromEntries(targets.map((only) => [only, () => startWorkerd([subject], { ...settings.folders, only })]));
  return besideEachOther('Parts of a request', starts, cases, settings);
}

/** Distinct ES256 tokens of different sizes. */
export async function sizes(settings) {
  const subjects = [];
  for (const kibibytes of SIZES) {
    const name = `ES256-${kibibytes}`;
    subjects.push(await createSubject('ES256', DISTINCT_TOKENS, { bytes: kibibytes * 1024, name }));
  }
  const cases = subjects.flatMap(({ tokens }, index) => againstEachOther(inKibibytes(SIZES[index]), tokens.map(verifyRequest)));
  const starts = Object.fromEntries(RIVALS.map((only) => [only, () => startWorkerd(subjects, { ...settings.folders, only })]));
  return besideEachOther('Tokens by size', starts, cases, settings);
}

/** Distinct ES256 tokens, with more and more issuers configured, and with more and more keys of their issuer: a process for each. */
export async function growth(settings) {
  const [only] = RIVALS;
  const worlds = [
    ...ISSUERS.map((issuers) => ({ target: 'issuers', name: issuers.toLocaleString('en'), issuers, keys: 1 })),
    ...KEYS.map((keys) => ({ target: 'keys', name: String(keys), issuers: 1, keys })),
  ];
  const starts = {};
  const cases = [];
  for (const { target, name, issuers, keys } of worlds) {
    const subject = await createSubject('ES256', DISTINCT_TOKENS, { keys });
    const process = `${target} ${name}`;
    starts[process] = () => startWorkerd([subject], { ...settings.folders, only, otherIssuers: issuers - 1 });
    cases.push({ name, target, process, requests: subject.tokens.map(verifyRequest) });
  }
  return besideEachOther('Issuers and keys', starts, cases, settings);
}

/** Tokens issued in exchange for one RS256 token that comes again and again, and for different ones. */
export async function exchange(settings) {
  const [subject] = await mint(['RS256']);
  const cases = ISSUING.flatMap((algorithm) => {
    const requests = subject.tokens.map((token) => exchangeRequest(token, audienceOf(algorithm)));
    return [
      ...againstEachOther(`${issuing(algorithm)}, one subject token`, requests.slice(0, 1)),
      ...againstEachOther(`${issuing(algorithm)}, distinct subject tokens`, requests),
    ];
  });
  const starts = Object.fromEntries(RIVALS.map((only) => [only, () => startWorkerd([subject], { ...settings.folders, only, exchange: true })]));
  return besideEachOther('Exchange', starts, cases, settings);
}

/** Distinct tokens, checked by each `verify.engine`. The three Workers are in one process: only one of them has requests at a time. */
export async function engines(settings) {
  const subjects = await mint(ENGINE_ALGORITHMS);
  const workerd = await startWorkerd(subjects, { ...settings.folders, engines: true });
  const cases = subjects.flatMap(({ algorithm, tokens }) => {
    const requests = tokens.map(verifyRequest);
    return ENGINES.map((engine) => ({ name: algorithm, target: engine, process: 'all', socket: `edge-assay-${engine}`, requests }));
  });
  return besideEachOther('Engines', { all: async () => workerd }, cases, settings);
}

/**
 * Starts the processes, and measures the cases in interleaved rounds. Each case is sent to the process `process` (or `target`), at its only socket or the one
 * that is named.
 *
 * @param {string} title
 * @param {Record<string, () => Promise<{ pid: number | undefined, ports: Record<string, number>, stop: () => Promise<void> }>>} starts
 * @param {{ name: string, target: string, process?: string, socket?: string, requests: Buffer[] }[]} cases
 * @param {{ rounds: number, seconds: number, connections: number }} settings
 */
async function besideEachOther(title, starts, cases, settings) {
  const processes = {};
  try {
    for (const [name, start] of Object.entries(starts)) processes[name] = await start();
    // The configuration is read and the keys are fetched at the first request. V8 compiles hot WebAssembly once more, in other threads: on a busy machine, a
    // distinct ES256 token cost 900 µs at first, and 460 after about 10,000 of them.
    const warmUp = { connections: settings.connections, seconds: 0, warmUpSeconds: WARM_UP.most * settings.seconds, count: WARM_UP.requests };
    for (const { target, process = target, socket, requests } of cases) {
      const { ports } = processes[process];
      await load(socket ? ports[socket] : Object.values(ports)[0], requests, warmUp);
    }
    const usually = `${Math.ceil(secondsFor(cases.length, settings) / 60)} min`;
    return await step(`${title}, ${settings.rounds} rounds of ${cases.length} cases`, usually, () =>
      inRounds(settings.rounds, cases, ({ target, process = target, socket, requests }) => {
        const { pid, ports } = processes[process];
        return loaded({ pid, port: socket ? ports[socket] : Object.values(ports)[0] }, requests, settings);
      }),
    );
  } finally {
    for (const { stop } of Object.values(processes)) await stop();
  }
}
