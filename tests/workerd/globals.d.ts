// What tests put into pages and into the global object.
interface Window {
  /** The bundle of client-refresh.test.mjs. */
  app: any;
}

// The fetch of Node needs it for a body that is a stream. The types of browsers lack it.
interface RequestInit {
  duplex?: 'half';
}
