//! `edge-assay init`: from an issuer, and from a token, which may be hostile. What it writes passes `check`, and the token verifies under it.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Output;
use std::thread;

use edge_assay::jose::Algorithm;
use serde_json::{Value, json};

use super::support::{keys, tokens};
use super::{Folder, code, edge_assay, stderr, stdout};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// A provider on loopback with a discovery document and a key set. It answers until the test ends.
fn provider(algorithm: Algorithm) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let issuer = url.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().and_then(Result::ok).unwrap_or_default();
            // The whole head is read, so that closing the connection resets nothing.
            while lines.next().and_then(Result::ok).is_some_and(|line| !line.is_empty()) {}
            let body = match first.split(' ').nth(1) {
                Some("/.well-known/openid-configuration") => {
                    json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/jwks") }).to_string()
                }
                Some("/jwks") => keys::published(&[keys::for_algorithm(algorithm)]),
                _ => String::new(),
            };
            let status = if body.is_empty() { "404 Not Found" } else { "200 OK" };
            drop(write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            ));
        }
    });
    url
}

/// Good for an hour.
fn claims(iss: &str, more: &Value) -> Value {
    let now =
        i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs())
            .unwrap();
    let mut claims = json!({ "iss": iss, "sub": "user_1", "iat": now - 60, "exp": now + 3600 });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

/// Runs `init` with this token on standard input, in a new folder below `folder`.
fn init(folder: &Folder, name: &str, more: &[&str], token: &str) -> (Output, String) {
    let place = folder.0.join(name);
    let place = place.to_str().unwrap().to_owned();
    let output = edge_assay(&[&["init", "--token", "-", "--dir", &place], more].concat(), token);
    (output, place)
}

fn read(place: &str, file: &str) -> String {
    std::fs::read_to_string(format!("{place}/{file}")).unwrap_or_default()
}

/// The value of `vars.ASSAY.issuers[0]` in what was written.
fn written(place: &str, file: &str) -> Value {
    let text = edge_assay(&["check", &format!("{place}/{file}"), "--record"], "");
    assert_eq!(code(&text), 0, "{}", stderr(&text));
    serde_json::from_str::<Value>(&stdout(&text)).unwrap()["issuers"][0].clone()
}

/// That no part of the token is in an output or in a file.
fn shows_nothing_of(token: &str, output: &Output, place: &str) {
    let parts = token.split('.').filter(|part| part.len() > 20);
    let texts = [
        stdout(output),
        stderr(output),
        read(place, "wrangler.toml"),
        read(place, "wrangler.jsonc"),
        read(place, ".dev.vars"),
    ];
    for part in parts {
        assert!(texts.iter().all(|text| !text.contains(part)), "{texts:?}");
    }
}

#[test]
fn a_project_from_a_token_of_an_unknown_provider_accepts_it_in_both_formats() {
    let folder = Folder::new("init-token");
    let issuer = provider(Algorithm::Es256);
    for (index, (header, more, class)) in [
        (json!({}), json!({ "aud": "api" }), "a token of no known class"),
        (
            json!({ "typ": "at+jwt" }),
            json!({ "aud": ["https://api.example.com"], "scope": "read" }),
            "an OAuth access token",
        ),
        (json!({ "typ": "JWT" }), json!({ "sid": "s_1" }), "a session token"),
        (
            json!({ "typ": "custom+jwt" }),
            json!({ "aud": [format!("{issuer}/userinfo"), "https://api.example.com"], "scp": ["a"] }),
            "an access token",
        ),
        (json!({}), json!({ "aud": "client", "nonce": "n" }), "an ID token"),
    ]
    .into_iter()
    .enumerate()
    {
        let token = tokens::mint(Algorithm::Es256, &header, &claims(&issuer, &more));
        for (format, file) in [("toml", "wrangler.toml"), ("jsonc", "wrangler.jsonc")] {
            let (output, place) = init(&folder, &format!("{index}-{format}"), &["--format", format], &token);
            assert_eq!(code(&output), 0, "{}", stderr(&output));
            let said = stdout(&output);
            assert!(said.contains(class) && said.contains("ES256"), "{said}");
            assert!(said.contains("✓ The token is accepted"), "{said}");
            assert!(said.contains(&format!("✓ wrote {file}")), "{said}");
            shows_nothing_of(&token, &output, &place);
            let table = written(&place, file);
            assert_eq!(table["issuer"], issuer.as_str());
            let expected = match &more["aud"] {
                Value::Null => json!("unchecked"),
                Value::Array(list) => json!({ "any_of": [list.last()] }),
                one => json!({ "any_of": [one] }),
            };
            assert_eq!(table["audience"], expected);
            let config = format!("{place}/{file}");
            let explained = edge_assay(&["explain", "--config", &config], &token);
            assert_eq!(code(&explained), 0, "{}", stdout(&explained));
            assert!(read(&place, "src/index.js").contains(file));
        }
    }
}

