// The tokens of tests/providers in the real runtime, and beside the providers' own libraries: for each token, both accept it or both refuse it,
// except for the differences that its file lists. `@azure/msal-node` is not among them, because it verifies no signature.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { after, before, suite, test } from 'node:test';
import { createClerkClient } from '@clerk/backend';
import createDescopeClient from '@descope/node-sdk';
import OktaJwtVerifier from '@okta/jwt-verifier';
import { verifyAuth } from '@supabase/server/core';
import { createClient as createSupabaseClient } from '@supabase/supabase-js';
import { CognitoJwtVerifier } from 'aws-jwt-verify';
import { OAuth2Client } from 'google-auth-library';
import { createLocalJWKSet } from 'jose';
import stytch from 'stytch';
import { lifetime } from './support/lifetime.mjs';
import { createOrigin } from './support/origin.mjs';
import { keySetOf, minted, pemsOf, providerFiles, served } from './support/provider-files.mjs';
import { startWorker } from './support/worker.mjs';

const require = createRequire(import.meta.url);
const FILES = providerFiles();

suite('the tokens of each provider in workerd', () => {
  const use = lifetime(after);
  let worker;

  before(async () => {
    const origin = await use(createOrigin());
    const local = new Map();
    for (const file of FILES.values()) {
      for (const [url, document] of Object.entries(file.documents)) {
        if (!local.has(url)) local.set(url, origin.serve(`/${local.size}`, served(document)));
      }
    }
    const issuers = [...FILES.values()].map(({ table }) => table);
    worker = await use(startWorker({ config: { issuers }, identityProvider: { localUrl: (url) => local.get(url) } }));
  });

  for (const [preset, { tokens }] of FILES) {
    test(preset, async () => {
      // The issuers that are unknown to one table are those of other tables here.
      for (const token of tokens.filter(({ expect }) => expect !== 'issuer_unknown')) {
        const { status, body } = await worker.verify(minted(token));
        assert.equal(status === 200 ? 'accepted' : body.code, token.expect, token.says);
      }
    });
  }
});

/**
 * For each provider with libraries that verify, and each library: a function that resolves if the library accepts a token with the settings of the
 * table, and rejects if it does not.
 *
 * @type {Record<string, Record<string, (file: any) => (token: string) => Promise<unknown>>>}
 */
