//! Makes a [`Verifier`]. All mistakes are reported together.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::cross_check::CrossChecks;
use crate::issuer::Issuer;
use crate::jose::{Jwk, KeySet, SharedSecret};
use crate::keys::{CachePolicy, KeySource, Location, url};
use crate::limits;
use crate::trust::claims::{AudienceRule, ClaimRules};
use crate::trust::distrust::DistrustedKeys;
use crate::trust::issuer::TrustedIssuer;
use crate::trust::secrets::{ConfiguredSecret, Encoding, SecretReference};
use crate::trust::tenants::{Tenants, fault_of_names, is_tenant_id};
use crate::verifier::Verifier;
use crate::verify::{RememberedTokens, Terms};

/// The accepted values of `typ` by default.
const DEFAULT_TYPES: [&str; 2] = ["JWT", "at+jwt"];

/// What a verifier should trust, and how it caches keys. Every setting but the issuers has a default.
#[must_use]
pub struct Builder<P> {
    issuers: Vec<Issuer>,
    leeway: Duration,
    max_token_bytes: usize,
    jwks_ttl: Duration,
    stale_if_error: Duration,
    unknown_kid_cooldown: Duration,
    fetch_timeout: Duration,
    max_shared_age: Duration,
    remember: Duration,
    platform: PhantomData<fn() -> P>,
}

/// Shows the issuers. Secrets are not shown.
impl<P> fmt::Debug for Builder<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Builder").field("issuers", &self.issuers).finish_non_exhaustive()
    }
}

impl<P> Default for Builder<P> {
    fn default() -> Self {
        Self {
            issuers: Vec::new(),
            leeway: Duration::from_secs(limits::DEFAULT_LEEWAY_SECONDS),
            max_token_bytes: usize::try_from(limits::DEFAULT_MAX_TOKEN_BYTES).unwrap_or(usize::MAX),
            jwks_ttl: Duration::from_secs(limits::DEFAULT_JWKS_TTL_SECONDS),
            stale_if_error: Duration::from_secs(limits::DEFAULT_STALE_IF_ERROR_SECONDS),
            unknown_kid_cooldown: Duration::from_secs(limits::DEFAULT_UNKNOWN_KID_COOLDOWN_SECONDS),
            fetch_timeout: Duration::from_millis(limits::DEFAULT_FETCH_TIMEOUT_MS.into()),
            max_shared_age: Duration::from_secs(limits::MAX_SHARED_SECONDS),
            remember: Duration::from_secs(limits::MAX_REMEMBER_SECONDS),
            platform: PhantomData,
        }
    }
}

/// Everything that is wrong in the description of a verifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    faults: Vec<String>,
}

impl BuildError {
    /// One sentence for each fault, with the fix.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the verifier cannot be made: {}", self.faults.join("; "))
    }
}

impl std::error::Error for BuildError {}

impl<P> Verifier<P> {
    /// Describes a verifier.
    pub fn builder() -> Builder<P> {
        Builder::default()
    }
}

impl<P> Builder<P> {
    /// Trusts an issuer. Call it once for each.
    pub fn issuer(mut self, issuer: Issuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// The tolerated difference between the clocks, in whole seconds: 0 to 300 s. Default: 5 s.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The longest token that is read, in bytes: 512 to 65,536. Default: 16,384.
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.max_token_bytes = bytes;
        self
    }

    /// How long a fetched key set is fresh, in whole seconds: 1 s to a day. Default: an hour. `Cache-Control: max-age` can shorten it.
    /// A key that the provider withdraws is refused within this time, and the provider gets about one request in 70 % of it from each process.
    pub fn jwks_ttl(mut self, ttl: Duration) -> Self {
        self.jwks_ttl = ttl;
        self
    }

    /// How long past its life a key set may be used while the provider does not answer, in whole seconds: 0 to a week. Default: a day.
    pub fn stale_if_error(mut self, time: Duration) -> Self {
        self.stale_if_error = time;
        self
    }

    /// The shortest time between two fetches for a `kid` that the set lacks, in whole seconds: 1 s to an hour. Default: 30 s.
    pub fn unknown_kid_cooldown(mut self, time: Duration) -> Self {
        self.unknown_kid_cooldown = time;
        self
    }

    /// The time limit of one fetch, discovery included: 100 ms to 30 s. Default: 5 s.
    pub fn fetch_timeout(mut self, time: Duration) -> Self {
        self.fetch_timeout = time;
        self
    }

    /// How old an answer may be that a cache of the platform gives in place of the provider, in whole seconds: 0 to 30 s. Default: 30 s. 0: every
    /// fetch asks the provider. A platform without such a cache, like the default one, always asks the provider.
    pub fn max_shared_age(mut self, time: Duration) -> Self {
        self.max_shared_age = time;
        self
    }

