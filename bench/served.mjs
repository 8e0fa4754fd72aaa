// Requests per second: the same tokens sent to edge-assay and to Hono with jose, and to a Worker that does nothing.
import { step } from '../scripts/lib/steps.mjs';
import { getRequest, load } from './load.mjs';
import { inRounds } from './rounds.mjs';
import { createSubject } from './subjects.mjs';
import { startWorkerd } from './workerd.mjs';

/** More tokens than an isolate remembers, so that each costs a signature check although they come again. */
export const DISTINCT_TOKENS = 4000;
export const RIVALS = ['edge-assay', 'hono-jose'];
export const HELLO = 'no verification';
const PROXIED_ALGORITHMS = ['RS256', 'EdDSA'];
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
const ISSUERS = [1, 10, 100, 1000];
const KEYS = [1, 10, 100];

export const oneToken = (algorithm) => `${algorithm}, one token`;
export const distinctTokens = (algorithm) => `${algorithm}, distinct tokens`;

/** Asks for the verdict of this token. */
export const verifyRequest = (token) => getRequest('/verify', { authorization: `Bearer ${token}` });
/** A browser's request through the gateway with this token. */
export const proxyRequest = (token) => getRequest('/profiles/7?fields=name', { ...BROWSER_HEADERS, authorization: `Bearer ${token}` });
/** For each algorithm: one token that comes again and again, different tokens, and one token at the gateway. */
export const casesOf = (subjects) =>
  subjects.flatMap(({ algorithm, tokens }) => [
    { name: oneToken(algorithm), requests: tokens.slice(0, 1).map(verifyRequest) },
    { name: distinctTokens(algorithm), requests: tokens.map(verifyRequest) },
    { name: `gateway, ${oneToken(algorithm)}`, requests: tokens.slice(0, 1).map(proxyRequest) },
  ]);
const againstEachOther = (name, requests) => RIVALS.map((target) => ({ name, target, requests }));

/** Each algorithm, with one token that comes again and again, and with tokens that are all different. */
export function served(ports, subjects, { rounds, seconds, connections }) {
  const cases = subjects.flatMap(({ algorithm, tokens }) => {
    const requests = tokens.map(verifyRequest);
    return [...againstEachOther(oneToken(algorithm), requests.slice(0, 1)), ...againstEachOther(distinctTokens(algorithm), requests)];
  });
  cases.unshift({ name: HELLO, target: 'hello', requests: [getRequest('/')] });
  return step(`Requests through workerd, ${rounds} rounds of ${cases.length} cases`, minutes(rounds * cases.length * (seconds + 0.4)), () =>
    inRounds(rounds, cases, ({ target, requests }) => load(ports[target], requests, { connections, seconds })),
  );
}

/** The same request through either's gateway to one API. */
export function proxied(ports, subjects, { rounds, seconds, connections }) {
  const cases = subjects
    .filter(({ algorithm }) => PROXIED_ALGORITHMS.includes(algorithm))
    .flatMap(({ algorithm, tokens }) => againstEachOther(oneToken(algorithm), [proxyRequest(tokens[0])]));
  return step(`Requests through the gateways, ${rounds} rounds of ${cases.length} cases`, minutes(rounds * cases.length * (seconds + 0.4)), () =>
    inRounds(rounds, cases, ({ target, requests }) => load(ports[target], requests, { connections, seconds })),
  );
}

/** How the cost of a distinct ES256 token grows: with its size, with the issuers configured, with the keys of its issuer. */
export async function growth({ rounds, seconds, connections, folders }) {
  /** @type {{ table: string, name: string, kibibytes?: number, issuers?: number, keys?: number }[]} */
  const worlds = [
    ...SIZES.map((kibibytes) => ({ table: 'size', name: `${kibibytes} KiB`, kibibytes })),
    ...ISSUERS.map((issuers) => ({ table: 'issuers', name: issuers.toLocaleString('en'), issuers })),
    ...KEYS.map((keys) => ({ table: 'keys', name: String(keys), keys })),
  ];
  const tables = { size: [], issuers: [], keys: [] };
  await step(
    `Growth, ${rounds} rounds of ${worlds.length * RIVALS.length} cases`,
    minutes(rounds * worlds.length * RIVALS.length * (seconds + 0.4)),
    async () => {
      for (const { table, name, kibibytes, issuers = 1, keys = 1 } of worlds) {
        const subject = await createSubject('ES256', DISTINCT_TOKENS, { bytes: kibibytes && kibibytes * 1024, keys });
        const workerd = await startWorkerd([subject], { ...folders, otherIssuers: issuers - 1 });
        try {
          const cases = againstEachOther(name, subject.tokens.map(verifyRequest));
          tables[table].push(
            ...(await inRounds(rounds, cases, ({ target, requests }) => load(workerd.ports[target], requests, { connections, seconds }))),
          );
        } finally {
          await workerd.stop();
        }
      }
    },
  );
  return tables;
}

const minutes = (seconds) => `${Math.ceil(seconds / 60)} min`;
