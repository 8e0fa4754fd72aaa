// The demo: runs `npm start`, then every printed command in a shell.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { parsePrinted } from '../../demo/commands.mjs';
import { startServer } from '../../scripts/lib/children.mjs';
import { at } from '../../scripts/lib/paths.mjs';
import { eventually } from './support/worker.mjs';

const EXPECTED_COMMANDS = 23;
const MOST_MS_TO_START = 120_000;
const withoutCurl = spawnSync('curl', ['--version']).error && 'curl is not installed';

suite('npm start', { skip: withoutCurl }, () => {
  let demo, port;
  let printed = '';

  before(async () => {
    const ports = await freePorts(2);
    const idpPort = ports[1];
    port = ports[0];
    demo = startServer(process.execPath, [at('scripts', 'start.mjs'), '--port', `${port}`, '--idp-port', `${idpPort}`], {
      onLine: (line) => (printed += `${line}\n`),
    });
    const failed = demo.ended.then(() => assert.fail(`npm start has ended:\n${printed}`));
    await Promise.race([failed, eventually(() => printed.includes('What the Worker logs'), `the commands; so far:\n${printed}`, MOST_MS_TO_START)]);
  });
  after(() => demo.stop());

  test('prints commands that have the printed results', async (context) => {
    const commands = parsePrinted(printed);
    assert.equal(commands.length, EXPECTED_COMMANDS);
    for (const { says, status, code, prints, command } of commands) {
      await context.test(`${says} → ${prints ?? status}${code ? ` ${code}` : ''}`, async () => {
        const { stdout } = await promisify(execFile)('sh', ['-c', command]);
        if (prints) return assert.ok(stdout.startsWith(`${prints} `), stdout);
        assert.match(stdout, new RegExp(`HTTP/1\\.1 ${status} `), command);
        if (code) assert.ok(stdout.includes(`"code":"${code}"`), stdout);
        if (status === 503) assert.match(stdout, /^retry-after: [1-9]/im);
      });
    }
  });

  test('shows what the Worker logs', async () => {
    await eventually(() => printed.includes('"code":"token_expired"'), 'a log line');
  });

  test('says which port is taken and how to choose another', async () => {
    const [other] = await freePorts(1);
    const second = spawnSync(process.execPath, [at('scripts', 'start.mjs'), '--port', `${port}`, '--idp-port', `${other}`], { encoding: 'utf8' });
    assert.equal(second.status, 1);
    assert.match(second.stderr, new RegExp(`Port ${port} is taken .*--port`));
  });

  test('stops everything that it started', async () => {
    await demo.stop();
    await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`));
  });
});

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => /** @type {import('node:net').AddressInfo} */ (server.address()).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
