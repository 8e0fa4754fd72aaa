//! The rows of the identity providers: where the keys of an issuer are, which form its `iss` has, and how it is recognised.

use edge_assay::jose::Algorithm;
use edge_assay::keys::{Location, url};
use edge_assay::trust::presets::{Preset, Recognised};

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const PROJECT: &str = "P2abcdefghijklmnopqrstuvwxyz";

/// For each provider: an issuer, and the URL of its keys. `None` for a URL that the issuer does not say.
fn issuers() -> Vec<(Preset, String, Option<String>)> {
    use Preset as P;
    let discovery = ".well-known/openid-configuration";
    let securetoken =
        "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";
    let of = |preset, issuer: &str, keys: &str| {
        (preset, issuer.to_owned(), (!keys.is_empty()).then(|| keys.to_owned()))
    };
    let below = |preset, issuer: &str, path: &str| of(preset, issuer, &format!("{issuer}{path}"));
    vec![
        below(P::Clerk, "https://clerk.example.com", "/.well-known/jwks.json"),
        below(P::Supabase, "https://abc.supabase.co/auth/v1", "/.well-known/jwks.json"),
        below(P::BetterAuth, "https://app.example.com", "/api/auth/jwks"),
        below(P::BetterAuthOauth, "https://app.example.com/api/auth", "/jwks"),
        below(P::Auth0, "https://one.eu.auth0.com/", ".well-known/jwks.json"),
        below(P::Oidc, "https://id.example.com/x", &format!("/{discovery}")),
        below(
            P::Entra,
            &format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
            &format!("/{discovery}"),
        ),
        below(P::Entra, &format!("https://sts.windows.net/{TENANT}/"), discovery),
        below(P::Entra, &format!("https://{TENANT}.ciamlogin.com/{TENANT}/v2.0"), &format!("/{discovery}")),
        of(P::Google, "https://accounts.google.com", "https://www.googleapis.com/oauth2/v3/certs"),
        of(P::Google, "accounts.google.com", "https://www.googleapis.com/oauth2/v3/certs"),
        of(P::Firebase, "https://securetoken.google.com/one", securetoken),
        of(
            P::Firebase,
            "https://session.firebase.google.com/one",
            "https://identitytoolkit.googleapis.com/v1/sessionCookiePublicKeys",
        ),
        below(
            P::Cognito,
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a1B2c3",
            "/.well-known/jwks.json",
        ),
        below(
            P::Cognito,
            "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a1B2c3",
            "/.well-known/jwks.json",
        ),
        below(P::Okta, "https://one.okta.com/oauth2/default", "/v1/keys"),
        below(P::Okta, "https://login.example.com", "/oauth2/v1/keys"),
        below(P::Keycloak, "https://id.example.com/realms/one", "/protocol/openid-connect/certs"),
        below(P::Keycloak, "https://id.example.com/auth/realms/one", "/protocol/openid-connect/certs"),
        below(P::CloudflareAccess, "https://one.cloudflareaccess.com", "/cdn-cgi/access/certs"),
        of(P::GoogleIap, "https://cloud.google.com/iap", "https://www.gstatic.com/iap/verify/public_key-jwk"),
        below(P::GithubActions, "https://token.actions.githubusercontent.com", &format!("/{discovery}")),
        below(P::GithubActions, "https://ghes.example.com/_services/token", &format!("/{discovery}")),
        below(P::Gitlab, "https://gitlab.com", &format!("/{discovery}")),
        below(P::Kubernetes, "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC", &format!("/{discovery}")),
        of(P::Apple, "https://appleid.apple.com", "https://appleid.apple.com/auth/keys"),
        of(
            P::Workos,
            "https://api.workos.com/user_management/client_1",
            "https://api.workos.com/sso/jwks/client_1",
        ),
        of(
            P::Workos,
            "https://auth.example.com/user_management/client_1",
            "https://api.workos.com/sso/jwks/client_1",
        ),
        below(P::Workos, "https://one.authkit.app", "/oauth2/jwks"),
        of(P::Workos, "https://api.workos.com", ""),
        below(P::Kinde, "https://one.kinde.com", "/.well-known/jwks"),
        below(P::Logto, "https://one.logto.app/oidc", "/jwks"),
        of(P::Descope, PROJECT, &format!("https://api.descope.com/v2/keys/{PROJECT}")),
        of(
            P::Descope,
            "Peuc12abcdefghijklmnopqrstuvwxyz",
            "https://api.euc1.descope.com/v2/keys/Peuc12abcdefghijklmnopqrstuvwxyz",
        ),
        of(
            P::Descope,
            &format!("https://api.descope.com/v1/apps/{PROJECT}"),
            &format!("https://api.descope.com/v2/keys/{PROJECT}"),
        ),
        of(P::Stytch, "stytch.com/project-live-1", "https://api.stytch.com/v1/sessions/jwks/project-live-1"),
        of(P::Stytch, "stytch.com/project-test-1", "https://test.stytch.com/v1/sessions/jwks/project-test-1"),
        below(P::Stytch, "https://one.customers.stytch.dev", "/.well-known/jwks.json"),
    ]
}

