// How other programs read a path: Node's `new URL`, which follows the URL standard, and nginx, which decodes and merges
// slashes. All of them must read an accepted path in the same way, as it was sent and as it is forwarded. hyper's reading is
// compared natively, in fuzz/src/targets.
//
//   ASSAY_SEED=<number>    repeats a run
//   ASSAY_PATHS=<number>   how many paths are tried
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { lifetime } from './support/lifetime.mjs';
import { createOrigin } from './support/origin.mjs';
import { generator } from './support/oracle.mjs';
import { eventually, startWorker } from './support/worker.mjs';

const SEED = Number(process.env.ASSAY_SEED ?? randomInt(2 ** 32));
const PATHS = Number(process.env.ASSAY_PATHS ?? 2000);
const AT_ONCE = 16;
const CORPUS = new URL('../../fuzz/corpus/url/', import.meta.url);
const repeat = `ASSAY_SEED=${SEED} repeats it`;
const skip = spawnSync('nginx', ['-v']).error ? 'nginx is not installed (Debian: apt-get install nginx)' : false;

// Words that servers read in different ways, and the one that the routes guard.
const PARTS = [
  'admin',
  '%61dmin',
  'adm%69n',
  'ADMIN',
  'admin%2f',
  'a',
  'b.c',
  '~',
  '.',
  '..',
  '%2e',
  '%2E%2e',
  '.%2e',
  '...',
  '%2f',
  '%5c',
  '\\',
  ';',
  ';x',
  '%3b',
  '%00',
  '%20',
  '%C3%A9',
  '%c3%a9',
  '%EF%BC%8F',
  '%E2%80%A5',
  '%25',
  '%252e',
  '%25%32%65',
  '*',
  '+',
  ',',
  '%2C',
  ':',
  '@',
  '{',
  '%7B',
  '|',
  '^',
  '[',
  ']',
  "'",
  '!',
  '$&()=',
  '"',
  '<',
  '%',
  '%zz',
  '%ff',
  '?',
  '?x=/../admin',
  '#',
];

suite('readings of a path', { skip }, () => {
  const use = lifetime(after);
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  let worker, nginx;

  before(async () => {
    nginx = await use(startNginx());
    const origin = await use(createOrigin());
    const upstream = nginx.url;
    worker = await use(
      startWorker({
        config: {
          issuers: [{ issuer: 'https://paths.example', jwks_uri: origin.serve('/jwks', { keys: [] }), audience: 'unchecked' }],
          endpoints: { prefix: '/_assay' },
          forward_auth: { trusted: true },
          gateway: {
            routes: [
              { path: '/*', upstream, public: true },
              { path: '/admin/*', upstream },
            ],
          },
        },
      }),
    );
  });
  after(() => agent.destroy());

  /** Sends the path as it is; node:http corrects nothing. */
  const get = async (url, path, headers = {}) => {
    const { hostname, port } = new URL(url);
    const sent = request({ hostname, port, path, headers, agent }).end();
    const [answer] = await once(sent, 'response');
    let body = '';
    for await (const part of answer.setEncoding('latin1')) body += part;
    return { status: answer.statusCode, code: answer.headers['x-assay-code'], body };
  };

  test('the proxy and the URL standard read a path that forward-auth accepts as the Worker does', async (context) => {
    const counts = { open: 0, guarded: 0, refused: 0 };
    await forAll(generator(SEED), async (path) => {
      const { status, code } = await get(worker.urls[0], '/_assay/auth-request', {
        'x-original-method': 'GET',
        'x-original-uri': path,
        'x-original-host': 'api.example.com',
      });
      if (status === 403) {
        assert.equal(code, 'path_refused', path);
        counts.refused += 1;
        return;
      }
      assert.ok(status === 200 || (status === 401 && code === 'token_missing'), `${path}: ${status} ${code}`);
      const isGuarded = status === 401;
      counts[isGuarded ? 'guarded' : 'open'] += 1;
      const read = await get(nginx.url, path);
      assert.equal(read.status, 200, `nginx refuses ${path}; ${repeat}`);
      const [, uri] = Buffer.from(read.body, 'latin1').toString().split('\n');
      const [own] = path.split('?');
      assert.equal(uri, decodeURIComponent(own), `nginx reads ${path} in another way; ${repeat}`);
      assert.deepEqual(segments(new URL(`http://host${path}`).pathname), segments(own), `new URL reads ${path} in another way; ${repeat}`);
      assert.equal(segments(own)[0] === 'admin', isGuarded, `${path} is on the wrong route; ${repeat}`);
    });
    context.diagnostic(`seed ${SEED}: ${JSON.stringify(counts)}`);
    assert.ok(Math.min(...Object.values(counts)) > PATHS / 100, JSON.stringify(counts));
  });

  test('the upstream reads a forwarded path as it was matched', async (context) => {
    const counts = { open: 0, guarded: 0, refused: 0 };
    await forAll(generator(SEED + 1), async (path) => {
      const { status, body } = await get(worker.urls[0], path);
      const [pathname] = [new URL(`http://host${path}`).pathname];
      if (status === 200) {
        counts.open += 1;
        const [sent, uri] = Buffer.from(body, 'latin1').toString().split('\n');
        const [own] = sent.split('?');
        assert.equal(new URL(`http://host${sent}`).pathname, own, `${path} is forwarded as ${sent}; ${repeat}`);
        assert.equal(uri, decodeURIComponent(own), `${path}: nginx reads ${sent} in another way; ${repeat}`);
        assert.deepEqual(segments(own), segments(pathname), `${path} is forwarded as ${sent}; ${repeat}`);
        assert.notEqual(segments(own)[0], 'admin', `${path} passes without a token; ${repeat}`);
      } else if (status === 401) {
        counts.guarded += 1;
        assert.equal(segments(pathname)[0], 'admin', `${path} is on the wrong route; ${repeat}`);
      } else {
        // The runtime's own reader refuses some before the Worker sees them, and the Worker's endpoints are not routes.
        assert.ok(status === 400 || pathname.startsWith('/_assay'), `${path}: ${status}; ${repeat}`);
        counts.refused += 1;
      }
    });
    context.diagnostic(`seed ${SEED}: ${JSON.stringify(counts)}`);
    assert.ok(Math.min(...Object.values(counts)) > PATHS / 100, JSON.stringify(counts));
  });
});

