//! Every number with its reason. What a user may choose is in the configuration; here are the bounds of that choice,
//! its defaults, and what nobody may change.

/// Default of `verify.max_token_bytes`. Proxies commonly cut headers at 8 or 16 KiB, so nothing longer arrives.
pub const DEFAULT_MAX_TOKEN_BYTES: u64 = 16 * 1024;
/// The bounds of `verify.max_token_bytes`: the smallest real tokens have a few hundred bytes; Workers' headers end at 128 KiB.
pub const MAX_TOKEN_BYTES_RANGE: (u64, u64) = (512, 64 * 1024);

/// Default of `verify.leeway_seconds`: clocks kept by NTP differ by less.
pub const DEFAULT_LEEWAY_SECONDS: u64 = 5;
/// The most leeway that may be configured; a 60 s token with 5 minutes of leeway is already a 6-minute token.
pub const MAX_LEEWAY_SECONDS: u64 = 300;

/// Default of `verify.remember_seconds`, and the most it may be: a signature found good is not checked again that long.
/// Nothing else is taken for granted meanwhile, so the bound keeps memory, not safety.
pub const MAX_REMEMBER_SECONDS: u64 = 60;
/// Tokens remembered per generation, of which there are two: the sessions that one isolate sees in a minute.
pub const REMEMBERED_TOKENS: usize = 1000;
/// Bytes of memory per generation, each token charged with what it takes: 8 MiB at the most, of an isolate's 128. An
/// ordinary token takes 2 to 3 KiB, so this does not end a generation before [`REMEMBERED_TOKENS`] do.
pub const REMEMBERED_BYTES: usize = 4 * 1024 * 1024;
/// A token that takes more than this is not remembered, so that a few large ones do not displace everybody's. A token of
/// 16 KiB takes less than this unless it was made to take much.
pub const REMEMBERED_BYTES_PER_TOKEN: usize = 64 * 1024;

/// How deep JSON from outside may nest. Real claims stay below ten; the parser recurses once per level.
pub const MAX_JSON_DEPTH: usize = 32;

/// The latest `NumericDate` accepted, 9999-12-31T23:59:59Z. Larger ones are milliseconds by mistake.
pub const LATEST_NUMERIC_DATE: i64 = 253_402_300_799;

/// Keys tried for a token without a `kid`. Each costs a signature check that the sender can ask for at will.
pub const MAX_KEYS_TRIED: usize = 8;

/// RSA moduli outside these bounds are refused: below, RFC 7518 §3.3 forbids them; above, each check costs a client
/// nothing and the Worker milliseconds.
pub const RSA_MODULUS_BITS: (usize, usize) = (2048, 8192);
/// The smallest RSA public exponent accepted (FIPS 186-5 §5.1: larger than 2^16).
pub const MIN_RSA_EXPONENT: u64 = 65_537;

/// The largest JWKS or discovery document read. Real ones have 1 to 10 KiB.
pub const MAX_JWKS_BYTES: usize = 256 * 1024;
/// The most keys of one set that are looked at.
pub const MAX_JWKS_KEYS: usize = 100;

/// The longest `ETag` kept. Real ones have a few dozen bytes, and it is sent back with every fetch.
pub const MAX_ETAG_BYTES: usize = 512;
/// The longest URL fetched; what a discovery document names is bounded before it is kept.
pub const MAX_URL_BYTES: usize = 2048;
/// The largest record read from the store: a set at its limit, each quote of it escaped, and what surrounds it.
pub const MAX_RECORD_BYTES: usize = 2 * MAX_JWKS_BYTES + 16 * 1024;

