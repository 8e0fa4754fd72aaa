// The configuration: what `[vars.ASSAY]` holds. docs/configuration.md describes each field. A native test compares the fields with those
// that the Worker reads. Rules between fields, ranges, and that a list is not empty, are not part of the types: the Worker checks them and
// reports all faults at once.

/** A JSON Pointer (RFC 6901) to a claim or to a member of the JOSE header, as in `/sub`. */
export type JsonPointer = `/${string}`;

/** An algorithm that a third party's token may be signed with. */
export type Algorithm =
  'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'EdDSA' | 'Ed25519' | 'HS256' | 'HS384' | 'HS512';

/** An algorithm that the exchange signs with. */
export type IssuedAlgorithm = 'ES256' | 'EdDSA' | 'Ed25519' | 'HS256';

/** A scalar of JSON. */
export type Scalar = string | number | boolean;

/** A value of JSON. */
export type Json = Scalar | null | readonly Json[] | { readonly [name: string]: Json };

/** The whole configuration. */
export interface Configuration {
  /** The trusted issuers, at least one. */
  issuers: readonly IssuerConfiguration[];
  verify?: VerifyConfiguration;
  /** Where the token of a request is read, in order of preference. The default is `["authorization"]`. */
  credentials?: readonly CredentialPlace[];
  jwks?: JwksConfiguration;
  explain?: ExplainConfiguration;
  cors?: CorsConfiguration;
  challenge?: ChallengeConfiguration;
  endpoints?: EndpointsConfiguration;
  gateway?: GatewayConfiguration;
  forward_auth?: ForwardAuthConfiguration;
  exchange?: ExchangeConfiguration;
}

/** In place of the configuration: where in Workers KV it is. */
export interface ConfigurationRecord {
  /** The binding of the KV namespace. */
  kv: string;
  /** The key of the record. The default is `assay`. */
  key?: string;
}

/** A place of a request where a token is read: a word, or a table with `cookie`, `header` or `query`. */
export type CredentialPlace =
  | 'authorization'
  | 'websocket'
  /** The name of a cookie, or `clerk`, `supabase` or `better-auth`. `publishable_key` is for Clerk, `name` for the other two. */
  | { cookie: string; publishable_key?: string; name?: string }
  | { header: string }
  | { query: string };

/** A trusted issuer. It needs at least one of `preset`, `jwks_uri`, `discovery`, `jwks`, `public_keys` and `secrets`. */
export interface IssuerConfiguration {
  /** The exact `iss` of its tokens, character for character. */
  issuer: string;
  /** Further exact spellings of `iss`. */
  also_known_as?: readonly string[];
  /** The accepted tenants, if `issuer` has `{tenantid}` in the place of the tenant. */
  tenants?: 'any' | readonly string[];
  /** Fills in the fields that are left out. */
  preset?:
    | 'clerk'
    | 'supabase'
    | 'better-auth'
    | 'better-auth-oauth'
    | 'auth0'
    | 'oidc'
    | 'entra'
    | 'google'
    | 'firebase'
    | 'cognito'
    | 'okta'
    | 'keycloak'
    | 'cloudflare-access'
    | 'google-iap'
    | 'github-actions'
    | 'gitlab'
    | 'kubernetes'
    | 'apple'
    | 'workos'
    | 'kinde'
    | 'logto'
    | 'descope'
    | 'stytch';
  /** Where the keys are: an https URL, or http on a loopback address. */
  jwks_uri?: string;
  /** Reads the address of the keys from `<issuer>/.well-known/openid-configuration`, else from the metadata of RFC 8414. */
  discovery?: boolean;
  /** The service binding through which the keys are fetched, at the same URL. */
  jwks_service?: string;
  /** The keys themselves, as a JWK Set without private members, in place of an address. */
  jwks?: { keys: readonly Json[] };
  /** The keys themselves, in PEM. */
  public_keys?: readonly PublicKey[];
  /** The allow-list. */
  algorithms?: readonly Algorithm[];
  /** The required `aud`, or `unchecked`. There is no default. */
  audience: 'unchecked' | { any_of: readonly string[] } | { all_of: readonly string[] };
  /** The accepted values of `azp`. */
  authorized_parties?: readonly string[];
  /** Claims that must be present and not null: names, or JSON Pointers. */
  required_claims?: readonly string[];
  /** Scopes that `scope` must contain. */
  required_scopes?: readonly string[];
  /** The accepted classes of the preset's tokens, or `unchecked`. docs/configuration.md lists them. */
  classes?: 'unchecked' | readonly string[];
  /** Conditions on claims and on the JOSE header, all of which must hold. */
  require?: readonly Condition[];
  /** What to do with a token that `cnf` binds to a key. The default is `refuse`. */
  confirmation?: 'refuse' | 'ignore';
  /** The accepted values of `typ`. The default is `["JWT", "at+jwt"]`. */
  types?: readonly string[];
  /** Refuses a token without `typ`. */
  require_type?: boolean;
  /** The greatest age since `iat`, in seconds. */
  max_age_seconds?: number;
  /** The names of the Worker secrets for HS256, HS384 and HS512. */
  secrets?: readonly SecretReference[];
  /** Keys whose tokens are refused at once, each a `kid` or an RFC 7638 thumbprint. */
  distrusted_keys?: readonly string[];
}

