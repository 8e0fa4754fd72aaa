//! The configuration.

use std::fmt::Write as _;

use edge_assay::config::Config;

use crate::support::keys::SECRET;
use crate::support::platform::FakePlatform;
use crate::support::request::FakeRequest;
use crate::support::world::{NOW, World};

/// The secrets that are bound: the corpus names them.
const BOUND: &[(&str, &str)] = &[
    ("SUPABASE_JWT_SECRET", SECRET),
    ("SECRET", SECRET),
    ("EXPLAIN_KEY", "an explain key that is long enough for one"),
    ("FORWARD_AUTH_SECRET", "a forward-auth secret that is long enough"),
    ("CLIENT_SECRET", "a client's secret that is long enough for one"),
];

/// A text gives either faults or a configuration, and the same result each time. Every fault names its path, its problem and its
/// fix. Requests are answered with every configuration.
pub fn configuration(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let platform = FakePlatform::at(NOW);
    for (name, value) in BOUND {
        platform.bind_secret(name, value);
    }
    let (config, again) = (Config::load(Some(text), &platform), Config::load(Some(text), &platform));
    assert_eq!(shown(&config), shown(&again));
    assert_eq!(config.surface, again.surface);
    match (&config.terms, &again.terms) {
        (Ok(terms), Ok(_)) => assert!(terms.issuers.iter().next().is_some(), "trusts no issuer"),
        (Err(faults), Err(same)) => {
            assert_eq!(faults, same);
            assert!(!faults.is_empty());
            assert!(config.exchange.is_none() && config.gateway.is_none() && config.forward_auth.is_none());
            for fault in faults {
                assert!(
                    !fault.path.is_empty() && !fault.problem.is_empty() && !fault.fix.is_empty(),
                    "{fault:?}"
                );
                assert!(!SECRET.is_empty() && !fault.to_string().contains(SECRET), "{fault:?}");
            }
        }
        _ => panic!("the same text gave faults only once"),
    }
    let is_accepted = config.terms.is_ok();
    let world = World::with_text(text, BOUND);
    let prefix = config.surface.prefix.clone();
    for (path, expected) in [("healthz", 200), ("verify", if is_accepted { 401 } else { 503 })] {
        let response = world.ask(&FakeRequest::get(&format!("{prefix}/{path}")));
        assert_eq!(response.status(), expected, "{path}");
    }
    // A provider that does not answer is a fault; a panic would be a bug of the Worker.
    let _ = world.ask(&FakeRequest::get(&format!("{prefix}/readyz")));
    let _ = world.serve(&FakeRequest::get("/"));
    is_accepted
}

/// The parts of the configuration that can be shown.
fn shown(config: &Config) -> String {
    let mut text = String::new();
    let Config { surface, credentials, terms, exchange, gateway, forward_auth, record } = config;
    let issuers = terms.as_ref().map(|terms| terms.issuers.iter().collect::<Vec<_>>());
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "{surface:?}{credentials:?}{issuers:?}{exchange:?}{gateway:?}{forward_auth:?}{record:?}"
    );
    text
}
