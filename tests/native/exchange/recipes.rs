//! The recipes in `docs/exchange.md`: their TOML is read from the page and used without changes.

use edge_assay::jose::Algorithm;
use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::support::keys::{SECRET, for_algorithm};
use crate::support::request::FakeRequest;
use crate::support::tokens;
use crate::support::world::{World, body, claims};

/// The configuration in the first TOML block below this heading.
fn recipe(heading: &str) -> Value {
    let page = include_str!("../../../docs/exchange.md");
    let (_, section) = page.split_once(&format!("## Recipe: {heading}\n")).unwrap();
    let (_, block) = section.split_once("```toml\n").unwrap();
    let (toml, _) = block.split_once("```").unwrap();
    let file: Value = toml::from_str(toml).unwrap();
    file["vars"]["ASSAY"].clone()
}

/// The one issuer of a recipe.
fn issuer_of(recipe: &Value) -> &str {
    recipe["issuers"][0]["issuer"].as_str().unwrap()
}

#[test]
fn the_recipe_of_incident_one_gives_a_clerk_token_a_fireproof_token() {
    let recipe = recipe("Clerk to Fireproof (incident 1)");
    let world = world_of(&recipe, &[("SIGNING_KEYS", &signing_keys())]);
    world.publishes(issuer_of(&recipe), &[for_algorithm(Algorithm::Rs256)]);
    let token = tokens::mint(Algorithm::Rs256, &json!({}), &claims(issuer_of(&recipe), &json!({})));
    let response = world.ask(&api(&cloud_session("clerk", &token)));
    assert_eq!(response.status(), 200, "{:?}", body(&response));
}

#[test]
fn the_recipe_of_incident_two_gives_a_supabase_token_an_api_token() {
    let secrets = [
        ("SIGNING_KEYS", signing_keys()),
        ("SUPABASE_JWT_SECRET", SECRET.to_owned()),
        ("CLI_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
    ];
    let bound = secrets.each_ref().map(|(name, value)| (*name, value.as_str()));
    let recipe = recipe("Supabase to an API token for a command line (incident 2)");
    let world = world_of(&recipe, &bound);
    let kid = json!({ "kid": "0TRLgU4IVDYEpL98" });
    let changes = json!({ "aud": "authenticated", "role": "authenticated" });
    let token = tokens::mint(Algorithm::Hs256, &kid, &claims(issuer_of(&recipe), &changes));
    let request = form(&exchange(&token, &[("audience", API), ("scope", "profiles:read")]))
        .header("authorization", &basic("cli", CLIENT_SECRET));
    let (answer, claims) = granted(&world, &request);
    assert_eq!(answer["scope"], "profiles:read");
    assert_eq!(
        (claims["user_id"].as_str(), claims["role"].as_str()),
        (Some("user_1"), Some("authenticated"))
    );
    // Without the secret, the answer is `secret_missing` and not `key_not_found`.
    let world = world_of(&recipe, &[bound[0], bound[2]]);
    refused(&world, &request, 503, "temporarily_unavailable", "secret_missing");
    assert_eq!(world.ask(&FakeRequest::new(Method::GET, "/readyz")).status(), 503);
}

fn world_of(config: &Value, secrets: &[(&str, &str)]) -> World {
    let world = World::with_secrets(config, secrets);
    if let Err(faults) = &world.app.config.terms {
        panic!("{faults:#?}");
    }
    world
}
