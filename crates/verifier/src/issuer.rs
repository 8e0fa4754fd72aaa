//! How a user of the library describes a trusted issuer.

use std::time::Duration;

use crate::jose::{Algorithm, Jwk, SharedSecret};
use crate::keys::Location;
use crate::trust::claims::{AudienceRule, Confirmation};
use crate::trust::classes::ClassRule;
use crate::trust::conditions::Condition;
use crate::trust::presets::Preset;
use crate::trust::tenants::Tenants;

/// An identity provider whose tokens are accepted.
///
/// The constructors know where the provider publishes its keys and which algorithms it signs with. The audience has no default: call
/// [`Self::audience`], [`Self::audience_all_of`] or [`Self::any_audience`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Issuer {
    /// The exact `iss`.
    pub(super) name: String,
    pub(super) also_known_as: Vec<String>,
    pub(super) tenants: Option<Tenants>,
    pub(super) preset: Option<Preset>,
    pub(super) location: Option<Location>,
    pub(super) public_keys: Option<Vec<Jwk>>,
    pub(super) channel: Option<String>,
    pub(super) algorithms: Option<Vec<Algorithm>>,
    pub(super) audience: Option<AudienceRule>,
    pub(super) authorized_parties: Option<Vec<String>>,
    pub(super) required_claims: Vec<String>,
    pub(super) required_scopes: Vec<String>,
    pub(super) types: Option<Vec<String>>,
    pub(super) classes: Option<AcceptedClasses>,
    pub(super) require: Vec<Condition>,
    pub(super) confirmation: Confirmation,
    pub(super) max_age: Option<Duration>,
    pub(super) secrets: Vec<(Option<String>, SharedSecret)>,
    pub(super) distrusted_keys: Vec<String>,
}

/// The classes of tokens that an application accepts in place of those that the preset means.
#[derive(Clone, Debug)]
pub(super) enum AcceptedClasses {
    Any,
    These(Vec<String>),
}

fn strings<S: Into<String>>(texts: impl IntoIterator<Item = S>) -> Vec<String> {
    texts.into_iter().map(Into::into).collect()
}

impl Issuer {
    fn new(name: String, preset: Option<Preset>, location: Option<Location>) -> Self {
        Self {
            name,
            also_known_as: Vec::new(),
            tenants: None,
            preset,
            location,
            public_keys: None,
            channel: None,
            algorithms: None,
            audience: None,
            authorized_parties: None,
            required_claims: Vec::new(),
            required_scopes: Vec::new(),
            types: None,
            classes: None,
            require: Vec::new(),
            confirmation: Confirmation::Refuse,
            max_age: None,
            secrets: Vec::new(),
            distrusted_keys: Vec::new(),
        }
    }

    /// An issuer of a known kind, with the exact `iss` of its tokens. If the provider's `iss` does not say where its keys are, call
    /// [`Self::jwks_uri`] too.
    pub fn preset(preset: Preset, issuer: impl Into<String>) -> Self {
        let issuer = issuer.into();
        let location = preset.location(&issuer);
        let other_spellings = preset.other_spellings(&issuer);
        Self::new(issuer, Some(preset), location).also_known_as(other_spellings)
    }

    /// Clerk: `https://<frontend API>`, without a slash at the end. RS256.
    pub fn clerk(issuer: impl Into<String>) -> Self {
        Self::preset(Preset::Clerk, issuer)
    }

    /// Supabase: `https://<project>.supabase.co/auth/v1`. ES256 or RS256; add [`Self::shared_secret`] for the legacy HS256.
    pub fn supabase(issuer: impl Into<String>) -> Self {
        Self::preset(Preset::Supabase, issuer)
    }

    /// Better Auth with its JWT plugin: the base URL. Its keys are at `/api/auth/jwks`. `EdDSA` by default.
    pub fn better_auth(issuer: impl Into<String>) -> Self {
        Self::preset(Preset::BetterAuth, issuer)
    }

    /// Better Auth with its OAuth provider plugin: the base URL with `/api/auth`. Only access tokens are accepted (RFC 9068).
    pub fn better_auth_oauth(issuer: impl Into<String>) -> Self {
        Self::preset(Preset::BetterAuthOauth, issuer)
    }

    /// Amazon Cognito: `https://cognito-idp.<region>.amazonaws.com/<user pool>`. Access tokens are accepted. They have no `aud`, so
    /// [`Self::audience`] is compared with `client_id`.
    pub fn cognito(issuer: impl Into<String>) -> Self {
        Self::preset(Preset::Cognito, issuer)
    }

    /// Auth0: `https://<tenant>/`, with the slash at the end. RS256.
    pub fn auth0(issuer: impl Into<String>) -> Self {
        Self::preset(Preset::Auth0, issuer)
    }

    /// Any provider with a discovery document (OpenID Connect Discovery 1.0 §4).
    pub fn oidc(issuer: impl Into<String>) -> Self {
        Self::preset(Preset::Oidc, issuer)
    }

