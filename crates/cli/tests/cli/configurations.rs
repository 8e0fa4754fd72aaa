//! Which configuration `check` and `explain` read: an environment of wrangler's, a plain file, or a reference to Workers KV; and how large it is.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use edge_assay::jose::Algorithm;
use serde_json::{Value, json};

use super::support::{keys, tokens};
use super::{Folder, ISSUER, code, command, configuration, edge_assay, key_file, stderr, stdout, token};

/// The configuration of the environment `name`.
fn of(name: &str, text: &str) -> String {
    text.replace("vars.ASSAY", &format!("env.{name}.vars.ASSAY"))
}

#[test]
fn env_selects_one_environment_and_one_that_does_not_exist_is_a_wrong_call() {
    let folder = Folder::new("env");
    let faulty = of("staging", &configuration("audiences = []\n"));
    let config = folder.file(
        "wrangler.toml",
        &format!(
            "{}{faulty}{}[env.empty]\nname = \"x\"\n",
            configuration(""),
            of("live", &configuration("max_age_seconds = 60\n"))
        ),
    );
    let check = |name: &str| edge_assay(&["check", &config, "--env", name], "");
    assert_eq!(code(&edge_assay(&["check", &config], "")), 1);
    let (live, staging, top) = (check("live"), check("staging"), check(""));
    assert_eq!(
        (code(&live), stdout(&live).contains("[env.live] has no faults")),
        (0, true),
        "{}",
        stdout(&live)
    );
    assert_eq!(code(&staging), 1);
    assert!(!stdout(&staging).contains("live"), "{}", stdout(&staging));
    assert_eq!((code(&top), stdout(&top).contains("[env.")), (0, false), "{}", stdout(&top));
    // Environments inherit no `vars`.
    let empty = check("empty");
    assert_eq!((code(&empty), stdout(&empty).contains("environments do not inherit `vars`")), (1, true));
    let absent = check("production");
    assert_eq!(code(&absent), 2);
    assert!(
        stderr(&absent).contains("no environment of this name; it has empty, live, staging"),
        "{}",
        stderr(&absent)
    );
    // A name from the command line does not control the terminal.
    let escape = check("\u{1b}[31m");
    assert_eq!((code(&escape), stderr(&escape).contains('\u{1b}')), (2, false));

    let jwks = key_file(&folder);
    let explain = |more: &[&str]| {
        edge_assay(
            &[&["explain", "--config", &config, "--jwks", &jwks, "--json"], more].concat(),
            &token(600),
        )
    };
    assert_eq!(code(&explain(&[])), 0);
    // The token is an hour old, and this environment accepts it for a minute.
    let refused = explain(&["--env", "live"]);
    let report: Value = serde_json::from_str(&stdout(&refused)).unwrap();
    assert_eq!((code(&refused), &report["code"]), (1, &json!("token_too_old")));
    assert_eq!(code(&explain(&["--env", "absent"])), 2);
}

#[test]
fn env_reads_the_jsonc_of_wrangler_and_the_secrets_of_the_environment() {
    let folder = Folder::new("env-jsonc");
    let issuer = json!({ "issuer": ISSUER, "algorithms": ["HS256"], "audience": "unchecked", "secrets": [{ "binding": "SHARED" }] });
    let text = format!(
        "{{ \"env\": {{ /* one */ \"live\": {{ \"vars\": {{ \"ASSAY\": {{ \"issuers\": [{issuer}] }} }} }}, }} }}"
    );
    let config = folder.file("wrangler.jsonc", &text);
    folder.file(".dev.vars", "OTHER=x\n");
    let said = stdout(&edge_assay(&["check", &config, "--env", "live"], ""));
    assert!(said.contains("secret SHARED"), "{said}");
    folder.file(".dev.vars.live", "SHARED=0123456789abcdef0123456789abcdef\n");
    let output = edge_assay(&["check", &config, "--env", "live"], "");
    assert_eq!((code(&output), stdout(&output).contains("secret SHARED")), (0, false), "{}", stdout(&output));
}

