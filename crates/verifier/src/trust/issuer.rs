//! The trusted issuers: the identity providers of the configuration, with everything that verification needs of them.

use std::collections::HashMap;
use std::sync::Arc;

use super::claims::ClaimRules;
use super::distrust::DistrustedKeys;
use super::secrets::ConfiguredSecret;
use super::tenants::{PLACEHOLDER, Tenants, is_tenant_id, tenant_in};
use crate::jose::algorithm::Algorithm;
use crate::jose::{Claims, Header, Jwk, KeySet};
use crate::keys::KeySource;
use crate::rejection::{IssuerProblem, Rejection, excerpt};

/// An issuer whose tokens are accepted, and the policy for them.
#[derive(Debug)]
pub struct TrustedIssuer {
    /// The exact `iss`, and the name under which its tokens are reported.
    pub issuer: String,
    /// The accepted tenants, if its names have [`PLACEHOLDER`]. Its tokens are reported under their own `iss`.
    pub tenants: Option<Tenants>,
    /// Further exact spellings of `iss`. Its tokens are reported under [`Self::issuer`], so that a subject has one issuer.
    pub also_known_as: Vec<String>,
    /// The allowed algorithms.
    pub algorithms: Vec<Algorithm>,
    /// The source of its public keys, if it has public keys.
    pub keys: Option<KeySource>,
    /// Its public keys, if they are given with it. Then nothing is fetched or stored, and [`Self::keys`] is not used.
    pub fixed_keys: Option<Arc<KeySet>>,
    /// Its shared secrets; empty if it has none.
    pub secrets: Vec<ConfiguredSecret>,
    /// The keys that are refused, although the issuer may still publish them.
    pub distrusted: DistrustedKeys,
    /// The rules for its tokens' claims.
    pub rules: ClaimRules,
}

impl TrustedIssuer {
    /// Why `secret` cannot be used with every HS algorithm on the allow-list: the problem with the first algorithm for which it is
    /// absent or too short. `None` if it can be used with all of them.
    #[must_use]
    pub fn problem_of(&self, secret: &ConfiguredSecret) -> Option<String> {
        let shared = self.algorithms.iter().filter(|algorithm| algorithm.is_shared_secret());
        shared.copied().find_map(|algorithm| secret.problem_for(algorithm))
    }

    /// Whether it has public keys, or a place from which they are fetched.
    #[must_use]
    pub const fn has_public_keys(&self) -> bool {
        self.keys.is_some() || self.fixed_keys.is_some()
    }

    /// Whether `algorithm` is on the allow-list.
    #[must_use]
    pub fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// Its name and the further spellings of it.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.issuer).chain(&self.also_known_as)
    }

    /// The tenant in `iss`, if that is one of the names of this issuer with something in the place of the tenant. It may be no tenant's id.
    #[must_use]
    pub fn tenant_of<'i>(&self, iss: &'i str) -> Option<&'i str> {
        self.tenants.as_ref().and_then(|_| self.names().find_map(|name| tenant_in(name, iss)))
    }

    /// Whether a token with these claims is of this issuer; `None` if `iss` is not of its form.
    pub(super) fn judge_tenant(&self, iss: &str, claims: &Claims) -> Option<Result<(), IssuerProblem>> {
        let tenants = self.tenants.as_ref()?;
        let tenant = self.tenant_of(iss)?;
        let tid = claims.members().string("tid");
        Some(if !is_tenant_id(tenant) {
            Err(IssuerProblem::NotAnId)
        } else if tid.as_deref() != Some(tenant) {
            Err(IssuerProblem::Contradiction)
        } else if tenants.include(tenant) {
            Ok(())
        } else {
            Err(IssuerProblem::NotAccepted)
        })
    }

    /// Whether `key` may have signed a token with this `iss`. The keys of an issuer with tenants say for whom they are: for all tenants, if the
    /// member `issuer` of the key has the placeholder, or for the tenant that it names. The set of all tenants may be configured for an issuer that
    /// is one tenant alone, so the same holds there.
    #[must_use]
    pub fn is_key_for(&self, key: &Jwk, iss: &str) -> bool {
        let Some(own) = key.issuer.as_deref().filter(|own| !own.contains(PLACEHOLDER)) else { return true };
        match self.tenant_of(iss) {
            Some(tenant) => self.tenant_of(own) == Some(tenant),
            // The forms of `iss` differ between versions of tokens, and the tenant does not.
            None => own.split('/').filter(|segment| is_tenant_id(segment)).all(|own| iss.contains(own)),
        }
    }
}

