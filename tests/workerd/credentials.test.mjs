// Tokens from cookies, other headers, a WebSocket's subprotocol and the query: the built Worker in workerd, as a gateway in front of a real server, and
// behind the real proxies with the files and the lines of docs/forward-auth.md.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { createServerClient } from '@supabase/ssr';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { WHEELS } from '../../scripts/lib/proxies.mjs';
import { createApi } from './support/api.mjs';
import { lifetime } from './support/lifetime.mjs';
import { HOST, PROXIES } from './support/proxies.mjs';
import { raw } from './support/raw.mjs';
import { answerOf, eventually, startWorker, trusting } from './support/worker.mjs';

const APP = 'https://app.example.com';
const SECRET = 'a secret for tests alone, public since it was written';
const EVIL = 'https://evil.example';

const base64url = (text) => Buffer.from(text).toString('base64url');
const protocol = (token) => `base64url.bearer.authorization.k8s.io.${base64url(token)}`;

/** The cookies that the real `@supabase/ssr` sets for a session with this token: chunks, whose contents are encoded. */
async function supabaseCookies(token) {
  const user = { id: 'user-1', user_metadata: { note: 'é'.repeat(3000) } };
  const jar = new Map();
  const cookies = {
    getAll: () => [...jar].map(([name, value]) => ({ name, value })),
    setAll: (changed) => changed.forEach(({ name, value }) => (value === '' ? jar.delete(name) : jar.set(name, value))),
  };
  const client = createServerClient('https://project.supabase.co', 'sb_publishable_of_tests', {
    cookies,
    global: { fetch: async () => Response.json(user) },
  });
  const { error } = await client.auth.setSession({ access_token: token, refresh_token: 'marker-refresh' });
  assert.equal(error, null);
  // The library sets them in an event of the session, which it does not wait for.
  await eventually(async () => jar.size > 2, 'the cookies of the session');
  return [...jar].map(([name, value]) => `${name}=${value}`);
}

async function reached(api, work) {
  const before = api.requests.length;
  return { result: await work(), requests: api.requests.slice(before) };
}

