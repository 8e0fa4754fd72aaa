// What a test starts ends with it, also when it fails half-way.

/** Returns `use(starting)`, which waits for a server or a Worker to start and stops it after the test (or suite). */
export function lifetime(after) {
  return async (starting) => {
    const started = await starting;
    after(() => (started.dispose ?? started.close).call(started));
    return started;
  };
}

/** The same for one test. */
export const during = (context) => lifetime((stop) => context.after(stop));