#[test]
fn a_plain_file_is_the_configuration_itself_in_each_syntax() {
    let folder = Folder::new("plain");
    let table = json!({ "issuers": [{ "issuer": ISSUER, "preset": "clerk", "audience": "unchecked" }] });
    let toml = format!("[[issuers]]\nissuer = \"{ISSUER}\"\npreset = \"clerk\"\naudience = \"unchecked\"\n");
    let jwks = key_file(&folder);
    for (name, text) in [
        ("assay.json", table.to_string()),
        ("assay.jsonc", format!("// A comment.\n{table}\n")),
        ("assay.toml", toml.clone()),
        ("assay", toml),
    ] {
        let file = folder.file(name, &text);
        let output = edge_assay(&["check", &file], "");
        assert_eq!(
            (code(&output), stdout(&output).contains("has no faults")),
            (0, true),
            "{name}: {}",
            stdout(&output)
        );
        let explained = edge_assay(&["explain", "--config", &file, "--jwks", &jwks], &token(600));
        assert_eq!(code(&explained), 0, "{name}: {}", stdout(&explained));
        let record = edge_assay(&["check", &file, "--record"], "");
        assert_eq!(serde_json::from_str::<Value>(&stdout(&record)).unwrap(), table, "{name}");
        assert!(stderr(&record).contains("has no faults"), "{name}");
        assert_eq!(stdout(&output).contains("--record"), name != "assay.json", "{name}: {}", stdout(&output));
    }
    for (name, text, said) in [
        ("faults.toml", "[[issuers]]\nissuer = \"https://a.example\"\n".to_owned(), "issuers[0].audience"),
        ("none.toml", "issuers = []\n".to_owned(), "none.toml, [[vars.ASSAY.issuers]] is [[issuers]]"),
        ("list.json", "[]".to_owned(), "makes it from TOML"),
        (
            "twice.json",
            format!("{{\"issuers\":[],{}", table.to_string().strip_prefix('{').unwrap()),
            "occurs twice",
        ),
        ("mark.json", format!("\u{feff}{table}"), "byte order mark"),
        ("reference.json", json!({ "kv": "ASSAY_CONFIG" }).to_string(), "refers to another record"),
        (
            "keys.json",
            r#"{"issuers":[{"issuer":"https://a.example","audience":"unchecked","jwks":{}}]}"#.to_owned(),
            "issuers[0].jwks.keys: is missing",
        ),
        (
            "place.json",
            format!("{{\"credentials\":\"authorization\",{}", table.to_string().strip_prefix('{').unwrap()),
            "write a list, as in [\"authorization\", { cookie = \"clerk\" }]",
        ),
        ("nested.json", format!("{{\"issuers\":{}{}}}", "[".repeat(200), "]".repeat(200)), "nest"),
    ] {
        let file = folder.file(name, &text);
        let output = edge_assay(&["check", &file], "");
        assert_eq!(code(&output), 1, "{name}: {}{}", stdout(&output), stderr(&output));
        assert!(stdout(&output).contains(said), "{name}: {}", stdout(&output));
        // What has faults is not printed for KV.
        let record = edge_assay(&["check", &file, "--record"], "");
        assert_eq!((code(&record), stdout(&record)), (1, String::new()), "{name}");
    }
}