/** A public key in PEM. */
export interface PublicKey {
  /** The `kid` of the tokens that it verifies. */
  kid?: string;
  /** `PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`. */
  pem: string;
}

/** The name of a Worker secret that verifies tokens. */
export interface SecretReference {
  /** The name of the Worker secret, never its value. */
  binding: string;
  /** The `kid` of the tokens that it is for. */
  kid?: string;
  /** How the value is written. The default is `utf8`. */
  encoding?: 'utf8' | 'base64' | 'base64url' | 'hex';
}

/** How tokens and signatures are checked. */
export interface VerifyConfiguration {
  /** The tolerated difference between clocks, 0 to 300. The default is 5. */
  leeway_seconds?: number;
  /** The greatest length of a token, 512 to 65536. The default is 16384. */
  max_token_bytes?: number;
  /** How long a good signature is not checked again, 0 to 60. The default is 60. */
  remember_seconds?: number;
  /** What checks signatures. The default is `rust`. */
  engine?: 'rust' | 'webcrypto' | 'both';
  /** With `engine: 'rust'`: the share of verifications, 0 to 1, that WebCrypto checks as well. */
  cross_check?: { sample?: number };
}

/** How key sets are fetched and cached. */
export interface JwksConfiguration {
  /** How long a key set is fresh, 60 to 86400. The default is 3600. */
  ttl_seconds?: number;
  /** How much longer a key set is used while its origin is down, 0 to 604800. The default is 86400. */
  stale_if_error_seconds?: number;
  /** The shortest time between two fetches for an unknown `kid`, 1 to 3600. The default is 30. */
  unknown_kid_cooldown_seconds?: number;
  /** How long a fetch may take, 100 to 30000. The default is 5000. */
  fetch_timeout_ms?: number;
  /** Whether Cloudflare's cache may answer a fetch for 30 seconds. Other Workers of the zone can write to it. The default is `true`. */
  data_centre_cache?: boolean;
}

/** Who may see explanations. */
export interface ExplainConfiguration {
  /** Who may see explanations and details: callers with the secret `EXPLAIN_KEY` (`key`, the default), or everybody (`open`). */
  access?: 'key' | 'open';
}

/** Which web pages may call the endpoints. */
export interface CorsConfiguration {
  /** Origins whose scripts may call the endpoints; `*` for all. */
  origins?: readonly string[];
}

/** The challenge of a 401 (RFC 6750). */
export interface ChallengeConfiguration {
  /** The `realm` of `WWW-Authenticate`. The default is `edge-assay`. */
  realm?: string;
}

/** Where the endpoints are. */
export interface EndpointsConfiguration {
  /** Moves the endpoints, as in `/_assay`. */
  prefix?: `/${string}`;
}

/** A condition on a claim, or on a member of the JOSE header: exactly one test. */
export type Condition = ({ claim: JsonPointer } | { header: JsonPointer }) &
  (
    | { equals: Json }
    | { one_of: readonly Scalar[] }
    | { contains_all: readonly Scalar[] }
    | { contains_any: readonly Scalar[] }
    | { matches: string }
    | { at_least: number }
    | { exists: boolean }
  );

/** The APIs behind the Worker. */
export interface GatewayConfiguration {
  routes: readonly RouteConfiguration[];
  /** How long an API may take, 10 to 100000. The default is 30000. */
  timeout_ms?: number;
  /** Who sets `CF-Connecting-IP`: Cloudflare's edge (the default), or a proxy of yours. */
  client_address?: 'cloudflare' | 'cf-connecting-ip';
}

