// Stops the servers and Workers of a test when it ends, also if it fails half-way.

/**
 * Returns `use(starting)`, which waits for a server or a Worker to start and stops it when the test or suite ends, the
 * last one first. `after` is the hook of either.
 */
export function lifetime(after) {
  const running = [];
  after(async () => {
    for (const one of running.reverse()) await (one.dispose ?? one.close).call(one);
  });
  return async (starting) => {
    const started = await starting;
    running.push(started);
    return started;
  };
}

/** The same for one test. */
export const during = (context) => lifetime((stop) => context.after(stop));
