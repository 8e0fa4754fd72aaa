//! Every limit with its reason: the defaults and bounds of configuration fields, and the limits that cannot be configured.

/// Default of `verify.max_token_bytes`. Proxies commonly limit headers to 8 or 16 KiB, so longer tokens do not arrive.
pub const DEFAULT_MAX_TOKEN_BYTES: u64 = 16 * 1024;
/// Bounds of `verify.max_token_bytes`. The smallest real tokens have a few hundred bytes; Workers limit headers to 128 KiB.
pub const MAX_TOKEN_BYTES_RANGE: (u64, u64) = (512, 64 * 1024);

/// Default of `verify.leeway_seconds`. Clocks that use NTP differ by less.
pub const DEFAULT_LEEWAY_SECONDS: u64 = 5;
/// The largest leeway that may be configured. With 5 minutes of leeway a token for 60 s is valid for 6 minutes.
pub const MAX_LEEWAY_SECONDS: u64 = 300;

/// Default and maximum of `verify.remember_seconds`: for this long a valid signature is not checked again. All other checks
/// are repeated, so this bound limits memory; safety does not depend on it.
pub const MAX_REMEMBER_SECONDS: u64 = 60;
/// Tokens remembered per generation. There are two generations, which hold about the sessions of one isolate in a minute.
pub const REMEMBERED_TOKENS: usize = 1000;
/// Bytes of memory per generation, so at most 8 MiB of an isolate's 128 MiB. An ordinary token takes 2 to 3 KiB, so a
/// generation normally reaches [`REMEMBERED_TOKENS`] first.
pub const REMEMBERED_BYTES: usize = 4 * 1024 * 1024;
/// A token that takes more memory than this is not remembered, so that a few large tokens do not displace all others. A token
/// of 16 KiB takes less, unless it is built to take much memory.
pub const REMEMBERED_BYTES_PER_TOKEN: usize = 64 * 1024;

/// The maximum nesting depth of JSON from outside. Real claims stay below ten levels; the parser recurses once per level.
pub const MAX_JSON_DEPTH: usize = 32;

/// The latest accepted `NumericDate`, 9999-12-31T23:59:59Z. Larger values are usually milliseconds by mistake.
pub const LATEST_NUMERIC_DATE: i64 = 253_402_300_799;

/// Keys tried for a token without a `kid`. Each costs a signature check, and anyone can send such tokens.
pub const MAX_KEYS_TRIED: usize = 8;

/// The accepted sizes of RSA moduli. RFC 7518 §3.3 forbids smaller ones. With larger ones each check costs the Worker
/// milliseconds and the sender nothing.
pub const RSA_MODULUS_BITS: (usize, usize) = (2048, 8192);
/// The smallest RSA public exponent accepted (FIPS 186-5 §5.1: larger than 2^16).
pub const MIN_RSA_EXPONENT: u64 = 65_537;

/// The largest accepted JWKS or discovery document. Real ones have 1 to 10 KiB.
pub const MAX_JWKS_BYTES: usize = 256 * 1024;
/// The largest number of keys in an accepted set.
pub const MAX_JWKS_KEYS: usize = 100;

/// The longest `ETag` that is stored. Real ones have a few dozen bytes. It is sent back with every fetch.
pub const MAX_ETAG_BYTES: usize = 512;
/// The longest URL that is fetched. A `jwks_uri` from a discovery document is checked before it is stored.
pub const MAX_URL_BYTES: usize = 2048;
/// The largest record that is read from the store: a set of the maximum size with all its quotes escaped, plus the other fields.
pub const MAX_RECORD_BYTES: usize = 2 * MAX_JWKS_BYTES + 16 * 1024;

/// Default of `jwks.ttl_seconds`.
pub const DEFAULT_JWKS_TTL_SECONDS: u64 = 3600;
/// Bounds of `jwks.ttl_seconds`. KV caches its answers for up to a minute, so a shorter TTL would have no effect. With more
/// than a day a revoked key would stay in use too long.
pub const JWKS_TTL_RANGE: (u64, u64) = (60, 86_400);
/// Default of `jwks.stale_if_error_seconds`: users stay signed in if an identity provider is down for a day.
pub const DEFAULT_STALE_IF_ERROR_SECONDS: u64 = 86_400;
/// Maximum of `jwks.stale_if_error_seconds`: a week.
pub const MAX_STALE_IF_ERROR_SECONDS: u64 = 604_800;
/// Default of `jwks.unknown_kid_cooldown_seconds`.
pub const DEFAULT_UNKNOWN_KID_COOLDOWN_SECONDS: u64 = 30;
/// Bounds of `jwks.unknown_kid_cooldown_seconds`.
pub const UNKNOWN_KID_COOLDOWN_RANGE: (u64, u64) = (1, 3600);
/// Default of `jwks.fetch_timeout_ms`.
pub const DEFAULT_FETCH_TIMEOUT_MS: u32 = 5000;
/// Bounds of `jwks.fetch_timeout_ms`.
pub const FETCH_TIMEOUT_RANGE_MS: (u64, u64) = (100, 30_000);

