// Verified tokens as values.
import type { CauseId } from './codes.d.ts';
import type { Condition } from './configuration.d.ts';

/** A value of JSON whose type is not known. It is not `unknown`, because the types of RPC refuse results that contain `unknown`. */
export type JsonValue = string | number | boolean | object | null | undefined;

/**
 * The claims of a token, exactly as they were signed. The Worker has checked the types of the registered ones (RFC 7519 §4.1), and of no others.
 */
export interface Claims {
  /** The issuer. It is one of the configured issuers. */
  iss: string;
  sub?: string;
  aud?: string | string[];
  /** When it expires, in seconds since 1970. */
  exp: number;
  nbf?: number;
  iat?: number;
  jti?: string;
  /** The authorized party. */
  azp?: string;
  scope?: string | string[];
  [claim: string]: unknown;
}

/** The key that signed a token. */
export interface Key {
  alg: 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'EdDSA' | 'HS256' | 'HS384' | 'HS512';
  kid?: string;
  /** The RFC 7638 thumbprint. Shared secrets have none. */
  thumbprint?: string;
}

/**
 * A token whose signature is valid, and whose claims satisfy the rules of its issuer. `C` describes further claims, as in
 * `{ org_id: string }`. Only `required_claims` in the configuration makes sure that a claim is there.
 */
export interface VerifiedToken<C extends object = {}> {
  ok: true;
  issuer: string;
  /** `sub`; null if the token has none. */
  subject: string | null;
  claims: Claims & C;
  key: Key;
  /** In seconds since 1970, like the other times. */
  expires_at: number;
  not_before?: number;
  issued_at?: number;
}

/** What a token must have besides the rules of its issuer: the same as `require` of a route. A list has at least one element. */
export interface VerifyOptions {
  /** Scopes that the token must grant, all of them. Otherwise: 403 `scope_insufficient`. */
  scopes?: readonly string[];
  /** The configured issuers whose tokens are accepted here. Otherwise: 403 `issuer_not_accepted`. */
  issuers?: readonly string[];
  /** Conditions on claims or the JOSE header, all of which must hold. Otherwise: 403 `condition_failed`. */
  claims?: readonly Condition[];
}

/** A token that the exchange has issued (RFC 8693 §2.2.1). */
export interface IssuedToken {
  ok: true;
  access_token: string;
  token_type: 'Bearer';
  issued_token_type?: string;
  /** In seconds. */
  expires_in: number;
  scope?: string;
}

/** The parameters of an exchange (RFC 8693 §2.1, RFC 7523 §2.1). Null and undefined count as absent. */
export interface ExchangeParameters {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange' | 'urn:ietf:params:oauth:grant-type:jwt-bearer';
  subject_token?: string | null;
  subject_token_type?: string | null;
  actor_token?: string | null;
  actor_token_type?: string | null;
  requested_token_type?: string | null;
  assertion?: string | null;
  audience?: string | readonly string[] | null;
  resource?: string | readonly string[] | null;
  scope?: string | null;
  client_id?: string | null;
  client_secret?: string | null;
}

/** What to explain: a token, and the refused request if a route refused it. */
export interface Question {
  token: string;
  /** The default is GET. */
  method?: string;
  host?: string;
  /** The path, or the whole URL. Without it, route rules are not checked. */
  path?: string;
}

/** Every step of a verification, the one root cause, and the fix. */
export interface Report {
  ok: true;
  verdict: 'accepted' | 'refused' | 'fault';
  cause: { id: CauseId; summary: string; fix: string };
  /** The code that a live request is refused with. */
  code?: string;
  steps: {
    step: 'structure' | 'issuer' | 'algorithm' | 'key' | 'signature' | 'claims' | 'route';
    outcome: 'passed' | 'failed' | 'skipped';
    /** What was observed; `note` says it in a sentence. */
    evidence: { note?: string; [name: string]: JsonValue };
  }[];
  /** What else was found. None of it is the cause. */
  findings: { code: string; claim?: string; detail: string }[];
  /** The results of both engines for the signature; null if an engine was not asked. */
  cross_check: { pure_rust: boolean | null; web_crypto: boolean | null; agree: boolean | null };
}
