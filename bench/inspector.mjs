// V8's inspector protocol, as workerd serves it for each isolate.

/**
 * Connects to the isolate of this Worker; returns `{ call, close }`. `call` sends a command and returns its result.
 *
 * @param {string} address
 * @param {string} worker
 */
export async function inspect(address, worker) {
  const isolates = await (await fetch(`http://${address}/json`)).json();
  const { webSocketDebuggerUrl } = isolates.find(({ id }) => id.endsWith(worker));
  const socket = new WebSocket(webSocketDebuggerUrl);
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  /** @type {Map<number, (result: any) => void>} */
  const waiting = new Map();
  socket.onmessage = ({ data }) => {
    const { id, result } = JSON.parse(data);
    waiting.get(id)?.(result);
  };
  return {
    /** @param {string} method @param {object} [params] @returns {Promise<any>} */
    call: (method, params = {}) =>
      new Promise((resolve) => {
        waiting.set(waiting.size + 1, resolve);
        socket.send(JSON.stringify({ id: waiting.size, method, params }));
      }),
    close: () => socket.close(),
  };
}
