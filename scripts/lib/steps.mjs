// The output of the scripts: a line before a long step with its usual duration, a line after it with the real duration, and on a
// failure the command and the end of its output. Uses only Node's own modules.
import { spawn } from 'node:child_process';
import { root } from './paths.mjs';

// Some tools print the error first and then their usage; others print it last.
const FIRST_LINES_SHOWN = 8;
const LAST_LINES_SHOWN = 25;
const CHARACTERS_OF_A_LINE = 300;
const BYTES_KEPT = 1024 * 1024;

/** An error with a message for the user. Its stack is not printed. */
export class Failure extends Error {}

/**
 * The match of `pattern` in a text that must have one.
 *
 * @param {RegExp} pattern
 * @param {string} text
 */
export function matched(pattern, text) {
  const match = pattern.exec(text);
  if (!match) throw new Failure(`✗ ${pattern} matches nothing in: ${cut(text)}`);
  return match;
}

/** Runs `work`. Prints its title and usual duration before it, and the real duration after it. */
export async function step(title, usually, work) {
  console.log(`▸ ${title}${usually ? ` (usually ${usually})` : ''}`);
  const begin = performance.now();
  const result = await work();
  console.log(`✓ ${title}: ${duration(performance.now() - begin)}`);
  return result;
}

/** Milliseconds as text for a reader. */
export function duration(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/**
 * Runs a command without printing its output, and returns the output. If the command fails, the `Failure` contains the command, the
 * first and last lines of the output, and `advice`.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: Record<string, string | undefined>, advice?: string, stdoutOnly?: boolean }} [options]
 * @returns {Promise<string>}
 */
export async function quietly(command, args, { env = {}, advice, stdoutOnly = false } = {}) {
  const { code, signal, output, stdout } = await collect(command, args, env);
  if (code === 0) return stdoutOnly ? stdout : output;
  const lines = output.trimEnd().split('\n');
  const leftOut = lines.length - FIRST_LINES_SHOWN - LAST_LINES_SHOWN;
  if (leftOut > 0) lines.splice(FIRST_LINES_SHOWN, leftOut, `… ${leftOut} lines left out …`);
  const shown = lines.map((line) => `  | ${cut(line)}`);
  throw new Failure(
    [`✗ ${shellLine(command, args)} ${signal ? `was stopped by ${signal}` : `exited with ${code}`}`, ...shown, ...(advice ? [advice] : [])].join(
      '\n',
    ),
  );
}

/** Runs a command with its output visible, and returns its exit code. */
export function visibly(command, args, { env = {} } = {}) {
  console.log(`▸ ${shellLine(command, args)}`);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } });
    child.on('error', (error) => reject(new Failure(`✗ ${command} cannot be started: ${error.message}`)));
    child.on('exit', (code, signal) => resolve(signal ? 1 : code));
  });
}

/** Whether the command can be started and succeeds. */
export async function succeeds(command, args) {
  try {
    return (await collect(command, args, {})).code === 0;
  } catch {
    return false;
  }
}

/** Runs the `main` of a script. For a `Failure`, prints only its message. */
export async function run(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    console.error(error instanceof Failure ? error.message : error);
    process.exitCode = 1;
  }
}

function collect(command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    let output = '';
    let stdout = '';
    const keep = (text) => {
      output = (output + text).slice(-BYTES_KEPT);
    };
    child.stdout.setEncoding('utf8').on('data', (text) => {
      keep(text);
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', keep);
    child.on('error', (error) => reject(new Failure(`✗ ${shellLine(command, args)} cannot be started: ${error.message}`)));
    child.on('close', (code, signal) => resolve({ code, signal, output, stdout }));
  });
}

// If a minified tool crashes, Node prints its source: one very long line.
const cut = (line) => (line.length > CHARACTERS_OF_A_LINE ? `${line.slice(0, CHARACTERS_OF_A_LINE)}…` : line);

function shellLine(command, args) {
  return [command.replace(root, ''), ...args].map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`)).join(' ');
}
