//! The command line as a person or a script uses it: its output and its exit codes.
//!
//! The tests run the native binary, or the WebAssembly under Node if `EDGE_ASSAY_MAIN_JS` names `main.js`:
//! `tests/workerd/command-line.test.mjs` runs them so.

#![allow(
    clippy::arithmetic_side_effects,
    // The command line reads the real clock, so its tests do, too.
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

#[path = "../../../tests/native/support"]
mod support {
    // The tests of the Worker use more of both.
    #![allow(dead_code, missing_docs, unreachable_pub, clippy::must_use_candidate)]

    pub mod keys;
    pub mod tokens;
}

#[path = "cli/configurations.rs"]
mod configurations;
#[path = "cli/init.rs"]
mod init;

use edge_assay::jose::Algorithm;
use serde_json::{Value, json};
use support::{keys, tokens};

const ISSUER: &str = "https://sincere-cheetah-30.clerk.accounts.dev";

/// A folder for one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("edge-assay-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// The command under test, without arguments.
fn command() -> Command {
    match std::env::var_os("EDGE_ASSAY_MAIN_JS") {
        None => Command::new(env!("CARGO_BIN_EXE_edge-assay")),
        Some(script) => {
            let mut node = Command::new("node");
            node.arg(script);
            node
        }
    }
}

fn edge_assay(arguments: &[&str], input: &str) -> Output {
    let mut child = command()
        .args(arguments)
        .env("EXPLAIN_KEY", "the key")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // After a wrong call the command ends without reading its input.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn configuration(extra: &str) -> String {
    format!(
        "[[vars.ASSAY.issuers]]\nissuer = \"{ISSUER}\"\npreset = \"clerk\"\naudience = \"unchecked\"\n{extra}"
    )
}

/// A token of the Clerk instance that expires `seconds` from now.
fn token(seconds: i64) -> String {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    tokens::mint(
        Algorithm::Rs256,
        &json!({}),
        &json!({ "iss": ISSUER, "sub": "user_1", "iat": now - 3600, "exp": now + seconds }),
    )
}

fn key_file(folder: &Folder) -> String {
    folder.file("keys.json", &keys::published(&[keys::for_algorithm(Algorithm::Rs256)]))
}

#[test]
fn a_good_token_is_accepted_with_exit_code_0() {
    let folder = Folder::new("good");
    let (config, jwks) = (folder.file("wrangler.toml", &configuration("")), key_file(&folder));
    let token = token(600);
    let file = folder.file("token.txt", &format!("Authorization: Bearer {token}\n"));
    let common = ["explain", "--config", &config, "--jwks", &jwks];
    for (arguments, input) in [(&[][..], token.as_str()), (&["-"], &token), (&["--token-file", &file], "")] {
        let output = edge_assay(&[&common[..], arguments].concat(), input);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(stdout(&output).starts_with("Accepted"));
        // Redirected output has no colour, and no report holds the token.
        assert!(!stdout(&output).contains('\u{1b}'));
        assert!(!stdout(&output).contains(token.rsplit('.').next().unwrap()));
    }
}

#[test]
fn a_refused_token_has_exit_code_1_and_its_cause_in_json() {
    let folder = Folder::new("refused");
    let (config, jwks) = (folder.file("wrangler.toml", &configuration("")), key_file(&folder));
    let output = edge_assay(&["explain", "--config", &config, "--jwks", &jwks, "--json"], &token(-600));
    assert_eq!(code(&output), 1);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(report["verdict"], "refused");
    assert_eq!(report["cause"]["id"], "expired");
    assert_eq!(report["code"], "token_expired");

    let output = edge_assay(&["explain", "-", "--config", &config, "--json"], "Authorization: Bearer null\n");
    assert_eq!(code(&output), 1);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(report["cause"]["id"], "literal_null");
}

/// The folder of the repository.
fn root() -> PathBuf {
    let mut folders = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    folders.find(|folder| folder.join("examples/incidents").exists()).unwrap().to_owned()
}

#[test]
fn the_example_for_ci_ends_with_the_first_command_that_fails() {
    let folder = Folder::new("before-deploy");
    let program = match std::env::var("EDGE_ASSAY_MAIN_JS") {
        Ok(script) => format!("node {script}"),
        Err(_) => env!("CARGO_BIN_EXE_edge-assay").to_owned(),
    };
    let good = folder.file("good.toml", &configuration(""));
    let faulty = folder.file("faulty.toml", &configuration("audiences = []\n"));
    let keys = stdout(&edge_assay(&["keys", "new"], ""));
    let run = |config: &str, keys: &str, token: &str| {
        Command::new("sh")
            .arg(root().join("examples/command-line/before-deploy.sh"))
            .arg(config)
            .env("EDGE_ASSAY", &program)
            .env("SIGNING_KEYS", keys)
            .env("TOKEN", token)
            .output()
            .unwrap()
    };
    for (config, keys, token, status, said) in [
        (&good, "", "", 0, "has no faults"),
        (&good, keys.as_str(), "", 0, "active, signs now"),
        (&faulty, keys.as_str(), "null", 1, "issuers[0].audiences"),
        (&good, "{", "null", 1, "has no faults"),
        (&good, keys.as_str(), "null", 1, "the word \"null\""),
    ] {
        let output = run(config, keys, token);
        assert_eq!(code(&output), status, "{said}: {}{}", stdout(&output), stderr(&output));
        assert!(stdout(&output).contains(said), "{said}: {}", stdout(&output));
        assert_eq!(stdout(&output).contains("null"), said.contains("null"), "nothing runs after a failure");
    }
}