    /// An issuer whose JWK Set is at `jwks_uri`. All algorithms with a public key are allowed, unless [`Self::algorithms`] says otherwise.
    pub fn jwks(issuer: impl Into<String>, jwks_uri: impl Into<String>) -> Self {
        Self::new(issuer.into(), None, Some(Location::Jwks { uri: jwks_uri.into() }))
    }

    /// An issuer with these public keys. Nothing is fetched for it. All algorithms with a public key are allowed, unless
    /// [`Self::algorithms`] says otherwise.
    ///
    /// ```
    /// use edge_assay_verifier::Issuer;
    /// use edge_assay_verifier::jose::Jwk;
    ///
    /// let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----";
    /// let issuer = Issuer::with_keys("https://a.example", [Jwk::from_pem(Some("1"), pem)?]).any_audience();
    /// # Ok::<(), edge_assay_verifier::jose::PemError>(())
    /// ```
    pub fn with_keys(issuer: impl Into<String>, keys: impl IntoIterator<Item = Jwk>) -> Self {
        Self::new(issuer.into(), None, None).public_keys(keys)
    }

    /// An issuer that signs with shared secrets only (HS256, HS384, HS512). Add them with [`Self::shared_secret`].
    pub fn with_secrets(issuer: impl Into<String>) -> Self {
        Self::new(issuer.into(), None, None)
    }

    /// Further spellings of `iss` that this issuer uses, character by character, as Google does. [`VerifiedToken::issuer`] is the same
    /// for all of them.
    ///
    /// [`VerifiedToken::issuer`]: crate::VerifiedToken::issuer
    pub fn also_known_as<S: Into<String>>(mut self, spellings: impl IntoIterator<Item = S>) -> Self {
        self.also_known_as = strings(spellings);
        self
    }

    /// The accepted tenants of an issuer whose name has `{tenantid}` in the place of the tenant, as in
    /// `https://login.microsoftonline.com/{tenantid}/v2.0`. Each is a GUID in lower case, and must be the claim `tid` of the token.
    pub fn tenants<S: Into<String>>(mut self, tenants: impl IntoIterator<Item = S>) -> Self {
        self.tenants = Some(Tenants::These(strings(tenants)));
        self
    }

    /// All tenants of an issuer whose name has `{tenantid}` in the place of the tenant. For Entra these are all organizations, and all personal
    /// accounts.
    pub fn any_tenant(mut self) -> Self {
        self.tenants = Some(Tenants::Any);
        self
    }

    /// Replaces the URL of the JWK Set that the constructor derived.
    pub fn jwks_uri(mut self, jwks_uri: impl Into<String>) -> Self {
        self.location = Some(Location::Jwks { uri: jwks_uri.into() });
        self.public_keys = None;
        self
    }

    /// Replaces the place of the keys that the constructor derived by the keys themselves. Nothing is fetched then.
    pub fn public_keys(mut self, keys: impl IntoIterator<Item = Jwk>) -> Self {
        self.location = None;
        self.public_keys = Some(keys.into_iter().collect());
        self
    }

    /// Fetches the issuer's documents through this channel of the platform, and not over the network. The platform must know the name
    /// ([`DocumentRequest::channel`](crate::ports::DocumentRequest::channel)).
    pub fn channel(mut self, name: impl Into<String>) -> Self {
        self.channel = Some(name.into());
        self
    }

    /// `aud` must contain at least one of these.
    pub fn audience<S: Into<String>>(mut self, any_of: impl IntoIterator<Item = S>) -> Self {
        self.audience = Some(AudienceRule::AnyOf(strings(any_of)));
        self
    }

    /// `aud` must contain all of these.
    pub fn audience_all_of<S: Into<String>>(mut self, all_of: impl IntoIterator<Item = S>) -> Self {
        self.audience = Some(AudienceRule::AllOf(strings(all_of)));
        self
    }

    /// `aud` is not checked. Only for an issuer whose tokens are all meant for this server, or have no `aud`: otherwise a token for another
    /// service is accepted.
    pub fn any_audience(mut self) -> Self {
        self.audience = Some(AudienceRule::Unchecked);
        self
    }

    /// The allowed algorithms.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// `azp` must be one of these.
    pub fn authorized_parties<S: Into<String>>(mut self, parties: impl IntoIterator<Item = S>) -> Self {
        self.authorized_parties = Some(strings(parties));
        self
    }

    /// Claims that must be present and neither null nor an empty text, as names or JSON Pointers (RFC 6901).
    pub fn required_claims<S: Into<String>>(mut self, claims: impl IntoIterator<Item = S>) -> Self {
        self.required_claims = strings(claims);
        self
    }