/// Default and bounds of `jwks.ttl_seconds`.
pub const DEFAULT_JWKS_TTL_SECONDS: u64 = 3600;
/// Below a minute KV cannot keep a promise (its own caches hold an answer that long); above a day a revoked key lives on.
pub const JWKS_TTL_RANGE: (u64, u64) = (60, 86_400);
/// Default of `jwks.stale_if_error_seconds`: an identity provider's outage of a day does not sign everybody out.
pub const DEFAULT_STALE_IF_ERROR_SECONDS: u64 = 86_400;
/// The most `jwks.stale_if_error_seconds` may be: a week.
pub const MAX_STALE_IF_ERROR_SECONDS: u64 = 604_800;
/// Default of `jwks.unknown_kid_cooldown_seconds`.
pub const DEFAULT_UNKNOWN_KID_COOLDOWN_SECONDS: u64 = 30;
/// Bounds of `jwks.unknown_kid_cooldown_seconds`.
pub const UNKNOWN_KID_COOLDOWN_RANGE: (u64, u64) = (1, 3600);
/// Default of `jwks.fetch_timeout_ms`.
pub const DEFAULT_FETCH_TIMEOUT_MS: u32 = 5000;
/// Bounds of `jwks.fetch_timeout_ms`.
pub const FETCH_TIMEOUT_RANGE_MS: (u64, u64) = (100, 30_000);

/// The share of the TTL after which a set is refreshed ahead, in percent.
pub const REFRESH_AHEAD_PERCENT: u64 = 80;
/// A `Cache-Control: max-age` shortens the TTL no further than this.
pub const MIN_TTL_FROM_CACHE_CONTROL_SECONDS: u64 = 60;
/// Waiting time after the first failed fetch; each further failure doubles it.
pub const BACKOFF_FIRST_SECONDS: u64 = 1;
/// The longest waiting time between fetches of an origin that fails.
pub const BACKOFF_MAX_SECONDS: u64 = 60;
/// How far ahead of our clock a record in KV may have been written before it is taken for rubbish.
pub const CLOCK_DISAGREEMENT_SECONDS: u64 = 60;
/// The interval of the cron trigger in `wrangler.toml`; what falls due before its next run is refreshed in this one.
pub const CRON_INTERVAL_SECONDS: u64 = 300;
/// The shortest edge cache that KV reads may have; cooldowns are shared through those reads.
pub const KV_CACHE_TTL_SECONDS: u64 = 30;
/// The shortest life that Workers KV grants a value.
pub const MIN_STORE_TTL_SECONDS: u64 = 60;
/// How long a fetch may outlast its timeout before another request takes it for cancelled and fetches itself.
/// workerd drops a request's work without a word when its client goes away.
pub const LEASE_MARGIN_SECONDS: u64 = 2;
/// How long the store is waited for. It answers within a fraction of it, or is as good as down.
pub const STORE_TIMEOUT_MS: u32 = 1500;
/// The lease of a request that reads the store: longer than the timeout even if its first second is nearly over.
pub const STORE_LEASE_SECONDS: u64 = 3;
/// Bounds of the interval at which a request that needs what another is fetching looks whether it is there. In between it is an
/// eighth of the time that the request has waited already, so that nobody waits an eighth longer than needed: 41 looks in 5 s.
pub const LEASE_POLL_RANGE_MS: (u32, u32) = (20, 250);
/// What [`LEASE_POLL_RANGE_MS`] divides by.
pub const LEASE_POLL_SHARE: u32 = 8;

/// Characters of `iss`, `kid`, `alg` and the like that appear in a message or a log line.
pub const MAX_ECHO_CHARS: usize = 120;
/// Characters of a reason why keys could not be fetched: a sentence, and the reasons of a handful of keys.
pub const MAX_FAILURE_REASON_CHARS: usize = 400;
/// Bytes of a token's SHA-256 that identify it in the log, written in hex.
pub const TOKEN_HASH_PREFIX_BYTES: usize = 6;
/// `Retry-After` where only a new deployment helps.
pub const RETRY_AFTER_CONFIGURATION_SECONDS: u64 = 60;
/// How long a browser may remember a preflight. Chromium caps it at two hours.
pub const CORS_MAX_AGE_SECONDS: u64 = 7200;
/// The largest request body an endpoint reads. The largest real one is a token with a few words around it.
pub const MAX_REQUEST_BODY_BYTES: usize = 128 * 1024;
/// The bytes that all bodies which an isolate is reading may take together: an eighth of its memory. A usual body has 1 to 4 KB,
/// so this is thousands of them.
pub const MAX_INTAKE_BYTES: usize = 16 * 1024 * 1024;
/// How long a client may take to send a whole body of at most [`MAX_REQUEST_BODY_BYTES`]: 13 KB/s for the largest.
pub const BODY_TIMEOUT_MS: u32 = 10_000;
/// A body that was begun this many seconds ago belongs to a request that the runtime has dropped: reading ends after
/// [`BODY_TIMEOUT_MS`], and what follows waits for key sets and stores for a few seconds each.
pub const INTAKE_SECONDS: u64 = 60;
/// `Retry-After` where the bodies being read take all the memory for them: they give way, or end, within seconds.
pub const RETRY_AFTER_OVERLOAD_SECONDS: u64 = 2;

