//! Every limit with its reason: defaults and bounds of what a user may set, and the limits that cannot be set.

pub use edge_assay_jose::limits::*;

/// Default of `max_token_bytes`. Proxies commonly limit headers to 8 or 16 KiB, so longer tokens do not arrive.
pub const DEFAULT_MAX_TOKEN_BYTES: u64 = 16 * 1024;
/// Bounds of `max_token_bytes`. The smallest real tokens have a few hundred bytes.
pub const MAX_TOKEN_BYTES_RANGE: (u64, u64) = (512, MAX_TOKEN_BYTES as u64);

/// Default of `leeway_seconds`. Clocks that use NTP differ by less.
pub const DEFAULT_LEEWAY_SECONDS: u64 = 5;
/// The largest leeway that may be configured. With 5 minutes of leeway a token for 60 s is valid for 6 minutes.
pub const MAX_LEEWAY_SECONDS: u64 = 300;

/// Default and maximum of `remember_seconds`: for this long a valid signature is not checked again. All other checks
/// are repeated, so this bound limits memory; safety does not depend on it.
pub const MAX_REMEMBER_SECONDS: u64 = 60;
/// Tokens remembered per generation. There are two generations, which hold about the sessions of one process in a minute.
pub const REMEMBERED_TOKENS: usize = 1000;
/// Tokens of which is known that their signature was valid once: as many as both generations have.
pub const TOKENS_SEEN_ONCE: usize = 2 * REMEMBERED_TOKENS;
/// Bytes of memory per generation, so at most 8 MiB. An ordinary token takes 2 to 3 KiB, so a
/// generation normally reaches [`REMEMBERED_TOKENS`] first.
pub const REMEMBERED_BYTES: usize = 4 * 1024 * 1024;
/// A token that takes more memory than this is not remembered, so that a few large tokens do not displace all others. A token
/// of 16 KiB takes less, unless it is built to take much memory.
pub const REMEMBERED_BYTES_PER_TOKEN: usize = 64 * 1024;

/// Keys tried for a token without a `kid`. Each costs a signature check, and anyone can send such tokens.
pub const MAX_KEYS_TRIED: usize = 8;

/// The longest `ETag` that is stored. Real ones have a few dozen bytes. It is sent back with every fetch.
pub const MAX_ETAG_BYTES: usize = 512;
/// The longest URL that is fetched. A `jwks_uri` from a discovery document is checked before it is stored.
pub const MAX_URL_BYTES: usize = 2048;
/// The largest record that is read from the store: a set of the maximum size with all its quotes escaped, plus the other fields.
pub const MAX_RECORD_BYTES: usize = 2 * MAX_JWKS_BYTES + 16 * 1024;

/// Default of `ttl_seconds`.
pub const DEFAULT_JWKS_TTL_SECONDS: u64 = 3600;
/// Bounds of `ttl_seconds`. A shared store may cache its answers for up to a minute, so a shorter TTL would have no effect. With more
/// than a day a revoked key would stay in use too long.
pub const JWKS_TTL_RANGE: (u64, u64) = (60, 86_400);
/// Bounds of `jwks_ttl` of the library's builder. A server's memory has no such cache, and times are whole seconds.
pub const BUILDER_JWKS_TTL_RANGE: (u64, u64) = (1, JWKS_TTL_RANGE.1);
/// Default of `stale_if_error_seconds`: users stay signed in if an identity provider is down for a day.
pub const DEFAULT_STALE_IF_ERROR_SECONDS: u64 = 86_400;
/// Maximum of `stale_if_error_seconds`: a week.
pub const MAX_STALE_IF_ERROR_SECONDS: u64 = 604_800;
/// Default of `unknown_kid_cooldown_seconds`.
pub const DEFAULT_UNKNOWN_KID_COOLDOWN_SECONDS: u64 = 30;
/// Bounds of `unknown_kid_cooldown_seconds`.
pub const UNKNOWN_KID_COOLDOWN_RANGE: (u64, u64) = (1, 3600);
/// Default of `fetch_timeout_ms`.
pub const DEFAULT_FETCH_TIMEOUT_MS: u32 = 5000;
/// Bounds of `fetch_timeout_ms`.
pub const FETCH_TIMEOUT_RANGE_MS: (u64, u64) = (100, 30_000);