/** A route of the gateway and of forward-auth. */
export interface RouteConfiguration {
  /** `/profiles`, or `/profiles/*` for it and all paths below it. */
  path: `/${string}`;
  /** As in `api.example.com`, or with a port. */
  host?: string;
  /** As in `["GET", "POST"]`. GET includes HEAD. */
  methods?: readonly string[];
  /** Scheme and host of the API, or the name of a service binding. May be left out with forward-auth. */
  upstream?: string | { service: string };
  /** What the token must have. */
  require?: { issuers?: readonly string[]; scopes?: readonly string[]; claims?: readonly Condition[] };
  /** Where the token of a request is read. The default is `credentials` of the root. */
  credentials?: readonly CredentialPlace[];
  /** What the API gets in `Authorization`. The default is `strip`. */
  credential?: 'strip' | 'forward' | { exchange: string };
  /** Header names and the claims that they hold. */
  headers?: { readonly [header: string]: JsonPointer | { claim: JsonPointer; required?: boolean } };
  /** No token is needed. */
  public?: boolean;
  /** The gateway answers preflights for these origins; `false`: the API does. */
  cors?: false | { origins?: readonly string[]; credentials?: boolean };
  /** How long the API may take, 10 to 100000. */
  timeout_ms?: number;
  /** `zone` applies the cache rules of the zone. The default is `no-store`. */
  cache?: 'no-store' | 'zone';
  /** Characters that paths may have although servers read them in different ways. */
  allow_in_path?: readonly ('encoded_slash' | 'semicolon')[];
}

/** Either `secret` or `trusted: true`. */
export interface ForwardAuthConfiguration {
  /** The name of the Worker secret that the proxy sends. */
  secret?: string;
  /** The header with the secret. The default is `X-Forward-Auth-Secret`. */
  header?: string;
  /** No secret is needed. Only if the proxy alone can reach the Worker. */
  trusted?: boolean;
}

/** The token exchange: which tokens are issued, for whom and by what rules. */
export interface ExchangeConfiguration {
  /** `iss` of the issued tokens: the https URL of this Worker, without a query. */
  issuer: string;
  /** The audiences for which tokens are issued. */
  targets?: readonly TargetConfiguration[];
  /** The registered clients. */
  clients?: readonly ClientConfiguration[];
  /** The protocol of the Fireproof dashboard. */
  fireproof?: FireproofConfiguration;
  /** The binding of a KV namespace with further data about subjects. */
  directory?: string;
  /** How long others may cache the key set, 60 to 86400. The default is 3600. */
  jwks_max_age_seconds?: number;
}

/** Claims of an issued token: copied from the subject token or the directory, or fixed. */
export interface ClaimMappings {
  readonly [claim: string]: { claim: JsonPointer; optional?: boolean } | { value: Json; optional?: boolean };
}

/** An audience for which tokens are issued, and its policy. */
export interface TargetConfiguration {
  /** `aud` of its tokens. */
  audience: string;
  /** The issuers whose tokens it accepts, each one of `issuers`. */
  from: readonly string[];
  /** The default is `ES256`. */
  algorithm?: IssuedAlgorithm;
  /** 30 to 86400. The default is 900. */
  ttl_seconds?: number;
  /** The scopes that may be granted. */
  scopes?: readonly string[];
  /** The scopes that are granted if the request names none. */
  default_scopes?: readonly string[];
  /** Whether the scope of the subject token is an upper bound. The default is `bound`. */
  subject_scopes?: 'bound' | 'ignored';
  /** `sub` of its tokens. The default is `own`; a target with several issuers needs another. */
  subject?: 'own' | 'prefixed' | { claim: JsonPointer };
  /** Conditions, all of which must hold. */
  when?: readonly Condition[];
  claims?: ClaimMappings;
  /** Whether clients may request its tokens without authentication. */
  public_clients?: boolean;
  /** The actors that may act for subjects whose tokens have no `may_act`. */
  actors?: readonly { issuer: string; subject: string }[];
}

/** A registered client of the exchange. */
export interface ClientConfiguration {
  /** The `client_id`. */
  id: string;
  /** The name of the Worker secret that holds the `client_secret`, never its value. */
  secret: string;
  /** The audiences that it may request tokens for. */
  targets: readonly string[];
}

/** The protocol of the Fireproof dashboard: which tokens it takes and issues. */
export interface FireproofConfiguration {
  /** Each `auth.type` with the issuers that it accepts. */
  auth_types: { readonly [type: string]: readonly string[] };
  /** The default is `FP_CLOUD`. */
  issuer?: string;
  /** The default is `PUBLIC`. */
  audience?: string;
  /** 30 to 86400. The default is 3600. */
  ttl_seconds?: number;
  /** The default is `ES256`. */
  algorithm?: IssuedAlgorithm;
  /** The default is `personal`. */
  memberships?: 'personal' | 'directory';
  claims?: ClaimMappings;
}
