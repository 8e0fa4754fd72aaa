// Refusals as values. Each union has one member per code, so a `switch` over `code` is exhaustive.
import type { CallCodes, ExchangeCodes, FaultCodes, RejectionCodes, VerdictCodes } from './codes.d.ts';

export type { CallCodes, ExchangeCodes, FaultCodes, RejectionCodes, VerdictCodes };

/** What every refusal has: the members of the problem details (RFC 9457). */
interface Problem<Code extends string, Status> {
  ok: false;
  type: `urn:edge-assay:${Code}`;
  /** A short title, the same for every occurrence of the code. */
  title: string;
  /** The HTTP status that belongs to the refusal. */
  status: Status;
  code: Code;
  /** What happened this time, and what to do. */
  detail: string;
}

/** The token or the request is at fault. */
interface Rejected<Code extends string, Status> extends Problem<Code, Status> {
  /** The claim that the broken rule is about. */
  claim?: string;
  retry_after?: undefined;
}

/** The operator, an identity provider or Workers KV is at fault. */
interface Faulty<Code extends string, Status> extends Problem<Code, Status> {
  claim?: undefined;
  /** Seconds until a retry makes sense. */
  retry_after: number;
}

type Rejections<Codes> = { [Code in keyof Codes & string]: Rejected<Code, Codes[Code]> }[keyof Codes & string];
type Faults<Codes> = { [Code in keyof Codes & string]: Faulty<Code, Codes[Code]> }[keyof Codes & string];

/** The token is refused: 400, 401 or 403. */
export type Rejection = Rejections<RejectionCodes>;

/** The token cannot be verified now, and it is not at fault: 503. */
export type Fault = Faults<FaultCodes>;

/** Why `verify` or `authenticate` gives no verified token. */
export type Refusal = Rejection | Fault | Rejections<VerdictCodes & Pick<CallCodes, 'call_invalid'>>;

/** The code of a {@link Refusal}. */
export type RefusalCode = Refusal['code'];

/** The error codes of OAuth 2.0 (RFC 6749 §5.2, RFC 8693 §2.2.2). */
export type OAuthError =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_target'
  | 'invalid_scope'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'temporarily_unavailable';

/** A subject or actor token that is refused in an exchange: always 400. */
type RefusedToken = Rejections<{ [Code in keyof RejectionCodes]: 400 }>;

/** Why `exchange` issues no token. `error` is absent if the exchange was not reached: the call or the configuration is at fault. */
export type ExchangeRefusal = (RefusedToken | Fault | Rejections<ExchangeCodes & CallCodes>) & { error?: OAuthError };

/** Why `explain` gives no report: the question cannot be read. */
export type ExplainRefusal = Rejections<CallCodes>;
