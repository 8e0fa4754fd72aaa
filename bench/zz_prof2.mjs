import { profile } from './zz_profile.mjs';
import { createSubject } from './subjects.mjs';
const s = await createSubject(process.env.ALG ?? 'RS256', 4000);
const p = await profile(s, { connections: 8, folders: { worker: 'target/named', benchWorker: 'target/bench-worker' } });
for (const [n, t] of Object.entries(p)) { console.log(n); for (const [k, v] of Object.entries(t).sort((a, b) => b[1] - a[1]).slice(0,32)) console.log('  ', v.toFixed(1), k); }