/// `explain` does not ask an origin again that has answered less than this many seconds ago: it would say the same.
pub const LOOK_AGAIN_AFTER_SECONDS: i64 = 2;
/// `/readyz?deep=1` tests both engines and asks an identity provider for the time; no more often than this, per isolate.
pub const DEEP_CHECK_INTERVAL_SECONDS: u64 = 10;
/// Identity providers that `/readyz` asks at the same time: a Worker has six connections.
pub const READINESS_AT_ONCE: usize = 6;
/// The most identity providers that one `/readyz` asks: each may take two fetches, and the free plan has 50 a request.
pub const READINESS_SOURCES: usize = 24;
/// Seconds between two probes of a provider whose keys are cached, for those who may see the details of `/readyz`. Others
/// wait as long as `jwks.unknown_kid_cooldown_seconds`.
pub const OPEN_PROBE_SECONDS: u64 = 2;
/// How long `/readyz` waits for all of them together.
pub const READINESS_TIMEOUT_MS: u32 = 10_000;
/// The difference between two clocks, in seconds, from which `/readyz?deep=1` calls them apart.
pub const CLOCKS_APART_SECONDS: i64 = 5;
/// A `nbf` or `iat` this many seconds ahead, or less, is taken for a clock that is wrong rather than for a plan.
pub const CLOCK_SKEW_SECONDS: i64 = 300;
/// Most keys, set-aside keys, issuers or members that a report lists of one kind.
pub const MAX_LISTED: usize = 20;
/// The longest name of a secret that a configuration may hold. Real ones have 10 to 40 characters; secrets are longer.
pub const MAX_BINDING_NAME_BYTES: usize = 64;
/// Default of `exchange.jwks_max_age_seconds`: how long others may keep our key set. Verifiers commonly keep one an hour.
pub const DEFAULT_OWN_JWKS_MAX_AGE_SECONDS: u64 = 3600;
/// Bounds of `exchange.jwks_max_age_seconds`: below a minute every verifier asks all the time; beyond a day a revoked
/// key lives on.
pub const OWN_JWKS_MAX_AGE_RANGE: (u64, u64) = (60, 86_400);
/// Default of a target's `ttl_seconds`.
pub const DEFAULT_ISSUED_TTL_SECONDS: u64 = 900;
/// Default of `exchange.fireproof.ttl_seconds`: what the dashboard gives.
pub const DEFAULT_FIREPROOF_TTL_SECONDS: u64 = 3600;
/// Bounds of the life of what is issued: shorter than half a minute is over before it is used; nothing revokes a token,
/// so none lives longer than a day.
pub const ISSUED_TTL_RANGE: (u64, u64) = (30, 86_400);
/// The most keys of `SIGNING_KEYS`. A Worker secret holds 5 KB, which is a dozen.
pub const MAX_SIGNING_KEYS: usize = 16;
/// Octets of a `jti`: 128 random bits never meet again.
pub const JTI_BYTES: usize = 16;
/// How many actors an `act` claim may name behind one another (RFC 8693 §4.1). Each exchange adds one.
pub const MAX_ACTORS: usize = 8;
/// The most `audience` and `resource` parameters of one exchange; each is another policy to keep.
pub const MAX_TARGETS_OF_A_REQUEST: usize = 8;
/// The longest `client_id` of a client that nobody registered.
pub const MAX_CLIENT_ID_BYTES: usize = 120;
/// Workers KV takes keys up to this length.
pub const MAX_STORE_KEY_BYTES: usize = 512;
/// How long a Fireproof token waits for whoever knows its `resultId`.
pub const FIREPROOF_RESULT_SECONDS: u64 = 900;
/// Nothing is stored under a `resultId` of fewer characters: it could be guessed. Twelve hexadecimal digits are 48 bits, which
/// is what Fireproof's own client draws.
pub const MIN_RESULT_ID_CHARS: usize = 12;
/// The exception for Fireproof's own client: it writes 6 random bytes as `z` and base58 digits (multibase base58btc), which is
/// 8 to 10 characters.
pub const MIN_MULTIBASE_RESULT_ID_CHARS: usize = 8;
/// The longest of that form.
pub const MAX_MULTIBASE_RESULT_ID_CHARS: usize = 10;
/// How many different characters a `resultId` has at the least. `aaaaaaaaaaaa` is as easy to guess as `a`.
pub const MIN_RESULT_ID_DISTINCT: usize = 6;
/// The same for an id of Fireproof's own client. Of its random ids one in 10^8 has fewer; with 6 it were one in 10^4.
pub const MIN_MULTIBASE_RESULT_ID_DISTINCT: usize = 4;
/// The longest `resultId` and the longest `appId`, in bytes. Real ones have 10 to 60; an `appId` is copied into the token.
pub const MAX_FIREPROOF_ID_BYTES: usize = 256;
/// How many waiting and how many collected results an isolate remembers, about 100 bytes each, so that it gives none twice.
pub const MAX_COLLECTED_RESULTS: usize = 1024;
/// The shortest password that a Worker secret may hold: `EXPLAIN_KEY`, the secret of a proxy, the secret of a client. Each of
/// them can be guessed at over the network without end. 32 hexadecimal digits are 128 bits; `openssl rand -hex 32` prints 64.
pub const MIN_PASSWORD_CHARS: usize = 32;
/// How long browsers may remember a preflight of `/api`, as the dashboard says it.
pub const FIREPROOF_CORS_MAX_AGE_SECONDS: u64 = 86_400;
/// How early an expiring signing key without a successor is reported: two runs of a weekly look at the log.
pub const SUCCESSOR_WARNING_SECONDS: u64 = 1_209_600;
/// `Retry-After` while a KV namespace that is needed does not answer: KV's own troubles are over in seconds.
pub const RETRY_AFTER_STORE_SECONDS: u64 = 5;
/// The longest path that a gateway or a forward-auth endpoint looks at. Servers behind commonly stop at 8 KiB.
pub const MAX_PATH_BYTES: usize = 8 * 1024;
/// Default of `gateway.timeout_ms`: slow answers are rare, and a client has mostly given up by then.
pub const DEFAULT_UPSTREAM_TIMEOUT_MS: u32 = 30_000;
/// Bounds of `gateway.timeout_ms`: Cloudflare ends a request that no byte has answered after 100 s.
pub const UPSTREAM_TIMEOUT_RANGE_MS: (u64, u64) = (10, 100_000);
/// The most tokens of our own that an isolate keeps for the gateway's upstreams; each takes one to two KB.
pub const MAX_KEPT_TOKENS: usize = 512;
/// The bytes of memory that these may take together. Claims are mapped from tokens that may be large.
pub const MAX_KEPT_BYTES: usize = 2 * 1024 * 1024;
/// A token of ours that takes more than this is not kept, so that a few large ones do not displace everybody's.
pub const MAX_KEPT_BYTES_PER_TOKEN: usize = 32 * 1024;
/// A kept token is used while it has this many seconds left: enough for the way to the upstream and a clock ahead of ours.
pub const KEPT_TOKEN_MARGIN_SECONDS: u64 = 10;
/// The longest list of header names that a preflight's answer repeats.
pub const MAX_PREFLIGHT_HEADERS_BYTES: usize = 1024;
