//! `edge-assay explain`: explains a token by a configuration file, or by a deployed Worker.

use std::path::Path;
use std::process::ExitCode;

use edge_assay::config::Config;
use edge_assay::explain::report::Verdict;
use edge_assay::explain::{self, Presented, RefusedRequest, text};
use edge_assay::http::presented;
use edge_assay::jose::json as strict_json;
use edge_assay::keys::{KeyCache, url};
use serde_json::json;

use super::command::{self, Arguments, REFUSED, quoted};
use super::http;
use super::machine::{self, Machine};
use super::terminal::{self, say};
use super::wrangler_file::ConfigFile;

/// The usage line.
pub(crate) const USAGE: &str = "explain [- | --token-file FILE] [--config FILE] [--env NAME] [--path PATH [--method METHOD] [--host HOST]] [--json] [--jwks FILE | --online URL-OF-THE-WORKER]";

/// How long a deployed Worker may take to answer, in milliseconds.
const TIMEOUT_MS: u32 = 15_000;

/// The largest answer of a deployed Worker, in bytes.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Exit codes: 0 accepted, 1 refused or without a verdict, 2 for a wrong call.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    match explain(arguments) {
        Ok(accepted) if accepted => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(REFUSED),
        Err(message) => command::usage(&format!("{message}\nUsage: edge-assay {USAGE}")),
    }
}

fn explain(given: &[String]) -> Result<bool, String> {
    const OPTIONS: [&str; 8] = ["config", "env", "host", "jwks", "method", "online", "path", "token-file"];
    let arguments = Arguments::read(given, &["json"], &OPTIONS, 1)?;
    let as_json = arguments.flag("json");
    let config = arguments.option("config")?;
    let jwks = arguments.option("jwks")?;
    let online = arguments.option("online")?;
    let environment = arguments.option("env")?;
    let token_file = arguments.option("token-file")?;
    let described = (arguments.option("method")?, arguments.option("host")?, arguments.option("path")?);
    let positional = arguments.positional();
    if let Some(token) = positional.as_deref().filter(|one| *one != "-") {
        return Err(never_as_argument(given, token));
    }
    if online.is_some() && jwks.is_some() {
        return Err("use either --jwks or --online, not both".to_owned());
    }
    let token = match (token_file, positional) {
        (Some(_), Some(_)) => return Err("use either - or --token-file, not both".to_owned()),
        (Some(file), None) => terminal::read_file(Path::new(&file))?,
        (None, _) => {
            if terminal::input_is_typed() {
                terminal::report(
                    "Paste the token, press Enter, and end the input with Ctrl-D (Windows: Ctrl-Z, Enter).",
                );
            }
            let token = terminal::read_input()?;
            // A preflight has no token.
            if token.trim().is_empty() && described.0.is_none() {
                terminal::report(&format!("The token: {}", command::EMPTY_INPUT));
            }
            token
        }
    };
    if let Some(url) = online {
        return ask(&url, &token, described, as_json);
    }
    let read = |path: &String| terminal::read_file(Path::new(path)).map(String::into_bytes);
    let jwks = jwks.as_ref().map(read).transpose()?;
    let file = ConfigFile::open(config)?;
    let environment = file.select(environment.as_deref())?;
    let machine = Machine::in_environment(&file.path, environment.name.as_deref(), jwks);
    let config = file.load(environment, &machine);
    if let Some(record) = &config.record {
        return Err(format!("{} with --config, or ask the Worker with --online", file.only_refers(record)));
    }
    let request = refused_request(&config, &described)?;
    let presented = Presented { request, ..presented::given(&token) };
    let report = machine::run(explain::explain(&config, &KeyCache::new(), &machine, &presented));
    if as_json {
        say(&format!("{:#}", json!(report)));
    } else {
        terminal::print(&text::render(&report, terminal::style()));
    }
    Ok(report.verdict == Verdict::Accepted)
}

