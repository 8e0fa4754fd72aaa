// Made from the tables of codes in src/ by `UPDATE_DOCS=1 cargo test --locked --test native codes`. Do not edit it.

/** The codes of a token or a request that is refused, each with the status of the response. */
export interface RejectionCodes {
  /** A token is required. */
  token_missing: 401;
  /** The request's credentials are not one Bearer token. */
  request_ambiguous: 400;
  /** Another site may have made the request. */
  cross_site_refused: 403;
  /** The token is too large. */
  token_too_large: 401;
  /** The token is malformed. */
  token_malformed: 401;
  /** The token's header asks for something unsupported. */
  header_unsupported: 401;
  /** The token names no issuer. */
  issuer_missing: 401;
  /** The token's issuer is not trusted here. */
  issuer_unknown: 401;
  /** The token's algorithm is not supported. */
  algorithm_unsupported: 401;
  /** The token's algorithm is not allowed for its issuer. */
  algorithm_not_allowed: 401;
  /** The token's key is distrusted. */
  key_distrusted: 401;
  /** The token's key was not found. */
  key_not_found: 401;
  /** The token's key cannot be used. */
  key_unusable: 401;
  /** The token's signature is invalid. */
  signature_invalid: 401;
  /** The token's type is not accepted. */
  type_not_allowed: 401;
  /** The token has expired. */
  token_expired: 401;
  /** The token is not valid yet. */
  token_not_yet_valid: 401;
  /** The token was issued in the future. */
  token_issued_in_future: 401;
  /** The token is too old. */
  token_too_old: 401;
  /** The token names no audience. */
  audience_missing: 401;
  /** The token is for another audience. */
  audience_mismatch: 401;
  /** The token names no authorized party. */
  authorized_party_missing: 401;
  /** The token was issued to another party. */
  authorized_party_mismatch: 401;
  /** The token lacks a required claim. */
  claim_missing: 401;
  /** The token is of another kind. */
  token_class_refused: 401;
  /** The token does not meet a condition. */
  condition_failed: 401;
  /** The token is bound to a key. */
  proof_required: 401;
  /** The token lacks a required scope. */
  scope_insufficient: 403;
}

/** The codes of a token that cannot be verified now, each with the status of the response. The token is not at fault. */
export interface FaultCodes {
  /** The issuer's keys are unavailable. */
  jwks_unavailable: 503;
  /** The issuer's keys are invalid. */
  jwks_invalid: 503;
  /** A secret is missing or cannot be used. */
  secret_missing: 503;
  /** A store is unavailable. */
  store_unavailable: 503;
  /** Two cryptographic engines disagree. */
  crypto_disagreement: 503;
  /** The configuration is invalid. */
  config_invalid: 503;
}

/** Further codes of a verdict, each with the status of the response: the token is good but does not suffice, or the request is a proxy's question. */
export interface VerdictCodes {
  issuer_not_accepted: 403;
  condition_failed: 403;
  /** The proxy's question is refused. */
  forward_auth_misdirected: 403;
}

/** The codes of a call whose arguments cannot be used, each with the status that HTTP has for it. */
export interface CallCodes {
  /** The call is invalid. */
  call_invalid: 400;
  /** The request's body is too large. */
  body_too_large: 413;
}

/** Further codes of an exchange, each with the status of the response; docs/exchange.md describes them. A refused subject or actor token has the code of its rejection, with the status 400. */
export interface ExchangeCodes {
  request_invalid: 400;
  grant_type_unsupported: 400;
  client_unauthenticated: 401;
  client_not_allowed: 400;
  actor_not_allowed: 400;
  target_unknown: 400;
  issuer_not_accepted: 400;
  condition_failed: 400;
  targets_apart: 400;
  scope_not_granted: 400;
  /** No exchange is configured. */
  exchange_not_configured: 404;
}

/** The id of a root cause in an explanation. */
export type CauseId =
  | 'accepted'
  | 'token_absent'
  | 'literal_null'
  | 'request_ambiguous'
  | 'cross_site'
  | 'opaque_key'
  | 'not_a_jwt'
  | 'token_too_large'
  | 'header_unsupported'
  | 'issuer_absent'
  | 'issuer_near_miss'
  | 'issuer_unknown'
  | 'wrong_instance'
  | 'algorithm_unsupported'
  | 'algorithm_mismatch'
  | 'shared_secret_absent'
  | 'shared_secret_weak'
  | 'shared_secret_wrong'
  | 'key_distrusted'
  | 'jwks_stale'
  | 'key_unknown'
  | 'key_set_aside'
  | 'identity_provider_down'
  | 'jwks_invalid'
  | 'signature_wrong'
  | 'crypto_disagreement'
  | 'type_not_allowed'
  | 'expired'
  | 'clock_skew'
  | 'not_yet_valid'
  | 'too_old'
  | 'audience_absent'
  | 'audience_other'
  | 'authorized_party_absent'
  | 'authorized_party_other'
  | 'session_token_not_template'
  | 'claim_absent'
  | 'token_class_refused'
  | 'proof_required'
  | 'scope_insufficient'
  | 'api_key'
  | 'path_refused'
  | 'host_refused'
  | 'method_not_routed'
  | 'route_unknown'
  | 'issuer_not_accepted'
  | 'condition_failed'
  | 'exchange_refused'
  | 'signing_keys_unusable'
  | 'store_unavailable'
  | 'configuration';