/// All trusted issuers, found by exact `iss`. Reports list them in the configuration's order.
#[derive(Debug, Default)]
pub struct TrustedIssuers {
    in_order: Vec<Arc<TrustedIssuer>>,
    by_iss: HashMap<String, Vec<Arc<TrustedIssuer>>>,
    with_tenants: Vec<Arc<TrustedIssuer>>,
}

impl TrustedIssuers {
    /// The issuer of a token with this header and these claims, whose signature nobody has checked yet. `iss` is compared character by character
    /// (RFC 7519 §4.1.1, RFC 3986 §6.2.1). For an issuer with tenants, `iss` must be its name with the claim `tid` in the place of the tenant.
    ///
    /// If several have the `iss`, it is the first of them, in the configuration's order, whose audience and conditions the token meets. Its keys
    /// and its rules alone are used then, so a claim that is not true selects what refuses the token.
    ///
    /// # Errors
    /// [`Rejection::IssuerMissing`] or [`Rejection::IssuerUnknown`].
    pub fn select(&self, header: &Header, claims: &Claims) -> Result<&Arc<TrustedIssuer>, Rejection> {
        let iss = claims.issuer.as_deref().ok_or(Rejection::IssuerMissing)?;
        match self.by_iss.get(iss).map(Vec::as_slice) {
            None => {}
            Some([issuer]) => return Ok(issuer),
            Some(several) => {
                let unknown = || Rejection::IssuerUnknown {
                    issuer: excerpt(iss),
                    problem: Some(IssuerProblem::NoTable),
                };
                return several.iter().find(|issuer| issuer.rules.choose(header, claims)).ok_or_else(unknown);
            }
        }
        let mut problem = None;
        for issuer in &self.with_tenants {
            match issuer.judge_tenant(iss, claims) {
                None => {}
                Some(Ok(())) => return Ok(issuer),
                Some(Err(found)) => problem = problem.or(Some(found)),
            }
        }
        let problem = problem.or_else(|| self.differs_by_slash(iss).then_some(IssuerProblem::Slash));
        Err(Rejection::IssuerUnknown { issuer: excerpt(iss), problem })
    }

    /// Whether an issuer is configured whose name has a slash at its end more than `iss`, or one less.
    fn differs_by_slash(&self, iss: &str) -> bool {
        iss.strip_suffix('/').map_or_else(
            || self.by_iss.contains_key(&format!("{iss}/")),
            |without| self.by_iss.contains_key(without),
        )
    }

    /// The issuer with tenants of whose form `iss` is, and the tenant in it, accepted or not.
    #[must_use]
    pub fn with_tenant<'i>(&self, iss: &'i str) -> Option<(&Arc<TrustedIssuer>, &'i str)> {
        self.with_tenants.iter().find_map(|issuer| Some((issuer, issuer.tenant_of(iss)?)))
    }

    /// Whether tokens may be reported under this name: it is configured, or it is that of a tenant of a configured issuer. A further spelling of an
    /// issuer's `iss` is no name.
    #[must_use]
    pub fn has_name(&self, name: &str) -> bool {
        let is_of_tenant = |(_, tenant): (&Arc<TrustedIssuer>, &str)| is_tenant_id(tenant);
        self.named(name).is_some() || self.with_tenant(name).is_some_and(is_of_tenant)
    }

    /// The issuer that has this as a further spelling of its `iss`.
    #[must_use]
    pub fn spelt(&self, iss: &str) -> Option<&Arc<TrustedIssuer>> {
        self.in_order.iter().find(|issuer| issuer.also_known_as.iter().any(|one| one == iss))
    }

    /// The issuer that is configured under this name, the first of several.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Arc<TrustedIssuer>> {
        let has_name = |issuer: &&Arc<TrustedIssuer>| issuer.issuer == name;
        let in_several = self.by_iss.get(name).and_then(|several| several.iter().find(has_name));
        in_several.or_else(|| self.with_tenants.iter().find(has_name))
    }

    /// All of them, in the configuration's order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<TrustedIssuer>> {
        self.in_order.iter()
    }
}

impl FromIterator<TrustedIssuer> for TrustedIssuers {
    fn from_iter<I: IntoIterator<Item = TrustedIssuer>>(issuers: I) -> Self {
        let in_order: Vec<_> = issuers.into_iter().map(Arc::new).collect();
        let (with_tenants, others): (Vec<_>, Vec<_>) =
            in_order.iter().cloned().partition(|issuer| issuer.tenants.is_some());
        let mut by_iss: HashMap<String, Vec<Arc<TrustedIssuer>>> = HashMap::new();
        for issuer in &others {
            for iss in issuer.names() {
                by_iss.entry(iss.clone()).or_default().push(Arc::clone(issuer));
            }
        }
        Self { in_order, by_iss, with_tenants }
    }
}
