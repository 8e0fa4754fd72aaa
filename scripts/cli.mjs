#!/usr/bin/env node
// `npx edge-assay …` in this repository: compiles the command line from source if it has changed, and runs it in the caller's folder. The npm
// package has a command of the same name, so that advice and documentation can name one command.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { at } from './lib/paths.mjs';

const WRONG_CALL = 2;

// The first compilation takes minutes, so cargo shows its progress.
const quiet = existsSync(at('target', 'debug')) ? ['--quiet'] : [];
const { error, signal, status } = spawnSync(
  'cargo',
  ['run', '--locked', ...quiet, '--manifest-path', at('Cargo.toml'), '--package', 'edge-assay-cli', '--', ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
if (error) {
  console.error(
    `edge-assay is compiled from source here, but cargo cannot be started (${/** @type {NodeJS.ErrnoException} */ (error).code}). Install Rust (https://rustup.rs), or use the npm package edge-assay in a folder outside of this repository.`,
  );
}
process.exitCode = error ? WRONG_CALL : signal ? 1 : status;