#[test]
fn each_incident_has_a_command_that_names_the_cause() {
    let root = root();
    let page = std::fs::read_to_string(root.join("examples/incidents/README.md")).unwrap();
    let folder = Folder::new("incidents");
    let algorithms = [Algorithm::Rs256, Algorithm::EdDsa];
    let jwks = folder.file("keys.json", &keys::published(&algorithms.map(keys::for_algorithm)));
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let claims = |iss: &str, further: &Value| {
        let mut claims = json!({ "iss": iss, "sub": "user_1", "iat": now, "exp": now + 600 });
        claims.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        claims
    };
    let clerk =
        |iss: &str, further: Value| tokens::mint(Algorithm::Rs256, &json!({}), &claims(iss, &further));
    let waveflow = |further: Value| {
        let mut claims = claims("https://waveflow.example.com", &further);
        claims["aud"] = json!("https://waveflow.example.com");
        tokens::mint(Algorithm::EdDsa, &json!({}), &claims)
    };
    let shared = |iss: &str, further: Value| {
        let header = json!({ "kid": "0TRLgU4IVDYEpL98" });
        tokens::mint_with_secret(Algorithm::Hs256, &[7; 32], &header, &claims(iss, &further))
    };
    let development = "https://clerk.development.example.com";
    let session = || json!({ "sid": "sess_1", "v": 2, "azp": "http://localhost:5173" });
    let template = || json!({ "aud": "backend", "user_id": "user_1" });
    for (name, token, cause) in [
        ("1-clerk-to-fireproof", clerk(development, session()), "accepted"),
        ("1-clerk-to-fireproof", clerk(development, json!({ "azp": "http://x" })), "authorized_party_other"),
        (
            "2-supabase-command-line",
            shared("https://supabase.example.com/auth/v1", json!({ "aud": "authenticated" })),
            "shared_secret_absent",
        ),
        ("3-go-backend", clerk("https://clerk.example.com", session()), "accepted"),
        ("3-go-backend", shared("https://clerk.example.com", session()), "shared_secret_absent"),
        ("4-fastapi-backend", clerk("https://clerk.example.com", template()), "accepted"),
        ("4-fastapi-backend", clerk("https://clerk.example.com", session()), "session_token_not_template"),
        ("4-fastapi-backend", "null".to_owned(), "literal_null"),
        ("5-waveflow", waveflow(json!({ "scope": "profiles:read" })), "accepted"),
        ("5-waveflow", waveflow(json!({ "exp": now - 600 })), "expired"),
        ("5-waveflow", waveflow(json!({})), "scope_insufficient"),
    ] {
        let config = format!("examples/incidents/{name}.toml");
        assert!(page.contains(&format!("npx edge-assay explain --config {config} < token.txt\n")), "{name}");
        if !["accepted", "expired", "scope_insufficient", "authorized_party_other"].contains(&cause) {
            assert!(page.contains(&format!("`{cause}`")), "the page does not name {cause}");
        }
        let path = root.join(&config);
        let output =
            edge_assay(&["explain", "--config", path.to_str().unwrap(), "--jwks", &jwks, "--json"], &token);
        let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(report["cause"]["id"], cause, "{name}: {report}");
        assert_eq!(code(&output), i32::from(cause != "accepted"), "{name}");
    }
}

#[test]
fn a_token_is_no_argument_and_the_message_shows_the_same_call_without_it() {
    let folder = Folder::new("argument");
    let (config, jwks) = (folder.file("wrangler.toml", &configuration("")), key_file(&folder));
    let secret = token(600);
    for arguments in [
        &["explain", &secret, "--config", &config, "--jwks", &jwks][..],
        &["explain", "--config", &config, "--jwks", &jwks, &secret],
        &["explain", "--config", &config, "--jwks", &jwks, &format!("--token={secret}")],
        &["explain", "--config", &config, &secret, &secret],
    ] {
        let output = edge_assay(arguments, "");
        assert_eq!((code(&output), stdout(&output)), (2, String::new()));
        assert!(!stderr(&output).contains(&secret), "{arguments:?}");
    }
    let shown = stderr(&edge_assay(&["explain", &secret, "--jwks", &jwks, "--config", &config], ""));
    let rest = format!("--jwks {jwks} --config {config}\n");
    assert!(shown.contains(&format!("printf %s \"$TOKEN\" | npx edge-assay explain - {rest}")), "{shown}");
    assert!(shown.contains(&format!("  npx edge-assay explain --token-file token.txt {rest}")), "{shown}");
}

