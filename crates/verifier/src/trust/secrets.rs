//! Shared secrets: what is configured of them, and the keys that are read from where the server keeps its secrets.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::jose::algorithm::Algorithm;
use crate::jose::pem;
use crate::jose::signature::SharedSecret;
use crate::ports::Secrets;

/// The encoding of a secret's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// None: the key is the text's UTF-8 bytes.
    Utf8,
    /// Base64 (RFC 4648 §4), with or without padding.
    Base64,
    /// Base64url (RFC 4648 §5), with or without padding.
    Base64Url,
    /// Hexadecimal digits in either case.
    Hex,
}

/// The problem of a secret that does not exist.
pub const NOT_BOUND: &str = "it is not bound";

const PADDING_OPTIONAL: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

impl Encoding {
    /// Their names in the configuration.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("utf8", Self::Utf8), ("base64", Self::Base64), ("base64url", Self::Base64Url), ("hex", Self::Hex)];

    /// The bytes that `text` encodes. White space around an encoded value is removed, because terminals add it. White space around
    /// plain text stays, because it may be part of the secret.
    fn decode(self, text: &str) -> Result<Vec<u8>, &'static str> {
        match self {
            Self::Utf8 => Ok(text.as_bytes().to_vec()),
            Self::Base64 => GeneralPurpose::new(&STANDARD, PADDING_OPTIONAL)
                .decode(text.trim())
                .map_err(|_| "its text is not base64"),
            Self::Base64Url => GeneralPurpose::new(&URL_SAFE, PADDING_OPTIONAL)
                .decode(text.trim())
                .map_err(|_| "its text is not base64url"),
            Self::Hex => decode_hex(text.trim()).ok_or("its text is not hexadecimal"),
        }
    }
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from((high << 4) | low).ok(),
            _ => None,
        })
        .collect()
}

/// One shared secret of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretReference {
    /// The secret's name.
    pub binding: String,
    /// If set, the secret verifies only tokens with this `kid` and tokens without one.
    pub kid: Option<String>,
    /// The encoding of its text.
    pub encoding: Encoding,
}

impl SecretReference {
    /// The octets of the key.
    ///
    /// # Errors
    /// Why there is no key, as a sentence that starts with "it" or "its".
    pub fn octets(&self, secrets: &impl Secrets) -> Result<Vec<u8>, &'static str> {
        match secrets.secret(&self.binding) {
            None => Err(NOT_BOUND),
            Some(text) if text.is_empty() => Err("it is empty"),
            Some(text) => match self.encoding.decode(&text) {
                Ok(octets) if pem::is_public(&octets) => Err(PUBLIC),
                decoded => decoded,
            },
        }
    }
}

/// The problem of a secret that everybody may know. With a public key as the secret, everybody could sign tokens (RFC 8725 §2.1).
const PUBLIC: &str = "it is a public key in PEM, which is no secret: write it into `public_keys` or `jwks`, and allow its algorithm";

/// A shared secret with its key.
#[derive(Debug)]
pub struct ConfiguredSecret {
    /// Its entry in the configuration.
    pub reference: SecretReference,
    /// The key, or why there is none.
    pub key: Result<SharedSecret, &'static str>,
}

impl ConfiguredSecret {
    /// Reads and decodes the secret that `reference` names.
    #[must_use]
    pub fn resolve(reference: SecretReference, secrets: &impl Secrets) -> Self {
        let key = reference.octets(secrets).map(SharedSecret::new);
        Self { reference, key }
    }

    /// Why it cannot verify tokens with `algorithm`: there is no key, or the key is too short. `None` if it can.
    #[must_use]
    pub fn problem_for(&self, algorithm: Algorithm) -> Option<String> {
        match &self.key {
            Ok(key) => key.weakness_for(algorithm),
            Err(problem) => Some((*problem).to_owned()),
        }
    }

    /// Whether it may verify a token with this `kid`. A secret without a `kid` may verify all tokens, and a token without a `kid` may
    /// be verified by every secret.
    #[must_use]
    pub fn matches_kid(&self, kid: Option<&str>) -> bool {
        match (kid, self.reference.kid.as_deref()) {
            (Some(asked), Some(own)) => asked == own,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_of_the_same_bytes_gives_the_same_bytes() {
        let bytes = vec![0xfb, 0xff, 0x00, 0x41];
        assert_eq!(Encoding::Base64.decode("+/8AQQ=="), Ok(bytes.clone()));
        assert_eq!(Encoding::Base64.decode(" +/8AQQ\n"), Ok(bytes.clone()));
        assert_eq!(Encoding::Base64Url.decode("-_8AQQ"), Ok(bytes.clone()));
        assert_eq!(Encoding::Hex.decode("fbFF0041"), Ok(bytes));
        assert_eq!(Encoding::Utf8.decode(" plain "), Ok(b" plain ".to_vec()));
    }

    #[test]
    fn an_absent_secret_and_an_empty_one_are_told_apart() {
        struct Bound(Option<&'static str>);
        impl Secrets for Bound {
            fn secret(&self, _: &str) -> Option<String> {
                self.0.map(str::to_owned)
            }
        }
        let octets = |text| {
            let reference =
                SecretReference { binding: "KEY".to_owned(), kid: None, encoding: Encoding::Utf8 };
            reference.octets(&Bound(text))
        };
        assert!(octets(None) == Err(NOT_BOUND));
        assert_eq!(octets(Some("")), Err("it is empty"));
        assert_eq!(octets(Some("k")), Ok(b"k".to_vec()));
    }

    #[test]
    fn a_public_key_is_no_secret_in_any_encoding() {
        struct Bound(String);
        impl Secrets for Bound {
            fn secret(&self, _: &str) -> Option<String> {
                Some(self.0.clone())
            }
        }
        let octets = |text: &str, encoding| {
            let reference = SecretReference { binding: "KEY".to_owned(), kid: None, encoding };
            reference.octets(&Bound(text.to_owned()))
        };
        for label in ["PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"] {
            let pem = format!("\n-----BEGIN {label}-----\nMCow\n-----END {label}-----\n");
            assert_eq!(octets(&pem, Encoding::Utf8), Err(PUBLIC), "{label}");
            let encoded = base64::engine::general_purpose::STANDARD.encode(&pem);
            assert_eq!(octets(&encoded, Encoding::Base64), Err(PUBLIC), "{label}");
        }
        for text in ["-----BEGIN PRIVATE KEY-----", "PUBLIC KEY", "a-----BEGIN PUBLIC KEY-----"] {
            assert_eq!(octets(text, Encoding::Utf8), Ok(text.as_bytes().to_vec()), "{text}");
        }
    }

    #[test]
    fn a_wrong_encoding_is_named() {
        assert!(Encoding::Base64.decode("-_8").is_err());
        assert!(Encoding::Hex.decode("abc").is_err());
        assert!(Encoding::Hex.decode("zz").is_err());
    }
}