    /// Scopes that every token must grant. A token without one of them is refused with 403.
    pub fn required_scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.required_scopes = strings(scopes);
        self
    }

    /// The accepted values of `typ`, which must then be present (RFC 9068 §4: `at+jwt`). By default, `JWT`, `at+jwt` and no `typ` are
    /// accepted.
    pub fn types<S: Into<String>>(mut self, types: impl IntoIterator<Item = S>) -> Self {
        self.types = Some(strings(types));
        self
    }

    /// The accepted classes of the provider's tokens, by their names in [`trust::classes`](crate::trust::classes), in place of those that the
    /// constructor accepts. Clerk, for example, signs session tokens, tokens of templates and machine tokens with one key.
    ///
    /// ```
    /// # use edge_assay_verifier::Issuer;
    /// Issuer::clerk("https://clerk.example.com").classes(["machine"])
    /// # ;
    /// ```
    pub fn classes<S: Into<String>>(mut self, classes: impl IntoIterator<Item = S>) -> Self {
        self.classes = Some(AcceptedClasses::These(strings(classes)));
        self
    }

    /// Classes are not checked: every token that the provider signs is accepted if its claims satisfy the other rules.
    pub fn any_class(mut self) -> Self {
        self.classes = Some(AcceptedClasses::Any);
        self
    }

    /// Adds a condition on a claim or on a member of the JOSE header. All conditions must hold, in addition to the other rules.
    ///
    /// ```
    /// use edge_assay_verifier::Issuer;
    /// use edge_assay_verifier::trust::conditions::{Condition, Member, Test};
    /// use edge_assay_verifier::trust::facts::Pointer;
    ///
    /// let claim = Pointer::parse("/token_use").expect("a JSON Pointer");
    /// let is_access_token = Condition { about: Member::Claim(claim), test: Test::Equals("access".into()) };
    /// Issuer::oidc("https://login.example").any_audience().require(is_access_token)
    /// # ;
    /// ```
    pub fn require(mut self, condition: Condition) -> Self {
        self.require.push(condition);
        self
    }

    /// What to do with a token that `cnf` binds to a key: it is refused, unless this says otherwise.
    pub fn confirmation(mut self, confirmation: Confirmation) -> Self {
        self.confirmation = confirmation;
        self
    }

    /// The maximum age of a token since `iat`, in whole seconds.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// A secret that the issuer shares with this server, as octets, for HS256, HS384 and HS512. With a `kid` it verifies only tokens
    /// with that `kid` and tokens without one.
    pub fn shared_secret(mut self, kid: Option<&str>, octets: Vec<u8>) -> Self {
        self.secrets.push((kid.map(str::to_owned), SharedSecret::new(octets)));
        self
    }

    /// Keys whose tokens are refused at once, whatever the issuer publishes and any cache holds: each a `kid`, or an RFC 7638 thumbprint with
    /// SHA-256 in base64url. A shared secret is distrusted by the `kid` that [`Self::shared_secret`] got.
    pub fn distrusted_keys<S: Into<String>>(mut self, keys: impl IntoIterator<Item = S>) -> Self {
        self.distrusted_keys = strings(keys);
        self
    }

    /// The rule for classes: the given one, else that of the preset. `Err` with what is wrong with it.
    pub(super) fn class_rule(&self) -> Result<Option<ClassRule>, String> {
        let rule = self.preset.and_then(Preset::class_rule);
        match (&self.classes, rule) {
            (None, rule) => Ok(rule),
            (Some(_), None) => {
                Err("`classes` has no effect, because no classes of its tokens are known".to_owned())
            }
            (Some(AcceptedClasses::Any), Some(rule)) => Ok(Some(ClassRule { accepted: None, ..rule })),
            (Some(AcceptedClasses::These(names)), Some(rule)) => {
                let read = |name: &String| rule.named(name).ok_or_else(|| rule.unknown(name));
                let accepted: Vec<&str> = names.iter().map(read).collect::<Result<_, _>>()?;
                if accepted.is_empty() {
                    return Err("`classes` is empty, so no token is accepted".to_owned());
                }
                Ok(Some(ClassRule { accepted: Some(accepted), ..rule }))
            }
        }
    }

    /// The allow-list of algorithms: the given ones, else those of the preset, else all for which there are keys.
    pub(super) fn allowed(&self) -> Vec<Algorithm> {
        // A secret that is long enough for HS256 only does not make HS512 allowed. One that is too short for all is a fault of the builder.
        let is_served = |algorithm: &Algorithm| {
            self.secrets.iter().all(|(_, secret)| secret.strong_enough_for(*algorithm))
                || *algorithm == Algorithm::Hs256
        };
        let shared = Algorithm::ALL.iter().copied().filter(|algorithm| algorithm.is_shared_secret());
        let secrets: Vec<Algorithm> =
            if self.secrets.is_empty() { Vec::new() } else { shared.filter(is_served).collect() };
        match (&self.algorithms, self.preset) {
            (Some(given), _) => given.clone(),
            (None, Some(preset)) => {
                let mut allowed = preset.algorithms().to_vec();
                allowed
                    .extend(secrets.into_iter().filter(|algorithm| !preset.algorithms().contains(algorithm)));
                allowed
            }
            (None, None) if self.location.is_some() || self.public_keys.is_some() => {
                [Algorithm::ASYMMETRIC.to_vec(), secrets].concat()
            }
            (None, None) => secrets,
        }
    }
}
