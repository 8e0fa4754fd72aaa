//! The check of a signature, by the engines that the configuration names.

use serde_json::Value;

use super::Run;
use crate::cross_check::{Disagreement, Engine, ask_web_crypto};
use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::Jwk;
use crate::jose::token::UntrustedToken;
use crate::members::json;
use crate::ports::{CheckingKey, EngineError, Level, Secrets, SignatureCheck, VerifierPlatform};
use crate::rejection::Fault;
use crate::trust::secrets::ConfiguredSecret;

/// A key that may have signed the token.
#[derive(Clone, Copy)]
pub(super) enum Candidate<'k> {
    /// A key of the issuer's set.
    Key(&'k Jwk),
    /// A shared secret that has a value.
    Secret(&'k ConfiguredSecret),
}

/// A key as another engine takes it.
enum Material {
    Public(Value),
    Secret(Vec<u8>),
}

impl Candidate<'_> {
    /// The result of pure Rust.
    fn verify(&self, algorithm: Algorithm, token: &UntrustedToken<'_>) -> bool {
        let (message, signature) = (token.message(), token.signature());
        match self {
            Self::Key(jwk) => jwk.key.verify_message(algorithm, message, signature),
            Self::Secret(secret) => {
                secret.key.as_ref().is_ok_and(|key| key.verify(algorithm, message.octets(), signature))
            }
        }
    }

    /// Why the signature is refused before an engine is asked; `None` if it has the right form.
    fn fault_of_form(&self, algorithm: Algorithm, signature: &[u8]) -> Option<&'static str> {
        match self {
            Self::Key(jwk) => jwk.key.fault_of_form(signature),
            Self::Secret(_) => (algorithm.code_length() != Some(signature.len()))
                .then_some("its length is not that of the algorithm's codes"),
        }
    }

    fn material(&self, secrets: &impl Secrets) -> Option<Material> {
        match self {
            Self::Key(jwk) => Some(Material::Public(jwk.key.public_jwk())),
            Self::Secret(secret) => secret.reference.octets(secrets).ok().map(Material::Secret),
        }
    }

    fn thumbprint(&self) -> Option<String> {
        match self {
            Self::Key(jwk) => Some(jwk.thumbprint.clone()),
            Self::Secret(_) => None,
        }
    }
}

impl Material {
    fn key(&self) -> CheckingKey<'_> {
        match self {
            Self::Public(jwk) => CheckingKey::Public(jwk),
            Self::Secret(octets) => CheckingKey::Secret(octets),
        }
    }
}

impl<P: VerifierPlatform> Run<'_, P> {
    /// The first of `candidates` under which the token's signature is valid; `None` if it is valid under none.
    ///
    /// # Errors
    /// [`Fault::CryptoDisagreement`] if two engines disagree, [`Fault::ConfigInvalid`] if WebCrypto must check the signature and cannot.
    pub(super) async fn first_that_holds<'k>(
        &mut self,
        algorithm: Algorithm,
        candidates: Vec<Candidate<'k>>,
        token: &UntrustedToken<'_>,
    ) -> Result<Option<Candidate<'k>>, Fault> {
        if self.engine() == Engine::Rust && !self.twice {
            let holds = candidates.into_iter().find(|candidate| candidate.verify(algorithm, token));
            self.trail.pure_rust = Some(holds.is_some());
            return Ok(holds);
        }
        let outcome = self.ask_engines(algorithm, candidates, token).await;
        // Time has passed while WebCrypto worked.
        self.now = self.platform.now();
        outcome
    }

    pub(super) fn engine(&self) -> Engine {
        self.terms.cross_checks.engine()
    }

    async fn ask_engines<'k>(
        &mut self,
        algorithm: Algorithm,
        mut candidates: Vec<Candidate<'k>>,
        token: &UntrustedToken<'_>,
    ) -> Result<Option<Candidate<'k>>, Fault> {
        let engine = self.engine();
        // Engines differ on some of these forms, and a token's author chooses the form. So these signatures are refused before an engine is asked.
        let mut fault = None;
        candidates.retain(|candidate| {
            let found = candidate.fault_of_form(algorithm, token.signature());
            fault = fault.or(found);
            found.is_none()
        });
        let by_rust = engine
            .uses_rust()
            .then(|| candidates.iter().copied().find(|candidate| candidate.verify(algorithm, token)));
        let pure_rust = by_rust.map(|holds| holds.is_some());
        self.trail.pure_rust = pure_rust;
        if let Some(fault) = fault.filter(|_| candidates.is_empty()) {
            let reason = format!("the signature is refused before WebCrypto is asked, because {fault}");
            self.trail.web_crypto = Some(Err(EngineError(reason)));
            return Ok(None);
        }
        if let Some(Some(holds)) = by_rust {
            candidates = vec![holds];
        }
        let (asked, materials): (Vec<Candidate<'k>>, Vec<Material>) = candidates
            .into_iter()
            .filter_map(|candidate| Some((candidate, candidate.material(self.platform)?)))
            .unzip();
        let alg = algorithm.name();
        let (message, signature) = (token.signing_input(), token.signature());
        let checks: Vec<SignatureCheck<'_>> = materials
            .iter()
            .map(|material| SignatureCheck { alg, key: material.key(), message, signature })
            .collect();
        let thumbprint = asked.first().and_then(Candidate::thumbprint);
        let result = ask_web_crypto(self.platform, &checks).await;
        self.trail.web_crypto = Some(result.as_ref().map(Option::is_some).map_err(EngineError::clone));
        let by_web_crypto = match &result {
            Ok(position) => position.and_then(|position| asked.get(position)).copied(),
            Err(error) => {
                self.log_engine_results(
                    (Level::Info, "cross_check_unanswered"),
                    alg,
                    thumbprint.as_deref(),
                    &error.0,
                );
                self.terms.cross_checks.count(false);
                return match by_rust {
                    // A signature that one engine refuses is refused.
                    Some(holds) if engine == Engine::Rust || holds.is_none() => Ok(holds),
                    _ => Err(Fault::ConfigInvalid {
                        detail: format!(
                            "verify.engine is \"{}\", and WebCrypto cannot check the {alg} signatures of this key",
                            engine.name()
                        ),
                    }),
                };
            }
        };
        let Some(pure_rust) = pure_rust else { return Ok(by_web_crypto) };
        let web_crypto = by_web_crypto.is_some();
        if pure_rust == web_crypto {
            self.terms.cross_checks.count(true);
            return Ok(by_web_crypto);
        }
        self.log_engine_results((Level::Error, "crypto_disagreement"), alg, thumbprint.as_deref(), "");
        let disagreement = Disagreement { alg, thumbprint, pure_rust, web_crypto };
        self.terms.cross_checks.examine_engines(self.platform, algorithm, &checks, disagreement).await;
        Err(Fault::CryptoDisagreement { algorithm: alg })
    }

    /// Logs that WebCrypto did not confirm the result of pure Rust.
    fn log_engine_results(
        &self,
        (level, event): (Level, &'static str),
        alg: &str,
        thumbprint: Option<&str>,
        reason: &str,
    ) {
        let web_crypto = self.trail.web_crypto.as_ref().and_then(|result| result.as_ref().ok());
        let line = json!({
            "event": event, "iss": self.observed.issuer(), "kid": self.observed.kid(), "alg": alg,
            "thumbprint": thumbprint, "pure_rust": self.trail.pure_rust, "web_crypto": web_crypto, "reason": reason,
        });
        self.platform.log(level, &line);
    }
}
