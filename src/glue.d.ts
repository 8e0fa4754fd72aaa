// The module that wasm-bindgen makes from src/entry.rs: what the JavaScript calls of the WebAssembly.
declare module 'edge-assay' {
  type Kept = import('./instance.js').Kept;

  export function fetch(
    incoming: import('./instance.js').Incoming,
    head: number,
    env: object,
    context: { waitUntil(promise: Promise<unknown>): void },
    known: number,
  ): Response | Kept | string | Promise<Response | Kept | string>;
  /** The response of the gateway if an upstream does not answer. */
  export function unanswered(env: object, rest: string, outcome: string, milliseconds: number, error: unknown, ray: string | undefined): Response;
  /** A view of the room for a head of this length. */
  export function head_room(bytes: number): Uint8Array;
  /** Whether the response that was kept with this number may be given again. */
  export function stands(number: number, seconds: number): boolean;
  export function scheduled(event: unknown, env: object, context: { waitUntil(promise: Promise<unknown>): void }): void | Promise<void>;
  /** The call of this number; its value as a text, at once if nothing had to be awaited. */
  export function answer(
    number: number,
    env: object,
    context: { waitUntil(promise: Promise<unknown>): void },
    subject: unknown,
    head: number,
    options: string | undefined,
  ): string | Promise<string>;
  /** The answer to a question that the coordinator's object has received. */
  export function coordinate(env: object, question: unknown): string | Promise<string>;
  /** How many of `times` verifications were good. Only with the feature `bench`. */
  export function bench_verify(algorithm: string, key: string, token: string, times: number): number;

  /** The state in which the code around the WebAssembly records a panic. */
  export function __worker_init_state(): { criticalError: boolean };
  /** Replaces the instance by a new one. */
  export function __wbg_reset_state(): void;
}

// The types of the runtime lack this event, which reports an exception that nothing has caught.
declare function addEventListener(type: 'error', handler: (event: ErrorEvent) => void): void;