const LIBRARIES = {
  clerk: {
    '@clerk/backend': (file) => {
      const jwtKey = Object.values(pemsOf(keySetOf(file)))[0];
      const frontend = Buffer.from(`${new URL(file.table.issuer).host}$`).toString('base64');
      const client = createClerkClient({ secretKey: 'sk_live_of_tests', publishableKey: `pk_live_${frontend}`, jwtKey });
      return async (token) => {
        const request = new Request('https://app.example.com/', { headers: { authorization: `Bearer ${token}` } });
        const state = await client.authenticateRequest(request, { jwtKey, authorizedParties: file.table.authorized_parties });
        assert.ok(state.toAuth()?.userId, state.reason ?? 'signed out');
      };
    },
  },
  supabase: {
    '@supabase/server': (file) => {
      const url = new URL(file.table.issuer).origin;
      const env = { url, jwks: keySetOf(file), publishableKeys: {}, secretKeys: {} };
      return async (token) => {
        const request = new Request('https://app.example.com/', { headers: { authorization: `Bearer ${token}` } });
        const { error } = await verifyAuth(request, { auth: 'user', audience: 'authenticated', issuer: file.table.issuer, env });
        if (error) throw error;
      };
    },
    '@supabase/supabase-js': (file) => {
      const url = new URL(file.table.issuer).origin;
      const refused = async () =>
        new Response('{"code":403,"error_code":"bad_jwt","msg":"invalid JWT"}', { status: 403, headers: { 'content-type': 'application/json' } });
      const client = createSupabaseClient(url, 'sb_publishable_of_tests', {
        global: { fetch: refused },
        auth: { persistSession: false, autoRefreshToken: false },
      });
      return async (token) => {
        const { data, error } = await client.auth.getClaims(token, { jwks: keySetOf(file) });
        if (error || !data) throw error ?? new Error('no claims');
      };
    },
  },
  cognito: {
    'aws-jwt-verify': (file) => {
      const verifier = CognitoJwtVerifier.create({ userPoolId: 'eu-west-1_EXAMPLE12', tokenUse: 'access', clientId: null });
      verifier.cacheJwks(keySetOf(file));
      return (token) => verifier.verify(token);
    },
  },
  firebase: {
    'firebase-admin': (file) => {
      // Its certificates come from Google alone. These are the keys as the library has them after it fetched them.
      const path = fileURLToPath(new URL('../../node_modules/firebase-admin/lib/', import.meta.url));
      const { FirebaseTokenVerifier, ID_TOKEN_INFO } = require(`${path}auth/token-verifier.js`);
      const project = file.table.audience.any_of[0];
      const app = { options: { projectId: project } };
      const verifier = new FirebaseTokenVerifier('https://www.googleapis.com/', 'https://securetoken.google.com/', ID_TOKEN_INFO, app);
      verifier.signatureVerifier.keyFetcher = { fetchPublicKeys: async () => pemsOf(keySetOf(file)) };
      return (token) => verifier.verifyJWT(token);
    },
  },
  google: {
    'google-auth-library': (file) => (token) =>
      new OAuth2Client().verifySignedJwtWithCertsAsync(token, pemsOf(keySetOf(file)), file.table.audience.any_of, [
        'https://accounts.google.com',
        'accounts.google.com',
      ]),
  },
  'google-iap': {
    'google-auth-library': (file) => (token) =>
      new OAuth2Client().verifySignedJwtWithCertsAsync(token, pemsOf(keySetOf(file)), file.table.audience.any_of, [file.table.issuer]),
  },
  okta: {
    '@okta/jwt-verifier': (file) => {
      const getKeysInterceptor = async () => keySetOf(file).keys;
      const verifier = new OktaJwtVerifier({ issuer: file.table.issuer, getKeysInterceptor });
      return (token) => verifier.verifyAccessToken(token, file.table.audience.any_of);
    },
  },
  descope: {
    '@descope/node-sdk': (file) => {
      const client = createDescopeClient({ projectId: file.table.issuer, publicKey: JSON.stringify(keySetOf(file).keys[0]), logger: silent });
      return (token) => client.validateSession(token);
    },
  },
  stytch: {
    stytch: (file) => {
      const client = new stytch.Client({ project_id: file.table.audience.any_of[0], secret: 'secret-live-of-tests' });
      client.sessions['jwksClient'] = createLocalJWKSet(keySetOf(file));
      return (token) => client.sessions.authenticateJwtLocal({ session_jwt: token });
    },
  },
};

const silent = { log() {}, warn() {}, error() {}, debug() {} };

suite("the providers' own libraries", () => {
  for (const [preset, file] of FILES) {
    const { libraries = [], tokens } = file;
    const packages = libraries.map((library) => library.package).sort();
    assert.deepEqual(Object.keys(LIBRARIES[preset] ?? {}).sort(), packages, `${preset}: the file and the test disagree on the libraries`);
    for (const { package: name, differences } of libraries) {
      test(`${name} agrees on the tokens of ${preset}, but for what its file lists`, async () => {
        const accepts = LIBRARIES[preset][name](file);
        for (const token of tokens) {
          const outcome = await accepts(minted(token)).then(
            () => true,
            (error) => error,
          );
          const isOurs = token.expect === 'accepted';
          const wanted = token.says in differences ? !isOurs : isOurs;
          assert.equal(outcome === true, wanted, `${token.says}: ${outcome === true ? 'accepted' : outcome}`);
        }
        const unknown = Object.keys(differences).filter((says) => !tokens.some((token) => token.says === says));
        assert.deepEqual(unknown, []);
      });
    }
  }
});