    /// For this long a valid signature is not checked again, in whole seconds: 0 to 60 s. Default: 60 s. The claims, the issuer's rules and its
    /// keys are checked for every request.
    pub fn remember(mut self, time: Duration) -> Self {
        self.remember = time;
        self
    }

    /// The verifier, on the default platform.
    ///
    /// # Errors
    /// [`BuildError`] with every mistake.
    pub fn build(self) -> Result<Verifier<P>, BuildError>
    where
        P: Default,
    {
        self.build_on(P::default())
    }

    /// The verifier, on `platform`.
    ///
    /// # Errors
    /// [`BuildError`] with every mistake.
    pub fn build_on(self, platform: P) -> Result<Verifier<P>, BuildError> {
        Ok(Verifier::new(self.terms()?, platform))
    }

    fn terms(self) -> Result<Terms, BuildError> {
        let mut faults = Vec::new();
        let leeway_seconds = self.leeway.as_secs();
        let max_token_bytes = u64::try_from(self.max_token_bytes).unwrap_or(u64::MAX);
        let cache = CachePolicy {
            ttl_seconds: self.jwks_ttl.as_secs(),
            stale_if_error_seconds: self.stale_if_error.as_secs(),
            unknown_kid_cooldown_seconds: self.unknown_kid_cooldown.as_secs(),
            fetch_timeout_ms: u32::try_from(self.fetch_timeout.as_millis()).unwrap_or(u32::MAX),
            max_shared_seconds: self.max_shared_age.as_secs(),
        };
        let range = |(least, most): (u64, u64)| least..=most;
        for (name, value, accepted, unit) in [
            ("leeway", leeway_seconds, 0..=limits::MAX_LEEWAY_SECONDS, "s"),
            ("max_token_bytes", max_token_bytes, range(limits::MAX_TOKEN_BYTES_RANGE), "bytes"),
            ("jwks_ttl", cache.ttl_seconds, range(limits::BUILDER_JWKS_TTL_RANGE), "s"),
            ("stale_if_error", cache.stale_if_error_seconds, 0..=limits::MAX_STALE_IF_ERROR_SECONDS, "s"),
            (
                "unknown_kid_cooldown",
                cache.unknown_kid_cooldown_seconds,
                range(limits::UNKNOWN_KID_COOLDOWN_RANGE),
                "s",
            ),
            ("fetch_timeout", cache.fetch_timeout_ms.into(), range(limits::FETCH_TIMEOUT_RANGE_MS), "ms"),
            ("max_shared_age", cache.max_shared_seconds, 0..=limits::MAX_SHARED_SECONDS, "s"),
            ("remember", self.remember.as_secs(), 0..=limits::MAX_REMEMBER_SECONDS, "s"),
        ] {
            faults.extend(out_of_range(name, value, &accepted, unit));
        }
        if self.issuers.is_empty() {
            faults.push("it trusts no issuer; add one with `issuer`".to_owned());
        }
        let issuers: Vec<TrustedIssuer> =
            self.issuers.iter().map(|issuer| trusted(issuer, leeway_seconds, &mut faults)).collect();
        let mut names: HashMap<&str, bool> = HashMap::new();
        for issuer in &issuers {
            let name = if issuer.issuer.is_empty() { "an issuer without a name" } else { &issuer.issuer };
            let tells_apart = issuer.tenants.is_none() && issuer.rules.tell_apart();
            if names.insert(&issuer.issuer, tells_apart) == Some(false) {
                let fix = "describe it once, or give each of them an audience or a condition";
                faults.push(format!("{name} is added twice, and nothing tells the two apart; {fix}"));
            }
            for other in &issuer.also_known_as {
                if other.is_empty() || names.insert(other, false).is_some() {
                    let problem = "is empty, or belongs to another issuer, or is there twice";
                    faults.push(format!("{name}: its other spelling \"{other}\" {problem}"));
                }
            }
        }
        if !faults.is_empty() {
            return Err(BuildError { faults });
        }
        Ok(Terms {
            max_token_bytes: self.max_token_bytes,
            cache,
            cross_checks: CrossChecks::default(),
            remembered: RememberedTokens::lasting(self.remember.as_secs()),
            issuers: issuers.into_iter().collect(),
        })
    }
}

fn out_of_range(name: &str, value: u64, accepted: &RangeInclusive<u64>, unit: &str) -> Option<String> {
    (!accepted.contains(&value)).then(|| {
        format!("`{name}` is {value} {unit}; accepted are {} to {} {unit}", accepted.start(), accepted.end())
    })
}

fn named(issuer: &Issuer) -> String {
    if issuer.name.is_empty() { "an issuer without a name".to_owned() } else { issuer.name.clone() }
}

