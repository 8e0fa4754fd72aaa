// What the tests of edge-assay/client run in Node, in a Worker and in a page: requests through the client, and what was seen of them.
import { createFetch } from '../../../npm/client.js';

/**
 * A client with records. `fetchToken` asks the identity provider; its token is cached, as providers' libraries do. `options` are the
 * client's own.
 */
export function createProgram({ fetchToken, ...options }) {
  let token;
  let refreshes = 0;
  let statuses = [];
  const client = createFetch({
    async getToken({ forceRefresh }) {
      if (forceRefresh) refreshes += 1;
      if (forceRefresh || !token) token = await fetchToken();
      return token;
    },
    async fetch(...args) {
      const response = await fetch(...args);
      statuses.push(response.status);
      return response;
    },
    ...options,
  });
  return {
    /** Gets a token before it is needed. */
    async prime() {
      token = await fetchToken();
    },
    /** Sends `count` POST requests at once. Returns their answers, how often the token was refreshed, and each status on the way. */
    async send(path, count = 1) {
      refreshes = 0;
      statuses = [];
      const answers = await Promise.all(
        Array.from({ length: count }, async () => {
          const response = await client(path, { method: 'POST', body: 'hello' });
          return { status: response.status, body: await response.text() };
        }),
      );
      return { answers, refreshes, statuses };
    },
  };
}

/** Signs a user up at a Better Auth, where cookies have to be carried by hand. Returns a function that asks for the session's token. */
export async function signUp(betterAuth, email) {
  const response = await fetch(`${betterAuth}/api/auth/sign-up/email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: betterAuth },
    body: JSON.stringify({ email, password: 'correct horse battery staple', name: 'Grace' }),
  });
  if (!response.ok) throw new Error(`Better Auth answered ${response.status}: ${await response.text()}`);
  const cookie = response.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
  return async () => (await (await fetch(`${betterAuth}/api/auth/token`, { headers: { cookie } })).json()).token;
}

/** What the runtime's own classes do in the client, without a network: which bodies are sent again, and how signals end a request. */
export async function ownClasses() {
  const url = 'https://api.example.com/profiles';
  const stream = () => new Blob(['hello']).stream();
  const form = new FormData();
  form.append('name', 'hello');
  const post = (body, more) => ({ method: 'POST', body, ...more });
  const inputs = {
    string: [url, post('hello')],
    blob: [url, post(new Blob(['hello']))],
    buffer: [url, post(new TextEncoder().encode('hello').buffer)],
    array: [url, post(new TextEncoder().encode('hello'))],
    parameters: [url, post(new URLSearchParams({ name: 'hello' }))],
    form: [url, post(form)],
    request: [new Request(url, post('hello'))],
    formInRequest: [new Request(url, post(form))],
    requestAsInit: [url, new Request(url, post('hello'))],
    streamInRequest: [new Request(url, post(stream(), { duplex: 'half' }))],
    stream: [url, post(stream(), { duplex: 'half' })],
  };
  const bodies = {};
  for (const [name, input] of Object.entries(inputs)) {
    const seen = [];
    const client = createFetch({
      origins: [url],
      getToken: ({ forceRefresh }) => (forceRefresh ? 'new' : 'old'),
      async fetch(...args) {
        const request = new Request(...args);
        const isNew = request.headers.get('authorization') === 'Bearer new';
        seen.push((await request.text()).includes('hello'));
        return new Response('', { status: isNew ? 200 : 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } });
      },
    });
    const { status } = await client(input[0], input[1]);
    bodies[name] = [status, ...seen];
  }

  const signals = {};
  for (const name of ['init', 'request']) {
    for (const moment of ['before', 'token', 'refresh', 'pause']) {
      const controller = new AbortController();
      const abort = () => controller.abort(new Error(`left at ${moment}`));
      const leave = (answer) => (abort(), answer);
      const client = createFetch({
        origins: [url],
        retryAfter: { atMostSeconds: 1000 },
        getToken: ({ forceRefresh }) => (moment === (forceRefresh ? 'refresh' : 'token') ? leave(new Promise(() => {})) : 'token'),
        async fetch() {
          // The signal is aborted while the client waits for the end of the pause.
          if (moment === 'pause') setTimeout(abort, 20);
          return new Response('', {
            status: moment === 'pause' ? 503 : 401,
            headers: { 'www-authenticate': 'Bearer error="invalid_token"', 'retry-after': '999' },
          });
        },
      });
      if (moment === 'before') abort();
      const { signal } = controller;
      const outcome = name === 'init' ? client(url, { signal }) : client(new Request(url, { signal }));
      signals[`${name} ${moment}`] = await outcome.then(
        () => 'answered',
        (error) => error.message,
      );
    }
  }
  return { bodies, signals };
}