#[test]
fn an_empty_input_is_named_because_a_shell_without_the_variable_sends_that() {
    let folder = Folder::new("empty");
    let config = folder.file("wrangler.toml", &configuration(""));
    let explain = |input, more: &[&str]| {
        let output = edge_assay(&[&["explain", "--config", &config], more].concat(), input);
        assert_eq!(code(&output), 1);
        stderr(&output)
    };
    for input in ["", "\n"] {
        assert!(explain(input, &[]).contains("standard input is empty"), "{input:?}");
    }
    assert_eq!(explain("null", &[]), "");
    assert_eq!(explain("", &["--method", "OPTIONS", "--path", "/"]), "", "a preflight has no token");
}

#[test]
fn a_token_is_sent_only_to_a_worker_with_https_or_on_this_machine() {
    let output = edge_assay(&["explain", "-", "--online", "http://auth.example.com"], "a.b.c");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("loopback hosts only"), "{}", stderr(&output));
}

#[test]
fn each_subcommand_shows_its_help() {
    for arguments in [
        ["explain", "--help"],
        ["explain", "-h"],
        ["check", "--help"],
        ["keys", "--help"],
        ["init", "--help"],
    ] {
        let output = edge_assay(&arguments, "");
        assert_eq!(code(&output), 0, "{arguments:?}");
        assert!(stdout(&output).contains(&format!("edge-assay {}", arguments[0])), "{arguments:?}");
    }
}

#[test]
fn a_wrong_call_has_exit_code_2_and_shows_the_usage() {
    for arguments in [
        &["explain", "--colour"][..],
        &["explain", "--config"],
        &["explain", "a", "b"],
        &["explain", "-", "--config", "/nowhere/wrangler.toml"],
        &["explain", "-", "--token-file", "/nowhere/token.txt"],
        &["explain", "--token-file", "/nowhere/token.txt"],
        &["explain", "-", "--jwks", "k", "--online", "http://127.0.0.1:1"],
        &["check", "/nowhere/wrangler.toml"],
        &["assay"],
        &[],
    ] {
        let output = edge_assay(arguments, "");
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains("Usage"), "{arguments:?}");
    }
}

#[test]
fn check_lists_every_fault_with_exit_code_1_and_says_what_the_shipped_wrangler_toml_lacks() {
    let folder = Folder::new("check");
    let faulty = folder.file("wrangler.toml", &configuration("audiences = []\nmax_age_seconds = \"1h\"\n"));
    let output = edge_assay(&["check", &faulty], "");
    assert_eq!(code(&output), 1);
    for path in ["issuers[0].audiences", "issuers[0].max_age_seconds"] {
        assert!(stdout(&output).contains(path), "{}", stdout(&output));
    }
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wrangler.toml");
    let output = edge_assay(&["check", shipped], "");
    assert_eq!(code(&output), 1);
    assert!(stdout(&output).contains("[[vars.ASSAY.issuers]]"), "{}", stdout(&output));
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/clerk.toml");
    assert_eq!(code(&edge_assay(&["check", example], "")), 0);
}

/// Answers one request on loopback. The thread returns the request.
fn answering(status: &'static str, body: String) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let length = stream.read(&mut chunk).unwrap();
            request.extend_from_slice(&chunk[..length]);
            let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
            let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
            let announced = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            if rest.len() >= announced.map_or(0, |length| length.trim().parse().unwrap()) {
                break;
            }
        }
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        String::from_utf8(request).unwrap()
    });
    (url, asked)
}

#[test]
fn check_online_fetches_each_issuers_keys() {
    let folder = Folder::new("online");
    let (url, asked) = answering("200 OK", keys::published(&[keys::for_algorithm(Algorithm::Rs256)]));
    let config = folder.file("wrangler.toml", &configuration(&format!("jwks_uri = \"{url}/jwks\"\n")));
    let output = edge_assay(&["check", &config, "--online"], "");
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert!(stdout(&output).contains("1 usable key\n"));
    assert!(asked.join().unwrap().starts_with("GET /jwks "));

    let (url, asked) = answering("503 Service Unavailable", String::new());
    let config = folder.file("wrangler.toml", &configuration(&format!("jwks_uri = \"{url}/jwks\"\n")));
    let output = edge_assay(&["check", &config, "--online"], "");
    assert_eq!(code(&output), 1);
    assert!(stdout(&output).contains(&format!("must answer at {url}/jwks")), "{}", stdout(&output));
    asked.join().unwrap();

    let (url, asked) = answering("503 Service Unavailable", String::new());
    let issuer =
        format!("[[vars.ASSAY.issuers]]\nissuer = \"{url}\"\npreset = \"oidc\"\naudience = \"unchecked\"\n");
    let said = stdout(&edge_assay(&["check", &folder.file("wrangler.toml", &issuer), "--online"], ""));
    let document = format!("must answer at {url}/.well-known/openid-configuration: open that URL");
    assert!(said.contains(&document), "{said}");
    asked.join().unwrap();

    let (url, asked) = answering("200 OK", "<html>".to_owned());
    let config = folder.file("wrangler.toml", &configuration(&format!("jwks_uri = \"{url}/jwks\"\n")));
    let output = edge_assay(&["check", &config, "--online"], "");
    assert_eq!(code(&output), 1);
    assert!(stdout(&output).contains("jwks_uri = \"https://"), "{}", stdout(&output));
    asked.join().unwrap();
}