#[test]
fn check_says_how_much_of_a_variable_is_used_and_fails_beyond_the_limit() {
    let folder = Folder::new("size");
    let issuers = |count: usize| -> String {
        (0..count).fold(String::new(), |mut text, number| {
            let (issuer, rest) = (
                format!("https://tenant-{number:04}.example.com"),
                "preset = \"oidc\"\naudience = \"unchecked\"",
            );
            writeln!(text, "[[vars.ASSAY.issuers]]\nissuer = \"{issuer}\"\n{rest}").unwrap();
            text
        })
    };
    // 83 bytes for each issuer, a comma between two, and 14 around them.
    for (count, status, said) in [
        (1, 0, "ASSAY has 97 of the 5120 bytes of a variable (1 %)\n"),
        (48, 0, "ASSAY has 4045 of the 5120 bytes of a variable (79 %)\n"),
        (
            49,
            0,
            "ASSAY has 4129 of the 5120 bytes of a variable (80 %). Before it has more, keep the configuration in",
        ),
        (
            60,
            0,
            "ASSAY has 5053 of the 5120 bytes of a variable (98 %). Before it has more, keep the configuration in",
        ),
        (
            61,
            1,
            "✗ ASSAY: has 5137 bytes as JSON, and a variable of a Worker holds 5120 at most\n  keep the configuration in Workers KV",
        ),
    ] {
        let config = folder.file("wrangler.toml", &issuers(count));
        let output = edge_assay(&["check", &config], "");
        assert_eq!(
            (code(&output), stdout(&output).contains(said)),
            (status, true),
            "{count}: {}",
            stdout(&output)
        );
    }
    // The same for an environment.
    let config = folder.file("wrangler.toml", &of("live", &issuers(100)));
    let output = edge_assay(&["check", &config, "--env", "live"], "");
    assert_eq!(
        (code(&output), stdout(&output).contains("✗ [env.live] ASSAY: has")),
        (1, true),
        "{}",
        stdout(&output)
    );
    // It is taken out of the file by the command that the page names, although no variable holds it.
    let taken_out = edge_assay(&["check", &config, "--env", "live", "--record"], "");
    assert_eq!(code(&taken_out), 0, "{}", stderr(&taken_out));
    // A variable that only refers to a record is no configuration to put there.
    let reference = folder.file("wrangler.json", r#"{ "kv_namespaces": [{ "binding": "ASSAY_CONFIG" }], "vars": { "ASSAY": { "kv": "ASSAY_CONFIG" } } }"#);
    let refused = edge_assay(&["check", &reference, "--record"], "");
    assert_eq!((code(&refused), stdout(&refused)), (2, String::new()));
    assert!(stderr(&refused).contains("name the file that you put there"), "{}", stderr(&refused));
    let record = edge_assay(
        &["check", &folder.file("assay.toml", &issuers(100).replace("vars.ASSAY.", "")), "--record"],
        "",
    );
    assert_eq!(code(&record), 0, "{}", stderr(&record));
    let text: Value = serde_json::from_str(&stdout(&record)).unwrap();
    assert_eq!(text["issuers"].as_array().unwrap().len(), 100);
    assert_eq!(stdout(&taken_out), stdout(&record));
}

#[test]
fn ten_thousand_issuers_in_a_plain_file_are_checked() {
    let folder = Folder::new("many");
    let issuers: Vec<Value> = (0..10_000)
        .map(|number| json!({ "issuer": format!("https://tenant-{number}.example.com"), "preset": "oidc", "audience": { "any_of": ["api"] } }))
        .collect();
    let file = folder.file("assay.json", &json!({ "issuers": issuers }).to_string());
    let output = edge_assay(&["check", &file], "");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("https://tenant-9999.example.com"));
}

