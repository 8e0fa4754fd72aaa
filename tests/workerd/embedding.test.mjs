// edge-assay as a part of other Workers: the examples, `createWorker`, `createVerifier` and the middleware for Hono, in workerd with real tokens.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { SignJWT } from 'jose';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { at } from '../../scripts/lib/paths.mjs';
import { compatibilityDate } from '../../scripts/lib/worker.mjs';
import { bundled, layOutPackage } from './support/embedding.mjs';
import { during, lifetime } from './support/lifetime.mjs';
import { answerOf, eventually, startWorker } from './support/worker.mjs';

const CLERK = 'https://clerk.example.com';
/** The examples, each with a path that needs a token. */
const PATHS = { 'one-line-worker': '/verify', 'own-worker': '/me', hono: '/api/me' };
const EXAMPLES = Object.keys(PATHS);
const bearer = (token) => ({ authorization: `Bearer ${token}` });

await layOutPackage();

/** What a client sees of an answer, without what depends on the time. */
function visible({ status, headers, body }) {
  const names = ['content-type', 'cache-control', 'www-authenticate', 'retry-after'];
  const seconds = (text) => text.replaceAll(/\d+ s\b/g, 'N s');
  return { status, headers: Object.fromEntries(names.map((name) => [name, seconds(headers.get(name) ?? '')])), body: seconds(JSON.stringify(body)) };
}

