//! The server of the fifth incident: it trusts no `X-User-Id`, but the tokens of a Better Auth.
//!
//! ```sh
//! ISSUER=https://app.example.com cargo run -p edge-assay-axum --example profiles
//! curl -i -H "Authorization: Bearer $TOKEN" http://127.0.0.1:3000/profiles
//! ```
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `ISSUER` | the base URL of Better Auth, which is the `iss` of its tokens; the key set is at `/api/auth/jwks` below it | none |
//! | `AUDIENCE` | the `aud` of the tokens | `ISSUER` |
//! | `PORT` | the port on loopback; 0 for any free one | 3000 |
//! | `JWKS_TTL_SECONDS` | how long a key set is used before it is fetched again | 3600 |
//!
//! With a wrong environment it says what is wrong, and ends with the exit code 2.

use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::time::Duration;

use axum::extract::FromRef;
use axum::routing::get;
use axum::{Json, Router};
use edge_assay_axum::{AuthenticatedUser, Authenticator, Issuer, Scoped, Scopes, Verifier};
use serde::Serialize;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let settings = match Settings::read(|name| std::env::var(name).ok()) {
        Ok(settings) => settings,
        Err(faults) => {
            for fault in faults {
                eprintln!("{fault}");
            }
            return ExitCode::from(2);
        }
    };
    match serve(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The state of the application. An extractor takes its part by `FromRef`.
#[derive(Clone, FromRef)]
struct AppState {
    authenticator: Authenticator,
}

fn app(authenticator: Authenticator) -> Router {
    Router::new().route("/profiles", get(show).post(update)).with_state(AppState { authenticator })
}

#[derive(Serialize)]
struct Profile {
    user: String,
    scopes: Vec<String>,
}

impl From<AuthenticatedUser> for Profile {
    fn from(user: AuthenticatedUser) -> Self {
        Self { user: user.subject().to_owned(), scopes: user.scopes().to_vec() }
    }
}

async fn show(user: AuthenticatedUser) -> Json<Profile> {
    Json(user.into())
}

struct WriteProfiles;

impl Scopes for WriteProfiles {
    const REQUIRED: &'static [&'static str] = &["profiles:write"];
}

async fn update(Scoped(user, ..): Scoped<WriteProfiles>) -> Json<Profile> {
    Json(user.into())
}

async fn serve(settings: Settings) -> Result<(), Box<dyn std::error::Error>> {
    let Settings { authenticator, port } = settings;
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| format!("port {port} of 127.0.0.1 cannot be used: {error}"))?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app(authenticator)).with_graceful_shutdown(asked_to_end()).await?;
    Ok(())
}

async fn asked_to_end() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    if let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = interrupted => {}
            _ = terminated.recv() => {}
        }
        return;
    }
    // Without a handler for the signal the server runs until it is ended.
    if interrupted.await.is_err() {
        std::future::pending::<()>().await;
    }
}

struct Settings {
    authenticator: Authenticator,
    port: u16,
}

impl Settings {
    /// Reads the environment, or says everything that is wrong with it.
    fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let mut number = |name: &str, default: u64, accepted: RangeInclusive<u64>| match variable(name)
            .map(|text| text.parse())
        {
            None => default,
            Some(Ok(number)) if accepted.contains(&number) => number,
            Some(_) => {
                let (least, most) = accepted.into_inner();
                faults.push(format!("{name} must be a whole number from {least} to {most}"));
                default
            }
        };
        let port = number("PORT", 3000, 0..=u64::from(u16::MAX));
        // What the builder accepts, said here with the variable's name.
        let ttl = number("JWKS_TTL_SECONDS", 3600, 1..=86_400);
        let issuer = variable("ISSUER").unwrap_or_default();
        if issuer.is_empty() {
            faults
                .push("ISSUER must be the base URL of Better Auth, as in https://app.example.com".to_owned());
        } else {
            let audience = variable("AUDIENCE").unwrap_or_else(|| issuer.clone());
            let verifier = Verifier::builder()
                .issuer(Issuer::better_auth(issuer).audience([audience]))
                .jwks_ttl(Duration::from_secs(ttl))
                .build();
            match verifier {
                Ok(verifier) if faults.is_empty() => {
                    let authenticator = Authenticator::builder(verifier).realm("profiles").start();
                    return Ok(Self { authenticator, port: u16::try_from(port).unwrap_or_default() });
                }
                Ok(_) => {}
                Err(error) => faults.extend_from_slice(error.faults()),
            }
        }
        Err(faults)
    }
}
