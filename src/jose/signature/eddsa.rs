//! Ed25519 verification (RFC 8032 §5.1.7, RFC 8037 §3.1), strict: no point has a second spelling, none has small order,
//! and `s` is reduced, so that neither a key nor a signature fits more than it was made for.

use curve25519_dalek::Scalar;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha512};

use super::KeyFault;
use super::ed25519::PublicPoint;

/// An Ed25519 public key.
#[derive(Clone, Debug)]
pub struct Ed25519Key {
    key: VerifyingKey,
    /// What makes it fast; on a machine unfit for that, `ed25519-dalek` verifies.
    point: Option<PublicPoint>,
}

impl Ed25519Key {
    /// The key at the point that `x` encodes.
    ///
    /// # Errors
    /// [`KeyFault::NonCanonicalPoint`], [`KeyFault::NotOnCurve`] or [`KeyFault::SmallOrderPoint`].
    pub fn from_point(x: &[u8; 32]) -> Result<Self, KeyFault> {
        if !is_reduced(x) {
            return Err(KeyFault::NonCanonicalPoint);
        }
        let key = VerifyingKey::from_bytes(x).map_err(|_| KeyFault::NotOnCurve)?;
        // The points with a zero x-coordinate, whose sign bit could be written either way, are of small order too.
        if key.is_weak() {
            return Err(KeyFault::SmallOrderPoint);
        }
        Ok(Self { point: PublicPoint::new(x), key })
    }

    /// The encoded point.
    pub(super) fn point(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether `signature` is this key's on `message`.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let Some(point) = &self.point else {
            return self.verify_slowly(message, signature);
        };
        let Some((r, s)) = signature.split_first_chunk().and_then(|(r, s)| Some((r, s.try_into().ok()?)))
        else {
            return false;
        };
        // An `s` of the order or more would be a second spelling.
        if !bool::from(Scalar::from_canonical_bytes(s).is_some()) {
            return false;
        }
        let hash = Sha512::new().chain_update(r).chain_update(self.point()).chain_update(message);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        point.verify(r, &s, k.as_bytes())
    }

    /// [`Ed25519Key::verify`] by `ed25519-dalek`, on any machine.
    fn verify_slowly(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

/// Whether the y-coordinate, little-endian below the sign bit, is less than 2^255 - 19.
fn is_reduced(point: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = point;
    *low < 0xed || high & 0x7f != 0x7f || middle.iter().any(|octet| *octet != 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(x: [u8; 32]) -> Option<KeyFault> {
        Ed25519Key::from_point(&x).err()
    }

    #[test]
    fn a_y_coordinate_of_p_or_more_is_refused_with_either_sign() {
        for low in 0xed..=0xff {
            for high in [0x7f, 0xff] {
                let mut x = [0xff; 32];
                x[0] = low;
                x[31] = high;
                assert_eq!(fault(x), Some(KeyFault::NonCanonicalPoint));
            }
        }
    }

    #[test]
    fn points_of_small_order_are_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(fault(identity), Some(KeyFault::SmallOrderPoint));
        assert_eq!(fault([0; 32]), Some(KeyFault::SmallOrderPoint));
        // y = -1, of order 2.
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        assert_eq!(fault(minus_one), Some(KeyFault::SmallOrderPoint));
    }

    #[test]
    fn a_y_coordinate_of_no_point_is_refused() {
        let mut two = [0; 32];
        two[0] = 2;
        assert_eq!(fault(two), Some(KeyFault::NotOnCurve));
    }
}