/// Refuses a token that is an argument, and shows the same call without it.
fn never_as_argument(given: &[String], token: &str) -> String {
    let rest = |first: &str| {
        let others = given.iter().filter(|argument| *argument != token).map(|argument| quoted(argument));
        [first.to_owned()].into_iter().chain(others).collect::<Vec<_>>().join(" ")
    };
    format!(
        "A token is not accepted as an argument: other users of this machine can see it there, and the shell keeps it in its history. Pass it on standard input, or in a file:\n  printf %s \"$TOKEN\" | npx edge-assay explain {}\n  npx edge-assay explain {}",
        rest("-"),
        rest("--token-file token.txt"),
    )
}

/// The refused request as the options describe it: method, host and path.
type Described = (Option<String>, Option<String>, Option<String>);

/// The refused request. Its host has no effect unless a route has `host`.
fn refused_request(config: &Config, described: &Described) -> Result<Option<RefusedRequest>, String> {
    const ANY_HOST: &str = "localhost";
    let (method, host, path) = described;
    let needs_host = config
        .gateway
        .as_ref()
        .is_some_and(|gateway| gateway.routes.iter().any(|route| route.host.is_some()));
    let is_url = path.as_ref().is_some_and(|path| path.contains("://"));
    if needs_host && path.is_some() && !is_url && host.is_none() {
        return Err("--path needs --host, because a route of this configuration has `host`".to_owned());
    }
    RefusedRequest::read(method.as_deref(), host.as_deref(), path.as_deref(), ANY_HOST)
        .map_err(|_| "--method and --host need --path, and --method needs a method such as GET".to_owned())
}

/// Asks a deployed Worker, which also checks the signature with WebCrypto. `EXPLAIN_KEY` comes from the environment.
fn ask(url: &str, token: &str, (method, host, path): Described, as_json: bool) -> Result<bool, String> {
    let endpoint = format!("{}/explain", url.trim_end_matches('/'));
    // The request has a token and a key.
    url::accept(&endpoint).map_err(|error| format!("--online {url}: {error}"))?;
    let key = std::env::var("EXPLAIN_KEY").ok();
    let accepted = if as_json { "application/json" } else { "text/plain" };
    let mut headers = vec![("content-type", "application/json"), ("accept", accepted)];
    headers.extend(key.as_deref().map(|key| ("x-explain-key", key)));
    let mut asked = json!({ "token": token.trim() });
    for (name, value) in [("method", method), ("host", host), ("path", path)] {
        if let (Some(value), Some(members)) = (value, asked.as_object_mut()) {
            members.insert(name.to_owned(), json!(value));
        }
    }
    let answer = http::send(&http::Request {
        method: "POST",
        url: &endpoint,
        headers,
        body: Some(asked.to_string()),
        timeout_ms: TIMEOUT_MS,
        max_bytes: MAX_ANSWER_BYTES,
    })
    .map_err(|error| format!("{endpoint} did not answer: {error}"))?;
    let body =
        String::from_utf8(answer.body).map_err(|_| format!("the answer of {endpoint} is not UTF-8 text"))?;
    let problem = strict_json::parse_object(&body).unwrap_or_default();
    let member = |name| problem.get(name).and_then(|value| value.as_str());
    // A route of the gateway may take the path: its 401 is about a token.
    if answer.status == 401 && member("code").is_none_or(|code| code.starts_with("explain_key")) {
        let detail = member("detail").unwrap_or("without a reason");
        return Err(format!(
            "{endpoint} refused access: {detail}. The key comes from the environment variable EXPLAIN_KEY"
        ));
    }
    match answer.status {
        200 => {}
        status @ (401 | 403 | 404 | 405) => {
            return Err(format!(
                "{endpoint} answered {status}, so it is not the endpoint that explains. If the Worker has `endpoints.prefix`, write it behind the host, as in --online https://auth.example.com/_assay; a Worker of edge-assay/gateway has no such endpoint"
            ));
        }
        status => {
            let detail = member("detail").map(|detail| format!(": {detail}")).unwrap_or_default();
            return Err(format!("{endpoint} answered {status}{detail}"));
        }
    }
    if !as_json {
        terminal::print(&body);
        return Ok(body.starts_with("Accepted"));
    }
    let report =
        strict_json::parse_value(&body).map_err(|_| format!("the answer of {endpoint} is not a report"))?;
    say(&format!("{report:#}"));
    Ok(report.get("verdict") == Some(&json!("accepted")))
}
