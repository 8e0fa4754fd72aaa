//! The platform's own signatures, and how they fail.

use std::cell::Cell;
use std::rc::Rc;

use edge_assay::jose::Algorithm;
use edge_assay::ports::{EngineError, EngineKey, PrivateKey};
use edge_assay::signing::SigningKey;

/// How the platform's own signatures fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signer {
    /// They do not.
    #[default]
    Works,
    /// It imports no key.
    ImportsNothing,
    /// It never ends an import.
    ImportsForever,
    /// It imports every key as another one.
    ImportsAnotherKey,
    /// It imports every key but the first as another one.
    ImportsAnotherKeyLater,
    /// It does not sign.
    SignsNothing,
    /// It never ends a signature.
    SignsForever,
    /// One bit of each signature is wrong.
    FlipsABit,
    /// It signs another message.
    SignsAnotherMessage,
    /// Each signature lacks its last octet.
    SignsTooShort,
    /// Each signature is followed by an octet.
    SignsTooLong,
    /// Each signature is empty.
    SignsEmptily,
    /// Each signature consists of zeros.
    SignsZeros,
}

/// An engine that signs with imported keys.
#[derive(Default)]
pub struct FakeSigner {
    behaviour: Cell<Signer>,
    /// Each call takes this many milliseconds, unless it is 0.
    pub delay_ms: Cell<u32>,
    /// Each call is polled this many times before it is ready, and wakes its task each time, as a promise that is fulfilled.
    pub turns: Cell<u32>,
    imports: Cell<usize>,
    signatures: Cell<usize>,
}

impl FakeSigner {
    /// Sets how it behaves from now on.
    pub fn behave(&self, behaviour: Signer) {
        self.behaviour.set(behaviour);
    }

    /// How often it was asked to import a key, and to sign.
    pub fn asked(&self) -> (usize, usize) {
        (self.imports.get(), self.signatures.get())
    }

    /// Whether an import, or otherwise a signature, never ends.
    pub(super) fn hangs(&self, is_import: bool) -> bool {
        self.behaviour.get() == if is_import { Signer::ImportsForever } else { Signer::SignsForever }
    }

    pub(super) fn import(&self, key: &PrivateKey<'_>) -> Result<EngineKey, EngineError> {
        self.imports.set(self.imports.get() + 1);
        if self.behaviour.get() == Signer::ImportsNothing {
            return Err(EngineError("the fake imports nothing".to_owned()));
        }
        let (algorithm, length) = match key.alg {
            "ES256" => (Algorithm::Es256, 67),
            "EdDSA" => (Algorithm::EdDsa, 48),
            other => panic!("no key for {other} may be handed over"),
        };
        assert_eq!(key.pkcs8.len(), length);
        // The length of a DER value with a short length, and the octets of the private key at its end.
        assert_eq!(usize::from(key.pkcs8[1]), length - 2);
        let mut secret: [u8; 32] = key.pkcs8[length - 32..].try_into().unwrap();
        let is_another = match self.behaviour.get() {
            Signer::ImportsAnotherKey => true,
            Signer::ImportsAnotherKeyLater => self.imports.get() > 1,
            _ => false,
        };
        if is_another {
            secret[31] ^= 1;
        }
        let key = if algorithm == Algorithm::Es256 {
            SigningKey::es256(&secret)
        } else {
            SigningKey::ed25519(&secret)
        };
        Ok(Rc::new(key.unwrap()))
    }

    /// The engine's signature. That of ES256 differs from the one that Rust makes: it has the other of the two possible `s`.
    pub(super) fn sign(&self, key: &EngineKey, message: &[u8]) -> Result<Vec<u8>, EngineError> {
        self.signatures.set(self.signatures.get() + 1);
        let key: &SigningKey = key.downcast_ref().unwrap();
        let behaviour = self.behaviour.get();
        let mut signature = match behaviour {
            Signer::SignsAnotherMessage => key.sign(b"another message"),
            _ => key.sign(message),
        };
        if key.algorithm() == Algorithm::Es256 {
            let signed = p256::ecdsa::Signature::from_slice(&signature).unwrap();
            let (r, s) = signed.split_scalars();
            signature = p256::ecdsa::Signature::from_scalars(r, -s).unwrap().to_bytes().to_vec();
        }
        match behaviour {
            Signer::SignsNothing => return Err(EngineError("the fake does not sign".to_owned())),
            Signer::FlipsABit => signature[40] ^= 1,
            Signer::SignsTooShort => _ = signature.pop(),
            Signer::SignsTooLong => signature.push(0),
            Signer::SignsEmptily => signature.clear(),
            Signer::SignsZeros => signature.fill(0),
            _ => {}
        }
        Ok(signature)
    }
}
