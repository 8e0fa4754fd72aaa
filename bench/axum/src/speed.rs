//! Requests per second, and the CPU time of the server for each.

use std::time::{Duration, Instant};

use crate::client::Client;
use crate::contenders::{Contender, Settings};
use crate::mint::{ALGORITHMS, Key};
use crate::provider::Provider;
use crate::thread::Server;

/// So many distinct tokens are sent in turn: more than edge-assay remembers.
const TOKENS: usize = 4096;
pub const CONNECTIONS: usize = 16;
/// The requests of one server in one round.
pub const REQUESTS: usize = TOKENS;
const TTL: Duration = Duration::from_secs(3600);

struct Subject {
    server: Server,
    clients: Vec<Client>,
    per_second: Vec<f64>,
    cpu_micros: Vec<f64>,
}

/// Prints a table for each algorithm, and for distinct tokens and a single one.
pub async fn measure(rounds: usize) {
    println!(
        "| requests/s (µs of CPU in the server) | {} |",
        Contender::MEASURED.map(Contender::name).join(" | ")
    );
    println!("| --- |{}", " ---: |".repeat(Contender::MEASURED.len()));
    for algorithm in ALGORITHMS {
        let key = Key::new(algorithm, "first");
        let provider = Provider::start(&[&key]);
        let issuer = provider.issuer();
        let tokens: Vec<String> = (0..TOKENS).map(|number| key.token(&issuer, number)).collect();
        for (name, tokens) in [("distinct tokens", tokens.as_slice()), ("one token", &tokens[..1])] {
            let settings = Settings { issuer: issuer.clone(), algorithm, ttl: TTL };
            println!("| {algorithm}, {name} | {} |", row(&settings, tokens, rounds).await.join(" | "));
        }
    }
}

async fn row(settings: &Settings, tokens: &[String], rounds: usize) -> Vec<String> {
    let mut subjects = Vec::new();
    for contender in Contender::MEASURED {
        let server = contender.start(settings.clone()).expect("a server");
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(Client::connect(server.address()).await);
        }
        check(contender, &mut clients[0], &tokens[0]).await;
        subjects.push(Subject { server, clients, per_second: Vec::new(), cpu_micros: Vec::new() });
    }
    // The first round only warms up.
    for round in 0..=rounds {
        for subject in &mut subjects {
            let (time, cpu) = subject.round(tokens).await;
            if round > 0 {
                subject.per_second.push(REQUESTS as f64 / time.as_secs_f64());
                subject.cpu_micros.extend(cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / REQUESTS as f64));
            }
        }
    }
    subjects.into_iter().map(Subject::cell).collect()
}

/// The token is accepted, and not with another signature.
async fn check(contender: Contender, client: &mut Client, token: &str) {
    assert!(client.ask(token).await.is_ok(), "{contender:?}");
    let (input, signature) = token.rsplit_once('.').expect("a signature");
    let other: String = signature.chars().rev().collect();
    let forged = client.ask(&format!("{input}.{other}")).await;
    assert_eq!(forged.is_ok(), contender == Contender::Nothing, "{contender:?}");
}

impl Subject {
    /// The time that the requests of a round take, and the CPU time of the server.
    async fn round(&mut self, tokens: &[String]) -> (Duration, Option<Duration>) {
        let clients = std::mem::take(&mut self.clients);
        let mut running = Vec::new();
        for (position, mut client) in clients.into_iter().enumerate() {
            let tokens: Vec<String> = (position..REQUESTS)
                .step_by(CONNECTIONS)
                .map(|number| tokens[number % tokens.len()].clone())
                .collect();
            running.push(tokio::spawn(async move {
                for token in tokens {
                    assert!(client.ask(&token).await.is_ok());
                }
                client
            }));
        }
        // On this runtime of one thread, they begin now.
        let cpu = self.server.cpu_time();
        let begin = Instant::now();
        for client in running {
            self.clients.push(client.await.expect("a client"));
        }
        let time = begin.elapsed();
        (time, self.server.cpu_time().zip(cpu).map(|(after, before)| after.saturating_sub(before)))
    }

    fn cell(self) -> String {
        let per_second = median(self.per_second).expect("a round");
        match median(self.cpu_micros) {
            Some(micros) => format!("{per_second:.0} ({micros:.0})"),
            None => format!("{per_second:.0}"),
        }
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
