//! The implemented signature algorithms of RFC 7518 §3.1 and RFC 8037 §3.1: one row for each, and one for each curve. A test fails
//! if an algorithm lacks a known answer, a type, or a place in the documentation (`tests/native/algorithms.rs`).

use std::fmt;

/// Declares [`Algorithm`]: one row is all that is known of an algorithm.
macro_rules! algorithms {
    ($($(#[doc = $doc:literal])+ $(#[cfg($cfg:meta)])? $variant:ident = $name:literal $(also $alias:literal)?, $scheme:ident, $key_type:expr, $hash:ident;)+) => {
        /// An implemented value of `alg`. There is no variant for `none`, so no code can select it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Algorithm {
            $($(#[doc = $doc])+ $(#[cfg($cfg)])? $variant,)+
        }

        impl Algorithm {
            /// Every implemented algorithm: first those with public keys, then those with shared secrets.
            pub const ALL: &'static [Self] = &[$($(#[cfg($cfg)])? Self::$variant),+];

            const fn row(self) -> &'static Row {
                match self {
                    $($(#[cfg($cfg)])? Self::$variant => &Row {
                        name: $name,
                        alias: algorithms!(@alias $($alias)?),
                        scheme: Scheme::$scheme,
                        key_type: $key_type,
                        hash: HashFunction::$hash,
                    },)+
                }
            }
        }
    };
    (@alias) => { None };
    (@alias $alias:literal) => { Some($alias) };
}

/// What is known of an algorithm.
struct Row {
    name: &'static str,
    alias: Option<&'static str>,
    scheme: Scheme,
    key_type: KeyType,
    hash: HashFunction,
}

algorithms! {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256 = "RS256", Pkcs1, KeyType::Rsa, Sha256;
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384 = "RS384", Pkcs1, KeyType::Rsa, Sha384;
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512 = "RS512", Pkcs1, KeyType::Rsa, Sha512;
    /// RSASSA-PSS with SHA-256, MGF1 with the same hash, and a salt as long as the hash.
    Ps256 = "PS256", Pss, KeyType::Rsa, Sha256;
    /// RSASSA-PSS with SHA-384, MGF1 with the same hash, and a salt as long as the hash.
    Ps384 = "PS384", Pss, KeyType::Rsa, Sha384;
    /// RSASSA-PSS with SHA-512, MGF1 with the same hash, and a salt as long as the hash.
    Ps512 = "PS512", Pss, KeyType::Rsa, Sha512;
    /// ECDSA on P-256 with SHA-256.
    Es256 = "ES256", Ecdsa, KeyType::Ec(Curve::P256), Sha256;
    /// ECDSA on P-384 with SHA-384.
    Es384 = "ES384", Ecdsa, KeyType::Ec(Curve::P384), Sha384;
    /// ECDSA on P-521 with SHA-512.
    #[cfg(feature = "es512")]
    Es512 = "ES512", Ecdsa, KeyType::Ec(Curve::P521), Sha512;
    /// Ed25519, called `EdDSA` by RFC 8037 and `Ed25519` by RFC 9864.
    EdDsa = "EdDSA" also "Ed25519", EdDsa, KeyType::Ed25519, Sha512;
    /// HMAC with SHA-256.
    Hs256 = "HS256", Hmac, KeyType::Secret, Sha256;
    /// HMAC with SHA-384.
    Hs384 = "HS384", Hmac, KeyType::Secret, Sha384;
    /// HMAC with SHA-512.
    Hs512 = "HS512", Hmac, KeyType::Secret, Sha512;
}

impl Algorithm {
    /// Every algorithm with a public verification key.
    pub const ASYMMETRIC: &'static [Self] = {
        let mut secrets = Self::ALL;
        while let [first, rest @ ..] = secrets {
            if first.is_shared_secret() {
                break;
            }
            secrets = rest;
        }
        Self::ALL.split_at(Self::ALL.len().saturating_sub(secrets.len())).0
    };

    /// The algorithm with this name, compared case-sensitively (RFC 7515 §4.1.1). `EdDSA` and `Ed25519` are the same algorithm
    /// here, because Ed25519 is the only implemented curve. `None` for any other text, including `none` in any case.
    #[must_use]
    pub fn parse(alg: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.names().any(|name| name == alg))
    }

    /// Like [`Self::parse`], but case-insensitive. Only for the `alg` of a published key, never for the `alg` of a token.
    #[must_use]
    pub fn parse_in_any_case(alg: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|algorithm| algorithm.names().any(|name| name.eq_ignore_ascii_case(alg)))
    }

    /// Its name in `alg`. For Ed25519 this is `EdDSA`, the name that most implementations use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Its names in `alg`, that of [`Self::name`] first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name()).chain(self.row().alias)
    }

    /// How it makes and verifies signatures.
    #[must_use]
    pub const fn scheme(self) -> Scheme {
        self.row().scheme
    }

    /// The only type of key that it works with.
    #[must_use]
    pub const fn key_type(self) -> KeyType {
        self.row().key_type
    }

    /// Its hash function.
    #[must_use]
    pub const fn hash(self) -> HashFunction {
        self.row().hash
    }

    /// The octets of an HMAC's hash, and so of its codes (RFC 7518 §3.2); `None` for the other algorithms.
    #[must_use]
    pub const fn code_length(self) -> Option<usize> {
        if self.is_shared_secret() { Some(self.hash().octets()) } else { None }
    }

    /// Whether issuer and verifier share one secret (HS256, HS384, HS512). Then a JWKS cannot be used to verify a signature.
    #[must_use]
    pub const fn is_shared_secret(self) -> bool {
        matches!(self.key_type(), KeyType::Secret)
    }
}

