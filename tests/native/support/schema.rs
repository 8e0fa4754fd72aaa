//! The JSON Schema of the configuration, read by an independent validator.

use boon::{Compiler, Schemas};
use edge_assay::config::ConfigFault;
use edge_assay::config::schema::schema;
use serde_json::Value;

/// Parts of problems that the schema does not express, because they depend on another object, on the meaning of a text, or on Worker secrets.
const OF_THE_WORKER: &[&str] = &[
    // Of the root and of issuers.
    "occurs twice",
    "{tenantid}",
    "is configured twice",
    "is not a publishable key",
    "is not a path prefix",
    "has no meaning with engine",
    "makes ",
    "'s `iss` ",
    "the URL ",
    "is set although jwks_uri is set too",
    "does not say where the keys are",
    "is not a class of",
    "needs a shared secret",
    "needs public keys",
    "would never be used",
    "holds no public key",
    "needs an issuer with preset",
    // Of the exchange.
    "is not the `issuer` of any table",
    "is not the audience of a",
    "is also the id of another client",
    "begins or ends with a space",
    "is reserved",
    "two of the issuers may give two users the same `sub`",
    "is \"prefixed\", but",
    "is not one of `scopes`",
    "points into the directory",
    "is \"directory\", but",
    "so with this `issuer` that target would accept",
    "may have the same key",
    "is not an https URL without a query",
    "has the same value as",
    // Of the gateway and of forward-auth.
    "can never match",
    "has no effect",
    "is required on a public route",
    "has another meaning",
    "is not a host in lower case",
    "is not a method that can be forwarded",
    "is \"*\" beside credentials",
    "needs an exchange",
    "accepts no tokens of",
    "is an identity header of a route",
];

/// Why `config` is not valid under the schema; `None` if it is.
pub fn violation(config: &Value) -> Option<String> {
    thread_local! {
        static COMPILED: (Schemas, boon::SchemaIndex) = {
            let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
            compiler.set_default_draft(boon::Draft::V2020_12);
            compiler.add_resource("assay.json", schema()).unwrap();
            let index = compiler.compile("assay.json", &mut schemas).unwrap();
            (schemas, index)
        };
    }
    COMPILED.with(|(schemas, index)| schemas.validate(config, *index).err().map(|error| error.to_string()))
}

/// Checks that the schema and the Worker agree on a configuration, which has these faults: the schema accepts it if it has none, and refuses it
/// if one of them can be expressed in a schema.
pub fn agrees(text: &str, faults: &[ConfigFault]) {
    let Ok(config) = serde_json::from_str::<Value>(text) else { return };
    match violation(&config) {
        Some(violation) => assert!(!faults.is_empty(), "the Worker accepts this: {config}\n{violation}"),
        None => {
            for fault in faults {
                // A route's `cors` takes its origins from the root, so they are missing only if the root has none.
                let is_known = fault.path.starts_with("SIGNING_KEYS")
                    || fault.path.ends_with(".cors.origins")
                    || OF_THE_WORKER.iter().any(|part| fault.problem.contains(part));
                assert!(is_known, "the schema accepts this: {config}\n{fault}");
            }
        }
    }
}
