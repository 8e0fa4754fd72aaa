// The system calls of the command line (WASI preview 1), on Node's own modules. The program has the rights of its user: every path, the
// whole environment, and HTTP. `node:wasi` is not used, because it warns on standard error, refuses paths that lead above the current
// folder, and cannot create a file that only its owner can read.
import { randomFillSync } from 'node:crypto';
import fs from 'node:fs';
import { isatty } from 'node:tty';
import { exchange } from './http.js';

const WINDOWS = process.platform === 'win32';
// The only folder that WASI knows in advance: all paths are below it.
const ROOT = 3;
// A request is written into this file, and its answer read from it. src/bin/edge-assay/http.rs has the same name.
const REQUESTS = 'edge-assay:http';
const MILLISECONDS_BETWEEN_ATTEMPTS = 5;

const SUCCESS = 0;
/**
 * The number of each error that Node names.
 *
 * @type {Record<string, number>}
 */
const ERRNO = {
  EACCES: 2,
  EAGAIN: 6,
  EBADF: 8,
  EBUSY: 10,
  EEXIST: 20,
  EINVAL: 28,
  EIO: 29,
  EISDIR: 31,
  ELOOP: 32,
  EMFILE: 33,
  ENAMETOOLONG: 37,
  ENOENT: 44,
  ENOSPC: 51,
  ENOTDIR: 54,
  ENOTEMPTY: 55,
  ENOTSUP: 58,
  EPERM: 63,
  EPIPE: 64,
  EROFS: 69,
  EXDEV: 75,
};
const OPEN = { CREATE: 1, DIRECTORY: 2, EXCLUSIVE: 4, TRUNCATE: 8 };
const APPEND = 1;
const FOLLOW = 1;
const RIGHT_TO = { READ: 1n << 1n, WRITE: 1n << 6n, SEEK: (1n << 2n) | (1n << 5n) };
const ALL_RIGHTS = (1n << 30n) - 1n;
const KIND = { UNKNOWN: 0, BLOCK_DEVICE: 1, CHARACTER_DEVICE: 2, FOLDER: 3, FILE: 4, STREAM: 6, LINK: 7 };

/** Ends the program from within one of its system calls. */
class Exit extends Error {
  /** @param {number} code */
  constructor(code) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** @param {string} code */
const failure = (code) => Object.assign(new Error(code), { code });

/**
 * Runs a WASI program with the environment, the current folder and the standard streams of this process.
 *
 * @param {WebAssembly.Module} module the program
 * @param {string[]} args its arguments, beginning with its name
 * @returns {number} its exit code
 */
export function run(module, args) {
  // A path with backslashes has no folders for WASI.
  const given = WINDOWS ? args.map((argument) => argument.replaceAll('\\', '/')) : args;
  const folder = WINDOWS ? `/${process.cwd().replaceAll('\\', '/')}` : process.cwd();
  const environment = Object.entries({ ...process.env, PWD: folder }).map(([name, value]) => `${name}=${value}`);
  const system = new System(given, environment);
  const calls = Object.fromEntries(WebAssembly.Module.imports(module).map(({ name }) => [name, system.call(name)]));
  const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: calls });
  const { memory, _start: start } = instance.exports;
  system.memory = /** @type {WebAssembly.Memory} */ (memory);
  try {
    /** @type {() => void} */ (start)();
    return 0;
  } catch (error) {
    if (error instanceof Exit) return error.code;
    throw error;
  }
}

/** An open file of this machine, or a standard stream. */
class OpenFile {
  /** @param {number} descriptor */
  constructor(descriptor) {
    this.descriptor = descriptor;
    this.position = 0n;
  }

  /** @param {Uint8Array} bytes */
  read(bytes) {
    const count = patiently(() => fs.readSync(this.descriptor, bytes));
    this.position += BigInt(count);
    return count;
  }

  /** @param {Uint8Array} bytes */
  write(bytes) {
    const count = patiently(() => fs.writeSync(this.descriptor, bytes));
    this.position += BigInt(count);
    return count;
  }

  status() {
    return fs.fstatSync(this.descriptor);
  }

  sync() {
    fs.fsyncSync(this.descriptor);
  }

  close() {
    fs.closeSync(this.descriptor);
  }
}

