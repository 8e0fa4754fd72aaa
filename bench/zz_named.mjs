import { readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
const s = readFileSync('target/named/glue/index.js', 'utf8'); writeFileSync('target/named/glue/index.js', s.replace('import source ', 'import '));
await build({ entryPoints: [process.env.ENTRY ?? 'src/entry.js'], outfile: 'target/named/index.js', alias: { 'edge-assay': process.cwd() + '/target/named/glue/index.js' }, external: ['./index_bg.wasm', 'cloudflare:*'], bundle: true, format: 'esm', minify: false });