#[test]
fn explain_online_sends_the_token_in_the_body_and_the_key_in_a_header() {
    let report = json!({ "verdict": "accepted", "cause": { "id": "accepted" } });
    let (url, asked) = answering("200 OK", report.to_string());
    let output = edge_assay(&["explain", "-", "--online", &url, "--json"], "a.b.c\n");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let request = asked.join().unwrap();
    assert!(request.starts_with("POST /explain "));
    assert!(request.to_ascii_lowercase().contains("x-explain-key: the key"));
    assert!(request.ends_with(r#"{"token":"a.b.c"}"#));

    let (url, asked) = answering("401 Unauthorized", String::new());
    let output = edge_assay(&["explain", "-", "--online", &url], "a.b.c");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("EXPLAIN_KEY"));
    asked.join().unwrap();

    // A route of the gateway answers, because the URL lacks the prefix of the endpoints.
    let of_a_route = r#"{"code":"token_missing","detail":"no token was sent"}"#;
    for (status, body) in [("401 Unauthorized", of_a_route), ("404 Not Found", "")] {
        let (url, asked) = answering(status, body.to_owned());
        let said = stderr(&edge_assay(&["explain", "-", "--online", &url], "a.b.c"));
        assert!(said.contains("endpoints.prefix") && !said.contains("EXPLAIN_KEY"), "{said}");
        asked.join().unwrap();
    }
}

/// The private members in the text of a set of keys.
fn private(text: &str) -> Vec<String> {
    let set: Value = serde_json::from_str(text).unwrap();
    set["keys"].as_array().unwrap().iter().map(|key| key["d"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn keys_are_made_rotated_once_and_kept_while_tokens_need_them() {
    let folder = Folder::new("keys");
    let file = folder.0.join("signing-keys.json");
    let path = file.to_str().unwrap();
    let keys = |arguments: &[&str]| edge_assay(&[&["keys"], arguments, &["--file", path]].concat(), "");
    let made = keys(&["new"]);
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    assert!(stderr(&made).contains("npx wrangler secret put SIGNING_KEYS <"));
    let first = std::fs::read_to_string(&file).unwrap();
    let kid = serde_json::from_str::<Value>(&first).unwrap()["keys"][0]["kid"].as_str().unwrap().to_owned();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // A second first set would invalidate the tokens of the first.
    assert_eq!(code(&keys(&["new"])), 1);
    let checked = keys(&["check"]);
    assert_eq!((code(&checked), stderr(&checked)), (0, String::new()));
    assert!(stdout(&checked).ends_with("Nothing is wrong.\n"), "{}", stdout(&checked));

    assert_eq!(code(&keys(&["rotate"])), 0);
    let second = std::fs::read_to_string(&file).unwrap();
    assert_eq!(private(&second).len(), 2);
    assert_eq!(private(&second)[0], private(&first)[0]);
    let again = keys(&["rotate"]);
    assert_eq!((code(&again), stderr(&again).contains("already has a successor")), (1, true));
    let dropped = keys(&["rotate", "--drop", &kid]);
    assert_eq!((code(&dropped), stderr(&dropped).contains("tokens that it signed may be valid")), (1, true));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), second);

    let listed = keys(&["list"]);
    assert!(stdout(&listed).contains(&kid) && stdout(&listed).contains("scheduled"));
    assert_eq!(stderr(&listed), "");
    assert_eq!(code(&keys(&["rotate", "--revoke", &kid])), 0);
    let third = std::fs::read_to_string(&file).unwrap();
    assert!(!third.contains(&kid));
    // No message contains a private key.
    for output in [made, again, dropped, listed] {
        for text in [&first, &second, &third] {
            for member in private(text) {
                assert!(!stderr(&output).contains(&member) && !stdout(&output).contains(&member));
            }
        }
    }
}

#[test]
fn the_faults_of_a_set_of_keys_go_to_standard_output() {
    let made = edge_assay(&["keys", "new", "--period-days", "10"], "");
    let checked = edge_assay(&["keys", "check"], &stdout(&made));
    assert_eq!((code(&checked), stderr(&checked)), (1, String::new()));
    assert!(stdout(&checked).contains("edge-assay keys rotate --algorithm ES256"), "{}", stdout(&checked));
    let unreadable = edge_assay(&["keys", "check"], "{");
    assert_eq!((code(&unreadable), stdout(&unreadable)), (1, String::new()));
}

/// The commands `edge-assay …` in the emergency section of the page on rotation, without comments.
fn emergency_commands() -> Vec<Vec<String>> {
    let page = include_str!("../../../docs/operations/jwks-rotation.md");
    let (_, section) = page.split_once("## Our keys, in an emergency").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let commands = section.lines().filter_map(|line| line.strip_prefix("npx edge-assay "));
    commands
        .map(|line| line.split('#').next().unwrap().split_whitespace().map(str::to_owned).collect())
        .collect()
}

#[test]
fn the_commands_of_the_emergency_page_work_as_they_stand() {
    let commands = emergency_commands();
    assert_eq!(commands.len(), 2, "{commands:?}");
    let folder = Folder::new("emergency");
    let keys = folder.0.join("signing-keys.json");
    for command in commands {
        drop(std::fs::remove_file(&keys));
        let file = keys.to_str().unwrap();
        assert_eq!(code(&edge_assay(&["keys", "new", "--file", file], "")), 0);
        assert_eq!(code(&edge_assay(&["keys", "rotate", "--file", file], "")), 0);
        let before = members(&std::fs::read_to_string(&keys).unwrap(), "kid");
        let signing = before[0].as_str().unwrap();
        // The page names an example key, and a file in the current folder.
        let arguments: Vec<&str> = command
            .iter()
            .map(|argument| match argument.as_str() {
                "signing-keys.json" => file,
                "q3W" => signing.get(..8).unwrap(),
                other => other,
            })
            .collect();
        let output = edge_assay(&arguments, "");
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let after = members(&std::fs::read_to_string(&keys).unwrap(), "kid");
        if command.contains(&"--revoke-all".to_owned()) {
            assert!(after.iter().all(|kid| !before.contains(kid)), "{after:?}");
            assert_eq!(after.len(), 1);
        } else {
            // The next key is kept and signs.
            assert_eq!(after, [before[1].clone()]);
            assert!(stderr(&output).contains("active, signs now"), "{}", stderr(&output));
        }
    }
    for mixed in [["--revoke-all", "--drop", "x"], ["--revoke-all", "--revoke", "x"]] {
        let output = edge_assay(&[&["keys", "rotate"], &mixed[..]].concat(), "{\"keys\":[]}");
        assert_eq!(code(&output), 2);
    }
    assert_eq!(code(&edge_assay(&["keys", "rotate", "--revoke-all"], "{\"keys\":[]}")), 1);
}

#[test]
fn check_looks_into_every_environment_because_they_inherit_no_vars() {
    let folder = Folder::new("environments");
    let check = |more: &str, top: &str| {
        let config = folder.file("wrangler.toml", &format!("{top}{more}"));
        let output = edge_assay(&["check", &config], "");
        (code(&output), stdout(&output))
    };
    let sound = configuration("");
    let of = |name: &str, text: &str| text.replace("vars.ASSAY", &format!("env.{name}.vars.ASSAY"));
    let (status, said) = check(&of("staging", &sound), &sound);
    assert_eq!((status, said.contains("[env.staging] has no faults")), (0, true), "{said}");
    let (status, said) = check(&of("staging", &configuration("audiences = []\n")), &sound);
    assert_eq!((status, said.contains("[env.staging] issuers[0].audiences")), (1, true), "{said}");
    let (status, said) = check("[env.staging]\nname = \"x\"\n", &sound);
    assert_eq!((status, said.contains("[[env.staging.vars.ASSAY.issuers]]")), (1, true), "{said}");
    // The whole configuration may be in environments.
    let (status, said) = check(&of("production", &sound), "");
    assert_eq!((status, said.contains("--env production")), (0, true), "{said}");
    // Each environment has its own secrets.
    let shared = "secrets = [{ binding = \"SHARED_OF_STAGING\" }]\n";
    let config = folder.file("wrangler.toml", &format!("{sound}{}", of("staging", &configuration(shared))));
    folder.file(".dev.vars", "OTHER=x\n");
    assert!(stdout(&edge_assay(&["check", &config], "")).contains("secret SHARED_OF_STAGING"));
    folder.file(".dev.vars.staging", "SHARED_OF_STAGING=0123456789abcdef0123456789abcdef\n");
    let said = stdout(&edge_assay(&["check", &config], ""));
    assert!(!said.contains("secret SHARED_OF_STAGING"), "{said}");
}

#[test]
fn a_wrangler_file_in_json_is_read_as_wrangler_reads_it() {
    let folder = Folder::new("jsonc");
    let issuers =
        format!(r#""issuers": [{{ "issuer": "{ISSUER}", "preset": "clerk", "audience": "unchecked", }}]"#);
    let text = format!(
        "\u{feff}// A comment.\n{{ \"name\": \"x\", /* and one */ \"vars\": {{ \"ASSAY\": {{ {issuers} }} }}, \"env\": {{ \"staging\": {{}}, \"live\": {{ \"vars\": {{ \"ASSAY\": {{ {issuers}, \"cros\": 1 }} }} }} }} }}"
    );
    let output = edge_assay(&["check", &folder.file("wrangler.jsonc", &text)], "");
    let said = stdout(&output);
    assert_eq!(code(&output), 1, "{said}");
    for line in [
        "wrangler.jsonc has no faults",
        "✗ env.staging has no vars.ASSAY",
        "add the object `ASSAY` to `vars` of env.staging",
        "✗ env.live cros: ",
    ] {
        assert!(said.contains(line), "{line} is not in {said}");
    }
    // Nothing in these answers is TOML.
    assert!(!said.contains("TOML"), "{said}");
    let empty = r#"{ "vars": { "ASSAY": { "issuers": [] } } }"#;
    let said = stdout(&edge_assay(&["check", &folder.file("wrangler.jsonc", empty)], ""));
    assert!(said.contains("[[vars.ASSAY.issuers]] is an object in the array vars.ASSAY.issuers"), "{said}");
    let output = edge_assay(&["explain", "--config", &folder.file("wrangler.json", &text), "--json"], "null");
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    for text in ["{'vars': {}}", "{vars: {}}", "{\"a\": 1 \"b\": 2}", "[", &"[".repeat(100_000)] {
        let output = edge_assay(&["check", &folder.file("wrangler.jsonc", text)], "");
        assert_eq!(code(&output), 2, "{}", stdout(&output));
        assert!(stderr(&output).contains("wrangler.jsonc is not JSON: "), "{}", stderr(&output));
    }
}

#[test]
fn without_a_name_the_file_is_the_one_that_wrangler_takes() {
    let folder = Folder::new("default");
    let below = folder.0.join("below");
    std::fs::create_dir_all(&below).unwrap();
    let check = |place: &std::path::Path| {
        let output = command().arg("check").current_dir(place).output().unwrap();
        (code(&output), stdout(&output), stderr(&output))
    };
    // As long as no folder above has one.
    let (status, _, error) = check(&below);
    assert_eq!(
        (status, error.contains("wrangler.json, wrangler.jsonc or wrangler.toml")),
        (2, true),
        "{error}"
    );
    std::fs::write(below.join("wrangler.toml"), configuration("")).unwrap();
    let (status, said, _) = check(&below);
    assert_eq!((status, said.contains("✓ wrangler.toml has no faults")), (0, true), "{said}");
    // wrangler looks for the next name only after it has looked into every folder above.
    folder.file("wrangler.jsonc", "{}");
    let (status, said, _) = check(&below);
    assert_eq!((status, said.starts_with("✗ ASSAY: is not set")), (1, true), "{said}");
    let text = format!(
        r#"{{ "vars": {{ "ASSAY": {{ "issuers": [{{ "issuer": "{ISSUER}", "preset": "clerk", "audience": "unchecked" }}] }} }} }}"#
    );
    folder.file("wrangler.json", &text);
    let (status, said, _) = check(&below);
    assert_eq!((status, said.contains("wrangler.json has no faults")), (0, true), "{said}");
    let (status, said, _) = check(&folder.0);
    assert_eq!((status, said.contains("✓ wrangler.json has no faults")), (0, true), "{said}");
}

#[test]
fn input_without_an_end_is_refused_and_so_are_files_that_are_no_text() {
    let folder = Folder::new("input");
    let large = folder.file("large.toml", &"#".repeat(4 * 1024 * 1024 + 1));
    for (file, reason) in
        [(large.as_str(), "it is larger than 4 MiB"), (folder.0.to_str().unwrap(), "it is a folder")]
    {
        let output = edge_assay(&["check", file], "");
        assert_eq!((code(&output), stderr(&output).contains(reason)), (2, true), "{}", stderr(&output));
    }
    std::fs::write(folder.0.join("latin1.toml"), b"# caf\xe9\n").unwrap();
    let output = edge_assay(&["check", folder.0.join("latin1.toml").to_str().unwrap()], "");
    assert_eq!((code(&output), stderr(&output).contains("it is not UTF-8 text")), (2, true));
    // Names in a file do not control the terminal.
    let text = "[env.\"\\u001b[31mred\"]\nname = \"x\"\n";
    let output = edge_assay(&["check", &folder.file("wrangler.toml", text)], "");
    assert!(!stdout(&output).contains('\u{1b}') && stdout(&output).contains("\u{fffd}[31mred"));
}

#[cfg(unix)]
#[test]
fn a_reader_that_ends_early_changes_no_exit_code_unless_keys_would_be_lost() {
    let folder = Folder::new("pipe");
    let config = folder.file("wrangler.toml", &configuration("audiences = []\n"));
    let run = |arguments: &[&str]| {
        // The reader has ended before the command begins, so no write of the command succeeds.
        let (reader, output) = std::io::pipe().unwrap();
        drop(reader);
        command().args(arguments).stdin(Stdio::null()).stdout(output).status().unwrap().code().unwrap()
    };
    assert_eq!(run(&["check", &config]), 1);
    assert_eq!(run(&["check", concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/clerk.toml")]), 0);
    assert_eq!(run(&["keys", "new"]), 1);
}

#[test]
fn check_hints_at_an_issuer_that_lacks_https_and_accepts_it() {
    let folder = Folder::new("schemeless");
    let check = |issuer: &str| {
        let text = format!(
            "[[vars.ASSAY.issuers]]\nissuer = \"{issuer}\"\njwks_uri = \"https://keys.example/jwks\"\naudience = \"unchecked\"\n"
        );
        let output = edge_assay(&["check", &folder.file("wrangler.toml", &text)], "");
        assert_eq!(code(&output), 0, "{}", stdout(&output));
        stdout(&output)
    };
    for (issuer, is_hinted) in [
        ("clerk.example.com", true),
        ("privy.io", true),
        ("auth.example.com/realms/a", true),
        ("https://clerk.example.com", false),
        ("supabase", false),
        ("P2abcdefghijklmnopqrstuvwxyz", false),
        ("urn:example:issuer", false),
    ] {
        let said = check(issuer);
        assert_eq!(said.contains(&format!("write issuer = \"https://{issuer}\"")), is_hinted, "{said}");
    }
}

#[test]
fn keys_without_a_file_go_through_the_pipe_and_nothing_unsafe_is_written() {
    let made = edge_assay(&["keys", "new", "--algorithm", "EdDSA"], "");
    assert_eq!(private(&stdout(&made)).len(), 1);
    let rotated = edge_assay(&["keys", "rotate", "--algorithm", "EdDSA"], &stdout(&made));
    assert_eq!(private(&stdout(&rotated)).len(), 2);
    let hasty = ["keys", "new", "--overlap-days", "1", "--longest-token-seconds", "90000"];
    let unsafe_one = edge_assay(&hasty, "");
    assert_eq!((code(&unsafe_one), stdout(&unsafe_one)), (1, String::new()));
    assert!(stderr(&unsafe_one).contains("3605 s too short"), "{}", stderr(&unsafe_one));
    for arguments in [["keys", "frobnicate"], ["keys", "--new"]] {
        assert_eq!(code(&edge_assay(&arguments, "")), 2);
    }
}

#[test]
fn check_shows_what_is_issued_and_which_secrets_are_missing_here() {
    let folder = Folder::new("exchange");
    let exchange = format!(
        "[vars.ASSAY.exchange]\nissuer = \"https://auth.example.com\"\n[[vars.ASSAY.exchange.targets]]\naudience = \"https://api.example.com\"\nfrom = [\"{ISSUER}\"]\n[[vars.ASSAY.exchange.clients]]\nid = \"cli\"\nsecret = \"CLI_CLIENT_SECRET\"\ntargets = [\"https://api.example.com\"]\n"
    );
    let config = folder.file("wrangler.toml", &configuration(&exchange));
    let output = edge_assay(&["check", &config], "");
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    for said in ["https://api.example.com (ES256)", "SIGNING_KEYS", "wrangler secret put CLI_CLIENT_SECRET"] {
        assert!(stdout(&output).contains(said), "{said} is not in {}", stdout(&output));
    }
    // If the keys are there, their schedule is compared with the configuration.
    let keys = edge_assay(&["keys", "new", "--algorithm", "EdDSA"], "");
    folder.file(".dev.vars", &format!("SIGNING_KEYS='{}'\n", stdout(&keys).trim()));
    let output = edge_assay(&["check", &config], "");
    assert_eq!(code(&output), 1);
    assert!(stdout(&output).contains("has no ES256 key"), "{}", stdout(&output));
}

/// The members of each key in the text of a set.
fn members(text: &str, member: &str) -> Vec<Value> {
    let set: Value = serde_json::from_str(text).unwrap();
    set["keys"].as_array().unwrap().iter().map(|key| key[member].clone()).collect()
}

#[test]
fn shared_secrets_are_made_for_one_audience_each() {
    let folder = Folder::new("audiences");
    let file = folder.0.join("signing-keys.json");
    let path = file.to_str().unwrap();
    let keys = |arguments: &[&str]| edge_assay(&[&["keys"], arguments, &["--file", path]].concat(), "");
    let (api, sandbox) = ("https://api.example.com", "https://sandbox.example.com");
    assert_eq!(code(&keys(&["new", "--algorithm", "HS256", "--audience", api])), 0);
    let rotated = keys(&["rotate", "--algorithm", "HS256", "--audience", sandbox]);
    assert_eq!(code(&rotated), 0, "{}", stderr(&rotated));
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(members(&text, "aud"), [json!(api), json!(sandbox)]);
    assert_ne!(members(&text, "k")[0], members(&text, "k")[1]);
    let listed = keys(&["list"]);
    assert!(stdout(&listed).contains(&format!("HS256 ({api})")), "{}", stdout(&listed));
    // A key pair serves every audience.
    for arguments in
        [&["rotate", "--audience", api][..], &["rotate", "--algorithm", "HS256", "--audience", ""]]
    {
        assert_eq!(code(&keys(arguments)), 2);
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn check_says_how_two_hs256_targets_get_secrets_of_their_own_and_the_command_works() {
    let folder = Folder::new("hs256");
    let target = |audience: &str| {
        format!(
            "[[vars.ASSAY.exchange.targets]]\naudience = \"{audience}\"\nfrom = [\"{ISSUER}\"]\nalgorithm = \"HS256\"\n"
        )
    };
    let exchange = format!(
        "[vars.ASSAY.exchange]\nissuer = \"https://auth.example.com\"\n{}{}",
        target("https://a.example"),
        target("https://b.example")
    );
    let config = folder.file("wrangler.toml", &configuration(&exchange));
    let check = |keys: &str| {
        folder.file(".dev.vars", &format!("SIGNING_KEYS='{}'\n", keys.trim()));
        let output = edge_assay(&["check", &config], "");
        (code(&output), stdout(&output))
    };
    let shared = stdout(&edge_assay(&["keys", "new", "--algorithm", "HS256"], ""));
    let (status, said) = check(&shared);
    assert_eq!((status, said.contains("SIGNING_KEYS.keys[0].aud")), (1, true), "{said}");
    // As the fix says: the audience is written into the key, and a command creates the other one's key.
    let mut set: Value = serde_json::from_str(&shared).unwrap();
    set["keys"][0]["aud"] = json!("https://a.example");
    let (_, said) = check(&set.to_string());
    let (_, command) = said.split_once("run `npx edge-assay ").unwrap();
    let (command, _) = command.split_once('`').unwrap();
    let arguments: Vec<&str> = command.split(' ').collect();
    let rotated = stdout(&edge_assay(&arguments, &set.to_string()));
    let (status, said) = check(&rotated);
    assert_eq!(status, 0, "{said}");
}

#[cfg(unix)]
#[test]
fn no_secret_is_written_through_a_link_or_over_a_file() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = Folder::new("links");
    let keys = |command: &str, path: &std::path::Path| {
        edge_assay(&["keys", command, "--file", path.to_str().unwrap()], "")
    };
    // A link without a target: `new` would create the target.
    let (link, elsewhere) = (folder.0.join("signing-keys.json"), folder.0.join("public"));
    symlink(&elsewhere, &link).unwrap();
    assert_eq!(code(&keys("new", &link)), 1);
    assert!(!elsewhere.exists());
    // A link to a set: `rotate` would replace it, or write where others can read.
    let real = folder.0.join("real.json");
    assert_eq!(code(&keys("new", &real)), 0);
    let before = std::fs::read_to_string(&real).unwrap();
    std::fs::remove_file(&link).unwrap();
    symlink(&real, &link).unwrap();
    let refused = keys("rotate", &link);
    assert_eq!((code(&refused), stderr(&refused).contains("symbolic link")), (1, true));
    assert_eq!(std::fs::read_to_string(&real).unwrap(), before);
    assert!(link.symlink_metadata().unwrap().file_type().is_symlink());
    // A link under the former name of the temporary file is not followed, and only the owner can read the new set.
    symlink(&elsewhere, real.with_extension("new")).unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(code(&keys("rotate", &real)), 0);
    assert!(!elsewhere.exists());
    assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
    // Nothing is left beside it.
    let names: Vec<_> =
        std::fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(code(&keys("new", &real)), 1);
}

#[test]
fn git_ignores_every_file_that_holds_secrets() {
    let ignored = include_str!("../../../.gitignore");
    for pattern in [".dev.vars*", "signing-keys*.json*"] {
        assert!(ignored.lines().any(|line| line == pattern), "{pattern}");
    }
}

#[test]
fn explain_checks_the_route_of_the_request_that_its_options_describe() {
    let routes = "[[vars.ASSAY.gateway.routes]]\npath = \"/profiles/*\"\nhost = \"api.example.com\"\nupstream = \"https://origin.example.com\"\nrequire = { scopes = [\"profiles:read\"] }\n";
    let folder = Folder::new("routes");
    let (config, jwks) = (folder.file("wrangler.toml", &configuration(routes)), key_file(&folder));
    let token = token(600);
    let explained = |more: &[&str]| {
        let common = ["explain", "--config", &config, "--jwks", &jwks, "--json"];
        edge_assay(&[&common[..], more].concat(), &token)
    };
    let report = |output: &Output| serde_json::from_str::<Value>(&stdout(output)).unwrap();
    let error = explained(&[]);
    assert_eq!(
        (code(&error), report(&error)["findings"][0]["code"].clone()),
        (0, json!("routes_not_judged"))
    );
    for more in [
        &["--path", "/profiles/1", "--host", "api.example.com"][..],
        &["--path", "https://api.example.com/profiles/1", "--method", "POST"],
    ] {
        let refused = explained(more);
        assert_eq!(
            (code(&refused), report(&refused)["code"].clone()),
            (1, json!("scope_insufficient")),
            "{more:?}"
        );
    }
    for more in [&["--path", "/profiles/1"][..], &["--method", "GET"], &["--host", "api.example.com"]] {
        assert_eq!(code(&explained(more)), 2, "{more:?}");
    }
}

#[test]
fn explain_gives_no_verdict_on_a_route_whose_exchange_reads_a_directory() {
    let exchange = format!(
        "[[vars.ASSAY.gateway.routes]]\npath = \"/profiles/*\"\nupstream = \"https://origin.example.com\"\ncredential = {{ exchange = \"https://api.example.com\" }}\n[vars.ASSAY.exchange]\nissuer = \"https://auth.example.com\"\ndirectory = \"PEOPLE\"\n[[vars.ASSAY.exchange.targets]]\naudience = \"https://api.example.com\"\nfrom = [\"{ISSUER}\"]\nwhen = [{{ claim = \"/directory/plan\", equals = \"pro\" }}]\n"
    );
    let folder = Folder::new("directory");
    let (config, jwks) = (folder.file("wrangler.toml", &configuration(&exchange)), key_file(&folder));
    let output = edge_assay(
        &["explain", "--config", &config, "--jwks", &jwks, "--path", "/profiles/1", "--json"],
        &token(600),
    );
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((code(&output), &report["cause"]["id"]), (1, &json!("store_unavailable")), "{report:#}");
    assert!(report["cause"]["fix"].as_str().unwrap().contains("deployed Worker"), "{report:#}");
}
