//! The configured issuer that is most similar to a token's `iss`, and how the two differ. Used only for hints: verification compares
//! issuers character for character, and nothing here accepts a token.

use crate::keys::url;
use crate::trust::issuer::TrustedIssuers;
use crate::trust::presets::Preset;

/// The most similar configured issuer.
pub(super) struct Nearest<'i> {
    /// The configured `issuer`.
    pub(super) issuer: &'i str,
    /// How the token's `iss` differs from it.
    pub(super) difference: Difference,
}

/// How two issuers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// Only one of them ends with a slash.
    Slash,
    /// `http` in one of them, `https` in the other.
    Scheme,
    /// Capital letters.
    Case,
    /// The port.
    Port,
    /// The path.
    Path,
    /// A letter or two of the host.
    Host,
    /// Both belong to the same instance of this provider, which has several issuers, as for versions of its tokens.
    Form(Preset),
    /// Both belong to the same provider and to different instances, projects or tenants there.
    Instance(Preset),
}

/// The provider of an issuer, by its host or its path.
pub(super) fn provider_of(issuer: &str) -> Option<Preset> {
    Some(Preset::of_issuer(issuer)?.preset)
}

impl Difference {
    pub(super) fn in_words(self) -> String {
        match self {
            Self::Slash => "the slash at the end".to_owned(),
            Self::Scheme => "http against https".to_owned(),
            Self::Case => "capital letters".to_owned(),
            Self::Port => "the port".to_owned(),
            Self::Path => "the path".to_owned(),
            Self::Host => "a letter or two of the host".to_owned(),
            Self::Form(provider) => {
                format!("the form in which {} writes the same {}", provider.name(), provider.instance())
            }
            Self::Instance(provider) => format!("another {} {}", provider.name(), provider.instance()),
        }
    }

    /// A lower rank is more similar.
    const fn rank(self) -> u8 {
        match self {
            Self::Slash | Self::Case => 0,
            Self::Scheme | Self::Port | Self::Form(_) => 1,
            Self::Host => 2,
            Self::Path => 3,
            Self::Instance(_) => 4,
        }
    }
}

/// The configured issuer that is most similar to `iss`, if any is.
pub(super) fn nearest<'i>(issuers: &'i TrustedIssuers, iss: &str) -> Option<Nearest<'i>> {
    let given = Given::of(iss);
    issuers
        .iter()
        .filter_map(|known| {
            let difference = given.difference(&known.issuer)?;
            Some(Nearest { issuer: &known.issuer, difference })
        })
        .min_by_key(|nearest| nearest.difference.rank())
}

/// The `iss` of a token, read once for the comparison with many issuers.
struct Given<'g> {
    iss: &'g str,
    parts: Option<Parts>,
    provider: Option<Preset>,
}

impl<'g> Given<'g> {
    fn of(iss: &'g str) -> Self {
        Self { iss, parts: Parts::of(iss), provider: provider_of(iss) }
    }

    fn difference(&self, known: &str) -> Option<Difference> {
        if self.iss.trim_end_matches('/') == known.trim_end_matches('/') {
            return Some(Difference::Slash);
        }
        if self.iss.eq_ignore_ascii_case(known) {
            return Some(Difference::Case);
        }
        let (a, b) = (self.parts.as_ref()?, Parts::of(known)?);
        let provider = self.provider;
        if a.host == b.host {
            if provider.is_some_and(Preset::has_issuers_on_one_host) && a.path != b.path {
                return provider.map(Difference::Instance);
            }
            return Some(if a.port != b.port {
                Difference::Port
            } else if a.path == b.path {
                Difference::Scheme
            } else {
                Difference::Path
            });
        }
        if let Some(provider) = provider.filter(|provider| provider_of(known) == Some(*provider)) {
            let first = |parts: &Parts| parts.path.split('/').next().map(str::to_owned);
            let is_same = provider.has_several_issuers_per_instance() && first(a) == first(&b);
            return Some(if is_same { Difference::Form(provider) } else { Difference::Instance(provider) });
        }
        // Short hosts are all similar. The comparison takes the product of the lengths, and the `iss` of a token may be long and the issuers many.
        let is_comparable = a.host.len() > 5 && a.host.len().abs_diff(b.host.len()) <= MAX_DIFFERENCE_BYTES;
        (is_comparable && strsim::levenshtein(&a.host, &b.host) <= 2).then_some(Difference::Host)
    }
}