suite('the examples', () => {
  const use = lifetime(after);
  let identityProvider, clerk, deployed;
  const examples = {};

  before(async () => {
    identityProvider = await use(createIdentityProvider({ providers: [{ name: 'clerk', origin: CLERK }] }));
    [clerk] = identityProvider.providers;
    const { unstable_readConfig: readConfig } = await import('wrangler');
    for (const name of EXAMPLES) {
      const wrangler = readConfig({ config: at('examples', name, 'wrangler.jsonc') }, { hideWarnings: true });
      const script = await bundled({ file: `examples/${name}/index.js` });
      const worker = await use(startWorker({ config: wrangler.vars.ASSAY, script, identityProvider }));
      examples[name] = { wrangler, script, worker };
    }
    deployed = await use(startWorker({ config: examples['one-line-worker'].wrangler.vars.ASSAY, identityProvider }));
  });

  /** Requests without a good token, by what is wrong with them. */
  const refused = async () => ({
    'no token': {},
    'an expired token': bearer(await clerk.mint({ expired: true })),
    'a token of another issuer': bearer(await clerk.mint({ claims: { iss: 'https://other.example' } })),
    'a changed token': bearer(`${(await clerk.mint()).slice(0, -8)}AAAAAAAA`),
    'the word null': bearer('null'),
    'another scheme': { authorization: 'Basic YTpi' },
    'two tokens': { authorization: `Bearer ${await clerk.mint()}, Bearer ${await clerk.mint()}` },
    'a token in a cookie': { cookie: `session=${await clerk.mint()}` },
  });

  test('have the bindings, the cron trigger and the versions that they need', () => {
    const { version } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
    for (const name of EXAMPLES) {
      const { compatibility_date: date, kv_namespaces: namespaces, triggers, main } = examples[name].wrangler;
      assert.equal(date, compatibilityDate(), name);
      assert.deepEqual(
        namespaces.map(({ binding }) => binding),
        ['JWKS_CACHE'],
        name,
      );
      assert.deepEqual(triggers.crons, ['*/5 * * * *'], name);
      assert.ok(main.endsWith('index.js'), name);
      const { dependencies } = JSON.parse(readFileSync(at('examples', name, 'package.json'), 'utf8'));
      assert.equal(dependencies['edge-assay'], `^${version}`, name);
    }
  });

  test('are the programs in the documentation', () => {
    const page = readFileSync(at('docs/embedding.md'), 'utf8');
    const shown = [...page.matchAll(/^```js\n([^]*?)^```/gm)].map(([, program]) => program);
    for (const name of EXAMPLES) assert.ok(shown.includes(readFileSync(at('examples', name, 'index.js'), 'utf8')), name);
  });

  test('answer a good token', async () => {
    const token = await clerk.mint();
    const { sub } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
    const ask = async (name, path) => answerOf(await examples[name].worker.fetch(path, { headers: bearer(token) }));
    assert.equal((await ask('one-line-worker', '/verify')).body.subject, sub);
    assert.equal((await ask('own-worker', '/auth/verify')).body.subject, sub);
    assert.equal((await ask('own-worker', '/me')).body.id, sub);
    assert.deepEqual((await ask('hono', '/api/me')).body, { id: sub });
  });

  test('refuse a request exactly as the deployed Worker does', async () => {
    for (const [what, headers] of Object.entries(await refused())) {
      const expected = visible(await answerOf(await deployed.fetch('/verify', { headers })));
      assert.ok(expected.status >= 400, what);
      for (const [name, path] of Object.entries(PATHS)) {
        assert.deepEqual(visible(await answerOf(await examples[name].worker.fetch(path, { headers }))), expected, `${name}: ${what}`);
      }
    }
  });

  test('leave their other routes open', async () => {
    for (const name of ['own-worker', 'hono']) assert.equal((await examples[name].worker.fetch('/')).status, 200, name);
  });

  test('the one-line Worker has the other endpoints, and own-worker has them below its prefix', async () => {
    assert.equal((await answerOf(await examples['one-line-worker'].worker.fetch('/readyz'))).body.status, 'ready');
    assert.equal((await answerOf(await examples['own-worker'].worker.fetch('/auth/readyz'))).body.status, 'ready');
  });

  test('fetch the keys with the cron trigger, before any request', async (context) => {
    const useNow = during(context);
    for (const name of EXAMPLES) {
      const { wrangler, script } = examples[name];
      const fresh = await useNow(startWorker({ config: wrangler.vars.ASSAY, script, identityProvider }));
      const before = clerk.jwksRequests;
      await fresh.scheduled();
      assert.equal(clerk.jwksRequests, before + 1, name);
      assert.equal((await fresh.fetch(PATHS[name], { headers: bearer(await clerk.mint()) })).status, 200, name);
      assert.equal(clerk.jwksRequests, before + 1, name);
    }
  });

  test('Hono: a preflight is answered by cors(), and a refusal can be read by the page', async () => {
    const { worker } = examples.hono;
    const origin = 'https://app.example.com';
    const preflight = await worker.fetch('/api/me', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' },
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get('access-control-allow-origin'), origin);
    assert.match(preflight.headers.get('access-control-allow-headers'), /authorization/i);
    const refusal = await worker.fetch('/api/me', { headers: { origin } });
    assert.equal(refusal.status, 401);
    assert.equal(refusal.headers.get('access-control-allow-origin'), origin);
  });

  test('Hono: a route can need a scope as well', async () => {
    const { worker } = examples.hono;
    const remove = async (claims) => worker.fetch('/api/me', { method: 'DELETE', headers: bearer(await clerk.mint({ claims })) });
    const refusal = await answerOf(await remove({ scope: 'profiles:read' }));
    assert.equal(refusal.status, 403);
    assert.equal(refusal.body.code, 'scope_insufficient');
    assert.match(refusal.headers.get('www-authenticate'), /error="insufficient_scope".*scope="profiles:write"$/);
    assert.equal((await remove({ scope: 'profiles:read profiles:write' })).status, 204);
  });
});

/** An issuer whose tokens are signed with a shared secret. */
const SECRETS = 'https://secrets.example.com';
const signedWith = (secret) =>
  new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).setIssuer(SECRETS).setExpirationTime('5m').sign(new TextEncoder().encode(secret));