/// A family of signature algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5 (RFC 7518 §3.3).
    Pkcs1,
    /// RSASSA-PSS (RFC 7518 §3.5).
    Pss,
    /// ECDSA (RFC 7518 §3.4).
    Ecdsa,
    /// `EdDSA` (RFC 8037 §3.1).
    EdDsa,
    /// HMAC (RFC 7518 §3.2).
    Hmac,
}

impl Scheme {
    /// Its name in WebCrypto (W3C Web Cryptography API §18.2.1).
    #[must_use]
    pub const fn web_crypto_name(self) -> &'static str {
        match self {
            Self::Pkcs1 => "RSASSA-PKCS1-v1_5",
            Self::Pss => "RSA-PSS",
            Self::Ecdsa => "ECDSA",
            Self::EdDsa => "Ed25519",
            Self::Hmac => "HMAC",
        }
    }
}

/// A hash function of SHA-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFunction {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashFunction {
    /// Its name, which is also WebCrypto's.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// The octets of a hash.
    #[must_use]
    pub const fn octets(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// The type of a key, with its curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// An RSA key.
    Rsa,
    /// A point of a curve for ECDSA.
    Ec(Curve),
    /// A point of Ed25519.
    Ed25519,
    /// The octets of a shared secret.
    Secret,
}

impl KeyType {
    /// What such a key is called, as in `EC P-256`.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::Ec(curve) => curve.row().in_words,
            Self::Ed25519 => "Ed25519",
            Self::Secret => "shared secret",
        }
    }

    /// The key that a verifier needs, as in `an EC public key on P-256`.
    #[must_use]
    pub const fn needed(self) -> &'static str {
        match self {
            Self::Rsa => "an RSA public key",
            Self::Ec(curve) => curve.row().needed,
            Self::Ed25519 => "an Ed25519 public key",
            Self::Secret => "a shared secret",
        }
    }
}