#[test]
fn a_project_from_a_token_of_a_known_provider_needs_no_network() {
    let folder = Folder::new("init-known");
    let jwks = folder.file("keys.json", &keys::published(&[keys::for_algorithm(Algorithm::Rs256)]));
    for (index, (iss, more, said, fields)) in [
        (
            "https://words-1.clerk.accounts.dev",
            json!({ "sid": "sess_1", "azp": "https://app.example.com" }),
            "a Clerk session token (`session`), RS256, no audience",
            json!({ "preset": "clerk", "audience": "unchecked", "authorized_parties": ["https://app.example.com"] }),
        ),
        (
            "https://words-1.clerk.accounts.dev",
            json!({ "aud": "backend" }),
            "a Clerk token of a JWT template (`template`)",
            json!({ "preset": "clerk", "audience": { "any_of": ["backend"] } }),
        ),
        (
            "https://abc.supabase.co/auth/v1",
            json!({ "aud": "authenticated", "session_id": "x" }),
            "a Supabase user's token (`user`)",
            json!({ "preset": "supabase", "audience": { "any_of": ["authenticated"] } }),
        ),
        (
            "https://tenant.eu.auth0.com/",
            json!({ "aud": ["https://tenant.eu.auth0.com/userinfo", "https://api.example.com"], "scope": "openid" }),
            "RS256, audience https://tenant.eu.auth0.com/userinfo, https://api.example.com",
            json!({ "preset": "auth0", "audience": { "any_of": ["https://api.example.com"] } }),
        ),
        (
            // This provider's `iss` is no URL.
            "accounts.google.com",
            json!({ "aud": "123.apps.googleusercontent.com", "at_hash": "x" }),
            "a Google ID token of a user (`user`)",
            json!({ "preset": "google", "audience": { "any_of": ["123.apps.googleusercontent.com"] } }),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let token = tokens::mint(Algorithm::Rs256, &json!({}), &claims(iss, &more));
        for (format, file) in [("toml", "wrangler.toml"), ("jsonc", "wrangler.jsonc")] {
            let name = format!("{index}-{format}");
            let (output, place) = init(&folder, &name, &["--offline", "--format", format], &token);
            assert_eq!(code(&output), 0, "{}", stderr(&output));
            assert!(stdout(&output).contains(said), "{}", stdout(&output));
            shows_nothing_of(&token, &output, &place);
            let table = written(&place, file);
            for (field, value) in fields.as_object().unwrap() {
                assert_eq!(&table[field], value, "{table}");
            }
            let config = format!("{place}/{file}");
            let explained = edge_assay(&["explain", "--config", &config, "--jwks", &jwks], &token);
            assert_eq!(code(&explained), 0, "{}", stdout(&explained));
        }
    }
}

#[test]
fn a_token_with_a_shared_secret_says_which_secret_to_put_and_verifies_with_it() {
    let folder = Folder::new("init-secret");
    for (index, (iss, binding, algorithm)) in [
        ("https://abc.supabase.co/auth/v1", "SUPABASE_JWT_SECRET", Algorithm::Hs256),
        ("https://id.example.com", "ISSUER_JWT_SECRET", Algorithm::Hs256),
    ]
    .into_iter()
    .enumerate()
    {
        let token = tokens::mint_with_secret(
            algorithm,
            SECRET,
            &json!({}),
            &claims(iss, &json!({ "aud": "authenticated" })),
        );
        let (output, place) = init(&folder, &index.to_string(), &[], &token);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(
            stdout(&output).contains(&format!("npx wrangler secret put {binding}")),
            "{}",
            stdout(&output)
        );
        assert!(read(&place, ".dev.vars").contains(&format!("# {binding}=")));
        shows_nothing_of(&token, &output, &place);
        let config = format!("{place}/wrangler.toml");
        let unbound = stdout(&edge_assay(&["check", &config], ""));
        let advice = "it is not bound; set it with `npx wrangler secret put <its name>` (`wrangler dev`: in .dev.vars)";
        assert!(unbound.contains(&format!("{binding}: {advice}")), "{unbound}");
        std::fs::write(
            format!("{place}/.dev.vars"),
            format!("{binding}={}\n", String::from_utf8_lossy(SECRET)),
        )
        .unwrap();
        assert_eq!(code(&edge_assay(&["check", &config], "")), 0);
        let explained = edge_assay(&["explain", "--config", &config], &token);
        assert_eq!(code(&explained), 0, "{}", stdout(&explained));
    }
}

#[test]
fn a_token_of_a_class_that_is_not_for_apis_is_named_and_stays_refused() {
    let folder = Folder::new("init-class");
    let jwks = folder.file("keys.json", &keys::published(&[keys::for_algorithm(Algorithm::Rs256)]));
    let pool = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc";
    for (index, (iss, more, said, status, audience)) in [
        (
            pool,
            json!({ "token_use": "access", "client_id": "app" }),
            "access token (`access`)",
            0,
            json!({ "any_of": ["app"] }),
        ),
        (
            pool,
            json!({ "token_use": "id", "aud": "app" }),
            "ID token (`id`)",
            1,
            json!({ "any_of": ["app"] }),
        ),
        (
            "https://words-1.clerk.accounts.dev",
            json!({ "sub": "mch_1" }),
            "machine-to-machine token (`machine`)",
            1,
            json!("unchecked"),
        ),
        // Session tokens do not have the `aud` of a machine's.
        (
            "https://words-1.clerk.accounts.dev",
            json!({ "sub": "mch_1", "aud": "mch_2" }),
            "machine-to-machine token (`machine`)",
            1,
            json!("unchecked"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let token = tokens::mint(Algorithm::Rs256, &json!({}), &claims(iss, &more));
        let (output, place) = init(&folder, &index.to_string(), &["--offline"], &token);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(stdout(&output).contains(said), "{}", stdout(&output));
        assert_eq!(
            stderr(&output).contains("of a class that the preset refuses"),
            status == 1,
            "{}",
            stderr(&output)
        );
        let table = written(&place, "wrangler.toml");
        assert_eq!((&table["audience"], table.get("classes")), (&audience, None));
        let config = format!("{place}/wrangler.toml");
        let explained = edge_assay(&["explain", "--config", &config, "--jwks", &jwks], &token);
        assert_eq!(code(&explained), status, "{}", stdout(&explained));
    }
}

#[test]
fn the_audience_of_a_provider_whose_tokens_all_have_the_same_needs_no_token() {
    let folder = Folder::new("init-usual");
    let bare = edge_assay(&["init", "--offline", "--issuer", "P2abcdefghijklmnopqrstuvwxyz"], "");
    assert_eq!(code(&bare), 2);
    assert!(stderr(&bare).contains("add --preset descope"), "{}", stderr(&bare));
    for (index, (issuer, audience)) in [
        ("https://api.workos.com/user_management/client_01HXYZEXAMPLE", json!("unchecked")),
        ("https://api.descope.com/P2abcdefghijklmnopqrstuvwxyz", json!("unchecked")),
        (
            "stytch.com/project-live-00000000-1111-2222-3333-444444444444",
            json!({ "any_of": ["project-live-00000000-1111-2222-3333-444444444444"] }),
        ),
        ("https://dev-1.okta.com/oauth2/default", json!({ "any_of": ["api://default"] })),
    ]
    .into_iter()
    .enumerate()
    {
        let place = folder.0.join(index.to_string());
        let place = place.to_str().unwrap();
        let output = edge_assay(&["init", "--offline", "--issuer", issuer, "--dir", place], "");
        assert_eq!((code(&output), &written(place, "wrangler.toml")["audience"]), (0, &audience), "{issuer}");
        let checked = edge_assay(&["check", &format!("{place}/wrangler.toml")], "");
        assert_eq!((code(&checked), stdout(&checked).contains("not a URL")), (0, false), "{issuer}");
    }
    // An issuer without its scheme is none of a provider's.
    let text = "[[issuers]]\nissuer = \"words-1.clerk.accounts.dev\"\njwks_uri = \"https://a.example/jwks\"\naudience = \"unchecked\"\n";
    let checked = edge_assay(&["check", &folder.file("assay.toml", text)], "");
    assert!(stdout(&checked).contains("this is not a URL"), "{}", stdout(&checked));
}

#[test]
fn the_domain_of_cognitos_sign_in_pages_is_no_issuer() {
    let folder = Folder::new("init-cognito");
    let place = folder.0.join("project");
    let place = place.to_str().unwrap();
    let issuer = "https://my-app.auth.eu-west-1.amazoncognito.com";
    let output = edge_assay(&["init", "--offline", "--issuer", issuer, "--dir", place], "");
    assert_ne!(code(&output), 0);
    let said = stderr(&output);
    assert!(said.contains("the domain of the hosted UI (amazoncognito.com) is not the issuer"), "{said}");
    assert!(!folder.0.join("project/wrangler.toml").exists());
}

#[test]
fn an_issuer_for_several_tenants_needs_their_ids() {
    const ISSUER: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
    const ONE: &str = "11111111-2222-3333-4444-555555555555";
    let folder = Folder::new("init-tenants");
    let run = |name: &str, more: &[&str]| {
        let place = folder.0.join(name).to_str().unwrap().to_owned();
        let all = [&["init", "--offline", "--audience", "api", "--dir", &place], more].concat();
        (edge_assay(&all, ""), place)
    };
    for (name, more, tenants) in [
        ("one", vec!["--issuer", ISSUER, "--tenant", ONE], json!([ONE])),
        ("any", vec!["--issuer", ISSUER, "--tenant", "any"], json!("any")),
    ] {
        let (output, place) = run(name, &more);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert_eq!(written(&place, "wrangler.toml")["tenants"], tenants);
    }
    let common = "https://login.microsoftonline.com/common/v2.0";
    let single = format!("https://login.microsoftonline.com/{ONE}/v2.0");
    for (more, status, said) in [
        (vec!["--issuer", ISSUER], 2, "--tenant any"),
        (vec!["--issuer", &single, "--tenant", ONE], 2, "only for an issuer with {tenantid}"),
        (vec!["--issuer", ISSUER, "--tenant", "contoso"], 1, "GUIDs in lower case"),
        (vec!["--issuer", common], 1, "As --issuer, write the tenant's ID"),
    ] {
        let (output, _) = run("refused", &more);
        assert_eq!(code(&output), status, "{more:?}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
}

#[test]
fn an_audience_that_is_not_known_is_a_placeholder_that_accepts_nothing() {
    let folder = Folder::new("init-unknown");
    let jwks = folder.file("keys.json", &keys::published(&[keys::for_algorithm(Algorithm::Rs256)]));
    let place = folder.0.join("project");
    let place = place.to_str().unwrap();
    let output = edge_assay(&["init", "--offline", "--issuer", "https://id.example.com", "--dir", place], "");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains("the audience is not known, so no token is accepted yet"));
    assert_eq!(
        written(place, "wrangler.toml")["audience"],
        json!({ "any_of": ["write-the-aud-of-your-tokens-here"] })
    );
    let checked = edge_assay(&["check", &format!("{place}/wrangler.toml")], "");
    assert!(stdout(&checked).contains("no token is accepted yet"), "{}", stdout(&checked));
    for more in [json!({}), json!({ "aud": "api" })] {
        let token = tokens::mint(Algorithm::Rs256, &json!({}), &claims("https://id.example.com", &more));
        let config = format!("{place}/wrangler.toml");
        let explained = edge_assay(&["explain", "--config", &config, "--jwks", &jwks], &token);
        assert_eq!(code(&explained), 1, "{}", stdout(&explained));
    }
}

#[test]
fn existing_files_are_replaced_only_with_force_and_secrets_never() {
    let folder = Folder::new("init-force");
    let place = folder.0.to_str().unwrap();
    let run = |more: &[&str]| {
        let all =
            [&["init", "--offline", "--issuer", "https://words-1.clerk.accounts.dev", "--dir", place], more]
                .concat();
        edge_assay(&all, "")
    };
    std::fs::create_dir_all(folder.0.join("src")).unwrap();
    for (file, text) in
        [("wrangler.toml", "mine = 1\n"), ("src/index.js", "mine\n"), (".dev.vars", "MINE=1\n")]
    {
        std::fs::write(folder.0.join(file), text).unwrap();
    }
    let refused = run(&[]);
    assert_eq!((code(&refused), read(place, "wrangler.toml").as_str()), (1, "mine = 1\n"));
    assert!(stderr(&refused).contains("[[vars.ASSAY.issuers]]"), "{}", stderr(&refused));
    // Another file of wrangler's would hide this one, or be hidden.
    let refused = run(&["--force", "--format", "jsonc"]);
    assert_eq!(code(&refused), 1, "{}", stdout(&refused));
    assert!(stderr(&refused).contains("--force replaces only wrangler.jsonc"), "{}", stderr(&refused));
    assert_eq!(
        (read(place, "wrangler.toml").as_str(), read(place, "src/index.js").as_str()),
        ("mine = 1\n", "mine\n")
    );
    let replaced = run(&["--force"]);
    assert_eq!(code(&replaced), 0, "{}", stderr(&replaced));
    assert!(
        read(place, "wrangler.toml").contains("preset = \"clerk\"")
            && !read(place, "wrangler.toml").contains("mine")
    );
    assert!(read(place, "src/index.js").contains("edge-assay"));
    assert_eq!(read(place, ".dev.vars"), "MINE=1\n");
    // The second one is the same: nothing is appended.
    let first = read(place, "wrangler.toml");
    assert_eq!((code(&run(&["--force"])), read(place, "wrangler.toml")), (0, first));
}

#[cfg(unix)]
#[test]
fn force_writes_through_no_link() {
    let folder = Folder::new("init-link");
    let target = folder.file("target", "mine\n");
    std::os::unix::fs::symlink(&target, folder.0.join("wrangler.toml")).unwrap();
    let place = folder.0.to_str().unwrap();
    let arguments =
        ["init", "--offline", "--force", "--issuer", "https://words-1.clerk.accounts.dev", "--dir", place];
    let output = edge_assay(&arguments, "");
    assert_eq!(code(&output), 1, "{}", stdout(&output));
    assert!(stderr(&output).contains("is a symbolic link"), "{}", stderr(&output));
    assert_eq!(read(place, "target"), "mine\n");
}

/// A token with these members, which nothing has signed.
fn forged(header: &Value, claims: &Value) -> String {
    tokens::sealed(&header.to_string(), &claims.to_string(), |_| vec![1; 64])
}

#[test]
fn what_is_no_token_is_refused_in_words() {
    let folder = Folder::new("init-no-token");
    let long = "a".repeat(70_000);
    for (what, text, said) in [
        ("nothing", String::new(), "standard input is empty"),
        ("a word", "hello".to_owned(), "no dots"),
        ("an opaque token", "sb_secret_abc".to_owned(), "no dots"),
        ("an access token of Google", "ya29.a0Af-x".to_owned(), "Pass the ID token"),
        ("null", "null".to_owned(), "This is no token"),
        (
            "an API key of Supabase",
            forged(&json!({ "alg": "HS256" }), &json!({ "iss": "supabase", "role": "anon", "ref": "abc" })),
            "session's access_token",
        ),
        (
            "a refresh token of Keycloak",
            forged(
                &json!({ "alg": "HS512" }),
                &json!({ "iss": "https://id.example.com/realms/acme", "typ": "Refresh", "sub": "u" }),
            ),
            "This is a Keycloak refresh token",
        ),
        ("five segments", "eyJh.eyJh.eyJh.eyJh.eyJh".to_owned(), "encrypted"),
        ("four segments", "a.b.c.d".to_owned(), "4 segments"),
        ("no JSON", "a.b.c".to_owned(), "its header is not a JSON object"),
        (
            "a payload that is no object",
            forged(&json!({ "alg": "RS256" }), &json!([1])),
            "its payload is not",
        ),
        ("no alg", forged(&json!({}), &json!({ "iss": "https://a.example" })), "has no `alg`"),
        (
            "alg none",
            forged(&json!({ "alg": "none" }), &json!({ "iss": "https://a.example" })),
            "does not support",
        ),
        ("no iss", forged(&json!({ "alg": "RS256" }), &json!({ "sub": "x" })), "has no `iss`"),
        ("an iss that is a number", forged(&json!({ "alg": "RS256" }), &json!({ "iss": 7 })), "has no `iss`"),
        (
            "an iss that is no URL",
            forged(&json!({ "alg": "RS256" }), &json!({ "iss": "privy.io" })),
            "is not an https URL",
        ),
        (
            "an http iss",
            forged(&json!({ "alg": "RS256" }), &json!({ "iss": "http://a.example" })),
            "is not an https URL",
        ),
        (
            "a token that is too long",
            forged(&json!({ "alg": "RS256" }), &json!({ "iss": "https://a.example", "x": long })),
            "bytes",
        ),
        (
            "an iss that is too long",
            forged(
                &json!({ "alg": "RS256" }),
                &json!({ "iss": format!("https://a.example/{}", "a".repeat(2000)) }),
            ),
            "too long",
        ),
    ] {
        let (output, place) = init(&folder, "project", &["--offline"], &text);
        assert_eq!(code(&output), 1, "{what}: {}{}", stdout(&output), stderr(&output));
        assert!(stderr(&output).contains(said), "{what}: {}", stderr(&output));
        assert!(stderr(&output).contains("Nothing was written") && stdout(&output).is_empty(), "{what}");
        assert!(!std::path::Path::new(&place).exists(), "{what}");
        shows_nothing_of(&text, &output, &place);
    }
    // More than any token is not read to its end.
    let (output, _) = init(&folder, "project", &["--offline"], &"a".repeat(5_000_000));
    assert_eq!(code(&output), 2);
    // A token as an argument is not repeated.
    let token = forged(&json!({ "alg": "RS256" }), &json!({ "iss": "https://a.example" }));
    for arguments in
        [&["init", "--token", &token][..], &["init", &format!("--token={token}")], &["init", &token]]
    {
        let output = edge_assay(arguments, "");
        assert_eq!(code(&output), 2);
        assert!(!stderr(&output).contains(&token), "{}", stderr(&output));
    }
}

#[test]
fn a_hostile_token_adds_nothing_to_the_configuration_or_to_the_terminal() {
    let folder = Folder::new("init-hostile");
    let toml = "\"]\n[vars.ASSAY.explain]\naccess = \"open\"\n#";
    let jsonc = "\"} ] , \"explain\": { \"access\": \"open\" }, //";
    let escape = "\u{1b}]0;owned\u{7}\u{1b}[2J";
    let hidden = "api\u{202e}\u{200b}";
    let quote = r#"a"b\c'd"#;
    let texts =
        [toml, jsonc, escape, hidden, quote, "\u{7f}", "*/", "--", "$(touch x)", "`touch x`", "{{name}}"];
    let good = "https://words-1.clerk.accounts.dev";
    let mut cases: Vec<(Value, Value)> = Vec::new();
    for text in texts {
        let rs256 = |more: &Value| {
            let mut header = json!({ "alg": "RS256" });
            header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            header
        };
        cases.push((rs256(&json!({})), json!({ "iss": format!("{good}/{text}") })));
        cases.push((rs256(&json!({})), json!({ "iss": text })));
        cases.push((rs256(&json!({})), json!({ "iss": good, "aud": text })));
        cases.push((rs256(&json!({})), json!({ "iss": good, "aud": [text, "api", text] })));
        cases.push((rs256(&json!({})), json!({ "iss": good, "aud": { text: text } })));
        cases.push((rs256(&json!({})), json!({ "iss": good, "azp": text })));
        cases.push((rs256(&json!({ "kid": text })), json!({ "iss": good })));
        cases.push((rs256(&json!({ "typ": text })), json!({ "iss": good })));
        cases.push((json!({ "alg": text }), json!({ "iss": good })));
        cases.push((
            rs256(&json!({ "jku": text, "jwk": { "kty": text } })),
            json!({ "iss": good, "scope": text, text: text }),
        ));
    }
    cases.push((json!({ "alg": "RS256" }), json!({ "iss": good, "aud": vec!["x"; 20_000] })));
    let (mut accepted, mut refused) = (0, 0);
    for (index, (header, claims)) in cases.iter().enumerate() {
        let token = forged(header, claims);
        let (format, file) =
            if index % 2 == 0 { ("toml", "wrangler.toml") } else { ("jsonc", "wrangler.jsonc") };
        let (output, place) = init(&folder, &index.to_string(), &["--offline", "--format", format], &token);
        let mut said = stdout(&output);
        write!(said, "{}", stderr(&output)).unwrap();
        assert!(
            !said.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}' || c == '\u{200b}')),
            "{said:?}"
        );
        assert!(!said.contains("\naccess = "), "{said}");
        if code(&output) != 0 {
            assert_eq!(code(&output), 1, "{said}");
            assert!(!std::path::Path::new(&place).exists());
            refused += 1;
            continue;
        }
        accepted += 1;
        // Nothing but the issuer's table and the settings that ship is in it.
        let text = edge_assay(&["check", &format!("{place}/{file}"), "--record"], "");
        assert_eq!(code(&text), 0, "{}", stderr(&text));
        let record: Value = serde_json::from_str(&stdout(&text)).unwrap();
        let members: Vec<&String> = record.as_object().unwrap().keys().collect();
        assert_eq!(members, ["issuers", "jwks", "verify"], "{record}");
        let table = &record["issuers"][0];
        assert_eq!((&table["issuer"], record["issuers"].as_array().unwrap().len()), (&claims["iss"], 1));
        let known = ["algorithms", "audience", "authorized_parties", "issuer", "preset", "types"];
        assert!(table.as_object().unwrap().keys().all(|name| known.contains(&name.as_str())), "{table}");
    }
    assert!(accepted > 30 && refused > 20, "{accepted} accepted, {refused} refused");
}
