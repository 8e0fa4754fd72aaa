// The Worker with one identity provider, for tests of the key cache.
import { createIdentityProvider } from '../../../demo/identity-provider.mjs';
import { during } from './lifetime.mjs';
import { aged, changeRecord, storedRecord } from './store.mjs';
import { eventually, startWorker, trusting } from './worker.mjs';

/**
 * Starts both for a test. `verdict(token, isolate)` is `accepted` or the code of the refusal.
 *
 * @param {import('node:test').TestContext} context
 * @param {{ jwks?: object, [option: string]: unknown }} [options]
 */
export async function beside(context, { jwks, ...options } = {}) {
  const use = during(context);
  const identityProvider = await use(createIdentityProvider({ providers: [{ name: 'better-auth' }] }));
  const [provider] = identityProvider.providers;
  const worker = await use(startWorker({ ...trusting([provider], jwks ? { jwks } : {}), ...options }));
  const verdict = async (token, isolate = 0) => {
    const { status, body } = await worker.verify(token, { isolate });
    return status === 200 ? 'accepted' : body.code;
  };
  return { provider, worker, verdict, stored: () => storedRecord(worker, provider.jwksUri) };
}

/** Lets the record in KV grow older, once it is there. */
export async function age(worker, provider, seconds) {
  await eventually(() => storedRecord(worker, provider.jwksUri), 'the record in KV');
  await changeRecord(worker, provider.jwksUri, aged(seconds));
}
