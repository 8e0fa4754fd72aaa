//! `edge-assay explain`: explains a token by a configuration file, or by a deployed Worker.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use edge_assay::config::Config;
use edge_assay::explain::report::Verdict;
use edge_assay::explain::{self, Presented, RefusedRequest, text};
use edge_assay::http::credentials;
use edge_assay::jose::json as strict_json;
use edge_assay::keys::KeyCache;
use serde_json::json;

use super::command::{self, Arguments, REFUSED};
use super::native::{self, Machine};

/// The usage line.
pub(crate) const USAGE: &str = "explain [TOKEN|-] --config wrangler.toml [--path PATH [--method METHOD] [--host HOST]] [--json] [--jwks FILE | --online URL-OF-THE-WORKER]";

/// How long a deployed Worker may take to answer, in milliseconds.
const TIMEOUT_MS: u32 = 15_000;

/// Exit codes: 0 accepted, 1 refused or without a verdict, 2 for a wrong call.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    match explain(Arguments::new(arguments)) {
        Ok(accepted) if accepted => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(REFUSED),
        Err(message) => command::usage(&format!("{message}\nUsage: edge-assay {USAGE}")),
    }
}

fn explain(mut arguments: Arguments) -> Result<bool, String> {
    let as_json = arguments.flag("--json");
    let config = PathBuf::from(arguments.option("--config")?.unwrap_or_else(|| "wrangler.toml".to_owned()));
    let jwks = arguments.option("--jwks")?;
    let online = arguments.option("--online")?;
    let described = (arguments.option("--method")?, arguments.option("--host")?, arguments.option("--path")?);
    let token = match arguments.rest(1)?.pop() {
        Some(token) if token != "-" => token,
        _ => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| format!("no token could be read: {error}"))?;
            text
        }
    };
    if let Some(url) = online {
        if jwks.is_some() {
            return Err("use either --jwks or --online, not both".to_owned());
        }
        return ask(&url, &token, described, as_json);
    }
    let read = |path: &String| std::fs::read(path).map_err(|error| format!("{path} cannot be read: {error}"));
    let jwks = jwks.as_ref().map(read).transpose()?;
    let machine = Machine::new(&config, jwks);
    let variable = command::assay_variable(&config)?;
    let config = Config::load(variable.as_deref(), &machine);
    let request = refused_request(&config, &described)?;
    let presented = Presented { request, ..credentials::given(&token) };
    let report = native::run(explain::explain(&config, &KeyCache::new(), &machine, &presented));
    if as_json {
        println!("{:#}", json!(report));
    } else {
        print!("{}", text::render(&report, command::style()));
    }
    Ok(report.verdict == Verdict::Accepted)
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
    let mut request = native::agent(TIMEOUT_MS)
        .post(&endpoint)
        .header("content-type", "application/json")
        .header("accept", if as_json { "application/json" } else { "text/plain" });
    if let Ok(key) = std::env::var("EXPLAIN_KEY") {
        request = request.header("x-explain-key", key);
    }
    let mut asked = json!({ "token": token.trim() });
    for (name, value) in [("method", method), ("host", host), ("path", path)] {
        if let (Some(value), Some(members)) = (value, asked.as_object_mut()) {
            members.insert(name.to_owned(), json!(value));
        }
    }
    let mut response =
        request.send(asked.to_string()).map_err(|error| format!("{endpoint} did not answer: {error}"))?;
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string().map_err(|error| format!("{endpoint}: {error}"))?;
    if status == 401 {
        let problem = strict_json::parse_object(&body).unwrap_or_default();
        let detail = problem.get("detail").and_then(|detail| detail.as_str()).unwrap_or("without a reason");
        return Err(format!(
            "{endpoint} refused access: {detail}. The key comes from the environment variable EXPLAIN_KEY"
        ));
    }
    if status != 200 {
        return Err(format!("{endpoint} answered {status}"));
    }
    if !as_json {
        print!("{body}");
        return Ok(body.starts_with("Accepted"));
    }
    let report =
        strict_json::parse_value(&body).map_err(|_| format!("the answer of {endpoint} is not a report"))?;
    println!("{report:#}");
    Ok(report.get("verdict") == Some(&json!("accepted")))
}