#[test]
fn the_keys_of_each_provider_are_where_it_publishes_them() {
    let issuers = issuers();
    for preset in Preset::ALL {
        assert!(issuers.iter().any(|(known, ..)| known == preset), "{preset:?} has no case");
    }
    for (preset, issuer, keys) in issuers {
        assert_eq!(preset.issuer_fault(&issuer), None, "{preset:?} {issuer}");
        let (Some(Location::Jwks { uri } | Location::Discovery { uri }), Some(expected)) =
            (preset.location(&issuer), &keys)
        else {
            assert_eq!((preset.location(&issuer), keys), (None, None), "{issuer}");
            continue;
        };
        assert_eq!(uri, *expected, "{preset:?}");
        assert_eq!(url::accept(&uri), Ok(url::Transport::Https), "{uri}");
    }
}

#[test]
fn each_row_is_complete() {
    let mut names = std::collections::BTreeSet::new();
    for preset in Preset::ALL {
        assert!(names.insert(preset.name_of_preset()), "{preset:?}");
        assert_eq!(Preset::named(preset.name_of_preset()), Some(*preset));
        assert!(!preset.name().is_empty() && !preset.instance().is_empty(), "{preset:?}");
        assert!(preset.mistake().ends_with('.') && preset.mistake().len() > 40, "{preset:?}");
        assert!(!preset.place_of_keys().contains(['{', '}']), "{preset:?}");
        assert!(!preset.algorithms().is_empty());
        let shared = preset.algorithms().iter().filter(|algorithm| algorithm.is_shared_secret());
        let expected: &[Algorithm] = if *preset == Preset::Supabase { &[Algorithm::Hs256] } else { &[] };
        assert!(shared.eq(expected), "{preset:?}");
    }
    assert_eq!(Preset::NAMES.len(), Preset::ALL.len());
    assert_eq!(Preset::named("unknown"), None);
}

