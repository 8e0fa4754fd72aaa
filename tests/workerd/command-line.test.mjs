// The command line as WebAssembly under Node: the same output, exit codes and files as the native binary, case by case. At the end, the
// native tests of the command line run once more with it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { buildNativeCommandLine, nativeTestsWith } from '../../scripts/lib/native-command-line.mjs';
import { at } from '../../scripts/lib/paths.mjs';
import { buildCommandLine } from '../../scripts/lib/worker.mjs';
import { lifetime } from './support/lifetime.mjs';
import { createOrigin } from './support/origin.mjs';
import { assemble, epochSeconds, signer, testKey } from './support/tokens.mjs';

const ISSUER = 'https://clerk.example.com';
const KEY = testKey('rsa-2048');
const KEYS = { keys: [{ ...KEY.publicJwk, alg: 'RS256', use: 'sig' }] };
const token = (claims) => assemble({ alg: 'RS256', kid: KEY.kid }, { iss: ISSUER, sub: 'user_1', ...claims }, signer('RS256', KEY.privateKey));

const clerk = (more = '') => `[[vars.ASSAY.issuers]]\nissuer = "${ISSUER}"\npreset = "clerk"\naudience = "unchecked"\n${more}`;
const IN_ENVIRONMENTS = `${clerk()}[env.staging]\nname = "x"\n${clerk('cros = 1\n').replaceAll('vars.', 'env.live.vars.')}`;

/** Without the times of a report, which the two programs make one after the other. */
const timeless = (text) =>
  text
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '‹time›')
    .replace(/\b\d+ (h|min|s)\b( \d+ (min|s)\b)?/g, '‹duration›')
    .replace(/"distance_seconds": -?\d+/g, '"distance_seconds": ‹n›');

