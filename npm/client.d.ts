/** What the client asks of `getToken`. */
export interface GetTokenOptions {
  /** Whether the API has refused the present token, or its end is near: get a new one from the provider, and no cached one. */
  forceRefresh: boolean;
}

/** The form that is sent to the token endpoint (RFC 8693). All members but `url` are its parameters; a list is sent as several. */
export interface ExchangeOptions {
  /** The token endpoint: `/token` of edge-assay. A relative URL is resolved like those of requests. */
  url: string | URL;
  /** The API for which the token is issued: an `audience` of `[[vars.ASSAY.exchange.targets]]`. */
  audience?: string | string[];
  /** The scopes to request, separated by spaces. Default: the `default_scopes` of the target. */
  scope?: string;
  /** Default: `urn:ietf:params:oauth:token-type:jwt`. */
  subject_token_type?: string;
  /** Further parameters, such as `client_id`. A browser cannot keep a `client_secret`. */
  [parameter: string]: string | string[] | URL | undefined;
}

/** The options of `createFetch`. */
export interface CreateFetchOptions {
  /**
   * Returns the user's token, or null if nobody is signed in. It is called for each request, so it should return a cached token unless
   * `forceRefresh` is true. If it throws, the request is rejected with that error.
   */
  getToken: (options: GetTokenOptions) => string | null | undefined | Promise<string | null | undefined>;
  /** Sends the requests. Default: the global `fetch`. A service binding: `(...args) => env.API.fetch(...args)`. */
  fetch?: (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>;
  /** The URL against which relative URLs are resolved. Default: that of the page. */
  baseUrl?: string | URL;
  /**
   * The origins that may receive the token, such as `["https://api.example.com"]`. Default: the origin of `baseUrl`, or else that of the
   * page. Node and workerd have no page: there one of the two options is required. Requests to other origins are rejected.
   */
  origins?: (string | URL)[];
  /**
   * How many seconds before its `exp` a JWT is replaced, at most half of its lifetime. Default: 10. `false`: never. Tokens without `exp`
   * and `iat`, and opaque tokens, are used until an API refuses them.
   */
  refreshAheadSeconds?: number | false;
  /** Whether requests without a token are rejected with `not_signed_in`. Default: false, they are sent without `Authorization`. */
  requireToken?: boolean;
  /**
   * Retry a 429 or 503 once, after the time that its `Retry-After` names, if that is at most this many seconds. Default: such an answer is
   * returned.
   */
  retryAfter?: { atMostSeconds: number };
  /** Exchange the token of `getToken`, and send the issued token. Default: the token of `getToken` is sent. */
  exchange?: ExchangeOptions;
}

/** A code of the client itself. For a refusal of the exchange, it is the `code` or `error` of its answer. */
export type ClientErrorCode = 'origins_missing' | 'origin_not_listed' | 'not_signed_in' | 'token_malformed' | 'exchange_failed' | (string & {});

/** An error of the client itself. Its message says what to do, and never contains a token. */
export class ClientError extends Error {
  constructor(code: ClientErrorCode, message: string, status?: number);
  name: 'ClientError';
  /** Which error it is. */
  readonly code: ClientErrorCode;
  /** The status of the exchange's answer, if the exchange issued no token. */
  readonly status: number | undefined;
}

/**
 * Returns a function with the signature of `fetch` that sends the user's token and renews it once if an API refuses it.
 *
 * Create one for each user: on a server, one for each request.
 *
 * @throws {ClientError} `origins_missing`, if it is unknown where the token may be sent.
 */
export function createFetch(options: CreateFetchOptions): typeof fetch;