/// Declares [`Curve`]: one row is all that is known of a curve.
macro_rules! curves {
    ($($(#[doc = $doc:literal])+ $(#[cfg($cfg:meta)])? $variant:ident = $name:literal, $octets:literal;)+) => {
        /// A curve for ECDSA.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Curve {
            $($(#[doc = $doc])+ $(#[cfg($cfg)])? $variant,)+
        }

        impl Curve {
            /// Every implemented curve.
            pub const ALL: &'static [Self] = &[$($(#[cfg($cfg)])? Self::$variant),+];

            const fn row(self) -> &'static CurveRow {
                match self {
                    $($(#[cfg($cfg)])? Self::$variant => &CurveRow {
                        name: $name,
                        octets: $octets,
                        in_words: concat!("EC ", $name),
                        needed: concat!("an EC public key on ", $name),
                    },)+
                }
            }
        }
    };
}

/// What is known of a curve.
struct CurveRow {
    name: &'static str,
    octets: usize,
    in_words: &'static str,
    needed: &'static str,
}

curves! {
    /// P-256.
    P256 = "P-256", 32;
    /// P-384.
    P384 = "P-384", 48;
    /// P-521.
    #[cfg(feature = "es512")]
    P521 = "P-521", 66;
}

impl Curve {
    /// The curve with this name, compared case-sensitively (RFC 7518 §6.2.1.1).
    #[must_use]
    pub fn parse(crv: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|curve| curve.name() == crv)
    }

    /// Its name in `crv`, which is also WebCrypto's.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The octets of a coordinate, and of each of the two numbers of a signature (RFC 7518 §§3.4, 6.2.1.2).
    #[must_use]
    pub const fn octets(self) -> usize {
        self.row().octets
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_parsed_to_its_algorithm() {
        for algorithm in Algorithm::ALL {
            for name in algorithm.names() {
                assert_eq!(Algorithm::parse(name), Some(*algorithm));
                assert_eq!(Algorithm::parse_in_any_case(&name.to_lowercase()), Some(*algorithm));
            }
        }
    }

    #[test]
    fn an_algorithm_is_asymmetric_or_uses_a_shared_secret() {
        for algorithm in Algorithm::ALL {
            let is_asymmetric = Algorithm::ASYMMETRIC.contains(algorithm);
            assert_ne!(is_asymmetric, algorithm.is_shared_secret(), "{algorithm}");
            assert_eq!(algorithm.scheme() == Scheme::Hmac, algorithm.is_shared_secret(), "{algorithm}");
            assert_eq!(algorithm.code_length().is_some(), algorithm.is_shared_secret(), "{algorithm}");
        }
    }

    #[test]
    fn every_curve_is_that_of_one_algorithm() {
        for curve in Curve::ALL {
            assert_eq!(Curve::parse(curve.name()), Some(*curve));
            let is_its = |algorithm: &&Algorithm| algorithm.key_type() == KeyType::Ec(*curve);
            assert_eq!(Algorithm::ALL.iter().filter(is_its).count(), 1, "{curve:?}");
        }
        assert_eq!(Curve::parse("p-256"), None);
    }

    #[test]
    fn both_names_of_ed25519_are_one_algorithm() {
        assert_eq!(Algorithm::parse("Ed25519"), Some(Algorithm::EdDsa));
        assert_eq!(Algorithm::parse("EdDSA"), Some(Algorithm::EdDsa));
    }

    #[test]
    fn the_alg_of_a_published_key_may_be_in_any_case() {
        assert_eq!(Algorithm::parse_in_any_case("rs256"), Some(Algorithm::Rs256));
        assert_eq!(Algorithm::parse_in_any_case("eddsa"), Some(Algorithm::EdDsa));
        assert_eq!(Algorithm::parse_in_any_case("ED25519"), Some(Algorithm::EdDsa));
        for alg in ["", "none", "RS256 ", "ES256K", "RSA-OAEP"] {
            assert_eq!(Algorithm::parse_in_any_case(alg), None, "{alg:?}");
        }
    }

    #[test]
    fn an_alg_that_is_not_implemented_is_refused() {
        for alg in ["", "none", "None", "NONE", "rs256", "RS256 ", "ES256K", "Ed448", "RSA-OAEP", "HS1"] {
            assert_eq!(Algorithm::parse(alg), None, "{alg:?}");
        }
    }
}
