// The types of the npm package, with the compiler and with the types of the runtime that `wrangler types` makes. Each program compiles, and
// each change of it that must not compile does not.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { at } from '../../scripts/lib/paths.mjs';
import { compatibilityDate } from '../../scripts/lib/worker.mjs';

const FOLDER = at('target', 'types');
const WRANGLER = {
  name: 'types',
  main: 'main.js',
  compatibility_date: compatibilityDate(),
  kv_namespaces: [{ binding: 'JWKS_CACHE' }],
  services: [{ binding: 'AUTH', service: 'edge-assay', entrypoint: 'Assay' }],
};
const PATHS = {
  'edge-assay': [at('npm/types/index.d.ts')],
  'edge-assay/gateway': [at('npm/types/gateway.d.ts')],
  'edge-assay/hono': [at('npm/types/hono.d.ts')],
  hono: [at('node_modules/hono/dist/types/index.d.ts')],
};
const OPTIONS = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  target: 'es2022',
  lib: ['es2022'],
  module: 'esnext',
  moduleResolution: 'bundler',
  types: ['./worker-configuration.d.ts'],
  paths: PATHS,
};

/** Runs a program of the project in `FOLDER`, and returns its exit code and output. */
async function run(program, args) {
  try {
    const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' };
    const { stdout, stderr } = await promisify(execFile)(at('node_modules', '.bin', program), args, { cwd: FOLDER, env });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    return { code: error.code, output: error.stdout + error.stderr };
  }
}

let count = 0;

/**
 * Checks that a program compiles, and that each change of it does not: `[from, to, number]`, where `number` is that of an error which the
 * compiler then reports. One run of the compiler checks all.
 */
async function compiles(program, changes = []) {
  const test = `program-${count++}`;
  const changed = changes.map(([from, to]) => {
    assert.ok(program.includes(from), from);
    return program.replace(from, to);
  });
  const files = [program, ...changed].map((text, index) => {
    const name = `${test}-${index}.ts`;
    writeFileSync(join(FOLDER, name), text);
    return name;
  });
  writeFileSync(join(FOLDER, `${test}.json`), JSON.stringify({ compilerOptions: OPTIONS, files }));
  const { output } = await run('tsc', ['--pretty', 'false', '-p', `${test}.json`]);
  const errors = output.split('\n').filter((line) => line.includes('error TS'));
  const [own, ...others] = files.map((name) => errors.filter((line) => line.startsWith(`${name}(`)));
  // An error of the program, or of a file that it uses.
  const unexpected = errors.filter((line) => !others.flat().includes(line));
  assert.deepEqual(unexpected, [], own.join());
  for (const [index, [from, to, number]] of changes.entries()) {
    const found = others[index];
    assert.ok(
      found.some((line) => line.includes(`error ${number}: `)),
      `${to || `without ${from}`}: ${found.join('\n') || 'it compiles'}`,
    );
  }
}

/** A `switch` with a case for each code, and `never` behind it. */
const exhaustive = (codes) => `
  switch (refusal.code) {
${codes.map((code) => `    case '${code}': return refusal.status;`).join('\n')}
    default: { const rest: never = refusal; return rest; }
  }`;

/** The names and the statuses of an interface in codes.d.ts. */
function codesOf(name) {
  const [, body] = readFileSync(at('npm/types/codes.d.ts'), 'utf8').match(new RegExp(`export interface ${name} \\{\n([^]*?)\n\\}`));
  return Object.fromEntries([...body.matchAll(/^ {2}(\w+): (\d+);$/gm)].map(([, code, status]) => [code, Number(status)]));
}

