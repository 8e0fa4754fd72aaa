// A Hono application whose API needs a token. The configuration is the variable ASSAY in wrangler.jsonc.
import edgeAssay from 'edge-assay';
import { assay } from 'edge-assay/hono';
import { Hono } from 'hono';
import { cors } from 'hono/cors';

/** @type {Hono<{ Variables: import('edge-assay/hono').AssayVariables }>} */
const app = new Hono();

app.get('/', (c) => c.text('Send a token to /api/me.\n'));

// Before `assay`, because a browser sends no token with a preflight.
app.use('/api/*', cors({ origin: 'https://app.example.com' }));
app.use('/api/*', assay());

app.get('/api/me', (c) => c.json({ id: c.get('user').subject }));
// Needs a scope as well.
app.delete('/api/me', assay(undefined, { scopes: ['profiles:write'] }), (c) => c.body(null, 204));

// `scheduled` refreshes the key sets that are due.
export default { fetch: app.fetch, scheduled: edgeAssay.scheduled };