/** A path's segments, decoded, without the empty ones. */
const segments = (path) => path.split('/').filter(Boolean).map(decodeURIComponent);

/** Runs `work` on random paths, some of them changed inputs of the fuzz target `url`. */
async function forAll(random, work) {
  const corpus = readdirSync(CORPUS)
    .map((name) => readFileSync(new URL(name, CORPUS), 'latin1'))
    .filter((text) => text.startsWith('/'));
  const paths = Array.from({ length: PATHS }, () => (random.below(3) === 0 ? mutated(random.one(corpus), random) : joined(random)));
  // Paths that a request line cannot hold are not sent.
  const queue = paths.filter((path) => /^\/[\x21-\x7e]*$/.test(path)).values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const path of queue) await work(path);
    }),
  );
}

const several = (most, random, make) => Array.from({ length: 1 + random.below(most) }, make);

function joined(random) {
  const segment = () => (random.below(2) === 0 ? random.one(PARTS.slice(0, 8)) : several(2, random, () => random.one(PARTS)).join(''));
  return `/${several(4, random, segment).join(random.below(8) === 0 ? '//' : '/')}${random.below(4) === 0 ? '/' : ''}`;
}

function mutated(text, random) {
  const place = 1 + random.below(Math.max(text.length, 1));
  return text.slice(0, place) + random.one(PARTS) + text.slice(place + random.below(3));
}

/** nginx, which answers with the path as it was sent and as nginx reads it. */
async function startNginx() {
  const folder = mkdtempSync(join(tmpdir(), 'edge-assay-nginx-'));
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (probe.address());
  probe.close();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ');
  writeFileSync(
    join(folder, 'nginx.conf'),
    `events {}
     http { access_log off; ${temporary} default_type text/plain; keepalive_requests 100000;
       server { listen 127.0.0.1:${port}; location / { return 200 "$request_uri\\n$uri"; } } }`,
  );
  const child = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr', '-g', `daemon off; pid ${folder}/pid;`], {
    stdio: 'ignore',
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually(
    () =>
      fetch(url).then(
        ({ ok }) => ok,
        () => false,
      ),
    'nginx',
  );
  return {
    url,
    close: async () => {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