#[test]
fn a_reference_to_workers_kv_is_checked_with_its_binding_and_explain_asks_for_the_file() {
    let folder = Folder::new("reference");
    let reference = "[vars.ASSAY]\nkv = \"ASSAY_CONFIG\"\n";
    let bound = "[[kv_namespaces]]\nbinding = \"ASSAY_CONFIG\"\n";
    let config = folder.file("wrangler.toml", &format!("{bound}{reference}"));
    let output = edge_assay(&["check", &config], "");
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert!(
        stdout(&output)
            .contains("npx wrangler kv key put assay --binding ASSAY_CONFIG --remote --path assay.json\n"),
        "{}",
        stdout(&output)
    );
    let explained = edge_assay(&["explain", "--config", &config], &token(600));
    assert_eq!(code(&explained), 2);
    assert!(
        stderr(&explained).contains("name the file that you put there with --config"),
        "{}",
        stderr(&explained)
    );
    // Neither namespaces nor variables are inherited.
    let live = of("live", reference);
    let config = folder.file("wrangler.toml", &format!("{bound}{reference}{live}"));
    let output = edge_assay(&["check", &config, "--env", "live"], "");
    assert_eq!(
        (code(&output), stdout(&output).contains("add one to [[env.live.kv_namespaces]]")),
        (1, true),
        "{}",
        stdout(&output)
    );
    for (text, path) in [
        ("[vars.ASSAY]\nkv = \"not a name\"\n", "kv"),
        ("[vars.ASSAY]\nkv = \"K\"\nissuers = []\n", "issuers"),
        ("[vars.ASSAY]\nkey = \"assay\"\n", "key"),
    ] {
        let output = edge_assay(&["check", &folder.file("wrangler.toml", text)], "");
        assert_eq!(
            (code(&output), stdout(&output).contains(&format!("✗ {path}: "))),
            (1, true),
            "{}",
            stdout(&output)
        );
    }
}