suite('the gateway reads tokens where its configuration says', () => {
  let provider, api, worker, token;
  const use = lifetime(after);

  before(async () => {
    const identityProvider = await use(createIdentityProvider({ providers: [{ name: 'better-auth' }] }));
    [provider] = identityProvider.providers;
    api = await use(createApi());
    const { config, secrets } = trusting(identityProvider.providers);
    const upstream = api.url;
    config.cors = { origins: [APP] };
    config.endpoints = { prefix: '/_assay' };
    config.credentials = ['authorization', { cookie: '__session' }];
    const headers = { 'x-user-id': '/sub' };
    config.gateway = {
      routes: [
        { path: '/*', upstream, headers },
        { path: '/header/*', upstream, credentials: ['authorization'] },
        { path: '/supabase', upstream, headers, credentials: [{ cookie: 'supabase', name: 'sb-project-auth-token' }] },
        { path: '/clerk', upstream, headers, credentials: [{ cookie: 'clerk' }] },
        { path: '/access', upstream, headers, credentials: [{ header: 'Cf-Access-Jwt-Assertion' }, { cookie: 'CF_Authorization' }] },
        { path: '/live', upstream, headers, credentials: ['websocket', { cookie: '__session' }] },
        { path: '/query', upstream, headers, credentials: [{ query: 'access_token' }] },
        { path: '/forward', upstream, credentials: [{ cookie: '__session' }], credential: 'forward' },
        { path: '/public', upstream, headers, public: true },
        { path: '/public-forward', upstream, headers, public: true, credential: 'forward', credentials: [{ cookie: '__session' }, 'authorization'] },
        { path: '/header-forward', upstream, credential: 'forward', credentials: [{ header: 'x-token' }] },
      ],
    };
    worker = await use(startWorker({ config, secrets }));
    token = await provider.mint({ claims: { sub: 'user-1' } });
  });

  const ask = async (path, headers = {}, method = 'GET') => answerOf(await worker.fetch(path, { method, headers }));

  test('a cookie names the user, and the API gets the other cookies as they were sent', async () => {
    const lines = [`Cookie: theme="dark"; __session=${token}; caf\u00e9=\u00fc; n=1=2`];
    const { result, requests } = await reached(api, () => raw(worker.urls[0], '/x', lines));
    assert.equal(result.status, 200);
    assert.deepEqual(
      [requests[0].headers['x-user-id'], requests[0].headers.authorization, requests[0].headers.cookie.includes('__session')],
      ['user-1', undefined, false],
    );
    assert.match(requests[0].headers.cookie, /^theme="dark"; caf.*=.*; n=1=2$/);
    const alone = await ask('/x', { cookie: `__session=${token}` });
    assert.deepEqual([alone.status, alone.body.headers.cookie], [200, undefined]);
    assert.equal((await ask('/header/x', { cookie: `__session=${token}` })).status, 401);
  });

  test('sessions of Supabase and Clerk, and the headers of Access, are read', async () => {
    const supabase = await ask('/supabase', {
      cookie: ['a=1', ...(await supabaseCookies(token)), 'sb-project-auth-token-code-verifier=v'].join('; '),
    });
    assert.equal(supabase.status, 200);
    assert.equal(supabase.body.headers['x-user-id'], 'user-1');
    assert.equal(supabase.body.headers.cookie, 'a=1; sb-project-auth-token-code-verifier=v');
    const clerk = await ask('/clerk', { cookie: `__session=${token}; __session_AbCd-_12=${token}; __client_uat=1` });
    assert.deepEqual([clerk.status, clerk.body.headers.cookie], [200, '__client_uat=1']);
    const other = await provider.mint({ claims: { sub: 'user-2' } });
    const tossed = await ask('/clerk', { cookie: `__session=${token}; __session_AbCd-_12=${other}` });
    assert.deepEqual([tossed.status, tossed.body.code], [400, 'request_ambiguous']);
    const access = await ask('/access', { 'cf-access-jwt-assertion': token, cookie: `CF_Authorization=${other}; b=2` });
    assert.deepEqual(
      [access.status, access.body.headers['x-user-id'], access.body.headers['cf-access-jwt-assertion'], access.body.headers.cookie],
      [200, 'user-1', undefined, 'b=2'],
    );
  });

  test('two cookies of one name are refused, in one header and in two', async () => {
    const other = await provider.mint({ claims: { sub: 'attacker' } });
    for (const lines of [
      [`Cookie: __session=${token}; __session=${other}`],
      [`Cookie: __session=${other}`, `Cookie: __session=${token}`],
      ['Cookie: a=1', `Cookie: __session=${other}`],
    ]) {
      const { result, requests } = await reached(api, () => raw(worker.urls[0], '/x', lines));
      assert.ok([400, 401].includes(result.status), `${result.status}`);
      assert.deepEqual(requests, []);
    }
  });

  test('a page of another site can use no cookie to change anything', async () => {
    const cookie = `__session=${token}`;
    const own = new URL(worker.urls[0]).origin;
    /** @type {[Record<string, string>, number][]} */
    const cases = [
      [{}, 403],
      [{ origin: EVIL }, 403],
      [{ origin: 'null' }, 403],
      [{ 'sec-fetch-site': 'cross-site' }, 403],
      [{ 'sec-fetch-site': 'same-site' }, 403],
      [{ origin: own }, 200],
      [{ origin: APP }, 200],
    ];
    for (const [headers, status] of cases) {
      for (const path of ['/x', '/_assay/verify']) {
        const { result, requests } = await reached(api, () => raw(worker.urls[0], path, linesOf({ cookie, ...headers }), { method: 'POST' }));
        assert.equal(result.status, status, `${path} ${JSON.stringify(headers)}`);
        if (status === 403) assert.equal(JSON.parse(result.body).code, 'cross_site_refused');
        assert.equal(requests.length, status === 200 && path === '/x' ? 1 : 0);
      }
    }
    assert.equal((await ask('/x', { cookie, origin: EVIL })).status, 200);
    const anonymous = await reached(api, () =>
      raw(worker.urls[0], '/public', linesOf({ cookie: `${cookie}; a=1`, origin: EVIL }), { method: 'POST' }),
    );
    assert.equal(anonymous.result.status, 200);
    assert.deepEqual([anonymous.requests[0].headers['x-user-id'], anonymous.requests[0].headers.cookie], ['', 'a=1']);
  });

  test("a WebSocket's token is in its subprotocols, and another site opens none with a cookie", async () => {
    const socket = await open(['v1.chat', protocol(token)]);
    assert.equal(socket.protocol, 'v1.chat');
    socket.send('hello');
    const { data } = await new Promise((resolve) => socket.addEventListener('message', resolve, { once: true }));
    assert.equal(data, 'user-1: hello');
    socket.close();
    assert.equal(api.requests.at(-1).headers['sec-websocket-protocol'], 'v1.chat');
    const cookie = `__session=${token}`;
    for (const [protocols, headers] of [
      [[protocol(token)], {}],
      [['v1.chat', protocol('a.b.c')], {}],
      [['v1.chat'], { cookie }],
      [['v1.chat'], { cookie, origin: EVIL }],
    ]) {
      const { requests } = await reached(api, () => assert.rejects(open(protocols, headers)));
      assert.deepEqual(requests, []);
    }
    (await open(['v1.chat'], { cookie, origin: APP })).close();
  });

  test('a token in the query is read where it is listed, and leaves the URL', async () => {
    const { status, body } = await ask(`/query?a=%20&access_token=${token}&b=2`);
    assert.deepEqual([status, body.url, body.headers['x-user-id']], [200, '/query?a=%20&b=2', 'user-1']);
    assert.equal((await ask(`/x?access_token=${token}`)).status, 401);
  });

  test('a forwarded token is in Authorization', async () => {
    const { body } = await ask('/forward', { cookie: `a=1; __session=${token}`, authorization: 'Basic dTpw' });
    assert.deepEqual([body.headers.authorization, body.headers.cookie], [`Bearer ${token}`, `a=1; __session=${token}`]);
  });

  test('a forged token beside a cookie that is refused reaches no API', async () => {
    for (const [cookie, method] of [
      ['__session=garbage', 'GET'],
      ['__session=a; __session=b', 'GET'],
      [`__session=${token}`, 'POST'],
    ]) {
      const { result, requests } = await reached(api, () => ask('/public-forward', { cookie, authorization: 'Bearer a.b.c' }, method));
      assert.deepEqual([result.status, requests], [401, []], cookie);
    }
    const { body } = await ask('/public-forward', { cookie: '__session=garbage', authorization: `Bearer ${token}` });
    assert.deepEqual([body.headers['x-user-id'], body.headers.authorization], ['user-1', `Bearer ${token}`]);
  });

  test('no name that a server reads as the listed one reaches the API', async () => {
    const names = ['..session', '%5F_session', '__Session', '\u00a0__session', '\u00c2\u00a0__session', '__session[x]', 'x, __session'];
    for (const name of names) {
      const lines = [`Cookie: ${name}=forged; __session=${token}; a=1`];
      const { result, requests } = await reached(api, () => raw(worker.urls[0], '/forward', lines));
      assert.equal(result.status, name.includes(',') ? 400 : 200, name);
      for (const { headers } of requests) assert.deepEqual([headers.cookie, headers['x-user-id']], [`__session=${token}; a=1`, undefined], name);
    }
    for (const name of ['access.token', 'Access_Token', 'access_token[]', 'access+token', '%20access_token', 'x;access_token']) {
      const { result, requests } = await reached(api, () => raw(worker.urls[0], `/query?a=1&${name}=forged&access_token=${token}`));
      assert.deepEqual([result.status, requests[0].url], [200, '/query?a=1'], name);
    }
    const { requests } = await reached(api, () => raw(worker.urls[0], '/header-forward', [`X-Token: ${token}`, 'X_Token: forged']));
    assert.deepEqual([requests[0].headers['x-token'], requests[0].headers.x_token], [token, undefined]);
  });

  test('thousands of names in Connection take little time', async () => {
    const lines = [`Authorization: Bearer ${token}`, `Connection: ${Array.from({ length: 10_000 }, (_, number) => `z${number}`).join(',')}`];
    for (let number = 0; number < 300; number += 1) lines.push(`h${number}: `);
    const begun = performance.now();
    assert.equal((await raw(worker.urls[0], '/x', lines)).status, 200);
    assert.ok(performance.now() - begun < 1000, `${performance.now() - begun} ms`);
  });

  test('a DPoP token is no bearer token', async () => {
    const { status, body, headers } = await ask('/x', { authorization: `DPoP ${token}`, cookie: `__session=${token}` });
    assert.deepEqual([status, body.code, headers.get('www-authenticate')], [401, 'token_missing', 'Bearer realm="edge-assay"']);
    assert.match(body.detail, /DPoP/);
  });

  test('no value is in the log', async () => {
    const log = worker.lines.map(({ message }) => message).join('\n');
    for (const part of token.split('.')) assert.ok(!log.includes(part));
    assert.ok(!log.includes('marker-refresh'));
  });

  const linesOf = (headers) => Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  async function open(protocols, headers = {}) {
    const url = new URL('/live', String(worker.urls[0]).replace('http', 'ws'));
    const socket = new WebSocket(url, /** @type {any} */ ({ protocols, headers }));
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true });
      socket.addEventListener('error', () => reject(new Error('refused')), { once: true });
    });
    return socket;
  }
});

