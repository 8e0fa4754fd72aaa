//! The implemented signature algorithms of RFC 7518 §3.1 and RFC 8037 §3.1, with their names in `alg`.

use std::fmt;

/// An implemented value of `alg`. There is no variant for `none`, so no code can select it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256, MGF1 with the same hash, and a salt as long as the hash.
    Ps256,
    /// RSASSA-PSS with SHA-384, MGF1 with the same hash, and a salt as long as the hash.
    Ps384,
    /// RSASSA-PSS with SHA-512, MGF1 with the same hash, and a salt as long as the hash.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519, called `EdDSA` by RFC 8037 and `Ed25519` by RFC 9864.
    EdDsa,
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl Algorithm {
    /// Every implemented algorithm.
    pub const ALL: &'static [Self] = &[
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
    ];

    /// The algorithm with this name, compared case-sensitively (RFC 7515 §4.1.1). `EdDSA` and `Ed25519` are the same algorithm
    /// here, because Ed25519 is the only implemented curve. `None` for any other text, including `none` in any case.
    #[must_use]
    pub fn parse(alg: &str) -> Option<Self> {
        if alg == "Ed25519" {
            return Some(Self::EdDsa);
        }
        Self::ALL.iter().copied().find(|algorithm| algorithm.name() == alg)
    }

    /// Like [`Self::parse`], but case-insensitive. Only for the `alg` of a published key, never for the `alg` of a token.
    #[must_use]
    pub fn parse_in_any_case(alg: &str) -> Option<Self> {
        if alg.eq_ignore_ascii_case("Ed25519") {
            return Some(Self::EdDsa);
        }
        Self::ALL.iter().copied().find(|algorithm| algorithm.name().eq_ignore_ascii_case(alg))
    }

    /// Whether it is RSASSA-PSS (RFC 7518 §3.5).
    #[must_use]
    pub const fn is_pss(self) -> bool {
        matches!(self, Self::Ps256 | Self::Ps384 | Self::Ps512)
    }

    /// The octets of an HMAC's hash, and so of its codes (RFC 7518 §3.2); `None` for the other algorithms.
    #[must_use]
    pub const fn code_length(self) -> Option<usize> {
        match self {
            Self::Hs256 => Some(32),
            Self::Hs384 => Some(48),
            Self::Hs512 => Some(64),
            _ => None,
        }
    }

    /// Its name in `alg`. For Ed25519 this is `EdDSA`, the name that most implementations use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// Whether issuer and verifier share one secret (HS256, HS384, HS512). Then a JWKS cannot be used to verify a signature.
    #[must_use]
    pub const fn is_shared_secret(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
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
            assert_eq!(Algorithm::parse(algorithm.name()), Some(*algorithm));
        }
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
        for alg in ["", "none", "RS256 ", "ES512", "RSA-OAEP"] {
            assert_eq!(Algorithm::parse_in_any_case(alg), None, "{alg:?}");
        }
    }

    #[test]
    fn an_alg_that_is_not_implemented_is_refused() {
        for alg in
            ["", "none", "None", "NONE", "rs256", "RS256 ", "ES512", "ES256K", "Ed448", "RSA-OAEP", "HS1"]
        {
            assert_eq!(Algorithm::parse(alg), None, "{alg:?}");
        }
    }
}