#[test]
fn a_secret_that_two_parties_have_is_changed_where_it_is_chosen() {
    let folder = Folder::new("same-secret");
    let value = "0123456789abcdef0123456789abcdef";
    let table = |issuer: &str, binding: &str| json!({ "issuer": issuer, "algorithms": ["HS256"], "audience": "unchecked", "secrets": [{ "binding": binding }] });
    folder.file(".dev.vars", &format!("ONE={value}\nTWO={value}\n"));
    for (name, issuers, said) in [
        ("one.json", json!([table("https://a.example", "ONE")]), "give EXPLAIN_KEY a value of its own"),
        (
            "two.json",
            json!([table("https://a.example", "ONE"), table("https://b.example", "TWO")]),
            "give EXPLAIN_KEY a value of its own",
        ),
    ] {
        let file = folder.file(name, &json!({ "issuers": issuers }).to_string());
        let output = command().args(["check", &file]).env("EXPLAIN_KEY", value).output().unwrap();
        assert_eq!((code(&output), stdout(&output).contains(said)), (1, true), "{}", stdout(&output));
    }
    let output = edge_assay(&["check", folder.0.join("two.json").to_str().unwrap()], "");
    assert!(
        stdout(&output).contains("have one of the two issuers sign with another secret"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn the_table_of_the_documentation_accepts_the_session_cookie_of_better_auth() {
    let folder = Folder::new("session-cookie");
    let jwks = folder.file("keys.json", &keys::published(&[keys::for_algorithm(Algorithm::EdDsa)]));
    let page = include_str!("../../../../docs/credentials.md");
    let (_, after) = page.split_once("Better Auth signs its cookie cache").unwrap();
    let table = after.split("```").nth(1).unwrap().strip_prefix("toml").unwrap();
    // As `signCookieCacheJWT` of Better Auth 1.7.25 makes it.
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let claims = json!({
        "session": { "token": "s1", "userId": "u1" }, "user": { "id": "u1" }, "updatedAt": 1, "version": "1", "sid": "s1",
        "iat": now, "exp": now + 300, "iss": "https://app.example.com", "aud": "better-auth:session-cache", "sub": "u1",
    });
    let token = tokens::mint(Algorithm::EdDsa, &json!({ "typ": "better-auth.session-cache+jwt" }), &claims);
    let explain = |config: &str| {
        edge_assay(&["explain", "--config", &folder.file("wrangler.toml", config), "--jwks", &jwks], &token)
    };
    let accepted = explain(table);
    assert_eq!(code(&accepted), 0, "{}", stdout(&accepted));
    // Without the line, nothing of the cookie is accepted.
    let without = table.lines().filter(|line| !line.starts_with("types")).collect::<Vec<_>>().join("\n");
    let refused = explain(&without);
    assert_eq!(
        (code(&refused), stdout(&refused).contains("type_not_allowed")),
        (1, true),
        "{}",
        stdout(&refused)
    );
}

#[test]
fn the_fix_for_another_audience_leaves_out_the_endpoints_of_the_issuer() {
    let folder = Folder::new("own-audience");
    let jwks = key_file(&folder);
    let table = "[[issuers]]\nissuer = \"https://one.eu.auth0.com/\"\npreset = \"auth0\"\naudience = { any_of = [\"b\"] }\n";
    let config = folder.file("assay.toml", table);
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    for (audiences, fix) in [
        (json!(["api", "https://one.eu.auth0.com/userinfo"]), "any_of = [\"b\", \"api\"]"),
        (
            json!("https://one.eu.auth0.com/userinfo"),
            "puts \"https://one.eu.auth0.com/userinfo\" into tokens for every API, so there are no lines to paste",
        ),
        (json!(["https://one.eu.auth0.com/"]), "any_of = [\"b\", \"https://one.eu.auth0.com/\"]"),
    ] {
        let claims = json!({ "iss": "https://one.eu.auth0.com/", "aud": audiences, "sub": "a", "iat": now, "exp": now + 300 });
        let token = tokens::mint(Algorithm::Rs256, &json!({}), &claims);
        let explained = stdout(&edge_assay(&["explain", "--config", &config, "--jwks", &jwks], &token));
        assert!(explained.contains(fix), "{explained}");
    }
}

#[test]
fn an_opaque_token_of_google_is_named_for_what_it_is() {
    let folder = Folder::new("google");
    let config = folder.file("wrangler.toml", &configuration(""));
    for token in ["ya29.a0AfH6SMBx-abc_def0123", "ya29.c.b0Aaekm1K-abc"] {
        let explained = edge_assay(&["explain", "--config", &config], token);
        assert_eq!(code(&explained), 1);
        assert!(
            stdout(&explained).contains("only Google can read it. Send the ID token"),
            "{}",
            stdout(&explained)
        );
    }
}

#[test]
fn check_knows_the_binding_of_the_coordinator_and_what_keeps_it_from_being_deployed() {
    let folder = Folder::new("binding");
    let binding = "[[durable_objects.bindings]]\nname = \"COORDINATOR\"\nclass_name = \"Coordinator\"\n";
    let migration = "[[migrations]]\ntag = \"coordinator\"\nnew_sqlite_classes = [\"Coordinator\"]\n";
    let assay = configuration("");
    let check = |text: &str| edge_assay(&["check", &folder.file("wrangler.toml", text)], "");

    let off = check(&assay);
    assert_eq!((code(&off), stdout(&off).contains("coordinator")), (0, false), "{}", stdout(&off));
    let on = check(&format!("{assay}{binding}{migration}"));
    assert_eq!(
        (code(&on), stdout(&on).contains("  the coordinator is bound\n")),
        (0, true),
        "{}",
        stdout(&on)
    );
    let without = check(&format!("{assay}{binding}"));
    assert_eq!(code(&without), 1);
    assert!(
        stdout(&without).contains("✗ durable_objects: no migration creates the class Coordinator"),
        "{}",
        stdout(&without)
    );
    assert!(stdout(&without).contains("new_sqlite_classes = [\"Coordinator\"]"), "{}", stdout(&without));
    let elsewhere = check(&format!("{assay}{binding}{migration}{}", of("live", &assay)));
    assert_eq!(code(&elsewhere), 0, "{}", stdout(&elsewhere));
    assert!(
        stdout(&elsewhere).contains("environments do not inherit `durable_objects`"),
        "{}",
        stdout(&elsewhere)
    );
}