/// The percentages of the TTL between which isolates refresh a set in advance, each at its own point. Isolates that refreshed at the
/// same time would all fetch, because what one of them writes to KV reaches the others up to 90 s later.
pub const REFRESH_AHEAD_PERCENT_RANGE: (u64, u64) = (60, 80);
/// `Cache-Control: max-age` cannot shorten the TTL below this. With a shorter one, sets would come due faster than KV distributes them
/// (30 to 90 s), so each isolate would fetch for itself.
pub const MIN_TTL_FROM_CACHE_CONTROL_SECONDS: u64 = 300;
/// How long a request waits for a new set when the set in memory is past its TTL and may still be used. A fetch usually takes a third of
/// this. A slower one is repeated after the response, with the whole `jwks.fetch_timeout_ms`.
pub const STALE_WAIT_MS: u32 = 1000;
/// After such a wait, the requests of this isolate use the set past its TTL without waiting for this long: longer than a fetch with the
/// default timeout and its lease.
pub const NO_WAIT_SECONDS: u64 = 10;
/// A failed attempt shows for this long that the origin is down: twice the longest backoff, so that an isolate that keeps trying knows it.
pub const FAILURE_COUNTS_SECONDS: u64 = 120;
/// Waiting time after the first failed fetch. Each further failure doubles it.
pub const BACKOFF_FIRST_SECONDS: u64 = 1;
/// The longest waiting time between fetches of a failing origin.
pub const BACKOFF_MAX_SECONDS: u64 = 60;
/// A record in KV whose time is further in the future than this is ignored as invalid.
pub const CLOCK_DISAGREEMENT_SECONDS: u64 = 60;
/// The interval of the cron trigger in `wrangler.toml`. A run refreshes every set that becomes due in any isolate before the next run.
pub const CRON_INTERVAL_SECONDS: u64 = 300;
/// How much earlier the cron trigger refreshes a set, so that KV has distributed it before the first isolate needs it.
pub const CRON_LEAD_SECONDS: u64 = 120;
/// The shortest `cacheTtl` that KV accepts for reads. Isolates share cooldowns through these reads.
pub const KV_CACHE_TTL_SECONDS: u64 = 30;
/// The shortest `expirationTtl` that Workers KV accepts.
pub const MIN_STORE_TTL_SECONDS: u64 = 60;
/// A fetch that has not ended this long after its timeout is treated as cancelled, and another request fetches. workerd cancels
/// a request's work without notice when its client goes away.
pub const LEASE_MARGIN_SECONDS: u64 = 2;
/// A failed write to the store is logged once in this time per isolate, with the number of failures since the last line. KV accepts one
/// write per second and key in the whole world, so many isolates may be refused at once.
pub const WRITE_FAILURE_LOG_SECONDS: u64 = 60;
/// A record that could not be written for this long, because its request was cancelled and no other came, is not written any more: the
/// store may have a newer one.
pub const WRITE_WITHIN_SECONDS: i64 = 60;
/// Timeout of a store operation. A working store answers in a fraction of this time.
pub const STORE_TIMEOUT_MS: u32 = 1500;
/// The lease of a request that reads the store. Times are whole seconds, so it is longer than the timeout by more than one.
pub const STORE_LEASE_SECONDS: u64 = 3;
/// Bounds of the polling interval of a request that waits for another request's fetch. Between them the interval is an eighth of
/// the time waited so far, so no request waits more than an eighth longer than necessary: 41 polls in 5 s.
pub const LEASE_POLL_RANGE_MS: (u32, u32) = (20, 250);
/// The polling interval is the time waited so far divided by this number.
pub const LEASE_POLL_SHARE: u32 = 8;

