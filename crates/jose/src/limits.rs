//! Every limit of this crate with its reason.

/// The longest token that is read, in bytes. Servers commonly limit headers to 8 to 128 KiB, and real tokens have up to 16 KiB.
pub const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// The maximum nesting depth of JSON from outside. Real claims stay below ten levels; the parser recurses once per level.
pub const MAX_JSON_DEPTH: usize = 32;

/// The latest accepted `NumericDate`, 9999-12-31T23:59:59Z. Larger values are usually milliseconds by mistake.
pub const LATEST_NUMERIC_DATE: i64 = 253_402_300_799;

/// The accepted sizes of RSA moduli. RFC 7518 §3.3 forbids smaller ones. With larger ones each check costs the server
/// milliseconds and the sender nothing.
pub const RSA_MODULUS_BITS: (usize, usize) = (2048, 8192);
/// The smallest RSA public exponent accepted (FIPS 186-5 §5.1: larger than 2^16).
pub const MIN_RSA_EXPONENT: u64 = 65_537;

/// The largest accepted JWKS or discovery document. Real ones have 1 to 10 KiB.
pub const MAX_JWKS_BYTES: usize = 256 * 1024;
/// The largest number of keys in an accepted set.
pub const MAX_JWKS_KEYS: usize = 100;

/// Characters of a value from outside, such as `iss` or `kid`, that a message or a log line shows.
pub const MAX_ECHO_CHARS: usize = 120;
