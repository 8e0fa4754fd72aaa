//! The key set that a discovery document names, if the document is about the configured issuer.

use edge_assay::keys::{KeySource, Location, Wanted};
use edge_assay::rejection::Fault;

use super::{Isolate, NOW, REFRESH_AT, URL, holds, jwks};
use crate::support::platform::{Answer, FakePlatform};

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const DISCOVERY: &str = "https://issuer.example/.well-known/openid-configuration";

pub(crate) fn discovered(issuer: &str) -> KeySource {
    let location = Location::Discovery { uri: DISCOVERY.to_owned() };
    KeySource { issuer: issuer.to_owned(), location, may_be_empty: false, channel: None }
}

pub(crate) fn metadata(issuer: &str, jwks_uri: &str) -> Answer {
    let document =
        serde_json::json!({ "issuer": issuer, "jwks_uri": jwks_uri, "scopes_supported": ["openid"] });
    Answer::json(document.to_string())
}

fn world(answer: Answer) -> FakePlatform {
    let world = FakePlatform::at(NOW);
    world.origin.serves(DISCOVERY, answer);
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).etag("\"v1\""));
    world
}

#[test]
fn the_set_is_found_through_the_document() {
    let world = world(metadata(ISSUER, URL));
    let isolate = Isolate::of(discovered(ISSUER));
    assert!(holds(&isolate.ask(&world, Wanted::Kid("a")), "a"));
    assert_eq!(isolate.state(&world).jwks_uri.as_deref(), Some(URL));
    assert!(world.origin.requests().iter().all(|request| request.timeout_ms == 2500), "both within 5 s");
    assert!(holds(&Isolate::of(discovered(ISSUER)).ask(&world, Wanted::Kid("a")), "a"), "from the store");
    assert_eq!(world.origin.requests().len(), 2);
}

#[test]
fn a_document_about_another_issuer_is_refused() {
    for found in ["https://other.example", "https://issuer.example/", "https://ISSUER.example", ""] {
        let world = world(metadata(found, URL));
        let fault = Isolate::of(discovered(ISSUER)).ask(&world, Wanted::Any).unwrap_err();
        assert!(matches!(fault, Fault::JwksInvalid { .. }), "{found}: {fault:?}");
        assert_eq!(world.origin.calls(URL), 0, "{found}");
    }
}

#[test]
fn issuers_that_differ_by_a_slash_share_no_record() {
    let world = world(metadata(ISSUER, URL));
    let isolate = Isolate::of(discovered(ISSUER));
    isolate.ask(&world, Wanted::Any).unwrap();
    let other = Isolate { source: discovered("https://issuer.example/"), ..isolate };
    assert!(other.ask(&world, Wanted::Any).is_err());
    assert!(
        Isolate::of(discovered(ISSUER)).ask(&world, Wanted::Any).is_ok(),
        "the failure does not concern the first issuer"
    );
}

#[test]
fn a_document_names_https_only() {
    for uri in ["http://issuer.example/jwks", "http://127.0.0.1/jwks", "/jwks", "file:///etc/passwd"] {
        let world = world(metadata(ISSUER, uri));
        world.origin.serves(uri, Answer::json(jwks(&[("a", 1)])));
        let fault = Isolate::of(discovered(ISSUER)).ask(&world, Wanted::Any).unwrap_err();
        assert!(matches!(fault, Fault::JwksInvalid { .. }), "{uri}");
        assert_eq!(world.origin.calls(uri), 0, "{uri}");
    }
}

#[test]
fn a_document_of_this_machine_may_name_this_machine() {
    const LOCAL: &str = "http://localhost:9000";
    let world = FakePlatform::at(NOW);
    let uri = format!("{LOCAL}/.well-known/openid-configuration");
    let keys = format!("{LOCAL}/jwks");
    world.origin.serves(&uri, metadata(LOCAL, &keys));
    world.origin.serves(&keys, Answer::json(jwks(&[("a", 1)])));
    let location = Location::Discovery { uri };
    let source = KeySource { issuer: LOCAL.to_owned(), location, may_be_empty: false, channel: None };
    assert!(Isolate::of(source).ask(&world, Wanted::Any).is_ok());
}

