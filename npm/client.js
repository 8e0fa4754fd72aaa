// A `fetch` that adds the user's token and renews it when an API refuses it. It runs in browsers, Node and workerd, without dependencies.
// It verifies no token, keeps tokens only in memory, and puts none into a log or an error. docs/client.md describes the rules, client.d.ts the options.

/** @import { ClientErrorCode, CreateFetchOptions, ExchangeOptions } from './client.js' */
/**
 * The claims that matter here. Whatever a provider puts into them, arithmetic gives NaN for what is not a number.
 *
 * @typedef {{ sub?: unknown, iat?: any, exp?: any }} Claims
 */
/**
 * The exchange's token for one subject, and until when it serves, in seconds since the epoch.
 *
 * @typedef {{ who: string, token?: Promise<string | null>, until?: number }} Issued
 */

// RFC 6750 §2.1.
const TOKEN = /^[\w.~+/-]+=*$/;
// RFC 9110 §11.6.1, after `unquoted`: the scheme Bearer, parameters of it, and `error`.
const INVALID_TOKEN = /(?:^|,)\s*bearer\s+(?:[^\s,=]+\s*=\s*[^\s,]*\s*,[\s,]*)*error\s*=\s*invalid_token(?![^\s,])/i;

/** An error of the client itself. */
export class ClientError extends Error {
  name = 'ClientError';