/// The percentages of the TTL between which processes refresh a set in advance, each at its own point. Processes that refreshed at the
/// same time would all fetch, because what one of them writes to the store may reach the others 90 s later.
pub const REFRESH_AHEAD_PERCENT_RANGE: (u64, u64) = (60, 80);
/// `Cache-Control: max-age` cannot shorten the TTL below this. With a shorter one, sets would come due faster than the store distributes them
/// (30 to 90 s), so each process would fetch for itself.
pub const MIN_TTL_FROM_CACHE_CONTROL_SECONDS: u64 = 300;
/// How long a request waits for a new set when the set in memory is past its TTL and may still be used. A fetch usually takes a third of
/// this. A slower one is repeated after the response, with the whole `fetch_timeout_ms`.
pub const STALE_WAIT_MS: u32 = 1000;
/// After such a wait, the requests of this process use the set past its TTL without waiting for this long: longer than a fetch with the
/// default timeout and its lease.
pub const NO_WAIT_SECONDS: u64 = 10;
/// A failed attempt shows for this long that the origin is down: twice the longest backoff, so that a process that keeps trying knows it.
pub const FAILURE_COUNTS_SECONDS: u64 = 120;
/// Waiting time after the first failed fetch. Each further failure doubles it.
pub const BACKOFF_FIRST_SECONDS: u64 = 1;
/// The longest waiting time between fetches of a failing origin.
pub const BACKOFF_MAX_SECONDS: u64 = 60;
/// A record in the store whose time is further in the future than this is ignored as invalid.
pub const CLOCK_DISAGREEMENT_SECONDS: u64 = 60;
/// The shortest life of a record in the store.
pub const MIN_STORE_TTL_SECONDS: u64 = 60;
/// A fetch that has not ended this long after its timeout is treated as cancelled, and another request fetches. A server drops
/// a request's work without notice when its client goes away.
pub const LEASE_MARGIN_SECONDS: u64 = 2;
/// A failed write to the store is logged once in this time per process, with the number of failures since the last line. A store may accept one
/// write per second and key, so many processes may be refused at once.
pub const WRITE_FAILURE_LOG_SECONDS: u64 = 60;
/// A record that could not be written for this long, because its request was cancelled and no other came, is not written any more: the
/// store may have a newer one.
pub const WRITE_WITHIN_SECONDS: i64 = 60;
/// A `kid` that has vanished from its set counts as retired if a set that was fetched this much later lacks it too. A provider behind a load
/// balancer may serve its old and its new set in turn for a while.
pub const RETIRED_AFTER_SECONDS: i64 = 60;
/// The vanished `kid`s that are remembered per source, the latest ones. Providers publish one to four keys at a time.
pub const MAX_RETIRED_KIDS: usize = 16;
/// The longest `kid` that is remembered. Thumbprints and UUIDs have up to 43 characters.
pub const MAX_RETIRED_KID_BYTES: usize = 256;
/// For how long a vanished `kid` is remembered: a week, longer than most tokens live.
pub const RETIRED_KIDS_SECONDS: i64 = 604_800;
/// A set that a shared cache confirms is written to the store again if the last confirmation is older than this: twice [`MAX_SHARED_SECONDS`], the
/// time for which such a cache shares an answer, because its age is taken off.
pub const WRITTEN_AGAIN_SECONDS: i64 = 60;
/// A process that uses a set from memory looks this often whether an operator has purged it, after a response.
pub const PURGE_LOOK_SECONDS: u64 = 30;
/// A process that has not looked for this long looks before it uses the set: less than a minute after a purge.
pub const PURGE_KNOWN_SECONDS: u64 = 55;
/// A coordinator tells the processes of a purge this long after the one before at the earliest, so that they ask for two new sets a minute at most.
pub const PURGE_APART_SECONDS: u64 = 30;
/// A coordinator stays in memory for this long after it was told of a purge: after that the store shows the purge everywhere.
pub const PURGE_KEPT_SECONDS: u64 = 120;
/// How long a request waits for that look. A store that does not answer must not stop requests, so the set is used then.
pub const PURGE_WAIT_MS: u32 = 250;
/// How long a purge waits before it fetches the set again: past the second of its own mark, because times are whole seconds. And one second more: a
/// coordinator sees a question up to a second later than it was asked, and must not take this set for one from before the purge.
pub const PURGE_PAUSE_MS: u32 = 2100;
/// Timeout of a store operation that no request waits for. A working store answers in a fraction of this time.
pub const STORE_TIMEOUT_MS: u32 = 1500;
/// How long a request waits for the store before it goes on to the origin. A read that the store's cache nearby cannot answer takes about a third
/// of this.
pub const STORE_WAIT_MS: u32 = 300;
/// After such a wait in vain, no request of this process waits for the store for this long.
pub const STORE_AVOIDED_SECONDS: u64 = 60;
/// The lease of a request that reads the store. Times are whole seconds, so it is longer than the timeout by more than one.
pub const STORE_LEASE_SECONDS: u64 = 3;
/// A platform may share the answer of an origin among the processes nearby for this long. It shortens the life of a set by as much, so it is
/// far below the shortest TTL that is of use.
pub const MAX_SHARED_SECONDS: u64 = 30;
/// A request that leaves nothing in the cache that processes share may be repeated this long after its end: most failures concern one request only.
pub const NEARBY_RETRY_SECONDS: u64 = 2;
/// A fetch that has not ended after this long is noted for the processes nearby, because it may get no answer. A usual one takes 50 to 300 ms.
pub const NOTED_AFTER_MS: u32 = 500;
/// How long a note of a fetch is kept: as long as it counts.
pub const NOTE_SECONDS: u64 = 60;
/// How long an attempt waits for the notes of the processes nearby. They are as near as the cache that has the answers.
pub const NEARBY_WAIT_MS: u32 = 300;
/// After such a wait in vain, this process does without them for this long.
pub const NEARBY_AVOIDED_SECONDS: u64 = 60;
/// A coordinator gives the same answer to every process for this long. Three fetches a minute remain below
/// [`COORDINATOR_FETCHES_PER_MINUTE`], so that a purge, or a second try after a failure, may begin one more.
pub const COORDINATOR_HOLD_SECONDS: u64 = 20;
/// The most fetches that a coordinator begins within a minute for one document.
pub const COORDINATOR_FETCHES_PER_MINUTE: usize = 4;
/// After a first failure a coordinator tries again this soon: most failures concern one request only.
pub const COORDINATOR_RETRY_SECONDS: u64 = 2;
/// The longest time for which a coordinator holds a failure. Each further failure adds [`COORDINATOR_HOLD_SECONDS`] until then.
pub const COORDINATOR_LONGEST_HOLD_SECONDS: u64 = 60;
/// A coordinator says after this long that its fetch has not ended yet.
pub const COORDINATOR_WAITS_MS: u32 = 1000;
/// A coordinator that has not answered for this long is down: its longest wait, and the way there and back.
pub const COORDINATOR_ANSWERS_MS: u32 = 1500;
/// After that a process fetches by itself for this long, without waiting again.
pub const COORDINATOR_AVOIDED_SECONDS: u64 = 60;
/// By how much a lease for a fetch is longer where there is a coordinator: [`COORDINATOR_ANSWERS_MS`] in whole seconds.
pub const COORDINATOR_LEASE_SECONDS: u64 = 2;
/// The documents that one coordinator knows at most. Several coordinators may run in one process.
pub const MAX_COORDINATED_SOURCES: usize = 256;
/// A coordinator that keeps documents of this many bytes, or may do so when its fetches end, takes no further one. Real sets have some KiB.
pub const MAX_COORDINATED_BYTES: usize = 16 * 1024 * 1024;
/// The longest question to a coordinator: a URL, an `ETag`, the name of a channel.
pub const MAX_QUESTION_BYTES: usize = 8 * 1024;
/// The longest answer of a coordinator: a set of the maximum size with all its quotes escaped, plus the other members.
pub const MAX_ANSWER_BYTES: usize = 2 * MAX_JWKS_BYTES + 16 * 1024;
/// Bounds of the polling interval of a request that waits for another request's fetch. Between them the interval is an eighth of
/// the time waited so far, so no request waits more than an eighth longer than necessary: 41 polls in 5 s.
pub const LEASE_POLL_RANGE_MS: (u32, u32) = (20, 250);
/// The polling interval is the time waited so far divided by this number.
pub const LEASE_POLL_SHARE: u32 = 8;

/// Characters of the stored reason why keys could not be fetched: a sentence, and the reasons of a few keys.
pub const MAX_FAILURE_REASON_CHARS: usize = 400;
/// Bytes of a token's SHA-256 that identify it in the log, in hexadecimal.
pub const TOKEN_HASH_PREFIX_BYTES: usize = 6;
/// `Retry-After` for faults that only the operator can fix.
pub const RETRY_AFTER_CONFIGURATION_SECONDS: u64 = 60;

/// `explain` does not fetch from an origin again within this many seconds, because the answer would be the same.
pub const LOOK_AGAIN_AFTER_SECONDS: i64 = 2;
/// `Retry-After` while a required store does not answer. Such failures usually end within seconds.
pub const RETRY_AFTER_STORE_SECONDS: u64 = 5;

/// The chunks of a session cookie that are joined. `@supabase/ssr` writes 3180 bytes into each, and few servers accept more than 32 KiB of headers.
pub const MAX_COOKIE_CHUNKS: usize = 20;
/// The length of these chunks together, in bytes. A session with a large profile takes 10 KB.
pub const MAX_SESSION_COOKIE_BYTES: usize = 64 * 1024;
