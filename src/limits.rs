//! Every limit with its reason: the defaults and bounds of configuration fields, and the limits that cannot be configured.

pub use edge_assay_verifier::limits::*;

/// The interval of the cron trigger in `wrangler.toml`. A run refreshes every set that becomes due in any isolate before the next run.
pub const CRON_INTERVAL_SECONDS: u64 = 300;
/// How much earlier the cron trigger refreshes a set, so that KV has distributed it before the first isolate needs it.
pub const CRON_LEAD_SECONDS: u64 = 120;
/// A run of the cron trigger refreshes the sets that come due within this many seconds.
pub const CRON_HORIZON_SECONDS: u64 = CRON_INTERVAL_SECONDS + CRON_LEAD_SECONDS;
/// Key sets that one run of the cron trigger looks at, one after the other. Each may take four requests, of which the paid plan allows some
/// thousands. Further sets have their turn in later runs, and are refreshed by requests until then.
pub const CRON_SOURCES: usize = 250;
/// The shortest `cacheTtl` that KV accepts for reads. Isolates share cooldowns through these reads.
pub const KV_CACHE_TTL_SECONDS: u32 = 30;

/// How long an isolate uses a configuration from KV before it looks for a newer one.
pub const RECORD_INTERVAL_SECONDS: u64 = 60;
/// The same while it has no configuration that it could use.
pub const RECORD_RETRY_SECONDS: u64 = 5;
/// How long a read of the configuration may take. It may have megabytes, so this is longer than for a key set.
pub const RECORD_TIMEOUT_MS: u32 = 5000;
/// For this long, other requests wait for the one that reads the first configuration. Times are whole seconds, so it is longer than the
/// timeout by more than one. If the runtime has dropped that request, the next one reads.
pub const RECORD_LEASE_SECONDS: u64 = 7;
/// The polling interval of a request that waits for the first configuration.
pub const RECORD_POLL_MS: u32 = 50;
/// The largest configuration in KV. 20,000 issuers have about as much.
pub const MAX_RECORD_BYTES: usize = 4 * 1024 * 1024;
/// The longest key of a configuration in KV. KV accepts 512 bytes, and the copy of the last good one has a longer key.
pub const MAX_RECORD_KEY_BYTES: usize = 400;

/// How long browsers may cache a preflight response. Chromium's maximum is two hours.
pub const CORS_MAX_AGE_SECONDS: u64 = 7200;
/// Configurations that an isolate keeps at the same time: that of `ASSAY`, and those that code passes. Each may keep up to 10 MiB of
/// tokens, so these keep 80 MiB of an isolate's 128 MiB at most.
pub const MAX_CONFIGURATIONS: usize = 8;
/// The largest accepted request body of an endpoint, and the largest accepted argument of a call. The largest real one is a token with a
/// few other fields.
pub const MAX_REQUEST_BODY_BYTES: usize = 128 * 1024;
/// A body that announces no more than this may be read by the runtime as a whole. While it arrives, it does not count towards
/// [`MAX_INTAKE_BYTES`]: a thousand such clients that stall hold 8 MiB.
pub const SMALL_BODY_BYTES: usize = 8 * 1024;
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
/// Faults of a configuration that are shown. Who has more corrects these first; a log line has some 100 KB at most.
pub const MAX_CONFIG_FAULTS: usize = 100;
/// An unknown member of a configuration with a longer name than this is not compared with the known names: the longest of those has
/// 28 characters.
pub const MAX_NAME_COMPARED_BYTES: usize = 64;
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
/// How long the platform's engine may take to import a key pair and to sign with it. It takes less than a millisecond.
pub const SIGNING_ENGINE_TIMEOUT_MS: u32 = 1000;
/// How often the platform's engine may be polled in vain before a timer is set for [`SIGNING_ENGINE_TIMEOUT_MS`]. In workerd an import and a
/// signature are each ready after two microtasks, and a timer takes 25 to 30 µs.
pub const SIGNING_ENGINE_TURNS: u32 = 8;
/// For how long Rust signs with a key pair after the engine gave no signature. Then the engine is asked again.
pub const SIGNING_ENGINE_RETRY_SECONDS: u64 = 60;
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
/// The longest path that the gateway or forward-auth accepts. Upstream servers commonly have a limit of 8 KiB.
pub const MAX_PATH_BYTES: usize = 8 * 1024;
/// Default of `gateway.timeout_ms`. Most clients do not wait longer.
pub const DEFAULT_UPSTREAM_TIMEOUT_MS: u32 = 30_000;
/// Responses to remembered tokens that an isolate keeps, to give them again. src/instance.js bounds their size.
pub const KEPT_RESPONSES: u32 = 1024;
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