/// Hosts that differ in two characters differ in at most so many bytes.
const MAX_DIFFERENCE_BYTES: usize = 8;

/// The parts of an issuer that are compared.
struct Parts {
    host: String,
    /// Empty if it is the scheme's default.
    port: String,
    path: String,
}

impl Parts {
    fn of(issuer: &str) -> Option<Self> {
        // A bare host stands for https.
        let absolute = if issuer.contains("://") { issuer.to_owned() } else { format!("https://{issuer}") };
        let url = url::Parts::of(&absolute)?;
        let (host, port) = url.host_and_port();
        let own = if url.scheme.eq_ignore_ascii_case("http") { "80" } else { "443" };
        let path = url.target.trim_matches('/');
        (!host.is_empty()).then(|| Self {
            host: host.to_ascii_lowercase(),
            port: port.filter(|port| *port != own).unwrap_or_default().to_owned(),
            path: path.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(given: &str, known: &str) -> Option<Difference> {
        Given::of(given).difference(known)
    }

    #[test]
    fn how_two_issuers_differ() {
        use Difference as D;
        let https = |rest: &str| format!("https://{rest}");
        for (given, known, expected) in [
            ("a.example/", "a.example", Some(D::Slash)),
            ("A.example", "a.example", Some(D::Case)),
            ("a.example:8443", "a.example", Some(D::Port)),
            ("a.example:443/x", "a.example/x", Some(D::Scheme)),
            ("a.example/auth", "a.example/auth/v1", Some(D::Path)),
            ("issuer.example", "isuser.example", Some(D::Host)),
            ("one.clerk.accounts.dev", "two.clerk.accounts.dev", Some(D::Instance(Preset::Clerk))),
            ("one.clerk.accounts.dev", "clerk.app.example", Some(D::Instance(Preset::Clerk))),
            ("a.supabase.co/auth/v1", "bcdef.supabase.co/auth/v1", Some(D::Instance(Preset::Supabase))),
            (
                "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a",
                "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_b",
                Some(D::Instance(Preset::Cognito)),
            ),
            ("sts.windows.net/t-1/", "login.microsoftonline.com/t-1/v2.0", Some(D::Form(Preset::Entra))),
            ("sts.windows.net/t-1/", "login.microsoftonline.com/t-2/v2.0", Some(D::Instance(Preset::Entra))),
            (
                "session.firebase.google.com/one",
                "securetoken.google.com/one",
                Some(D::Form(Preset::Firebase)),
            ),
            (
                "issuer-cognito-idp.eu-west-1.amazonaws.com/p",
                "cognito-idp.eu-west-1.amazonaws.com/p",
                Some(D::Form(Preset::Cognito)),
            ),
            ("one.example", "quite-another.example", None),
        ] {
            assert_eq!(difference(&https(given), &https(known)), expected, "{given} {known}");
        }
        assert_eq!(difference("http://a.example", "https://a.example"), Some(D::Scheme));
        assert_eq!(difference("a.example", "https://a.example"), Some(D::Scheme));
        assert_eq!(difference("", "https://a.example"), None);
    }

    #[test]
    fn a_long_iss_is_compared_with_many_issuers_in_little_time() {
        let given = format!("https://{}.example", "a".repeat(12_000));
        for number in 0..5_000 {
            assert_eq!(difference(&given, &format!("https://tenant-{number}.idp.example.com")), None);
        }
    }
}
