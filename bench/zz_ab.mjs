import { startWorkerd } from './workerd.mjs';
import { load, getRequest } from './load.mjs';
import { createSubject } from './subjects.mjs';
import { readFileSync, readdirSync } from 'node:fs';
const folders = process.argv.slice(2);
const N = +process.env.N || 1;
const s = await createSubject(process.env.ALG ?? 'RS256', N);
const path = process.env.P ?? '/verify';
const extra = process.env.P ? { accept: 'application/json', 'accept-encoding': 'gzip, deflate, br, zstd', 'accept-language': 'en-GB,en;q=0.9', origin: 'https://app.example.com', referer: 'https://app.example.com/', 'sec-fetch-mode': 'cors', 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' } : {};
const req = s.tokens.map((t) => getRequest(path, { ...extra, authorization: `Bearer ${t}` }));
const kids = () => { for (const p of readdirSync('/proc')) if (/^\d+$/.test(p)) { try { const st = readFileSync(`/proc/${p}/stat`, 'utf8'); const f = st.slice(st.lastIndexOf(')') + 2).split(' '); if (+f[1] === process.pid && st.includes('workerd')) return { pid: p }; } catch {} } };
const cpu = (pid) => { const st = readFileSync(`/proc/${pid}/stat`, 'utf8'); const f = st.slice(st.lastIndexOf(')') + 2).split(' '); return (+f[11] + +f[12]) * 10000; };
const res = {};
for (let r = 0; r < (+process.env.R || 5); r++) for (const f of folders) {
  const w = await startWorkerd([s], { worker: f, benchWorker: 'target/bench-worker' });
  const { pid } = kids();
  const rate = async (p) => { await load(w.ports[p], req, { connections: 8, seconds: 0.1, warmUpSeconds: 0.7 }); const a = cpu(pid); const o = await load(w.ports[p], req, { connections: 8, seconds: 1.5, warmUpSeconds: 0 }); return (cpu(pid) - a) / (o.perSecond * 1.5); };
  (res[f] ??= []).push(await rate('edge-assay')); if (f===folders[0]) { (res['hono'] ??= []).push(await rate('hono-jose')); }
  await w.stop();
}
for (const [k, v] of Object.entries(res)) { v.sort((a,b)=>a-b); const m=(v[(v.length-1)>>1]+v[v.length>>1])/2; console.log(k.padEnd(30), m.toFixed(1)+' cpu-µs', v.map(x=>x.toFixed(0)).join(' ')); }