/// The shared secrets of an issuer, which messages call by its name.
fn secrets(issuer: &Issuer, name: &str) -> Vec<ConfiguredSecret> {
    let secret = |(position, (kid, secret)): (usize, &(Option<String>, SharedSecret))| ConfiguredSecret {
        reference: SecretReference {
            binding: format!("{position} of {name}"),
            kid: kid.clone(),
            encoding: Encoding::Utf8,
        },
        key: Ok(secret.clone()),
    };
    issuer.secrets.iter().enumerate().map(secret).collect()
}

fn trusted(issuer: &Issuer, leeway_seconds: u64, faults: &mut Vec<String>) -> TrustedIssuer {
    let name = named(issuer);
    let mut fault = |text: String| faults.push(format!("{name}: {text}"));
    if issuer.name.is_empty() {
        fault("the `iss` of its tokens is empty; write it character for character".to_owned());
    } else if let Some((problem, fix)) = issuer.preset.and_then(|preset| preset.issuer_fault(&issuer.name)) {
        fault(format!("{problem}; {fix}"));
    } else if let Some(Location::Jwks { uri } | Location::Discovery { uri }) = &issuer.location
        && let Err(problem) = url::accept(uri)
    {
        fault(format!("its keys would be at {uri}, but {problem}"));
    }
    if let Some((problem, fix)) =
        fault_of_names(&issuer.name, &issuer.also_known_as, issuer.tenants.is_some())
    {
        fault(format!("its name {problem}; {fix}"));
    }
    if let Some(Tenants::These(tenants)) = &issuer.tenants
        && (tenants.is_empty() || !tenants.iter().all(|tenant| is_tenant_id(tenant)))
    {
        fault("its tenants are not a list of GUIDs in lower case".to_owned());
    }
    if issuer.audience.is_none() {
        fault(
            "its audience is missing; call `audience` with the `aud` of its tokens, or `any_audience` if they have none"
                .to_owned(),
        );
    }
    let algorithms = issuer.allowed();
    if algorithms.is_empty() {
        let fix = "give `algorithms` at least one, or add a shared secret";
        fault(format!("no algorithm is allowed; {fix}"));
    }
    if issuer.location.is_none()
        && issuer.public_keys.is_none()
        && let Some(algorithm) = algorithms.iter().find(|algorithm| !algorithm.is_shared_secret())
    {
        fault(format!("{algorithm} needs public keys, and nothing says where they are; call `jwks_uri`"));
    }
    let serves = |key: &Jwk| algorithms.iter().any(|algorithm| key.serves(*algorithm));
    if issuer.public_keys.as_ref().is_some_and(|keys| !keys.iter().any(serves)) {
        fault("none of its public keys serves an allowed algorithm".to_owned());
    }
    for (_, secret) in &issuer.secrets {
        let weaknesses: Vec<String> = algorithms
            .iter()
            .filter(|algorithm| algorithm.is_shared_secret())
            .filter_map(|algorithm| secret.weakness_for(*algorithm))
            .collect();
        if let Some(weakness) = weaknesses.first() {
            fault(format!("a shared secret cannot be used: {weakness}"));
        }
    }
    if let Some([]) = issuer.authorized_parties.as_deref() {
        fault("`authorized_parties` is empty, so no token is accepted".to_owned());
    }
    if let Some([]) = issuer.types.as_deref() {
        fault("`types` is empty, so no token is accepted".to_owned());
    }
    if let Some(AudienceRule::AnyOf(wanted) | AudienceRule::AllOf(wanted)) = &issuer.audience
        && wanted.is_empty()
    {
        fault("its audience is an empty list; name at least one".to_owned());
    }
    let classes = issuer.class_rule().unwrap_or_else(|problem| {
        fault(problem);
        None
    });
    let secrets = secrets(issuer, &name);
    TrustedIssuer {
        issuer: issuer.name.clone(),
        also_known_as: issuer.also_known_as.clone(),
        tenants: issuer.tenants.clone(),
        algorithms,
        keys: issuer.location.clone().map(|location| KeySource {
            issuer: issuer.name.clone(),
            location,
            may_be_empty: !secrets.is_empty(),
            channel: issuer.channel.clone(),
        }),
        fixed_keys: issuer.public_keys.clone().map(|keys| Arc::new(KeySet::of(keys))),
        secrets,
        distrusted: DistrustedKeys::new(issuer.distrusted_keys.clone()),
        rules: ClaimRules {
            types: issuer.types.clone().unwrap_or_else(|| DEFAULT_TYPES.map(str::to_owned).to_vec()),
            require_type: issuer.types.is_some(),
            audience: issuer.audience.clone().unwrap_or(AudienceRule::AnyOf(Vec::new())),
            authorized_parties: issuer.authorized_parties.clone(),
            required_claims: issuer.required_claims.clone(),
            required_scopes: issuer.required_scopes.clone(),
            classes,
            require: issuer.require.clone(),
            confirmation: issuer.confirmation,
            max_age_seconds: issuer.max_age.map(|age| age.as_secs()),
            leeway_seconds,
        },
    }
}
