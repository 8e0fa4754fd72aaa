// A Worker with routes of its own. The configuration is code, and one configuration serves two purposes: `createWorker` answers the
// endpoints below /auth, and `createVerifier` protects the other routes.
import { createVerifier, createWorker } from 'edge-assay';

/** @type {import('edge-assay').Configuration} */
const configuration = {
  // Your own issuer, as in examples/ of edge-assay.
  issuers: [{ issuer: 'https://clerk.example.com', preset: 'clerk', audience: 'unchecked' }],
  endpoints: { prefix: '/auth' },
};
const auth = createWorker(configuration);

/** @satisfies {ExportedHandler<object>} */
export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith('/auth/')) return auth.fetch(request, env, ctx);
    if (pathname === '/') return new Response('Send a token to /me.\n');

    const user = await createVerifier(configuration, env).authenticate(request);
    if (!user.ok) return user.response();
    return Response.json({ id: user.subject, email: user.claims.email });
  },
  // Refreshes the key sets that are due.
  scheduled: auth.scheduled,
};