// The lines of the table in docs/forward-auth.md, as changes of the files.
const CHANGES = {
  nginx: [
    ['upstream assay {', 'large_client_header_buffers 4 32k;\n    upstream assay {'],
    [
      'auth_request_set $assay_retry',
      'auth_request_set $cookies $upstream_http_cookie;\n            proxy_set_header Cookie $cookies;\n            proxy_set_header X-Access-Token "";\n            auth_request_set $assay_retry',
    ],
  ],
  Caddy: [
    ['Remote-Name X-User-Id\n', 'Remote-Name X-User-Id Cookie\n'],
    ['header_up -Authorization\n', 'header_up -Authorization\n\t\t\t\theader_up -X-Access-Token\n'],
  ],
  Envoy: [
    ['- exact: x-user-id', '- exact: x-user-id\n                              - exact: cookie'],
    ['- authorization\n', '- authorization\n                        - x-access-token\n'],
  ],
};
const TRAEFIK_ROUTES = [
  ['          - X-User-Id', '          - X-User-Id\n          - Cookie'],
  ['\n          Authorization: ""', '\n          X-Access-Token: ""\n          Authorization: ""'],
];

for (const [name, proxy] of Object.entries(PROXIES)) {
  // The page says that older versions of Caddy leave the client's cookies in place.
  if (name === `Caddy ${WHEELS.oldCaddy.version}`) continue;
  suite(`forward-auth with ${name} reads a cookie and a header`, { skip: proxy.skip }, () => {
    const kind = name.split(' ')[0];
    const use = lifetime(after);
    let api, front, token;

    before(async () => {
      const identityProvider = await use(createIdentityProvider({ providers: [{ name: 'better-auth' }] }));
      api = await use(createApi());
      const { config, secrets } = trusting(identityProvider.providers);
      config.forward_auth = { secret: 'FORWARD_AUTH_SECRET' };
      config.credentials = [
        'authorization',
        { cookie: 'supabase', name: 'sb-project-auth-token' },
        { cookie: '__session' },
        { header: 'X-Access-Token' },
      ];
      config.cors = { origins: [APP] };
      config.gateway = { routes: [{ path: '/*', headers: { 'x-user-id': '/sub' } }] };
      const worker = await use(startWorker({ config, secrets: { ...secrets, FORWARD_AUTH_SECRET: SECRET } }));
      const upstreams = { worker: worker.urls[0], api: api.url, secret: SECRET };
      const changes = CHANGES[kind] ?? [];
      front = await use(kind === 'Traefik' ? proxy.start(upstreams, [], TRAEFIK_ROUTES) : proxy.start(upstreams, changes));
      token = await identityProvider.providers[0].mint({ claims: { sub: 'user-1' } });
    });

    const send = (lines, options = {}) => reached(api, () => raw(front.url, '/x', lines, { host: HOST, ...options }));

    test('the cookie with the token does not reach the API, and the others do', async () => {
      for (const [cookie, left] of [
        [`a=1; __session=${token}; b=2`, 'a=1; b=2'],
        [['a=1', ...(await supabaseCookies(token))].join('; '), 'a=1'],
        [`__session=${token}`, ''],
      ]) {
        const { result, requests } = await send([`Cookie: ${cookie}`]);
        assert.deepEqual([result.status, requests.length], [200, 1], front.output());
        assert.deepEqual([requests[0].headers['x-user-id'], requests[0].headers.cookie ?? ''], ['user-1', left]);
      }
      const bearer = await send([`Authorization: Bearer ${token}`, 'Cookie: a=1; b=2']);
      assert.equal(bearer.requests[0].headers.cookie, 'a=1; b=2');
    });

    test('the header with the token does not reach the API', async () => {
      const { result, requests } = await send([`X-Access-Token: ${token}`]);
      assert.deepEqual([result.status, requests[0]?.headers['x-access-token'], requests[0]?.headers['x-user-id']], [200, undefined, 'user-1']);
      const disguised = await send([`X_Access_Token: ${token}`, `Cookie: __session=${token}`]);
      for (const { rawHeaders } of disguised.requests) assert.ok(!rawHeaders.some((text) => /^x.access.token$/i.test(text)), `${rawHeaders}`);
    });

    test('two cookies of one name do not pass', async () => {
      const { result, requests } = await send([`Cookie: __session=${token}; __session=x`]);
      assert.deepEqual([result.status, requests], [401, []]);
    });

    test('a cookie counts for a POST and for a WebSocket only from the own origin or a listed one', async () => {
      const websocket = ['Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
      const cookie = `Cookie: __session=${token}`;
      for (const [origin, counts] of [
        [undefined, false],
        ['null', false],
        [EVIL, false],
        [`https://${HOST}`, false],
        [`http://${HOST}`, true],
        [APP, true],
      ]) {
        const lines = [cookie, ...(origin ? [`Origin: ${origin}`] : [])];
        const post = await send([...lines, 'Content-Length: 0'], { method: 'POST' });
        assert.deepEqual([post.result.status, post.requests.length], counts ? [200, 1] : [403, 0], `POST ${origin}`);
        const socket = await send([...lines, ...websocket], { connection: 'Upgrade' });
        assert.deepEqual([socket.result.status, socket.requests.length], counts ? [101, 1] : [403, 0], `WebSocket ${origin}`);
      }
    });
  });
}