/// Characters of a value from outside, such as `iss` or `kid`, that a message or a log line shows.
pub const MAX_ECHO_CHARS: usize = 120;
/// Characters of the stored reason why keys could not be fetched: a sentence, and the reasons of a few keys.
pub const MAX_FAILURE_REASON_CHARS: usize = 400;
/// Bytes of a token's SHA-256 that identify it in the log, in hexadecimal.
pub const TOKEN_HASH_PREFIX_BYTES: usize = 6;
/// `Retry-After` for faults that only the operator can fix.
pub const RETRY_AFTER_CONFIGURATION_SECONDS: u64 = 60;
/// How long browsers may cache a preflight response. Chromium's maximum is two hours.
pub const CORS_MAX_AGE_SECONDS: u64 = 7200;
/// Configurations that an isolate keeps at the same time: that of `ASSAY`, and those that code passes. Each may keep up to 10 MiB of
/// tokens, so these keep 80 MiB of an isolate's 128 MiB at most.
pub const MAX_CONFIGURATIONS: usize = 8;
/// The largest accepted request body of an endpoint, and the largest accepted argument of a call. The largest real one is a token with a
/// few other fields.
pub const MAX_REQUEST_BODY_BYTES: usize = 128 * 1024;
/// Memory for all request bodies that an isolate reads at the same time: an eighth of its memory. A usual body has 1 to 4 KB, so
/// this is enough for thousands.
pub const MAX_INTAKE_BYTES: usize = 16 * 1024 * 1024;
/// How long a client may take to send a whole body of at most [`MAX_REQUEST_BODY_BYTES`]: 13 KB/s for the largest.
pub const BODY_TIMEOUT_MS: u32 = 10_000;
/// A body that was opened longer ago than this belongs to a request that the runtime has dropped: reading it ends after
/// [`BODY_TIMEOUT_MS`], and the work after that waits only a few seconds for each key set and store.
pub const INTAKE_SECONDS: u64 = 60;
/// `Retry-After` while request bodies take all the memory reserved for them. Within seconds they are complete or dropped.
pub const RETRY_AFTER_OVERLOAD_SECONDS: u64 = 2;

