//! Whether the kernels accept keys here: they do if multiplication is fused with addition. Returns 0 if those for RSA and Ed25519
//! accept keys, 3 if neither does. scripts/lib/wasm-tests.mjs runs it in engines that fuse and in one that does not.
//!
//! Without libtest, because an exit code is all that a test can tell JavaScript.

use std::process::ExitCode;

use edge_assay_kernels::ed25519::PublicPoint;
use edge_assay_kernels::modexp::PublicOperation;

fn main() -> ExitCode {
    // Any modulus and any key would do: the modulus is 2^2048 - 1, and the key is the base point.
    let rsa = PublicOperation::new(&[0xff; 256], 65_537).is_some();
    let mut base_point = [0x66; 32];
    base_point[0] = 0x58;
    let ed25519 = PublicPoint::new(&base_point).is_some();
    ExitCode::from(u8::from(!rsa) | u8::from(!ed25519) << 1)
}