/** Calls the package as a test says, and shows values and exceptions as JSON. */
const LAB = `
import { env as imported } from 'cloudflare:workers';
import { createVerifier, createWorker } from 'edge-assay';
const early = createVerifier({ issuers: [{ issuer: '${SECRETS}', audience: 'unchecked', secrets: [{ binding: 'EARLY' }] }] }, imported);
const RealDate = Date;
let now;
globalThis.Date = class extends RealDate {
  constructor(...parts) { super(...(parts.length > 0 ? parts : [now ?? RealDate.now()])); }
  static now() { return now ?? RealDate.now(); }
};
const envs = new Map();
function withBindings(env, bindings) {
  const name = JSON.stringify(bindings);
  if (!envs.has(name)) envs.set(name, { ...env, ...bindings });
  return envs.get(name);
}
const wrong = { undefined, null: null, number: 42, array: [], promise: Promise.resolve({}), cycle: (() => { const it = {}; it.it = it; return it; })() };
class Options { get scopes() { return ['c']; } }
Object.assign(wrong, {
  'a promise of options': Promise.resolve({ scopes: ['c'] }),
  'a Map': new Map([['scopes', ['c']]]),
  'an object with a getter in its class': new Options(),
  'inherited options': Object.create({ scopes: ['c'] }),
  'a function for scopes': { scopes: () => ['c'] },
  'a symbol for issuers': { issuers: Symbol('c') },
  'a Set of claims': { claims: new Set([{ claim: '/plan', equals: 'pro' }]) },
  'a list with a hole': { scopes: [, 'a'] },
  'a condition whose value is undefined': { claims: [{ claim: '/plan', equals: undefined }] },
  'a condition whose value is not a number': { claims: [{ claim: '/plan', equals: NaN }] },
});
const argument = (value) => (value !== null && typeof value === 'object' && 'wrong' in value ? wrong[value.wrong] : value);
const shown = async (response) => ({ status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() });
const calls = {
  verify: async ({ configuration, options, token }, env) => ({ value: await createVerifier(argument(configuration), argument(env)).verify(argument(token), argument(options)) }),
  async authenticate({ configuration, options, request }, env) {
    const given = request && new Request(request.url ?? 'https://api.example.com/', request);
    const value = await createVerifier(configuration, env).authenticate(given, options);
    const responses = value.ok ? [] : [await shown(value.response()), await shown(value.response())];
    return { value: JSON.parse(JSON.stringify(value)), responses, body: given.body === null ? null : await given.text() };
  },
  early: async ({ token }) => ({ value: await early.verify(token) }),
  worker: async ({ configuration, request }, env, ctx) => ({ response: await shown(await createWorker(argument(configuration)).fetch(new Request(request.url, request), argument(env), ctx)) }),
  async mutated({ configuration, changed, token }, env) {
    const worker = createWorker(configuration);
    const verifier = createVerifier(configuration, env);
    configuration.issuers = changed;
    // Without a context.
    const answer = await worker.fetch(new Request('https://api.example.com/verify', { headers: { authorization: 'Bearer ' + token } }), env);
    return { worker: answer.status, before: await verifier.verify(token), after: await createVerifier(configuration, env).verify(token) };
  },
};
export default {
  async fetch(request, env, ctx) {
    const asked = await request.json();
    if (asked.clock) now = asked.clock * 1000;
    const bindings = asked.env ?? (asked.bindings ? withBindings(env, asked.bindings) : env);
    try {
      return Response.json(await calls[asked.call](asked, bindings, ctx));
    } catch (error) {
      return Response.json({ thrown: error.name, message: error.message });
    }
  },
};`;