#[test]
fn an_issuer_of_another_form_is_a_fault_that_says_what_to_write() {
    let tenant = format!("https://login.microsoftonline.com/{TENANT}");
    for (preset, issuer, expected) in [
        (Preset::Clerk, "https://clerk.example.com/", "write \"https://clerk.example.com\""),
        (Preset::Supabase, "https://abc.supabase.co", "write \"https://abc.supabase.co/auth/v1\""),
        (Preset::BetterAuthOauth, "https://a.example/api/auth/", "write \"https://a.example/api/auth\""),
        (Preset::Auth0, "https://one.auth0.com", "write \"https://one.auth0.com/\""),
        (Preset::Entra, &tenant, &format!("write \"{tenant}/v2.0\"")),
        (Preset::Entra, &format!("{tenant}/v2.0/"), &format!("write \"{tenant}/v2.0\"")),
        (
            Preset::Entra,
            &format!("https://sts.windows.net/{TENANT}"),
            &format!("write \"https://sts.windows.net/{TENANT}/\""),
        ),
        (
            Preset::Entra,
            "https://login.microsoftonline.com/common/v2.0",
            "in place of its name or of `common`",
        ),
        (
            Preset::Entra,
            "https://login.microsoftonline.com/one.onmicrosoft.com/v2.0",
            "in place of its name or of `common`",
        ),
        (Preset::Google, "https://accounts.google.com/", "write \"https://accounts.google.com\""),
        (Preset::Google, "http://accounts.google.com", "write \"https://accounts.google.com\""),
        (Preset::Google, "https://google.com", "character for character"),
        (Preset::Firebase, "securetoken.google.com/one/", "write \"https://securetoken.google.com/one\""),
        (Preset::Firebase, "https://one.firebaseapp.com", "character for character"),
        (Preset::Cognito, "https://cognito-idp.eu-west-1.amazonaws.com", "the user pool's ID"),
        (
            Preset::Cognito,
            "https://one.auth.eu-west-1.amazoncognito.com",
            "the domain of the hosted UI (amazoncognito.com) is not the issuer",
        ),
        (
            Preset::Okta,
            "https://one.okta.com/oauth2/default/",
            "write \"https://one.okta.com/oauth2/default\"",
        ),
        (Preset::Okta, "one.okta.com", "write \"https://one.okta.com\""),
        (Preset::Keycloak, "https://a.example/realms/one/", "write \"https://a.example/realms/one\""),
        (
            Preset::CloudflareAccess,
            "https://one.cloudflareaccess.com/",
            "write \"https://one.cloudflareaccess.com\"",
        ),
        (Preset::CloudflareAccess, "https://app.example.com", "character for character"),
        (Preset::GoogleIap, "https://cloud.google.com/iap/", "write \"https://cloud.google.com/iap\""),
        (Preset::GithubActions, "https://github.com", "character for character"),
        (Preset::Gitlab, "https://gitlab.com/", "write \"https://gitlab.com\""),
        (Preset::Apple, "https://appleid.apple.com/", "write \"https://appleid.apple.com\""),
        (Preset::Workos, "https://one.example.com", "character for character"),
        (Preset::Kinde, "https://one.kinde.com/", "write \"https://one.kinde.com\""),
        (Preset::Logto, "https://one.logto.app", "write \"https://one.logto.app/oidc\""),
        (Preset::Descope, "https://api.descope.com", "character for character"),
        (Preset::Stytch, "stytch.com/live-1", "character for character"),
    ] {
        let (problem, fix) = preset.issuer_fault(issuer).unwrap_or_else(|| panic!("{preset:?} {issuer}"));
        assert!(problem.contains("'s `iss` ") && problem.starts_with(preset.name()), "{problem}");
        assert!(fix.contains(expected), "{preset:?} {issuer}: {fix}");
        assert!(!problem.contains(['{', '}']), "{problem}");
        // What it says to write is without fault.
        if let Some(written) = fix.strip_prefix("write \"").and_then(|rest| rest.strip_suffix('"')) {
            assert_eq!(preset.issuer_fault(written), None, "{preset:?} {written}");
        }
    }
}

fn certain(preset: Preset) -> Recognised {
    Recognised { preset, is_certain: true }
}

#[test]
fn a_provider_is_recognised_by_its_own_hosts() {
    for (issuer, preset) in [
        ("https://one-two-30.clerk.accounts.dev", Preset::Clerk),
        ("https://abc.supabase.co/auth/v1", Preset::Supabase),
        ("https://one.auth0.com/", Preset::Auth0),
        ("https://ONE.eu.auth0.com/", Preset::Auth0),
        ("http://one.auth0.com:443", Preset::Auth0),
        (&format!("https://login.microsoftonline.com/{TENANT}/v2.0"), Preset::Entra),
        ("https://login.microsoftonline.com/common/v2.0", Preset::Entra),
        (&format!("https://sts.windows.net/{TENANT}/"), Preset::Entra),
        ("https://accounts.google.com", Preset::Google),
        ("accounts.google.com", Preset::Google),
        ("https://securetoken.google.com/one", Preset::Firebase),
        ("https://session.firebase.google.com/one", Preset::Firebase),
        ("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a", Preset::Cognito),
        ("https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_a", Preset::Cognito),
        ("https://one.okta.com/oauth2/default", Preset::Okta),
        ("https://one.oktapreview.com", Preset::Okta),
        ("https://one.cloudflareaccess.com", Preset::CloudflareAccess),
        ("https://cloud.google.com/iap", Preset::GoogleIap),
        ("https://token.actions.githubusercontent.com", Preset::GithubActions),
        ("https://token.actions.githubusercontent.com/one", Preset::GithubActions),
        ("https://gitlab.com", Preset::Gitlab),
        ("https://oidc.eks.eu-west-1.amazonaws.com/id/ABC", Preset::Kubernetes),
        ("https://container.googleapis.com/v1/projects/p/locations/l/clusters/c", Preset::Kubernetes),
        ("https://appleid.apple.com", Preset::Apple),
        ("https://api.workos.com/user_management/client_1", Preset::Workos),
        ("https://one.authkit.app", Preset::Workos),
        ("https://one.kinde.com", Preset::Kinde),
        ("https://one.logto.app/oidc", Preset::Logto),
        (&format!("https://api.descope.com/{PROJECT}"), Preset::Descope),
        ("stytch.com/project-live-1", Preset::Stytch),
    ] {
        assert_eq!(Preset::of_issuer(issuer), Some(certain(preset)), "{issuer}");
    }
}