suite('the command line as WebAssembly', () => {
  const use = lifetime(after);
  const folders = [];
  after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));
  let programs, origin;

  before(async () => {
    origin = await use(createOrigin());
    programs = [[await buildNativeCommandLine()], [process.execPath, at(await buildCommandLine())]];
  });

  /** Runs a program in `cwd`. Its environment is this process's, without colour, and `env`. */
  async function run([command, ...first], args, /** @type {{ cwd: string, input?: string | Buffer, env?: object }} */ { cwd, input = '', env = {} }) {
    const child = spawn(command, [...first, ...args], { cwd, env: { ...process.env, EXPLAIN_KEY: undefined, ...env } });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (text) => (output[name] += text));
    // A wrong call ends without reading its input.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const [status, signal] = await once(child, 'close');
    return { status: status ?? signal, ...output };
  }

  function folderWith(files = {}) {
    const folder = mkdtempSync(join(tmpdir(), 'edge-assay-'));
    folders.push(folder);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return folder;
  }

  /** Every file below the folder: its mode and its text. */
  function filesOf(folder) {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort();
    return Object.fromEntries(paths.map((path) => [path.slice(folder.length), [lstatSync(path).mode & 0o777, readFileSync(path, 'utf8')]]));
  }

  /**
   * Runs the same call with both programs, each in a folder of its own with `files`, and compares exit code, output and files. Returns one
   * result. `general` is applied to each text: it replaces what is random.
   *
   * @param {string[]} args
   * @param {{ status: number, files?: Record<string, string | Buffer>, general?: (text: string) => string, input?: string | Buffer, env?: object }} options
   */
  async function same(args, { status, files, general = (text) => text, ...options }) {
    const results = [];
    for (const program of programs) {
      const cwd = folderWith(files);
      const result = await run(program, args, { cwd, ...options });
      const written = Object.entries(filesOf(cwd)).map(([name, [mode, text]]) => [name, mode, general(String(text))]);
      results.push({ status: result.status, stdout: general(result.stdout), stderr: general(result.stderr), files: written });
    }
    assert.deepEqual(results[1], results[0], args.join(' '));
    assert.equal(results[0].status, status, results[0].stdout + results[0].stderr);
    return results[0];
  }

  test('help and wrong calls', async () => {
    for (const args of [['--help'], ['--version'], ['explain', '-h'], ['check', 'help'], ['keys', '--help'], ['init', '--help']]) {
      assert.equal((await same(args, { status: 0 })).stderr, '');
    }
    for (const args of [
      [],
      ['assay'],
      ['check', '--all'],
      ['check', 'a', 'b'],
      ['explain', '--config'],
      ['keys', 'new', '--algorithm', 'RS256'],
      ['init'],
    ]) {
      const { stdout, stderr } = await same(args, { status: 2 });
      assert.equal(stdout, '');
      assert.match(stderr, /Usage/);
    }
  });

  test('check, for each syntax and each way in which a file cannot be read', async () => {
    assert.match((await same(['check'], { status: 0, files: { 'wrangler.toml': clerk() } })).stdout, /^✓ wrangler.toml has no faults\n/);
    assert.match((await same(['check'], { status: 1, files: { 'wrangler.toml': IN_ENVIRONMENTS } })).stdout, /✗ \[env.live\] issuers\[0\].cros/);
    const json = '{ "vars": { "ASSAY": { "issuers": [], }, }, "env": { "live": {} } } // wrangler reads this';
    assert.match((await same(['check'], { status: 1, files: { 'wrangler.jsonc': json } })).stdout, /✗ env.live has no vars.ASSAY/);
    assert.equal((await same(['check', at('examples', 'incidents.toml')], { status: 0 })).stderr, '');
    const unreadable = {
      'not.toml': '[',
      'not.jsonc': '{]',
      'deep.json': '['.repeat(50_000),
      'deep.toml': `a = ${'['.repeat(50_000)}`,
      'large.toml': '#'.repeat(5_000_000),
      'binary.toml': Buffer.from([0x80]),
    };
    for (const name of [...Object.keys(unreadable), 'absent.toml', '.', 'not.toml/x', '/absent/wrangler.toml']) {
      await same(['check', name], { status: 2, files: unreadable });
    }
  });

  test('check --online, for every kind of answer', async () => {
    const raw = async (answer) => {
      const server = createServer((socket) => socket.on('error', () => {}).once('data', () => answer(socket)));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      after(() => server.close());
      return `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}/keys`;
    };
    const answers = [
      [0, /1 usable key/, origin.serve('/keys', KEYS)],
      [1, /404/, `${origin.url}/absent`],
      [1, /HTML page/, origin.serve('/page', (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'))],
      [
        1,
        /redirected \(302\) to "https:/,
        origin.serve('/moved', (_, response) => response.writeHead(302, { location: 'https://keys.example/' }).end()),
      ],
      [1, /503/, origin.serve('/down', (_, response) => response.writeHead(503).end())],
      [1, /exceeds \d+ bytes/, origin.serve('/large', ' '.repeat(2_000_000))],
      [1, /no complete answer within 500 ms/, origin.serve('/slow', (_, response) => response.writeHead(200).write('{'))],
      [1, /it ended before the answer was complete/, await raw((socket) => socket.destroy())],
      [1, /it ended before the answer was complete/, await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{'))],
      [1, /the answer is not HTTP/, await raw((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n\r\n'))],
      [1, /nothing listens at this address and port/, 'http://127.0.0.1:1/keys'],
      [1, /the host name has no address/, 'https://nowhere.invalid/keys'],
    ];
    for (const [status, said, url] of answers) {
      const config = `${clerk(`jwks_uri = "${url}"\n`)}[vars.ASSAY.jwks]\nfetch_timeout_ms = 500\n`;
      const { stdout, stderr } = await same(['check', '--online'], { status, files: { 'wrangler.toml': config } });
      assert.match(stdout, said, url);
      assert.equal(stderr, '');
    }
    const { headers } = origin.requests.find(({ path }) => path === '/keys');
    for (const request of origin.requests.filter(({ path }) => path === '/keys')) {
      assert.match(request.headers['user-agent'], /^edge-assay\//);
      assert.equal(request.headers.accept, headers.accept);
      assert.equal(request.headers['accept-encoding'], undefined);
    }
  });

  test('explain, with the token on standard input and in a file', async () => {
    const files = { 'wrangler.toml': clerk(), 'keys.json': JSON.stringify(KEYS), 'token.txt': token({ exp: epochSeconds() + 600 }) };
    const common = ['explain', '--jwks', 'keys.json'];
    assert.match((await same([...common, '--token-file', 'token.txt'], { status: 0, files, general: timeless })).stdout, /^Accepted/);
    for (const input of [token({ exp: epochSeconds() - 600 }), 'Bearer null', '{"access_token":"a.b.c"}', '', 'a.b.c\n', 'eyJ'.repeat(100_000)]) {
      await same([...common, '-'], { status: 1, files, input, general: timeless });
      await same([...common, '--json'], { status: 1, files, input, general: timeless });
    }
    const { stderr } = await same([...common, 'eyJ.eyJ.x'], { status: 2, files });
    assert.match(stderr, /npx edge-assay explain - --jwks keys.json\n/);
    assert.doesNotMatch(stderr, /eyJ/);
    await same(common, { status: 2, files, input: Buffer.from([0xff]) });
  });

  test('is what `npx edge-assay` runs natively in this repository, in the folder of the caller', async () => {
    const { bin } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
    const cwd = folderWith({ 'wrangler.toml': clerk(), 'keys.json': JSON.stringify(KEYS) });
    const args = ['explain', '--jwks', 'keys.json'];
    const options = { cwd, input: token({ exp: epochSeconds() - 600 }) };
    const asked = await run([process.execPath, at(bin['edge-assay'])], args, options);
    assert.equal(asked.status, 1, asked.stderr);
    assert.equal(timeless(asked.stdout), timeless((await run(programs[0], args, options)).stdout));
    assert.notEqual(lstatSync(at(bin['edge-assay'])).mode & 0o100, 0);
  });

  test('explain takes secrets from the environment and from .dev.vars', async () => {
    const secret = '0123456789abcdef0123456789abcdef';
    const config = `[[vars.ASSAY.issuers]]\nissuer = "${ISSUER}"\nalgorithms = ["HS256"]\naudience = "unchecked"\nsecrets = [{ binding = "SHARED" }]\n`;
    const input = assemble({ alg: 'HS256' }, { iss: ISSUER, sub: 'user_1', exp: epochSeconds() + 600 }, signer('HS256', secret));
    const files = { 'wrangler.toml': config };
    assert.match((await same(['explain', '--json'], { status: 1, files, input, general: timeless })).stdout, /secret_missing/);
    await same(['explain'], { status: 0, files, input, general: timeless, env: { SHARED: secret } });
    await same(['explain'], { status: 0, files: { ...files, '.dev.vars': `SHARED="${secret}"\n` }, input, general: timeless });
  });

  test('explain --online', async () => {
    const bodies = [];
    const answer = (status, body) => (request, response) => {
      request.on('data', (chunk) => bodies.push([request.headers['x-explain-key'], String(chunk)]));
      request.on('end', () => response.writeHead(status, { 'content-type': 'application/json' }).end(body));
    };
    origin.serve('/good/explain', answer(200, '{"verdict":"accepted"}'));
    origin.serve('/text/explain', answer(200, 'Refused: because.\n'));
    origin.serve('/closed/explain', answer(401, '{"detail":"the key is wrong"}'));
    origin.serve('/down/explain', answer(500, ''));
    const ask = (place, status, ...more) =>
      same(['explain', '--online', `${origin.url}${place}`, ...more], { status, input: 'a.b.c\n', env: { EXPLAIN_KEY: 'the key' } });
    await ask('/good/', 0, '--json', '--path', '/profiles', '--method', 'POST');
    assert.match((await ask('/text', 1)).stdout, /^Refused/);
    assert.match((await ask('/closed', 2)).stderr, /the key is wrong.*EXPLAIN_KEY/);
    assert.match((await ask('/down', 2)).stderr, /answered 500/);
    assert.equal(new Set(bodies.slice(0, 2).map(String)).size, 1);
    assert.deepEqual(bodies[0], ['the key', '{"method":"POST","path":"/profiles","token":"a.b.c"}']);
  });

  test('keys: the same messages, and files that only their owner can read', async () => {
    // Key ids, private members and times.
    const general = (text) =>
      timeless(text)
        .replace(/[\w-]{43}|[\w-]{22}(?=[" ])/g, '‹random›')
        .replace(/\b1[789]\d{8}\b/g, '‹seconds›');
    for (const algorithm of ['ES256', 'EdDSA', 'HS256']) {
      const { files, stderr } = await same(['keys', 'new', '--algorithm', algorithm, '--file', 'keys.json'], { status: 0, general });
      assert.deepEqual(
        files.map(([name, mode]) => [name, mode]),
        [['/keys.json', 0o600]],
      );
      assert.match(stderr, /signs now/);
    }
    for (const program of programs) {
      const cwd = folderWith();
      const keys = (...args) => run(program, ['keys', ...args, '--file', 'keys.json'], { cwd });
      assert.equal((await keys('new')).status, 0);
      assert.match((await keys('new')).stderr, /exists already/);
      chmodSync(join(cwd, 'keys.json'), 0o644);
      assert.equal((await keys('rotate')).status, 0);
      assert.deepEqual(
        Object.entries(filesOf(cwd)).map(([name, [mode]]) => [name, mode]),
        [['/keys.json', 0o600]],
      );
      assert.match((await keys('check')).stdout, /\nNothing is wrong\.\n$/);
      symlinkSync('keys.json', join(cwd, 'link.json'));
      symlinkSync('elsewhere', join(cwd, 'dangling.json'));
      for (const [command, file] of [
        ['rotate', 'link.json'],
        ['new', 'dangling.json'],
        ['new', 'link.json'],
      ]) {
        assert.equal((await run(program, ['keys', command, '--file', file], { cwd })).status, 1, file);
      }
      assert.ok(!existsSync(join(cwd, 'elsewhere')));
    }
    const read = await same(['keys', 'check'], { status: 1, input: '{' });
    assert.equal(read.stdout, '');
    await same(['keys', 'new', '--file', 'absent/keys.json'], { status: 1 });
  });

  suite('init', () => {
    const written = ({ files }) => files.map(([name]) => name);
    const textOf = ({ files }, path) => files.find(([name]) => name === path)[2];

    test('writes a project whose configuration has no faults, for each provider', async () => {
      /** @type {[string[], RegExp][]} */
      const cases = [
        [['--issuer', 'https://words-1.clerk.accounts.dev'], /preset = "clerk"/],
        [['--issuer', 'https://abc.supabase.co/auth/v1'], /preset = "supabase"/],
        [['--issuer', 'https://tenant.eu.auth0.com/', '--audience', 'https://api.example.com'], /preset = "auth0"/],
        [['--issuer', 'https://id.example.com', '--audience', 'unchecked'], /audience = "unchecked"/],
        [['--issuer', 'https://id.example.com'], /audience = \{ any_of = \["write-the-aud-of-your-tokens-here"\] \}/],
        [['--issuer', 'https://id.example.com', '--preset', 'better-auth'], /any_of = \["https:\/\/id.example.com"\]/],
        [['--issuer', 'https://id.example.com', '--audience', 'a', '--audience', 'b"\\'], /any_of = \["a", "b\\"\\\\"\]/],
        [
          ['--issuer', 'https://words-1.clerk.accounts.dev', '--upstream', 'https://origin.example.com', '--name', 'front'],
          /^name = "front"[^]*upstream = "https:/m,
        ],
      ];
      for (const [args, configured] of cases) {
        const result = await same(['init', '--offline', ...args], { status: 0 });
        assert.deepEqual(written(result), ['/.gitignore', '/src/index.js', '/wrangler.toml'], args.join(' '));
        const text = textOf(result, '/wrangler.toml');
        assert.match(text, configured);
        assert.equal(/· authorized_parties is a comment/.test(result.stderr), text.includes('preset = "clerk"'));
        assert.match(text, /^main = "src\/index.js"$/m);
        assert.doesNotMatch(text, /\[build\]|There is none yet/);
        assert.match(result.stdout, /npm install edge-assay wrangler\n +npx wrangler dev\n/);
        assert.doesNotMatch(result.stdout, /#/);
        await same(['check'], { status: 0, files: { 'wrangler.toml': text } });
        // wrangler reads it, too.
        const { unstable_readConfig: readConfig } = await import('wrangler');
        const folder = folderWith({ 'wrangler.toml': text });
        assert.equal(readConfig({ config: join(folder, 'wrangler.toml') }, { hideWarnings: true }).vars.ASSAY.issuers.length, 1);
      }
    });

    test('writes the same configuration as JSON with comments, which wrangler reads', async () => {
      const { unstable_readConfig: readConfig } = await import('wrangler');
      const read = (files, name) => readConfig({ config: join(folderWith(files), name) }, { hideWarnings: true });
      // The objects from TOML have no prototype.
      const plain = (value) => JSON.parse(JSON.stringify(value));
      for (const more of [[], ['--upstream', 'https://api.example.com'], ['--name', 'auth', '--audience', 'a"b', '--audience', '// c']]) {
        const args = ['init', '--offline', '--issuer', 'https://words-1.clerk.accounts.dev', ...more];
        const toml = textOf(await same(args, { status: 0 }), '/wrangler.toml');
        const jsonc = textOf(await same([...args, '--format', 'jsonc'], { status: 0 }), '/wrangler.jsonc');
        assert.match(jsonc, /^ {10}\/\/ "authorized_parties"/m);
        const [one, other] = [read({ 'wrangler.toml': toml }, 'wrangler.toml'), read({ 'wrangler.jsonc': jsonc }, 'wrangler.jsonc')];
        for (const name of ['name', 'compatibility_date', 'preview_urls', 'kv_namespaces', 'triggers', 'observability', 'vars']) {
          assert.deepEqual(plain(other[name]), plain(one[name]), name);
        }
        assert.ok(other.main.endsWith('src/index.js'));
        await same(['check'], { status: 0, files: { 'wrangler.jsonc': jsonc } });
      }
    });

    test('asks at a terminal, and takes a pasted token', { skip: !existsSync('/usr/bin/script') && 'no script(1)' }, async () => {
      const secret = '0123456789abcdef0123456789abcdef';
      const pasted = assemble({ alg: 'HS256' }, { iss: 'https://id.example.com', aud: 'api', exp: epochSeconds() + 600 }, signer('HS256', secret));
      /** @type {[string, string[], RegExp][]} */
      const cases = [
        ['an issuer', ['https://id.example.com', 'api', ''], /issuer = "https:\/\/id.example.com"\n[^]*audience = \{ any_of = \["api"\] \}/],
        ['an issuer and nothing else', ['https://id.example.com', '', ''], /write-the-aud-of-your-tokens-here/],
        ['an issuer and an API', ['https://words-1.clerk.accounts.dev', 'https://api.example.com'], /upstream = "https:\/\/api.example.com"/],
        ['a token', ['', pasted, ''], /secrets = \[\{ binding = "ISSUER_JWT_SECRET" \}\]/],
      ];
      for (const program of programs) {
        for (const [what, given, configured] of cases) {
          const answers = [...given];
          const cwd = folderWith();
          const command = [...program, 'init', '--offline'].map((word) => `'${word}'`).join(' ');
          const child = spawn('script', ['--quiet', '--return', '--echo', 'never', '--command', command, '/dev/null'], { cwd });
          let shown = '';
          child.stdout.setEncoding('utf8').on('data', (text) => {
            shown += text;
            // A prompt is the only line without an end.
            if (shown.endsWith('> ') && answers.length > 0) child.stdin.write(`${answers.shift()}\n`);
          });
          const [status] = await once(child, 'close');
          assert.equal(status, 0, `${what}: ${shown}`);
          assert.deepEqual(answers, [], `${what}: ${shown}`);
          assert.match(readFileSync(join(cwd, 'wrangler.toml'), 'utf8'), configured, what);
          assert.doesNotMatch(shown, /eyJ/, what);
        }
      }
    });

    test('asks the issuer which provider it is, and for its keys', async () => {
      const discovery = (path, issuer = `${origin.url}${path}`) =>
        origin.serve(`${path}/.well-known/openid-configuration`, { issuer, jwks_uri: `${origin.url}/keys` });
      origin.serve('/keys', KEYS);
      discovery('/oidc');
      const found = await same(['init', '--issuer', `${origin.url}/oidc`, '--audience', 'api'], { status: 0 });
      assert.match(found.stdout, /preset oidc.* serves 1 usable key \(RS256\)/);
      // Without a discovery document, and with Better Auth's keys. Its tokens are for itself.
      origin.serve('/better/api/auth/jwks', KEYS);
      const better = await same(['init', '--issuer', `${origin.url}/better`], { status: 0 });
      assert.match(textOf(better, '/wrangler.toml'), /preset = "better-auth"\n# .*\naudience = \{ any_of = \["http:.*\/better"\] \}/);
      // A project without keys signs with its legacy secret.
      origin.serve('/legacy/auth/v1/.well-known/jwks.json', { keys: [] });
      const legacy = await same(['init', '--issuer', `${origin.url}/legacy/auth/v1`, '--preset', 'supabase'], { status: 0 });
      assert.match(textOf(legacy, '/.dev.vars'), /^# SUPABASE_JWT_SECRET=$/m);
      assert.equal(legacy.files.find(([name]) => name === '/.dev.vars')[1], 0o600);
      assert.match(legacy.stdout, /npx wrangler secret put SUPABASE_JWT_SECRET/);
      // Nothing answers: written, and said.
      const silent = await same(['init', '--issuer', 'http://127.0.0.1:1', '--audience', 'api'], { status: 3 });
      assert.match(silent.stderr, /could not be checked: .*nothing listens/);
      assert.equal(written(silent).length, 3);
    });

    test('refuses a wrong issuer, and says the right one', async () => {
      origin.serve('/slash/.well-known/openid-configuration', { issuer: `${origin.url}/slash/`, jwks_uri: `${origin.url}/keys` });
      origin.serve('/site/.well-known/openid-configuration', (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'));
      /** @type {[number, string[], RegExp][]} */
      const cases = [
        [2, [], /--issuer is missing/],
        [2, ['--issuer', 'clerk.example.com'], /--issuer https:\/\/clerk.example.com\n/],
        [2, ['--issuer', 'http://clerk.example.com'], /--issuer https:\/\/clerk.example.com\n/],
        [2, ['--issuer', 'https://id.example.com/.well-known/openid-configuration'], /--issuer https:\/\/id.example.com\n/],
        [2, ['--issuer', 'https://id.example.com', '--preset', 'octa'], /clerk, supabase/],
        [2, ['--issuer', 'https://id.example.com', '--name', 'My Worker'], /--name has/],
        [1, ['--issuer', 'https://tenant.auth0.com'], /write "https:\/\/tenant.auth0.com\/"/],
        [1, ['--issuer', 'https://abc.supabase.co'], /write "https:\/\/abc.supabase.co\/auth\/v1"/],
        [1, ['--issuer', `${origin.url}/slash`, '--audience', 'a'], new RegExp(`use --issuer ${origin.url}/slash/\\.`)],
        [1, ['--issuer', `${origin.url}/absent`, '--audience', 'a'], /404[^]*No keys were found at [^]*--preset/],
        [1, ['--issuer', `${origin.url}/site`, '--audience', 'a'], /HTML page/],
        [1, ['--issuer', `${origin.url}/oidc`, '--audience', 'a', '--upstream', 'not a URL'], /upstream/],
      ];
      for (const [status, args, said] of cases) {
        const result = await same(['init', ...args], { status });
        assert.match(result.stderr, said);
        assert.deepEqual(written(result), [], args.join(' '));
      }
    });

    test('shows nothing of a provider that could be taken for its own lines or for a command', async () => {
      const hostile = [
        'https://id.example.com\n✓ wrote wrangler.toml',
        'https://id.example.com/\u202etxt.exe',
        `https://id.example.com/${'a'.repeat(100_000)}`,
        'https://id.example.com/\u001b[2J',
        '$(touch x)',
        'http://169.254.169.254/',
      ];
      for (const [index, issuer] of hostile.entries()) {
        origin.serve(`/hostile-${index}/.well-known/openid-configuration`, { issuer, jwks_uri: `${origin.url}/keys` });
        const result = await same(['init', '--issuer', `${origin.url}/hostile-${index}`, '--audience', 'a'], { status: 1 });
        assert.match(result.stderr, /names an issuer that cannot be one/);
        assert.ok(result.stderr.length < 600, `${result.stderr.length}`);
        assert.doesNotMatch(result.stderr, /\n✓|[\u202e\u001b]|use --issuer/);
        assert.deepEqual(written(result), []);
      }
    });

    test('writes nothing where .gitignore is a link, which git does not read', { skip: process.platform === 'win32' && 'no links' }, async () => {
      for (const program of programs) {
        const cwd = folderWith({ target: 'mine\n' });
        symlinkSync('target', join(cwd, '.gitignore'));
        const result = await run(program, ['init', '--offline', '--issuer', ISSUER], { cwd });
        assert.equal(result.status, 1);
        assert.match(result.stderr, /\.gitignore is a symbolic link/);
        assert.deepEqual(Object.keys(filesOf(cwd)), ['/target']);
        assert.equal(readFileSync(join(cwd, 'target'), 'utf8'), 'mine\n');
      }
    });

    test('overwrites nothing', async () => {
      const args = ['init', '--offline', '--issuer', ISSUER];
      const configurations = {
        'wrangler.toml': /\n\[\[vars.ASSAY.issuers\]\]\n# .*\nissuer = /,
        'wrangler.json': /"vars": \{\n +"ASSAY": \{/,
        'wrangler.jsonc': /"vars": /,
      };
      for (const [name, said] of Object.entries(configurations)) {
        const result = await same(args, { status: 1, files: { [name]: 'mine' } });
        assert.deepEqual([written(result), textOf(result, `/${name}`)], [[`/${name}`], 'mine']);
        assert.match(result.stderr, said);
      }
      const kept = await same(args, { status: 0, files: { '.gitignore': 'dist/\nnode_modules/' } });
      assert.equal(textOf(kept, '/.gitignore'), 'dist/\nnode_modules/\n.wrangler/\n.dev.vars*\nsigning-keys*.json*\n');
      for (const program of programs) {
        const cwd = folderWith();
        mkdirSync(join(cwd, 'src'));
        writeFileSync(join(cwd, 'src', 'index.js'), 'mine');
        const result = await run(program, args, { cwd });
        assert.equal(result.status, 1);
        assert.match(result.stderr, /src\/index.js exists already/);
        assert.deepEqual(Object.keys(filesOf(cwd)), ['/src/index.js']);
        const elsewhere = await run(program, [...args, '--dir', 'new/auth'], { cwd });
        assert.equal(elsewhere.status, 0, elsewhere.stderr);
        assert.match(elsewhere.stdout, /\n {4}cd new\/auth\n/);
        assert.ok(existsSync(join(cwd, 'new', 'auth', 'wrangler.toml')));
      }
    });
  });

  test('Ctrl-C ends it while it waits for an answer', { skip: process.platform === 'win32' && 'no signals' }, async () => {
    for (const [command, ...first] of programs) {
      const asked = new Promise((resolve) => {
        origin.serve('/silent', resolve);
      });
      const cwd = folderWith({ 'wrangler.toml': clerk(`jwks_uri = "${origin.url}/silent"\n`) });
      const child = spawn(command, [...first, 'check', '--online'], { cwd });
      await asked;
      child.kill('SIGINT');
      assert.deepEqual(await once(child, 'exit'), [null, 'SIGINT']);
    }
  });

  test('passes the native tests of the command line', async () => {
    assert.match(await nativeTestsWith(programs[1][1]), /test result: ok\. \d\d passed/);
  });
});