/// `explain` does not fetch from an origin again within this many seconds, because the answer would be the same.
pub const LOOK_AGAIN_AFTER_SECONDS: i64 = 2;
/// `/readyz?deep=1` tests both engines and reads an identity provider's clock, at most once in this time per isolate.
pub const DEEP_CHECK_INTERVAL_SECONDS: u64 = 10;
/// Identity providers that `/readyz` fetches from at the same time. A Worker may have six connections.
pub const READINESS_AT_ONCE: usize = 6;
/// The maximum number of identity providers that one `/readyz` fetches from. Each may take two fetches, and the free plan allows
/// 50 per request.
pub const READINESS_SOURCES: usize = 24;
/// Seconds between two probes of a provider whose keys are cached, for callers who may see the details of `/readyz`. For other
/// callers it is `jwks.unknown_kid_cooldown_seconds`.
pub const OPEN_PROBE_SECONDS: u64 = 2;
/// How long `/readyz` waits for all identity providers together.
pub const READINESS_TIMEOUT_MS: u32 = 10_000;
/// `/readyz?deep=1` reports two clocks that differ by this many seconds or more.
pub const CLOCKS_APART_SECONDS: i64 = 5;
/// An `nbf` or `iat` at most this many seconds in the future is explained by a wrong clock; one that is later, as intended.
pub const CLOCK_SKEW_SECONDS: i64 = 300;
/// The maximum number of keys, set-aside keys, issuers or members that a report lists.
pub const MAX_LISTED: usize = 20;
/// The longest binding name in a configuration. Real names have 10 to 40 characters; a longer text may be the secret itself.
pub const MAX_BINDING_NAME_BYTES: usize = 64;
/// Default of `exchange.jwks_max_age_seconds`: how long verifiers may cache our key set. Commonly they cache one for an hour.
pub const DEFAULT_OWN_JWKS_MAX_AGE_SECONDS: u64 = 3600;
/// Bounds of `exchange.jwks_max_age_seconds`. Below a minute verifiers would fetch all the time; with more than a day they would
/// accept a revoked key for too long.
pub const OWN_JWKS_MAX_AGE_RANGE: (u64, u64) = (60, 86_400);
/// Default of a target's `ttl_seconds`.
pub const DEFAULT_ISSUED_TTL_SECONDS: u64 = 900;
/// Default of `exchange.fireproof.ttl_seconds`: the lifetime that the dashboard uses.
pub const DEFAULT_FIREPROOF_TTL_SECONDS: u64 = 3600;
/// Bounds of the lifetime of issued tokens. With less than half a minute a token may expire before it is used. A token cannot be
/// revoked, so the maximum is a day.
pub const ISSUED_TTL_RANGE: (u64, u64) = (30, 86_400);
/// The maximum number of keys in `SIGNING_KEYS`. A Worker secret has at most 5 KB, which is about twelve keys.
pub const MAX_SIGNING_KEYS: usize = 16;
/// Octets of a `jti`. Two values of 128 random bits do not collide in practice.
pub const JTI_BYTES: usize = 16;
/// The maximum nesting of actors in an `act` claim (RFC 8693 §4.1). Each exchange adds one.
pub const MAX_ACTORS: usize = 8;
/// The maximum number of `audience` and `resource` parameters of one exchange. The policy of each is checked.
pub const MAX_TARGETS_OF_A_REQUEST: usize = 8;
/// The longest `client_id` of a client that is not configured.
pub const MAX_CLIENT_ID_BYTES: usize = 120;
/// The longest key that Workers KV accepts, in bytes.
pub const MAX_STORE_KEY_BYTES: usize = 512;
/// How long a Fireproof token can be collected with its `resultId`.
pub const FIREPROOF_RESULT_SECONDS: u64 = 900;
/// The shortest accepted `resultId`: a shorter one could be guessed. Twelve hexadecimal digits are 48 bits, which is the size
/// that Fireproof's own client uses.
pub const MIN_RESULT_ID_CHARS: usize = 12;
/// The shortest `resultId` of Fireproof's own client. It encodes 6 random bytes as `z` and base58 digits (multibase base58btc),
/// which gives 8 to 10 characters.
pub const MIN_MULTIBASE_RESULT_ID_CHARS: usize = 8;
/// The longest `resultId` in that form.
pub const MAX_MULTIBASE_RESULT_ID_CHARS: usize = 10;
/// The minimum number of different characters in a `resultId`. `aaaaaaaaaaaa` is as easy to guess as `a`.
pub const MIN_RESULT_ID_DISTINCT: u32 = 6;
/// The same for a `resultId` of Fireproof's own client. One in 10^8 of its random ids has fewer than 4; one in 10^4 has fewer
/// than 6.
pub const MIN_MULTIBASE_RESULT_ID_DISTINCT: u32 = 4;
/// The longest `resultId` and the longest `appId`, in bytes. Real ones have 10 to 60; an `appId` is copied into the token.
pub const MAX_FIREPROOF_ID_BYTES: usize = 256;
/// How many waiting and how many collected results an isolate remembers, so that it delivers none twice. Each takes about
/// 100 bytes.
pub const MAX_COLLECTED_RESULTS: usize = 1024;
/// The shortest password that a Worker secret may contain: `EXPLAIN_KEY`, the secret of a proxy, the secret of a client. An
/// attacker can try passwords over the network without limit. 32 hexadecimal digits are 128 bits; `openssl rand -hex 32` prints
/// 64.
pub const MIN_PASSWORD_CHARS: usize = 32;
/// How long browsers may cache a preflight response of `/api`: the value that the dashboard uses.
pub const FIREPROOF_CORS_MAX_AGE_SECONDS: u64 = 86_400;
/// How early an expiring signing key without a successor is reported: two weeks, so that a weekly look at the log finds it.
pub const SUCCESSOR_WARNING_SECONDS: u64 = 1_209_600;
/// `Retry-After` while a required KV namespace does not answer. Failures of KV usually end within seconds.
pub const RETRY_AFTER_STORE_SECONDS: u64 = 5;
/// The longest path that the gateway or forward-auth accepts. Upstream servers commonly have a limit of 8 KiB.
pub const MAX_PATH_BYTES: usize = 8 * 1024;
/// Default of `gateway.timeout_ms`. Most clients do not wait longer.
pub const DEFAULT_UPSTREAM_TIMEOUT_MS: u32 = 30_000;
/// Bounds of `gateway.timeout_ms`. Cloudflare ends a request that has no response after 100 s.
pub const UPSTREAM_TIMEOUT_RANGE_MS: (u64, u64) = (10, 100_000);
/// The maximum number of issued tokens that an isolate caches for the gateway's upstreams. Each takes 1 to 2 KB.
pub const MAX_KEPT_TOKENS: usize = 512;
/// The bytes of memory that these tokens may take together. Their claims come from tokens that may be large.
pub const MAX_KEPT_BYTES: usize = 2 * 1024 * 1024;
/// An issued token that takes more memory than this is not cached, so that a few large tokens do not displace all others.
pub const MAX_KEPT_BYTES_PER_TOKEN: usize = 32 * 1024;
/// A cached token is used only if it stays valid for this many seconds, which allows for the way to the upstream and for an
/// upstream's clock that is ahead of ours.
pub const KEPT_TOKEN_MARGIN_SECONDS: u64 = 10;
/// The longest list of header names that the response to a preflight repeats, in bytes.
pub const MAX_PREFLIGHT_HEADERS_BYTES: usize = 1024;
