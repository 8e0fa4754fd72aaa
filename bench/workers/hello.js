// The least a Worker can do: what a request costs before anything is verified.
export default {
  fetch: () => new Response('hello'),
};