/** A request, and after that its answer. */
class HttpRequest {
  /** @type {Uint8Array[]} */
  written = [];
  /**
   * What is left of the answer.
   *
   * @type {Buffer | undefined}
   */
  left;
  position = 0n;

  /** @param {Uint8Array} bytes */
  write(bytes) {
    this.written.push(bytes.slice());
    return bytes.length;
  }

  /** @param {Uint8Array} bytes */
  read(bytes) {
    this.left ??= exchange(JSON.parse(Buffer.concat(this.written).toString()));
    const part = this.left.subarray(0, bytes.length);
    bytes.set(part);
    this.left = this.left.subarray(part.length);
    return part.length;
  }

  status() {
    return undefined;
  }

  sync() {}

  close() {}
}

/**
 * Pipes and terminals may be in a mode in which they do not wait.
 *
 * @param {() => number} attempt
 */
function patiently(attempt) {
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      const code = codeOf(error);
      // On Windows, the end of a pipe is an error.
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw error;
      wait(MILLISECONDS_BETWEEN_ATTEMPTS);
    }
  }
}

/**
 * Node's name for the error, if it is one of a system call.
 *
 * @param {unknown} error
 */
const codeOf = (error) => (error instanceof Error && 'code' in error ? error.code : undefined);

/** @param {number} milliseconds */
const wait = (milliseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

/** @param {fs.Stats | undefined} status */
function kindOf(status) {
  if (status === undefined) return KIND.STREAM;
  if (status.isFile()) return KIND.FILE;
  if (status.isDirectory()) return KIND.FOLDER;
  if (status.isSymbolicLink()) return KIND.LINK;
  if (status.isCharacterDevice()) return KIND.CHARACTER_DEVICE;
  if (status.isBlockDevice()) return KIND.BLOCK_DEVICE;
  return status.isFIFO() || status.isSocket() ? KIND.STREAM : KIND.UNKNOWN;
}

/**
 * The path on this machine of a path below the root folder.
 *
 * @param {string} path
 */
function onMachine(path) {
  if (!WINDOWS) return `/${path}`;
  // An absolute path is relative for WASI, so it comes behind the current folder.
  const drive = [...path.matchAll(/(?:^|\/)(?=[A-Za-z]:\/)/g)].at(-1);
  return drive ? path.slice(drive.index + drive[0].length) : path;
}

class System {
  /** The program's memory: an empty one until the program is instantiated. */
  memory = new WebAssembly.Memory({ initial: 0 });

  /**
   * The open files, by their descriptors.
   *
   * @type {Map<number, OpenFile | HttpRequest>}
   */
  files = new Map([0, 1, 2].map((descriptor) => [descriptor, new OpenFile(descriptor)]));

  /**
   * @param {string[]} args
   * @param {string[]} environment
   */
  constructor(args, environment) {
    const encoder = new TextEncoder();
    this.args = args.map((text) => encoder.encode(`${text}\0`));
    this.environment = environment.map((text) => encoder.encode(`${text}\0`));
    this.next = ROOT + 1;
  }

  /**
   * The system call of this name: its errors are returned as numbers.
   *
   * @param {string} name
   * @returns {(...parameters: (number | bigint)[]) => number}
   */
  call(name) {
    /** @type {Record<string, unknown>} */
    const methods = Object(this);
    const method = methods[name];
    if (typeof method !== 'function') return () => ERRNO.ENOTSUP;
    return (...parameters) => {
      try {
        return method.apply(this, parameters) ?? SUCCESS;
      } catch (error) {
        const code = codeOf(error);
        if (error instanceof Exit || typeof code !== 'string') throw error;
        return ERRNO[code] ?? ERRNO.EIO;
      }
    };
  }

  get view() {
    return new DataView(this.memory.buffer);
  }

  /** @type {(pointer: number, length: number) => Uint8Array<ArrayBuffer>} */
  bytes(pointer, length) {
    return new Uint8Array(this.memory.buffer, pointer, length);
  }

  /** @type {(pointer: number, length: number) => string} */
  path(pointer, length) {
    return onMachine(new TextDecoder().decode(this.bytes(pointer, length).slice()));
  }

  /** @type {(descriptor: number) => OpenFile | HttpRequest} */
  file(descriptor) {
    const file = this.files.get(descriptor);
    if (!file) throw failure('EBADF');
    return file;
  }

  /**
   * Calls `transfer` with each buffer until one is not used completely, and stores how many bytes were transferred.
   *
   * @type {(buffers: number, count: number, result: number, transfer: (bytes: Uint8Array) => number) => void}
   */
  transferred(buffers, count, result, transfer) {
    let total = 0;
    for (let index = 0; index < count; index += 1) {
      const [pointer, length] = [0, 4].map((offset) => this.view.getUint32(buffers + 8 * index + offset, true));
      if (length === 0) continue;
      const done = transfer(this.bytes(pointer, length));
      total += done;
      if (done < length) break;
    }
    this.view.setUint32(result, total, true);
  }

  /** @type {(texts: Uint8Array[], count: number, size: number) => void} */
  sizes(texts, count, size) {
    this.view.setUint32(count, texts.length, true);
    this.view.setUint32(
      size,
      texts.reduce((sum, { length }) => sum + length, 0),
      true,
    );
  }

  /** @type {(texts: Uint8Array[], pointers: number, buffer: number) => void} */
  texts(texts, pointers, buffer) {
    let at = buffer;
    texts.forEach((text, index) => {
      this.view.setUint32(pointers + 4 * index, at, true);
      this.bytes(at, text.length).set(text);
      at += text.length;
    });
  }

  /** @type {(result: number, status: fs.Stats | undefined) => void} */
  storeStatus(result, status) {
    this.bytes(result, 64).fill(0);
    this.view.setUint8(result + 16, kindOf(status));
    this.view.setBigUint64(result + 32, BigInt(status?.size ?? 0), true);
  }

  /** @type {(count: number, size: number) => void} */
  args_sizes_get(count, size) {
    this.sizes(this.args, count, size);
  }

  /** @type {(pointers: number, buffer: number) => void} */
  args_get(pointers, buffer) {
    this.texts(this.args, pointers, buffer);
  }

  /** @type {(count: number, size: number) => void} */
  environ_sizes_get(count, size) {
    this.sizes(this.environment, count, size);
  }

  /** @type {(pointers: number, buffer: number) => void} */
  environ_get(pointers, buffer) {
    this.texts(this.environment, pointers, buffer);
  }

  /** @type {(clock: number, _precision: bigint, result: number) => void} */
  clock_time_get(clock, _precision, result) {
    const nanoseconds = clock === 0 ? BigInt(Date.now()) * 1_000_000n : process.hrtime.bigint();
    this.view.setBigUint64(result, nanoseconds, true);
  }

  /** @type {(pointer: number, length: number) => void} */
  random_get(pointer, length) {
    randomFillSync(this.bytes(pointer, length));
  }

  /** @type {(code: number) => never} */
  proc_exit(code) {
    throw new Exit(code);
  }

  /**
   * Waits for the first clock. The program waits for nothing else.
   *
   * @type {(subscriptions: number, events: number, count: number, result: number) => void}
   */
  poll_oneoff(subscriptions, events, count, result) {
    if (count < 1 || this.view.getUint8(subscriptions + 8) !== 0) throw failure('ENOTSUP');
    wait(Number(this.view.getBigUint64(subscriptions + 24, true)) / 1_000_000);
    this.bytes(events, 32).fill(0);
    this.view.setBigUint64(events, this.view.getBigUint64(subscriptions, true), true);
    this.view.setUint32(result, 1, true);
  }

  /** @type {(descriptor: number, result: number) => void} */
  fd_prestat_get(descriptor, result) {
    if (descriptor !== ROOT) throw failure('EBADF');
    this.view.setUint8(result, 0);
    this.view.setUint32(result + 4, 1, true);
  }

  /** @type {(_descriptor: number, pointer: number) => void} */
  fd_prestat_dir_name(_descriptor, pointer) {
    this.bytes(pointer, 1).set([0x2f]);
  }

  /** @type {(descriptor: number, result: number) => void} */
  fd_fdstat_get(descriptor, result) {
    const isTerminal = descriptor < ROOT && isatty(descriptor);
    this.bytes(result, 24).fill(0);
    if (isTerminal) this.view.setUint8(result, KIND.CHARACTER_DEVICE);
    else if (descriptor === ROOT) this.view.setUint8(result, KIND.FOLDER);
    // Programs take a descriptor with the right to seek for a file, and not for a terminal.
    const rights = isTerminal ? ALL_RIGHTS & ~RIGHT_TO.SEEK : ALL_RIGHTS;
    this.view.setBigUint64(result + 8, rights, true);
    this.view.setBigUint64(result + 16, rights, true);
  }

  /** @type {(descriptor: number, result: number) => void} */
  fd_filestat_get(descriptor, result) {
    this.storeStatus(result, this.file(descriptor).status());
  }

  /** @type {(descriptor: number, buffers: number, count: number, result: number) => void} */
  fd_read(descriptor, buffers, count, result) {
    const file = this.file(descriptor);
    this.transferred(buffers, count, result, (bytes) => file.read(bytes));
  }

  /** @type {(descriptor: number, buffers: number, count: number, result: number) => void} */
  fd_write(descriptor, buffers, count, result) {
    const file = this.file(descriptor);
    this.transferred(buffers, count, result, (bytes) => file.write(bytes));
  }

  /**
   * Tells the position. The program moves it nowhere.
   *
   * @type {(descriptor: number, offset: bigint, whence: number, result: number) => void}
   */
  fd_seek(descriptor, offset, whence, result) {
    const file = this.file(descriptor);
    if (offset !== 0n || whence !== 1) throw failure('ENOTSUP');
    this.view.setBigUint64(result, file.position, true);
  }

  /** @type {(descriptor: number) => void} */
  fd_sync(descriptor) {
    this.file(descriptor).sync();
  }

  /** @type {(descriptor: number) => void} */
  fd_close(descriptor) {
    const file = this.file(descriptor);
    this.files.delete(descriptor);
    file.close();
  }

  /** @type {(_folder: number, _lookup: number, pointer: number, length: number, how: number, rights: bigint, _inherited: bigint, flags: number, result: number) => void} */
  path_open(_folder, _lookup, pointer, length, how, rights, _inherited, flags, result) {
    const descriptor = this.next;
    if (new TextDecoder().decode(this.bytes(pointer, length).slice()) === REQUESTS) {
      this.files.set(descriptor, new HttpRequest());
    } else {
      const [opening, mode] = openingAs(how, rights, flags);
      this.files.set(descriptor, new OpenFile(fs.openSync(this.path(pointer, length), opening, mode)));
    }
    this.next += 1;
    this.view.setUint32(result, descriptor, true);
  }

  /** @type {(_folder: number, lookup: number, pointer: number, length: number, result: number) => void} */
  path_filestat_get(_folder, lookup, pointer, length, result) {
    const path = this.path(pointer, length);
    this.storeStatus(result, lookup & FOLLOW ? fs.statSync(path) : fs.lstatSync(path));
  }

  /** @type {(_folder: number, pointer: number, length: number) => void} */
  path_create_directory(_folder, pointer, length) {
    fs.mkdirSync(this.path(pointer, length));
  }

  /** @type {(_from: number, pointer: number, length: number, _to: number, newPointer: number, newLength: number) => void} */
  path_rename(_from, pointer, length, _to, newPointer, newLength) {
    fs.renameSync(this.path(pointer, length), this.path(newPointer, newLength));
  }

  /** @type {(_folder: number, pointer: number, length: number) => void} */
  path_unlink_file(_folder, pointer, length) {
    fs.unlinkSync(this.path(pointer, length));
  }
}

/**
 * Node's flags and the mode of a new file. WASI has no modes: a file that must not exist yet holds secrets, and only its owner reads it.
 *
 * @param {number} how
 * @param {bigint} rights
 * @param {number} flags
 * @returns {[opening: number, mode: number]}
 */
function openingAs(how, rights, flags) {
  const constants = fs.constants;
  const writes = (rights & RIGHT_TO.WRITE) !== 0n;
  const reads = (rights & RIGHT_TO.READ) !== 0n;
  let opening = writes ? (reads ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY;
  if (how & OPEN.CREATE) opening |= constants.O_CREAT;
  if (how & OPEN.EXCLUSIVE) opening |= constants.O_EXCL;
  if (how & OPEN.TRUNCATE) opening |= constants.O_TRUNC;
  if (how & OPEN.DIRECTORY) opening |= constants.O_DIRECTORY ?? 0;
  if (flags & APPEND) opening |= constants.O_APPEND;
  return [opening, how & OPEN.EXCLUSIVE ? 0o600 : 0o666];
}
