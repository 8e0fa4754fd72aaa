// npm run bench -- --native: verification in one native program, beside jsonwebtoken's.
import { quietly, step } from '../scripts/lib/steps.mjs';

// A workspace of its own, so that ordinary builds do not compile aws-lc.
const PROGRAM = ['--release', '--manifest-path', 'bench/native/Cargo.toml'];
const LEAST_ROUNDS = 3;

/** Compiles the program. */
export const compileNative = () =>
  step('Compiling the native program', '1 s, 5 min the first time', () => quietly('cargo', ['build', '--locked', ...PROGRAM]));

/** Runs the program, and returns its `{ circumstances, rows }`: microseconds per token, and ratios with their quartiles. */
export const native = ({ rounds }) =>
  step('Native verification', `${15 + Math.max(LEAST_ROUNDS, rounds) * 2} s`, async () =>
    JSON.parse(await quietly('cargo', ['run', '--locked', ...PROGRAM, '--', String(Math.max(LEAST_ROUNDS, rounds)), '--json'], { stdoutOnly: true })),
  );
