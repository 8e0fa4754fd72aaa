// Attacks with the content of a token: its header, its form, its claims. Each is refused with its own code, and no URL in a
// token is fetched.
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { exportJWK } from 'jose';
import { lifetime } from './support/lifetime.mjs';
import { createOrigin } from './support/origin.mjs';
import { assemble, epochSeconds, seal, segment, signer, testKey } from './support/tokens.mjs';
import { startWorker } from './support/worker.mjs';

const ISSUER = 'https://issuer.example';
const SECRETIVE = 'https://secretive.example';
const SECRET = 'a shared secret of this issuer, long enough for every hash there is ..';

suite('attacks with the content of a token', () => {
  const rsa = testKey('rsa-2048');
  const signRs256 = signer('RS256', rsa.privateKey);
  const use = lifetime(after);
  let origin, attacker, worker, jwksUri;

  before(async () => {
    origin = await use(createOrigin());
    attacker = await use(createOrigin());
    jwksUri = origin.serve('/jwks', { keys: [rsa.publicJwk] });
    const algorithms = ['RS256', 'PS256', 'HS256', 'HS384', 'HS512'];
    worker = await use(
      startWorker({
        config: {
          issuers: [
            { issuer: ISSUER, jwks_uri: jwksUri, audience: { any_of: ['api'] } },
            // The only issuer that has both kinds of key, so that they could be confused.
            { issuer: SECRETIVE, jwks_uri: jwksUri, algorithms, audience: 'unchecked', secrets: [{ binding: 'SECRET' }] },
          ],
        },
        secrets: { SECRET },
      }),
    );
  });

  const header = (members = {}) => ({ alg: 'RS256', typ: 'JWT', kid: rsa.kid, ...members });
  const payload = (members = {}) => ({ iss: ISSUER, aud: 'api', sub: 'alice', exp: epochSeconds() + 600, ...members });
  const signed = (members, claims) => assemble(header(members), payload(claims), signRs256);

  async function refuses(token, code, what) {
    const { status, body, headers } = await worker.verify(token);
    assert.equal(body.code, code, `${what ?? ''} ${JSON.stringify(body)}`);
    const malformedRequest = code === 'request_ambiguous';
    assert.equal(status, malformedRequest ? 400 : 401, what);
    assert.match(headers.get('www-authenticate'), malformedRequest ? /error="invalid_request"/ : /error="invalid_token"/);
  }
  const accepts = async (token) => assert.equal((await worker.verify(token)).status, 200);

  test('the unchanged token is accepted, so each of the following is refused for its own reason', async () => {
    await accepts(signed());
    await accepts(assemble({ alg: 'HS256' }, payload({ iss: SECRETIVE }), signer('HS256', SECRET)));
  });

  test('none, in every case and with any signature', async () => {
    const cases = Array.from({ length: 16 }, (_, bits) => [...'none'].map((c, i) => (bits & (1 << i) ? c.toUpperCase() : c)).join(''));
    for (const alg of [...cases, 'none ', ' none', 'non', '']) {
      for (const iss of [ISSUER, SECRETIVE]) {
        await refuses(assemble({ alg, typ: 'JWT' }, payload({ iss }), signRs256), 'algorithm_unsupported', alg);
        await refuses(`${segment({ alg })}.${segment(payload({ iss }))}.`, 'token_malformed', alg);
      }
    }
    await refuses(assemble({ typ: 'JWT' }, payload(), signRs256), 'algorithm_unsupported');
  });

  test('an RSA public key as an HMAC secret, in every spelling', async () => {
    const key = createPublicKey(rsa.privateKey);
    const jwk = { kty: 'RSA', n: rsa.publicJwk.n, e: rsa.publicJwk.e };
    const pem = String(key.export({ type: 'spki', format: 'pem' }));
    const spellings = [
      pem,
      pem.trimEnd(),
      pem.replaceAll('\n', '\r\n'),
      key.export({ type: 'pkcs1', format: 'pem' }),
      key.export({ type: 'spki', format: 'der' }),
      key.export({ type: 'pkcs1', format: 'der' }),
      Buffer.from(rsa.publicJwk.n, 'base64url'),
      rsa.publicJwk.n,
      JSON.stringify(jwk),
      JSON.stringify(rsa.publicJwk),
      '',
    ];
    for (const spelling of spellings) {
      for (const alg of ['HS256', 'HS384', 'HS512']) {
        const forge = (iss) => assemble({ alg, kid: rsa.kid }, payload({ iss }), signer(alg, spelling));
        await refuses(forge(ISSUER), 'algorithm_not_allowed', alg);
        await refuses(forge(SECRETIVE), 'signature_invalid', alg);
      }
    }
  });

  test('a key that the token brings along or points to is neither used nor fetched', async () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: rsa.kid, alg: 'RS256' };
    const theirs = attacker.serve('/jwks', { keys: [jwk] });
    const signTheirs = signer('RS256', pair.privateKey);
    for (const member of [
      { jwk },
      { jku: theirs },
      { x5u: theirs },
      { x5c: ['MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A'] },
      { jwk: rsa.publicJwk },
      { jku: jwksUri },
    ]) {
      await refuses(assemble(header(member), payload(), signTheirs), 'signature_invalid', JSON.stringify(member));
      await refuses(assemble(header({ ...member, kid: 'theirs' }), payload(), signTheirs), 'key_not_found', JSON.stringify(member));
      // It is ignored: the issuer's own key decides (RFC 7515 §4.1.2).
      await accepts(assemble(header(member), payload(), signRs256));
    }
    await accepts(assemble(header({ jwk: null }), payload(), signRs256));
    // An issuer that the token names, with discovery and keys in place.
    attacker.serve('/.well-known/openid-configuration', { issuer: attacker.url, jwks_uri: theirs });
    await refuses(assemble(header(), payload({ iss: attacker.url }), signTheirs), 'issuer_unknown');
    assert.deepEqual(attacker.requests, []);
  });

  test('a kid that is a path, a URL, a query or a command selects no key and is not interpreted', async () => {
    const kids = [
      '../../../../../../dev/null',
      '/dev/null',
      'file:///etc/passwd',
      `${attacker.url}/jwks`,
      "' OR '1'='1",
      "x' UNION SELECT 'secret' --",
      '$(id)',
      '| id',
      '{{7*7}}',
      '%00',
      `${rsa.kid}\u0000`,
      `${rsa.kid} `,
      rsa.kid.toUpperCase(),
      '__proto__',
      'constructor',
      'toString',
      '*',
      '',
      'k'.repeat(4000),
    ];
    for (const kid of kids) {
      await refuses(signed({ kid }), 'key_not_found', kid);
      // A shared secret without a kid serves every kid; only the signature decides.
      await refuses(assemble({ alg: 'HS256', kid }, payload({ iss: SECRETIVE }), signer('HS256', '')), 'signature_invalid', kid);
    }
    for (const kid of [null, 7, true, {}, [rsa.kid]]) await refuses(signed({ kid }), 'token_malformed', String(kid));
    assert.deepEqual(attacker.requests, []);
    assert.ok(origin.requests.every(({ path }) => path === '/jwks'));
  });

  test('a kid is never echoed or logged beyond its bound', async () => {
    const kid = `${'k'.repeat(2000)}END`;
    const { body } = await worker.verify(signed({ kid }));
    assert.ok(!JSON.stringify(body).includes('END'));
    const line = await worker.logged((one) => one.kid?.startsWith('kkkk'));
    assert.ok(line.kid.length <= 123);
  });

  test('a member that occurs twice, in header or claims, at any depth and in any spelling', async () => {
    const twice = (text, first) => text.replace('{', `{${first},`);
    const head = JSON.stringify(header());
    const body = JSON.stringify(payload());
    for (const first of ['"alg":"none"', '"alg":"RS256"', '"\\u0061lg":"HS256"', '"kid":"x"', '"x":{"y":1,"y":2}']) {
      await refuses(assemble(twice(head, first), payload(), signRs256), 'token_malformed', first);
    }
    for (const first of ['"iss":"https://other.example"', '"s\\u0075b":"root"', '"exp":1', '"aud":"other"', '"x":[[{"y":1,"y":1}]]']) {
      await refuses(assemble(header(), twice(body, first), signRs256), 'token_malformed', first);
    }
  });

  test('crit, b64 and zip with any value', async () => {
    for (const members of [
      { crit: ['exp'], exp: 1 },
      { crit: [] },
      { crit: ['b64'], b64: true },
      { crit: ['b64'], b64: false },
      { crit: null },
      { crit: 'alg' },
      { b64: true },
      { b64: false },
      { zip: 'DEF' },
    ]) {
      await refuses(signed(members), 'header_unsupported', JSON.stringify(members));
    }
    // An unencoded payload (RFC 7797), signed as such.
    const unencoded = `${segment(header({ b64: false, crit: ['b64'] }))}.payload`;
    await refuses(`${unencoded}.${signRs256(Buffer.from(unencoded)).toString('base64url')}`, 'header_unsupported');
  });

  test('the JSON serialisations, flattened and general', async () => {
    const [head, body, signature] = signed().split('.');
    const flattened = JSON.stringify({ protected: head, payload: body, signature });
    const general = JSON.stringify({ payload: body, signatures: [{ protected: head, signature }] });
    for (const text of [flattened, general]) {
      // They cannot be sent in a header as they are, and in base64url they are one segment.
      await refuses(text.replaceAll(' ', ''), 'request_ambiguous');
      await refuses(segment(text), 'token_malformed');
    }
  });

  test('segments missing, empty, or too many', async () => {
    const token = signed();
    const [head, body, signature] = token.split('.');
    const forms = [
      head,
      `${head}.${body}`,
      `${head}.${body}.`,
      `.${body}.${signature}`,
      `${head}..${signature}`,
      '..',
      '.',
      `${token}.`,
      `.${token}`,
      `${token}.${signature}`,
      `${head}.${body}.${signature}.AA.AA`,
      `${head}.${body}..${signature}`,
    ];
    for (const form of forms) await refuses(form, 'token_malformed', form.slice(0, 20));
  });

  test('padding, other alphabets, unused bits and any other character', async () => {
    const token = signed();
    const [head, body, signature] = token.split('.');
    await refuses(`${token}=`, 'token_malformed');
    await refuses(`${token}==`, 'token_malformed');
    await refuses(seal(`${head}=`, body, signRs256), 'token_malformed');
    // With white space or quotes it is not one credential (RFC 6750 §2.1).
    await refuses(`${head}.${body} .${signature}`, 'request_ambiguous');
    for (const character of ['+', '/', '~']) {
      await refuses(`${head}.${body}.${signature.slice(0, -4)}${character}${signature.slice(-3)}`, 'token_malformed', character);
      await refuses(seal(head, `${body.slice(0, -1)}${character}`, signRs256), 'token_malformed', character);
    }
    for (const character of ['%', '\\', '*', ';', '\u00e9', '\u00a0']) {
      await refuses(`${head}.${body}.${signature.slice(0, -4)}${character}${signature.slice(-3)}`, 'token_malformed', character);
    }
    for (const character of ['"', '\t']) {
      await refuses(`${head}.${body}.${signature.slice(0, -4)}${character}${signature.slice(-3)}`, 'request_ambiguous', character);
    }
    await refuses(token.replaceAll('.', '%2E'), 'token_malformed');
    // 256 octets leave four bits of the last character unused.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet.indexOf(token.at(-1));
    for (let bits = 1; bits < 16; bits += 1) await refuses(token.slice(0, -1) + alphabet[last ^ bits], 'token_malformed', String(bits));
    // A length that base64url cannot have.
    await refuses(`${token}AAA`, 'token_malformed');
    await accepts(token);
  });

  test('dates that are not a valid number of seconds', async () => {
    const now = epochSeconds();
    const exp = (literal) => assemble(header(), JSON.stringify(payload({ exp: 0 })).replace('"exp":0', `"exp":${literal}`), signRs256);
    for (const literal of [
      `"${now + 600}"`,
      '"2099-01-01T00:00:00Z"',
      'true',
      '[]',
      '{}',
      '-1',
      '-1e9',
      '1e999',
      '-1e999',
      '9007199254740993',
      '99999999999999999999',
      String((now + 600) * 1000),
      '253402300800',
      '1e300',
      'NaN',
      'Infinity',
      '0x7fffffff',
      '01795305200',
    ]) {
      await refuses(exp(literal), 'token_malformed', literal);
    }
    for (const literal of ['0', '1', '-0', '0.1', `${now - 60}.5`, '1e3']) await refuses(exp(literal), 'token_expired', literal);
    await refuses(signed({}, { exp: undefined }), 'claim_missing');
    await refuses(exp('null'), 'claim_missing');
    await refuses(signed({}, { nbf: now + 60 }), 'token_not_yet_valid');
    await refuses(signed({}, { iat: now + 60 }), 'token_issued_in_future');
    for (const member of ['nbf', 'iat']) {
      for (const value of ['1', null, false, -1, now * 1000]) await refuses(signed({}, { [member]: value }), 'token_malformed', `${member} ${value}`);
    }
    await accepts(exp(`${now + 600}.75`));
    await accepts(exp('2.5e9'));
  });

  test('deep JSON, NUL and lone surrogates', async () => {
    const withText = (text) => assemble(header(), JSON.stringify(payload()).replace('{', `{${text},`), signRs256);
    for (const depth of [33, 100, 1000, 5000]) {
      await refuses(withText(`"x":${'['.repeat(depth)}${']'.repeat(depth)}`), 'token_malformed', String(depth));
      await refuses(withText(`"x":${'{"a":'.repeat(Math.min(depth, 1500))}1${'}'.repeat(Math.min(depth, 1500))}`), 'token_malformed', String(depth));
      await refuses(assemble(`{"x":${'['.repeat(depth)}`, payload(), signRs256), 'token_malformed', String(depth));
    }
    for (const text of ['"is\\u0000s":1', '"\\u0000":1', '"x":"\\ud800"', '"x":"\\udc00\\ud800"', '"\\ud83d":1', '"x":"\\x41"', '"x":"\u0001"']) {
      await refuses(withText(text), 'token_malformed', text);
    }
    // A NUL within a value is a value like any other: the issuer is compared whole.
    await refuses(signed({}, { iss: `${ISSUER}\u0000` }), 'issuer_unknown');
    await refuses(signed({}, { aud: 'api\u0000' }), 'audience_mismatch');
    const octets = (bad) => Buffer.concat([Buffer.from('{"x":"'), Buffer.from(bad), Buffer.from(`",${JSON.stringify(payload()).slice(1)}`)]);
    for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xe2, 0x82]]) {
      await refuses(assemble(header(), octets(bad), signRs256), 'token_malformed', String(bad));
    }
    await refuses(assemble(header(), Buffer.from(`\ufeff${JSON.stringify(payload())}`), signRs256), 'token_malformed');
  });

  test('an issuer or an audience that only looks similar', async () => {
    for (const iss of [
      `${ISSUER}/`,
      'HTTPS://issuer.example',
      'https://ISSUER.example',
      'http://issuer.example',
      `${ISSUER}:443`,
      ` ${ISSUER}`,
      `${ISSUER}@attacker.example`,
      `${ISSUER}#`,
      'https://\u0131ssuer.example',
      '__proto__',
      '',
    ]) {
      await refuses(signed({}, { iss }), 'issuer_unknown', iss);
    }
    await refuses(signed({}, { iss: undefined }), 'issuer_missing');
    for (const iss of [[ISSUER], { ISSUER }, null, 7]) await refuses(signed({}, { iss }), 'token_malformed', String(iss));
    for (const aud of ['API', 'api ', 'ap', 'apis', 'api,other', '*', ['other', 'API']])
      await refuses(signed({}, { aud }), 'audience_mismatch', String(aud));
    for (const aud of [null, 7, { api: true }, [['api']], ['api', 7]]) await refuses(signed({}, { aud }), 'token_malformed', String(aud));
    for (const aud of [undefined, []]) await refuses(signed({}, { aud }), 'audience_missing', String(aud));
  });

  test('a token for something else, by its typ', async () => {
    for (const typ of ['secevent+jwt', 'logout+jwt', 'dpop+jwt', 'application/secevent+jwt', 'JOSE', 'JOSE+JSON', '', 'JWT ']) {
      await refuses(signed({ typ }), 'type_not_allowed', typ);
    }
  });

  test('a token over the size limit is not parsed', async () => {
    await refuses(signed({}, { x: 'x'.repeat(17_000) }), 'token_too_large');
    await refuses('A'.repeat(20_000), 'token_too_large');
  });

  test('after all attacks the Worker still works', async () => {
    await accepts(signed());
    assert.ok(worker.log().every(({ event }) => event !== 'panic'));
    assert.ok(
      worker.lines.every(({ message }) => !/panicked|RuntimeError|unreachable/.test(message)),
      'no panic',
    );
  });
});