#[test]
fn an_issuer_on_a_customers_host_only_looks_like_a_providers() {
    for (issuer, preset) in [
        ("https://clerk.example.com", Preset::Clerk),
        ("https://id.example.com/realms/one", Preset::Keycloak),
        ("https://id.example.com:8443/auth/realms/one/", Preset::Keycloak),
        ("https://login.example.com/oauth2/default", Preset::Okta),
        ("https://ghes.example.com/_services/token", Preset::GithubActions),
        ("https://kubernetes.default.svc.cluster.local", Preset::Kubernetes),
        ("https://app.example.com/api/auth", Preset::BetterAuthOauth),
        ("https://auth.example.com/user_management/client_1", Preset::Workos),
    ] {
        assert_eq!(Preset::of_issuer(issuer), Some(Recognised { preset, is_certain: false }), "{issuer}");
    }
}

#[test]
fn a_host_that_only_contains_a_providers_name_is_not_its_own() {
    for issuer in [
        "https://auth0.com.evil.example/",
        "https://one.auth0.com.evil.example/",
        "https://evil-auth0.com/",
        "https://auth0.com/",
        "https://evil.example/one.auth0.com/",
        "https://evil.example?x=one.auth0.com",
        "https://evil.example#one.auth0.com",
        "https://one.auth0.com@evil.example/",
        "https://evil.example\\.auth0.com",
        "https://evil.example/.auth0.com",
        "https://one.auth0.com%2eevil.example",
        "https://evil-clerk.accounts.dev.example",
        "https://x.clerk.accounts.dev.example",
        "https://clerk.accounts.dev.evil.example.",
        "https://evilclerk.accounts.dev",
        "https://abc.supabase.co.evil.example/auth/v1",
        "https://cognito-idp.evil.example.amazonaws.com.evil.example",
        "https://cognito-idp.a.s3.amazonaws.com/b",
        "https://evil.cognito-idp.a.amazonaws.com",
        "https://login.microsoftonline.com.evil.example/x/v2.0",
        "https://accounts.google.com.evil.example",
        "https://accounts.google.com:8443",
        "https://cloud.google.com/iap/evil",
        "https://cloud.google.com/",
        "https://securetoken.google.com.evil.example/one",
        "https://xokta.com",
        "https://one.okta.com.evil.example",
        "https://one.cloudflareaccess.com.evil.example",
        "https://token.actions.githubusercontent.com.evil.example",
        "https://gitlab.com.evil.example",
        "https://evil-gitlab.com",
        "https://appleid.apple.com.evil.example",
        "https://api.workos.com.evil.example",
        "https://stytch.com.evil.example/project-live-1",
        "https://sub.one.kinde.com",
        "",
        "/",
        "https://",
        "://",
        "not a URL",
    ] {
        let found = Preset::of_issuer(issuer);
        assert!(found.is_none_or(|found| !found.is_certain), "{issuer}: {found:?}");
    }
    assert_eq!(Preset::of_issuer("https://auth0.com.evil.example/"), None);
    assert_eq!(Preset::of_issuer("https://evil-clerk.accounts.dev.example"), None);
    assert_eq!(Preset::of_issuer(&format!("https://{}.auth0.com/", "a".repeat(16_000))), None);
}

#[test]
fn a_claim_that_only_one_provider_writes_shows_the_provider() {
    for (claim, preset) in [
        ("drn", Preset::Descope),
        ("kubernetes.io", Preset::Kubernetes),
        ("job_workflow_ref", Preset::GithubActions),
        ("pipeline_source", Preset::Gitlab),
        ("https://stytch.com/session", Preset::Stytch),
    ] {
        let found = Preset::of_claims(|name| name == claim);
        assert_eq!(found, Some(Recognised { preset, is_certain: false }));
    }
    assert_eq!(Preset::of_claims(|name| name == "sub"), None);
}

#[test]
fn only_google_writes_one_issuer_in_two_ways() {
    let both = ["https://accounts.google.com", "accounts.google.com"];
    assert_eq!(Preset::Google.other_spellings(both[0]), [both[1]]);
    assert_eq!(Preset::Google.other_spellings(both[1]), [both[0]]);
    assert!(Preset::Google.other_spellings("https://accounts.google.com/").is_empty());
    for preset in Preset::ALL.iter().filter(|preset| **preset != Preset::Google) {
        assert!(both.iter().all(|issuer| preset.other_spellings(issuer).is_empty()), "{preset:?}");
    }
}