#[test]
fn an_unreadable_document_is_a_fault() {
    for answer in [
        Answer::html("<html>"),
        Answer::status(302),
        Answer::json("[]"),
        Answer::json(format!(r#"{{"issuer":"{ISSUER}"}}"#)),
        Answer::json(format!(r#"{{"issuer":"{ISSUER}","issuer":"{ISSUER}","jwks_uri":"{URL}"}}"#)),
        Answer::json(format!(r#"{{"issuer":["{ISSUER}"],"jwks_uri":"{URL}"}}"#)),
    ] {
        let world = world(answer.clone());
        let fault = Isolate::of(discovered(ISSUER)).ask(&world, Wanted::Any).unwrap_err();
        assert!(matches!(fault, Fault::JwksInvalid { .. }), "{answer:?}: {fault:?}");
        assert_eq!(world.origin.calls(URL), 0);
    }
}

#[test]
fn an_etag_is_not_sent_to_another_url() {
    const MOVED: &str = "https://issuer.example/keys";
    let world = world(metadata(ISSUER, URL));
    let isolate = Isolate::of(discovered(ISSUER));
    isolate.ask(&world, Wanted::Any).unwrap();
    world.origin.serves(DISCOVERY, metadata(ISSUER, MOVED));
    world.origin.serves(MOVED, Answer::json(jwks(&[("b", 2)])).etag("\"v1\""));
    world.pass(REFRESH_AT);
    isolate.serve(&world, Wanted::Any).unwrap();
    assert!(holds(&isolate.ask(&world, Wanted::Kid("b")), "b"));
    assert_eq!(world.origin.requests().last().unwrap().if_none_match, None);
}

/// The place of RFC 8414 for an issuer with a path: before it.
const TENANT: &str = "https://issuer.example/tenant/1";
const SERVER_METADATA: &str = "https://issuer.example/.well-known/oauth-authorization-server/tenant/1";

fn tenant(issuer: &str) -> KeySource {
    KeySource {
        issuer: issuer.to_owned(),
        location: edge_assay::trust::presets::discovery(issuer),
        may_be_empty: false,
        channel: None,
    }
}

#[test]
fn an_authorization_server_without_openid_is_found_by_its_metadata() {
    for (issuer, place) in [
        (TENANT, SERVER_METADATA),
        ("https://issuer.example/tenant/1/", SERVER_METADATA),
        (ISSUER, "https://issuer.example/.well-known/oauth-authorization-server"),
        (
            "https://issuer.example:8443/",
            "https://issuer.example:8443/.well-known/oauth-authorization-server",
        ),
    ] {
        let world = FakePlatform::at(NOW);
        let source = tenant(issuer);
        let Location::Discovery { uri } = &source.location else { panic!("{source:?}") };
        world.origin.serves(uri, Answer::status(404));
        world.origin.serves(place, metadata(issuer, URL));
        world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])));
        assert!(holds(&Isolate::of(source.clone()).ask(&world, Wanted::Kid("a")), "a"), "{issuer}");
        let spent: u32 = world.origin.requests().iter().map(|request| request.timeout_ms).sum();
        assert_eq!(spent, 5000, "all three documents within the time limit");
        assert_eq!(world.origin.requests()[1].url, place);
    }
}

#[test]
fn the_metadata_of_an_authorization_server_is_asked_for_only_where_nothing_else_is() {
    for answer in [
        Answer::status(503),
        Answer::status(403),
        Answer::status(302),
        Answer::html("<html>"),
        metadata("https://other.example", URL),
    ] {
        let world = FakePlatform::at(NOW);
        let source = tenant(TENANT);
        let Location::Discovery { uri } = &source.location else { panic!("{source:?}") };
        world.origin.serves(uri, answer.clone());
        world.origin.serves(SERVER_METADATA, metadata(TENANT, URL));
        assert!(Isolate::of(source.clone()).ask(&world, Wanted::Any).is_err(), "{answer:?}");
        assert_eq!(world.origin.calls(SERVER_METADATA), 0, "{answer:?}");
    }
}

#[test]
fn the_issuer_in_that_metadata_must_be_equal_too() {
    let fault_of = |answer: Answer| {
        let world = FakePlatform::at(NOW);
        let source = tenant(TENANT);
        let Location::Discovery { uri } = &source.location else { panic!("{source:?}") };
        world.origin.serves(uri, Answer::status(404));
        world.origin.serves(SERVER_METADATA, answer);
        world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])));
        let fault = Isolate::of(source.clone()).ask(&world, Wanted::Any).unwrap_err();
        assert_eq!(world.origin.calls(URL), 0);
        fault
    };
    for other in [
        "https://issuer.example",
        "https://issuer.example/tenant/1/",
        "https://issuer.example/tenant/2",
        "https://evil.example/tenant/1",
    ] {
        let fault = fault_of(metadata(other, URL));
        assert!(matches!(fault, Fault::JwksInvalid { .. }), "{other}: {fault:?}");
        assert!(fault.to_string().contains(SERVER_METADATA), "{fault}");
    }
    // While the metadata cannot be had, it is not known whether there is any.
    assert!(matches!(fault_of(Answer::status(503)), Fault::JwksUnavailable { .. }));
    let fault = fault_of(Answer::status(404));
    assert!(
        matches!(&fault, Fault::JwksInvalid { reason, .. } if reason.starts_with("discovery: the status is 404")),
        "{fault:?}"
    );
}