suite('the types of the package', () => {
  before(async () => {
    rmSync(FOLDER, { recursive: true, force: true });
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(join(FOLDER, 'wrangler.json'), JSON.stringify(WRANGLER));
    writeFileSync(join(FOLDER, 'main.js'), 'export default {};\n');
    writeFileSync(join(FOLDER, 'main.d.ts'), 'declare const main: {};\nexport default main;\n');
    const { code, output } = await run('wrangler', ['types', '--config', 'wrangler.json']);
    assert.equal(code, 0, output);
  });

  test('have no errors of their own', async () => {
    const names = readdirSync(at('npm/types')).map((name) => at('npm/types', name));
    await compiles(names.map((name, index) => `import type * as m${index} from ${JSON.stringify(name)};`).join('\n'));
  });

  test('make a switch over the code of a refusal exhaustive: every missing case is an error', async () => {
    const codes = [...Object.keys({ ...codesOf('RejectionCodes'), ...codesOf('FaultCodes'), ...codesOf('VerdictCodes') }), 'call_invalid'];
    assert.ok(codes.length > 30, codes.join());
    const program = `import type { Refusal } from 'edge-assay';\nexport function statusOf(refusal: Refusal): number {${exhaustive(codes)}\n}`;
    const cases = ['token_missing', 'scope_insufficient', 'config_invalid', 'issuer_not_accepted', 'call_invalid'];
    await compiles(program, [
      ...cases.map((code) => [`    case '${code}': return refusal.status;\n`, '', 'TS2322']),
      ["case 'token_expired'", "case 'token_expird'", 'TS2678'],
    ]);
  });

  test('make a switch over the code of an exchange exhaustive too', async () => {
    const codes = Object.keys({ ...codesOf('RejectionCodes'), ...codesOf('FaultCodes'), ...codesOf('ExchangeCodes'), ...codesOf('CallCodes') });
    const program = `import type { ExchangeRefusal } from 'edge-assay';\nexport function statusOf(refusal: ExchangeRefusal): number {${exhaustive(codes)}\n}`;
    await compiles(program, [["    case 'target_unknown': return refusal.status;\n", '', 'TS2322']]);
  });

  test('know the status of each code, and which refusals have retry_after', async () => {
    const program = `
      import type { ExchangeRefusal, Refusal } from 'edge-assay';
      export function check(refusal: Refusal, other: ExchangeRefusal) {
        if (refusal.code === 'token_expired') { const status: 401 = refusal.status; const claim: string | undefined = refusal.claim; }
        if (refusal.code === 'scope_insufficient') { const status: 403 = refusal.status; }
        if (refusal.code === 'jwks_unavailable') { const status: 503 = refusal.status; const seconds: number = refusal.retry_after; }
        if (refusal.status === 503) { const seconds: number = refusal.retry_after; }
        if (other.code === 'token_expired') { const status: 400 = other.status; }
        if (other.code === 'client_unauthenticated') { const status: 401 = other.status; }
      }`;
    await compiles(program, [
      ['const status: 401 = refusal', 'const status: 403 = refusal', 'TS2322'],
      ['if (refusal.status === 503)', 'if (refusal.status === 401)', 'TS2322'],
    ]);
  });

  test('give a verifier typed claims, and a refusal only after ok was checked', async () => {
    const program = `
      import { createVerifier, createWorker } from 'edge-assay';
      const configuration = { issuers: [{ issuer: 'https://clerk.example.com', preset: 'clerk', audience: 'unchecked' }] } as const;
      const auth = createWorker(configuration);
      export default {
        async fetch(request, env, ctx) {
          if (request.url.endsWith('/verify')) return auth.fetch(request, env, ctx);
          const { verify, authenticate } = createVerifier(configuration, env);
          const user = await authenticate<{ org_id: string }>(request, { scopes: ['profiles:read'] });
          if (!user.ok) return user.response();
          const organisation: string = user.claims.org_id;
          const expiry: number = user.claims.exp;
          const subject: string | null = user.subject;
          const other: unknown = user.claims.anything;
          const again = await verify('token');
          if (!again.ok) return Response.json({ code: again.code, detail: again.detail }, { status: again.status });
          return new Response(organisation + expiry + subject + other);
        },
        scheduled: auth.scheduled,
      } satisfies ExportedHandler<Env>;`;
    await compiles(program, [
      ['if (!user.ok) return user.response();', '', 'TS2339'],
      ['const other: unknown', 'const other: string', 'TS2322'],
      ['const subject: string | null', 'const subject: string', 'TS2322'],
      ['createVerifier(configuration, env)', 'createVerifier(configuration)', 'TS2554'],
      ['if (!again.ok) return Response.json({', 'if (again.ok) return Response.json({', 'TS2339'],
      ["scopes: ['profiles:read']", "scope: ['profiles:read']", 'TS2561'],
    ]);
  });

  test('refuse a configuration with a wrong, an unknown or a missing field', async () => {
    const program = `
      import type { Configuration } from 'edge-assay';
      export const configuration: Configuration = {
        issuers: [{ issuer: 'https://auth.example.com', preset: 'better-auth', audience: { any_of: ['api'] } }],
        verify: { leeway_seconds: 5 },
        gateway: { routes: [{ path: '/profiles/*', upstream: 'https://origin.example.com', require: { scopes: ['a'], claims: [{ claim: '/plan', one_of: ['pro'] }] }, headers: { 'x-user-id': '/sub' } }] },
        exchange: { issuer: 'https://me.example.com', targets: [{ audience: 'a', from: ['https://auth.example.com'], claims: { user_id: { claim: '/sub' } } }] },
      };`;
    await compiles(program, [
      ["preset: 'better-auth'", "preset: 'betterauth'", 'TS2820'],
      ["audience: { any_of: ['api'] }", "audience: 'api'", 'TS2322'],
      [", audience: { any_of: ['api'] }", '', 'TS2741'],
      ['leeway_seconds: 5', 'leeway: 5', 'TS2353'],
      ["'x-user-id': '/sub'", "'x-user-id': 'sub'", 'TS2322'],
    ]);
  });

  test('accept the configuration of every example', async () => {
    const { unstable_readConfig: readConfig } = await import('wrangler');
    const names = readdirSync(at('examples')).filter((name) => name.endsWith('.toml'));
    assert.ok(names.length > 5);
    const configurations = names.map((name) => {
      const file = join(FOLDER, name);
      writeFileSync(file, readFileSync(at('examples', name)));
      return readConfig({ config: file }, { hideWarnings: true }).vars.ASSAY;
    });
    await compiles(`import type { Configuration } from 'edge-assay';\nexport const all: Configuration[] = ${JSON.stringify(configurations)};`);
  });

  test('fit the programs in the documentation', async () => {
    const page = readFileSync(at('docs/embedding.md'), 'utf8');
    const programs = [...page.matchAll(/^```ts\n([^]*?)^```/gm)].map(([, program]) => program);
    assert.equal(programs.length, 1);
    await compiles(programs[0], [["case 'token_expired'", "case 'token_has_expired'", 'TS2678']]);
  });

  test('make a service binding with the entrypoint typed', async () => {
    const program = `
      import type { Assay } from 'edge-assay';
      interface Bindings { AUTH: Service<typeof Assay> }
      export default {
        async fetch(request, env) {
          const user = await env.AUTH.verify('token', { scopes: ['a'] });
          if (!user.ok) return new Response(user.code, { status: user.status });
          const issued = await env.AUTH.exchange({ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: 'token', audience: ['a'] });
          if (!issued.ok) return new Response(issued.error, { status: issued.status });
          const report = await env.AUTH.explain({ token: 'token' });
          if (report.ok && report.cause.id === 'accepted') return new Response(report.cause.fix);
          return new Response(issued.access_token + user.subject + user.claims.exp + user.expires_at);
        },
      } satisfies ExportedHandler<Bindings>;`;
    await compiles(program, [
      ['if (!user.ok) return new Response(user.code, { status: user.status });', '', 'TS2339'],
      ["report.cause.id === 'accepted'", "report.cause.id === 'acepted'", 'TS2367'],
      ["env.AUTH.verify('token'", 'env.AUTH.verify(42', 'TS2345'],
    ]);
  });

  test('say what the slim module has, and what it lacks', async () => {
    const program = `
      import assay, { Assay, Coordinator, createVerifier, createWorker, type Configuration } from 'edge-assay/gateway';
      interface Bindings { AUTH: Service<typeof Assay> }
      const configuration: Configuration = {
        issuers: [{ issuer: 'https://clerk.example.com', preset: 'clerk', audience: 'unchecked' }],
        gateway: { routes: [{ path: '/a/*', upstream: 'https://api.example.com', credential: 'forward' }] },
      };
      export { Assay, Coordinator };
      export const worker = createWorker(configuration);
      export default {
        async fetch(request, env) {
          const user = await createVerifier(configuration, env).authenticate(request);
          if (!user.ok) return user.response();
          const verdict = await env.AUTH.verify('token');
          return Response.json({ same: verdict.ok && verdict.subject === user.subject });
        },
        scheduled: assay.scheduled,
      } satisfies ExportedHandler<Bindings>;`;
    await compiles(program, [
      ['gateway: {', "exchange: { issuer: 'https://a.example', targets: [] }, gateway: {", 'TS2353'],
      ["credential: 'forward'", "credential: { exchange: 'api' }", 'TS2322'],
      ["env.AUTH.verify('token')", "env.AUTH.explain({ token: 'token' })", 'TS2339'],
    ]);
  });

  test('let Hono know the variable that the middleware sets', async () => {
    const program = `
      import { Hono } from 'hono';
      import { assay, type AssayVariables } from 'edge-assay/hono';
      const app = new Hono<{ Bindings: Env; Variables: AssayVariables<{ org_id: string }> }>();
      app.use('/api/*', assay());
      app.use('/own/*', assay((c) => JSON.stringify(c.env.ASSAY), { scopes: ['a'] }));
      app.get('/api/me', (c) => c.json({ id: c.get('user').subject, organisation: c.get('user').claims.org_id.toUpperCase() }));
      export const alone = new Hono().get('/me', assay<{ plan: 'pro' }>(), (c) => { const plan: 'pro' = c.get('user').claims.plan; return c.text(plan); });
      export default app;`;
    await compiles(program, [
      ['claims.org_id.toUpperCase()', 'claims.org_name.toUpperCase()', 'TS2571'],
      ["get('user').subject", "get('usr').subject", 'TS2769'],
    ]);
  });
});