suite('createVerifier and createWorker', () => {
  const use = lifetime(after);
  let identityProvider, clerk, betterAuth, impostor, worker, A, B, script;

  const ask = async (body, to = worker) => (await to.fetch('/', { method: 'POST', body: JSON.stringify(body) })).json();
  const verify = async (configuration, token, more = {}) => (await ask({ call: 'verify', configuration, token, ...more })).value;
  const codeOf = (value) => (value.ok ? 'ok' : value.code);
  const trusting = ({ issuer, kind }) => ({ issuer, preset: kind, audience: 'unchecked' });

  before(async () => {
    identityProvider = await use(
      createIdentityProvider({ providers: [{ name: 'clerk' }, { name: 'better-auth' }, { name: 'impostor', kind: 'clerk' }] }),
    );
    [clerk, betterAuth, impostor] = identityProvider.providers;
    [A, B] = [clerk, betterAuth].map((one) => ({ issuers: [trusting(one)] }));
    script = await bundled({ text: LAB });
    // The binding ASSAY trusts an issuer that no configuration in code trusts.
    worker = await use(startWorker({ script, config: { issuers: [trusting(impostor)] } }));
  });

  test('give the values of /verify', async () => {
    const token = await clerk.mint();
    const deployed = await use(startWorker({ config: A }));
    const { body } = await deployed.verify(token);
    assert.deepEqual(await verify(A, token), { ok: true, ...body });
    const expired = await clerk.mint({ expired: true });
    const refusal = await verify(A, expired);
    assert.equal(refusal.ok, false);
    const { ok, ...problem } = refusal;
    const seconds = (text) => JSON.stringify(text).replaceAll(/\d+ s\b/g, 'N s');
    assert.equal(seconds(problem), seconds((await deployed.verify(expired)).body));
  });

  test('the response of a refusal has every header of the deployed Worker, whatever the refusal', async (context) => {
    const useNow = during(context);
    const unreachable = { issuers: [{ issuer: clerk.issuer, jwks_uri: 'http://127.0.0.1:9/keys', audience: 'unchecked' }] };
    const withoutSecret = { issuers: [{ issuer: SECRETS, audience: 'unchecked', secrets: [{ binding: 'ABSENT' }] }] };
    const token = await clerk.mint();
    const requests = [
      [A, {}, 401],
      [A, bearer('x'.repeat(70_000)), 401],
      [A, bearer(`${token}, ${token}`), 400],
      [unreachable, bearer(token), 503],
      [withoutSecret, bearer(await signedWith('a-secret-that-is-bound-to-nothing')), 503],
      [{ issuers: [{ ...trusting(clerk), preset: 'clark' }] }, bearer(token), 503],
      [{ ...A, challenge: { realm: 'another realm' }, cors: { origins: ['https://app.example.com'] } }, { origin: 'https://app.example.com' }, 401],
    ];
    // What the connection adds, and CORS, which is the embedding Worker's own.
    const own = (headers) =>
      Object.fromEntries(
        [...headers].filter(([name]) => !/^(content-length|date|connection|keep-alive|transfer-encoding|access-control-.*|vary)$/.test(name)),
      );
    for (const [configuration, headers, status] of requests) {
      const deployed = await useNow(startWorker({ config: configuration }));
      const answer = await deployed.fetch('/verify', { headers });
      const { responses } = await ask({ call: 'authenticate', configuration, request: { headers } });
      const what = JSON.stringify(configuration);
      assert.equal(answer.status, status, what);
      assert.equal(responses[0].status, status, what);
      assert.deepEqual(own(Object.entries(responses[0].headers)), own(answer.headers), what);
      assert.deepEqual(JSON.parse(responses[0].body), await answer.json(), what);
      assert.equal('retry-after' in responses[0].headers, status === 503, what);
    }
  });

  test('two configurations in one isolate never share trust, however their calls alternate', async () => {
    const tokens = { clerk: await clerk.mint(), betterAuth: await betterAuth.mint(), impostor: await impostor.mint() };
    const expected = [
      [A, tokens.clerk, 'ok'],
      [A, tokens.betterAuth, 'issuer_unknown'],
      [A, tokens.impostor, 'issuer_unknown'],
      [B, tokens.clerk, 'issuer_unknown'],
      [B, tokens.betterAuth, 'ok'],
      [B, tokens.impostor, 'issuer_unknown'],
    ];
    const rounds = Array.from({ length: 10 }, () => expected).flat();
    for (const call of ['verify', 'worker']) {
      const found = await Promise.all(
        rounds.map(async ([configuration, token]) => {
          if (call === 'verify') return codeOf(await verify(configuration, token));
          const request = { url: 'https://api.example.com/verify', headers: bearer(token) };
          const { response } = await ask({ call, configuration, request });
          return response.status === 200 ? 'ok' : JSON.parse(response.body).code;
        }),
      );
      assert.deepEqual(
        found,
        rounds.map(([, , code]) => code),
        call,
      );
    }
  });

  test('two configurations may have other keys for one issuer, and a signature that one has accepted counts for no other', async () => {
    const keysOf = ({ jwksUri }) => ({ issuers: [{ issuer: clerk.issuer, jwks_uri: jwksUri, audience: 'unchecked' }] });
    const [real, other] = [await clerk.mint(), await impostor.mint({ claims: { iss: clerk.issuer } })];
    for (let round = 0; round < 3; round++) {
      assert.equal(codeOf(await verify(keysOf(clerk), real)), 'ok');
      assert.equal(codeOf(await verify(keysOf(impostor), real)), 'key_not_found');
      assert.equal(codeOf(await verify(keysOf(clerk), other)), 'key_not_found');
      assert.equal(codeOf(await verify(keysOf(impostor), other)), 'ok');
      const strict = { issuers: [{ ...trusting(clerk), audience: { any_of: ['backend'] } }] };
      assert.equal(codeOf(await verify(strict, real)), 'audience_missing');
    }
  });

  test('a verifier uses the secrets of its own env, whatever other requests use', async () => {
    const configuration = { issuers: [{ issuer: SECRETS, audience: 'unchecked', secrets: [{ binding: 'SHARED' }] }] };
    const secrets = ['first-secret-of-thirty-two-bytes!', 'second-secret-of-thirty-two-byte!'];
    const tokens = await Promise.all(secrets.map(signedWith));
    const combinations = Array.from({ length: 10 }, () => [0, 1].flatMap((env) => [0, 1].map((signer) => [env, signer]))).flat();
    const found = await Promise.all(
      combinations.map(async ([env, signer]) => codeOf(await verify(configuration, tokens[signer], { bindings: { SHARED: secrets[env] } }))),
    );
    assert.deepEqual(
      found,
      combinations.map(([env, signer]) => (env === signer ? 'ok' : 'signature_invalid')),
    );
    assert.equal(codeOf(await verify(configuration, tokens[0])), 'secret_missing');
  });

  test('a verifier may be made when the module is loaded, with the env of cloudflare:workers', async () => {
    const [secret, other] = ['an-early-secret-of-thirty-two-bytes', 'another-secret-of-thirty-two-bytes'];
    const own = await use(startWorker({ script, secrets: { EARLY: secret } }));
    assert.equal(codeOf((await ask({ call: 'early', token: await signedWith(secret) }, own)).value), 'ok');
    assert.equal(codeOf((await ask({ call: 'early', token: await signedWith(other) }, own)).value), 'signature_invalid');
  });

  test('more configurations than are kept still answer each with its own', async () => {
    const realm = (index) => ({ ...A, challenge: { realm: `realm-${index}` } });
    for (const index of [...Array(80).keys(), ...Array(80).keys()]) {
      const { responses } = await ask({ call: 'authenticate', configuration: realm(index), request: {} });
      assert.equal(responses[0].headers['www-authenticate'], `Bearer realm="realm-${index}"`);
    }
  });

  test('an object is read once: later changes of it have no effect, and a changed object is another configuration', async () => {
    const answer = await ask({ call: 'mutated', configuration: A, changed: B.issuers, token: await clerk.mint() });
    assert.deepEqual([answer.worker, codeOf(answer.before), codeOf(answer.after)], [200, 'ok', 'issuer_unknown']);
  });

  test('a text is the same as its object, and a configuration may be larger than a binding', async () => {
    const token = await clerk.mint();
    assert.equal(codeOf(await verify(JSON.stringify(A), token)), 'ok');
    const many = Array.from({ length: 300 }, (_, index) => ({
      issuer: `https://issuer-${index}.example.com`,
      preset: 'oidc',
      audience: 'unchecked',
    }));
    const large = { issuers: [...many, ...A.issuers] };
    assert.ok(JSON.stringify(large).length > 20_000);
    assert.equal(codeOf(await verify(large, token)), 'ok');
    const { response } = await ask({
      call: 'worker',
      configuration: large,
      request: { url: 'https://api.example.com/verify', headers: bearer(token) },
    });
    assert.equal(response.status, 200);
  });

  test('a faulty configuration is a refusal, and the log has its faults, once', async () => {
    const own = await use(startWorker({ script, config: A }));
    const faulty = { issuers: [{ issuer: clerk.issuer, preset: 'clark' }] };
    const token = await clerk.mint();
    for (let count = 0; count < 3; count++) {
      const { value } = await ask({ call: 'verify', configuration: faulty, token }, own);
      assert.equal(value.code, 'config_invalid');
      assert.equal(value.status, 503);
      assert.ok(value.retry_after > 0);
    }
    const { value } = await ask({ call: 'verify', configuration: '{ not JSON', token }, own);
    assert.equal(value.code, 'config_invalid');
    const lines = await eventually(() => {
      const found = own.log().filter(({ event }) => event === 'config_invalid');
      return found.length === 2 && found;
    }, 'two lines');
    assert.deepEqual(lines[0].faults.map(({ path }) => path).sort(), ['issuers[0].audience', 'issuers[0].preset']);
    assert.deepEqual(
      lines[1].faults.map(({ path }) => path),
      ['ASSAY'],
    );
    assert.ok((await ask({ call: 'verify', configuration: A, token }, own)).value.ok);
  });

  test('a wrong argument is a TypeError that says what to pass', async () => {
    const token = await clerk.mint();
    for (const name of ['undefined', 'null', 'number', 'array', 'promise', 'cycle']) {
      for (const call of ['verify', 'worker']) {
        const { thrown, message } = await ask({ call, configuration: { wrong: name }, token, request: { url: 'https://api.example.com/' } });
        assert.equal(thrown, 'TypeError', `${call} ${name}`);
        assert.match(message, /^create(Verifier|Worker): pass the configuration as an object, or as a JSON text; /, name);
      }
    }
    for (const name of ['undefined', 'null', 'number']) {
      for (const call of ['verify', 'worker']) {
        const { thrown, message } = await ask({ call, configuration: A, env: { wrong: name }, token, request: { url: 'https://api.example.com/' } });
        assert.equal(thrown, 'TypeError', `${call} ${name}`);
        assert.match(message, /pass env, the bindings that the runtime passes to the handler; it is/, name);
      }
    }
    const { thrown, message } = await ask({ call: 'authenticate', configuration: A });
    assert.equal(thrown, 'TypeError');
    assert.equal(message, 'authenticate: pass the Request that the handler gets');
  });

  test('what is no token is refused', async () => {
    for (const token of [{ wrong: 'undefined' }, { wrong: 'null' }, { wrong: 'number' }, { wrong: 'array' }, '', 'null', 'a.b.c']) {
      const value = await verify(A, token);
      assert.equal(value.ok, false, JSON.stringify(token));
      assert.equal(value.status, 401, JSON.stringify(token));
    }
  });

  test('options restrict what is accepted, and a mistake in them accepts nothing', async () => {
    const token = await clerk.mint({ claims: { scope: 'a b' } });
    const both = { issuers: [...A.issuers, ...B.issuers] };
    const code = async (options) => codeOf(await verify(both, token, { options }));
    assert.equal(await code({ scopes: ['a', 'b'] }), 'ok');
    assert.equal(await code({ scopes: ['a', 'c'] }), 'scope_insufficient');
    assert.equal(await code({ issuers: [clerk.issuer] }), 'ok');
    assert.equal(await code({ issuers: [betterAuth.issuer] }), 'issuer_not_accepted');
    assert.equal(await code({ claims: [{ claim: '/iss', equals: clerk.issuer }] }), 'ok');
    assert.equal(await code({ claims: [{ claim: '/plan', one_of: ['pro'] }] }), 'condition_failed');
    for (const options of [
      { scope: ['c'] },
      { scopes: 'c' },
      { scopes: null },
      { scopes: [] },
      { issuers: ['https://other.example'] },
      ['c'],
      'c',
      null,
    ])
      assert.equal(await code(options), 'call_invalid', JSON.stringify(options));
  });

  test('options that JSON cannot express accept nothing, also if the claim that they are about is null', async () => {
    const token = await clerk.mint({ claims: { scope: 'a b', plan: null } });
    for (const name of [
      'a promise of options',
      'a Map',
      'an object with a getter in its class',
      'inherited options',
      'a function for scopes',
      'a symbol for issuers',
      'a Set of claims',
      'a list with a hole',
      'a condition whose value is undefined',
      'a condition whose value is not a number',
      'cycle',
    ]) {
      assert.equal(codeOf(await verify(A, token, { options: { wrong: name } })), 'call_invalid', name);
    }
  });

  test('authenticate reads a request of any method, and leaves its body to the handler', async () => {
    const headers = bearer(await clerk.mint());
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST', 'DELETE']) {
      const body = method === 'POST' ? 'the body' : undefined;
      const accepted = await ask({ call: 'authenticate', configuration: A, request: { method, headers, body } });
      assert.equal(accepted.value.ok, true, method);
      assert.equal(accepted.body, body ?? null, method);
      const refused = await ask({ call: 'authenticate', configuration: A, request: { method } });
      assert.equal(refused.value.code, 'token_missing', method);
      // Each call makes a new response.
      assert.deepEqual(refused.responses[0], refused.responses[1]);
      assert.equal(refused.responses[0].status, 401, method);
      assert.equal(JSON.parse(refused.responses[0].body).code, 'token_missing', method);
    }
  });

  test('work without the binding JWKS_CACHE', async () => {
    const own = await use(startWorker({ script, kv: 'none' }));
    assert.equal(codeOf((await ask({ call: 'verify', configuration: A, token: await clerk.mint() }, own)).value), 'ok');
    assert.equal(codeOf((await ask({ call: 'verify', configuration: A, token: await betterAuth.mint() }, own)).value), 'issuer_unknown');
  });

  test('keys that are due are refreshed in the background, without a context', async () => {
    const own = await use(startWorker({ script }));
    const configuration = { ...B, jwks: { ttl_seconds: 60 } };
    const now = Math.floor(Date.now() / 1000);
    const token = await betterAuth.mint();
    const at = async (clock) => codeOf((await ask({ call: 'verify', configuration, token, clock }, own)).value);
    const before = betterAuth.jwksRequests;
    assert.equal(await at(now), 'ok');
    assert.equal(betterAuth.jwksRequests, before + 1);
    assert.equal(await at(now + 55), 'ok');
    await eventually(() => betterAuth.jwksRequests === before + 2, 'the refresh');
  });
});