  /**
   * @param {ClientErrorCode} code
   * @param {string} message
   * @param {number} [status]
   */
  constructor(code, message, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/**
 * Returns a function like `fetch` that sends the token of `getToken`.
 *
 * @param {CreateFetchOptions} options
 * @returns {typeof fetch}
 */
export function createFetch({
  getToken,
  fetch: send = (.../** @type {Parameters<typeof fetch>} */ args) => fetch(...args),
  baseUrl,
  origins = [baseUrl ?? globalThis.location?.href ?? fail('origins_missing', 'Set baseUrl, or origins that may receive the token')],
  refreshAheadSeconds = 10,
  requireToken,
  retryAfter,
  exchange,
}) {
  // The forced refresh in flight, the result of the last one, the token that it replaced, and how far this clock is ahead of the issuer's.
  /** @type {Promise<string | null> | undefined} */
  let pending;
  /** @type {{ token: string }} */
  let fresh;
  /** @type {string | null | undefined} */
  let replaced;
  let skew = 0;
  /** @type {Issued | undefined} */
  let issued;

  const allowed = origins.map(originOf);
  const resolved = (/** @type {string | URL} */ input) => (baseUrl ? new URL(input, baseUrl) : input);

  const trade = async (/** @type {string} */ subject) => {
    /** @type {Record<string, unknown> & { url: string | URL }} */
    const { url, ...parameters } = {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      .../** @type {ExchangeOptions} */ (exchange),
      subject_token: subject,
    };
    const body = new URLSearchParams();
    for (const name in parameters) for (const value of [parameters[name] ?? []].flat()) body.append(name, /** @type {string} */ (value));
    // `manual`, because a redirect would carry the token elsewhere.
    const response = await send(resolved(url), { method: 'POST', body, redirect: 'manual' });
    const { status } = response;
    const answer = (await response.json().catch(() => 0)) || {};
    if (response.ok && TOKEN.test(answer.access_token ?? ' ')) return answer;
    const code = answer.code ?? answer.error ?? 'exchange_failed';
    const detail = answer.error_description ?? answer.detail ?? status;
    fail(code, `The exchange failed: ${detail}. Look up ${code} in docs/exchange.md`.replaceAll(subject, '…'), status);
  };

  /**
   * @param {boolean} forceRefresh
   * @returns {Promise<string | null>}
   */
  const obtain = async (forceRefresh) => {
    const subject = await getToken({ forceRefresh });
    if (!subject || /^(null|undefined)$/.test(subject)) return null;
    if (!TOKEN.test(subject)) fail('token_malformed', 'getToken must return a token without "Bearer", or null');
    if (!exchange) return subject;
    // All claims but those that differ between two tokens for the same user, session and organization.
    const who = JSON.stringify({ sub: subject, ...claims(subject), exp: 0, iat: 0, nbf: 0, jti: 0, fva: 0 });
    const now = seconds();
    if (forceRefresh || issued?.who !== who || now > /** @type {number} */ (issued.until)) {
      /** @type {Issued} */
      const mine = (issued = { who });
      mine.token = trade(subject).then(
        (answer) => {
          mine.until = now + answer.expires_in;
          return answer.access_token;
        },
        (error) => {
          if (issued === mine) issued = undefined;
          // `getToken` may take a token for good that the exchange refuses.
          if (!forceRefresh && error.status === 400) return refresh();
          throw error;
        },
      );
    }
    return /** @type {Promise<string | null>} */ (issued.token);
  };

  /**
   * @param {string | null} [old]
   * @returns {Promise<string | null>}
   */
  const refresh = (old) =>
    (pending ??= obtain(true)
      .then((token) => {
        if (token) {
          skew = seconds() - claims(token).iat || skew;
          fresh = { token };
          replaced = old;
        }
        return token;
      })
      .finally(() => {
        pending = undefined;
      }));

  const current = async () => {
    let token = await obtain(false);
    if (token && token === replaced) token = fresh.token;
    const { exp, iat } = claims(token);
    const isNearItsEnd = exp - seconds() + skew <= Math.min(/** @type {number} */ (refreshAheadSeconds), (exp - iat) / 2);
    // While no new token can be had, the present one may still be good.
    return isNearItsEnd && refreshAheadSeconds !== false ? refresh(token).catch(() => token) : token;
  };

  return async (input, init) => {
    // A Request is cloned for each attempt. Otherwise the parts of `init` are used again, and `request` has no body.
    const isCloned = [input, init].some((one) => one instanceof Request);
    init = isCloned ? init : { ...init };
    const request = new Request(input instanceof Request ? input : resolved(input), isCloned ? init : { ...init, body: undefined });
    const { url, headers, signal } = request;
    const attempt = (/** @type {Headers} */ headers) => send(isCloned ? request.clone() : url, { ...(!isCloned && init), headers });

    if (headers.has('authorization')) return attempt(headers);
    const origin = originOf(url);
    if (!allowed.includes(origin)) fail('origin_not_listed', `Add ${origin} to origins if it may receive the token, or use fetch`);

    // Streams of the web and of Node, and asynchronous iterables, can be read once.
    const isReplayable = isCloned || ![Symbol.asyncIterator, 'getReader', 'pipe'].some((name) => /** @type {any} */ (init).body?.[name]);
    /** @type {string | null | undefined} */
    let next;
    let isRenewed, hasWaited;
    for (;;) {
      const before = fresh;
      /** @type {string | null} */
      const token = next ?? (await unlessAborted(current, signal));
      if (requireToken && !token) fail('not_signed_in', 'Sign the user in');
      const withToken = new Headers(headers);
      if (token) withToken.set('authorization', `Bearer ${token}`);
      const response = await attempt(withToken);
      const { status } = response;
      // The first server of a redirect may have done what the request asks for.
      if (isReplayable && (!response.redirected || /^(GET|HEAD)$/.test(request.method))) {
        if (status === 401 && token && !isRenewed && INVALID_TOKEN.test(/** @type {string} */ (unquoted(response.headers.get('www-authenticate'))))) {
          isRenewed = true;
          const renew = () => (pending || fresh === before || fresh.token === token ? refresh(token) : fresh.token);
          next = await unlessAborted(renew, signal).catch((error) => {
            drop(response);
            throw error;
          });
          if (next && next !== token && claims(next).sub === claims(token).sub) {
            drop(response);
            continue;
          }
        }
        const wait = waitOf(/** @type {string} */ (response.headers.get('retry-after')));
        if (/429|503/.test(/** @type {any} */ (status)) && !hasWaited && wait <= /** @type {number} */ (retryAfter?.atMostSeconds)) {
          hasWaited = true;
          next = undefined;
          drop(response);
          /** @type {ReturnType<typeof setTimeout> | undefined} */
          let timer;
          const pause = () => new Promise((resolve) => (timer = setTimeout(resolve, wait * 1000)));
          await unlessAborted(pause, signal).finally(() => clearTimeout(timer));
          continue;
        }
      }
      drop(request);
      return response;
    }
  };
}

const seconds = () => Date.now() / 1000;

/** @param {string | URL} url */
const originOf = (url) => new URL(url).origin;

/** @type {(code: ClientErrorCode, message: string, status?: number) => never} */
const fail = (...args) => {
  throw new ClientError(...args);
};

/**
 * Releases a body that nobody will read.
 *
 * @param {Request | Response} message
 */
const drop = ({ body }) => body?.cancel().catch(() => {});

/**
 * The claims of a JWT, unverified. An opaque token has none.
 *
 * @param {string | null | undefined} token
 * @returns {Claims}
 */
function claims(token) {
  try {
    return JSON.parse(atob(/** @type {string} */ (token).split('.')[1].replace(/-/g, '+').replace(/_/g, '/'))) ?? {};
  } catch {
    return {};
  }
}

/**
 * A header whose quoted strings are bare words, so that nothing in them looks like a separator.
 *
 * @param {string | null} header
 */
const unquoted = (header) => header?.replace(/"(\\.|[^"\\])*("|$)/g, (text) => text.replace(/\W/g, ''));

/**
 * The seconds that `Retry-After` asks for, NaN if it is absent or malformed.
 *
 * @param {string} value
 */
const waitOf = (value) => (/^\d+$/.test(value) ? +value : Date.parse(/** @type {string} */ (/GMT$/.test(value) && value)) / 1000 - seconds());

/**
 * The outcome of the work, or a rejection as soon as the signal is aborted. Started work goes on for others.
 *
 * @template Outcome
 * @param {() => Outcome | Promise<Outcome>} work
 * @param {AbortSignal} signal
 * @returns {Promise<Outcome>}
 */
const unlessAborted = (work, signal) =>
  new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = () => reject(signal.reason);
    signal?.addEventListener('abort', abort);
    Promise.resolve(work())
      .then(resolve, reject)
      .finally(() => signal?.removeEventListener('abort', abort));
  });
