//! The interface of the kernels for P-256 and P-384, on RustCrypto's crates. For builds without the feature `kernels`.

#[cfg(not(feature = "rustcrypto"))]
compile_error!(
    "enable the feature `kernels` or the feature `rustcrypto`: without both, nothing verifies ES384"
);

/// Declares the module of a curve: crate, octets of a coordinate and of a hash.
macro_rules! curve {
    ($name:ident, $octets:literal) => {
        pub(in super::super) mod $name {
            use ::$name::ecdsa::signature::hazmat::PrehashVerifier as _;
            use ::$name::ecdsa::{Signature, VerifyingKey};

            /// A public key.
            #[derive(Clone, Debug)]
            pub(in super::super::super) struct PublicPoint(VerifyingKey);

            impl PublicPoint {
                /// The key at the point with these big-endian coordinates. `None` if the point is not on the curve, or a coordinate is
                /// not below the prime.
                pub(in super::super::super) fn new(x: &[u8; $octets], y: &[u8; $octets]) -> Option<Self> {
                    // SEC 1 §2.3.3: 4 starts a point with both coordinates.
                    VerifyingKey::from_sec1_bytes(&[&[4], &x[..], y].concat()).ok().map(Self)
                }

                /// Whether (`r`, `s`) is a signature of a message with this hash. All are big-endian.
                pub(in super::super::super) fn verify(
                    &self,
                    hash: &[u8; $octets],
                    r: &[u8; $octets],
                    s: &[u8; $octets],
                ) -> bool {
                    Signature::from_slice(&[&r[..], s].concat())
                        .is_ok_and(|signature| self.0.verify_prehash(hash, &signature).is_ok())
                }
            }
        }
    };
}

curve!(p256, 32);
#[cfg(feature = "rustcrypto")]
curve!(p384, 48);
