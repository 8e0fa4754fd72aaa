// A minimal Worker: it shows the cost of a request without verification.
export default {
  fetch: () => new Response('hello'),
};