/** Applications of Hono, and how often a handler ran. */
const HONO = `
import { Hono } from 'hono';
import { assay } from 'edge-assay/hono';
let ran = 0;
const app = new Hono();
app.get('/ran', (c) => c.text(String(ran)));
const handler = async (c) => { ran++; return c.json({ user: c.get('user'), body: await c.req.text() }); };
app.all('/own', assay(OWN), handler);
app.all('/text', assay(JSON.stringify(OWN)), handler);
app.all('/chosen', assay((c) => c.req.header('x-tenant') === 'b' ? OTHER : OWN), handler);
app.all('/later', assay(async () => OWN), handler);
app.all('/bound', assay(), handler);
app.all('/scoped', assay(OWN, { scopes: ['admin'] }), handler);
app.onError((error, c) => c.json({ thrown: error.name, message: error.message }, 500));
export default app;`;

suite('the middleware for Hono', () => {
  const use = lifetime(after);
  let clerk, betterAuth, bound, worker;
  const ask = async (path, init) => answerOf(await worker.fetch(path, init));
  const ran = async () => Number(await (await worker.fetch('/ran')).text());
  const trusting = ({ issuer, kind }) => ({ issuers: [{ issuer, preset: kind, audience: 'unchecked' }] });
  const start = (config) =>
    bundled({ text: `const OWN = ${JSON.stringify(trusting(clerk))}, OTHER = ${JSON.stringify(trusting(betterAuth))};${HONO}` }).then((script) =>
      use(startWorker({ script, config })),
    );

  before(async () => {
    const identityProvider = await use(
      createIdentityProvider({ providers: [{ name: 'clerk' }, { name: 'better-auth' }, { name: 'bound', kind: 'clerk' }] }),
    );
    [clerk, betterAuth, bound] = identityProvider.providers;
    worker = await start(trusting(bound));
  });

  test('sets the verified token, and leaves the body to the handler', async () => {
    const token = await clerk.mint();
    const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
    const { status, body } = await ask('/own', { method: 'POST', headers: bearer(token), body: 'the body' });
    assert.equal(status, 200);
    assert.equal(body.body, 'the body');
    assert.deepEqual([body.user.ok, body.user.issuer, body.user.subject, body.user.claims], [true, clerk.issuer, claims.sub, claims]);
  });

  test('uses the configuration of its own route and no other', async () => {
    const tokens = { clerk: await clerk.mint(), betterAuth: await betterAuth.mint(), bound: await bound.mint() };
    const accepts = { '/own': 'clerk', '/text': 'clerk', '/later': 'clerk', '/chosen': 'clerk', '/bound': 'bound' };
    for (const [path, name] of Object.entries(accepts)) {
      for (const [other, token] of Object.entries(tokens)) {
        const { status } = await ask(path, { headers: bearer(token) });
        assert.equal(status, other === name ? 200 : 401, `${path}: ${other}`);
      }
    }
    const asB = { 'x-tenant': 'b' };
    assert.equal((await ask('/chosen', { headers: { ...bearer(tokens.betterAuth), ...asB } })).status, 200);
    assert.equal((await ask('/chosen', { headers: { ...bearer(tokens.clerk), ...asB } })).status, 401);
  });

  test('a request that is refused reaches no handler, with any method', async () => {
    const before = await ran();
    for (const path of ['/own', '/text', '/chosen', '/later', '/bound', '/scoped']) {
      for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE']) {
        for (const headers of [
          {},
          bearer(await clerk.mint({ expired: true })),
          bearer('null'),
          { 'access-control-request-method': 'GET', origin: 'https://app.example.com' },
        ]) {
          const response = await worker.fetch(path, { method, headers });
          assert.equal(response.status, 401, `${method} ${path}`);
          assert.match(response.headers.get('www-authenticate'), /^Bearer realm="edge-assay"/);
          assert.equal((await response.text()) === '', method === 'HEAD');
        }
      }
    }
    assert.equal((await ask('/scoped', { headers: bearer(await clerk.mint()) })).status, 403);
    assert.equal(await ran(), before);
  });

  test('without a configuration and without ASSAY, it says what to pass', async () => {
    const own = await start(undefined);
    const { status, body } = await answerOf(await own.fetch('/bound', { headers: bearer(await clerk.mint()) }));
    assert.equal(status, 500);
    assert.equal(body.thrown, 'TypeError');
    assert.match(body.message, /pass the configuration as an object, or as a JSON text; it is undefined/);
  });
});
