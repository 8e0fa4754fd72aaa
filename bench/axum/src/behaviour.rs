//! What the servers answer when the provider's keys change, when it is down, and when tokens with unknown `kid`s come.
//!
//! Every server has a provider of its own. All take their turn at the same time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::client::{Answer, Client};
use crate::contenders::{Contender, Settings};
use crate::mint::Key;
use crate::provider::Provider;
use crate::thread::Server;

const ALGORITHM: &str = "EdDSA";
/// How long keys are fresh where that is observed.
pub const TTL: Duration = Duration::from_secs(3);
const LONG_TTL: Duration = Duration::from_secs(3600);
/// Between two requests of the client that observes.
const PAUSE: Duration = Duration::from_millis(50);
/// Where a change is waited for in vain, the wait ends.
const LONGEST_WAIT: Duration = Duration::from_secs(45);
const OUTAGE: Duration = Duration::from_secs(12);
const OUTAGE_AT_START: Duration = Duration::from_secs(5);
pub const FLOOD: usize = 1000;
const FLOODING_CONNECTIONS: usize = 8;

/// Prints a table with what was observed.
pub async fn observe() {
    println!("| | {} |", Contender::OBSERVED.map(Contender::name).join(" | "));
    println!("| --- |{}", " --- |".repeat(Contender::OBSERVED.len()));
    let columns = Contender::OBSERVED.map(|contender| {
        tokio::spawn(async move {
            let mut cells = rotation(contender).await;
            cells.extend(outage(contender).await);
            cells.extend(outage_at_start(contender).await);
            cells.extend(flood(contender).await);
            cells
        })
    });
    let mut rows: Vec<(&str, Vec<String>)> = Vec::new();
    for column in columns {
        for (number, (name, cell)) in column.await.expect("a column").into_iter().enumerate() {
            match rows.get_mut(number) {
                Some((_, cells)) => cells.push(cell),
                None => rows.push((name, vec![cell])),
            }
        }
    }
    for (name, cells) in rows {
        println!("| {name} | {} |", cells.join(" | "));
    }
}

type Cells = Vec<(&'static str, String)>;

/// A provider with one key, and a server that has fetched it.
struct Scene {
    key: Key,
    provider: Provider,
    token: String,
    client: Client,
    server: Server,
}

impl Scene {
    async fn set(contender: Contender, ttl: Duration) -> Self {
        let key = Key::new(ALGORITHM, "first");
        let provider = Provider::start(&[&key]);
        let settings = Settings { issuer: provider.issuer(), algorithm: ALGORITHM, ttl };
        let server = start(contender, settings).await.expect("a server");
        let token = key.token(&provider.issuer(), 1);
        let mut client = Client::connect(server.address()).await;
        assert!(client.ask(&token).await.is_ok());
        Self { key, provider, token, client, server }
    }

    /// Waits until the server has fetched its keys again, so that they are as fresh as can be.
    async fn fetched_again(&mut self) {
        let before = self.provider.fetches();
        while self.provider.fetches() == before {
            assert!(self.client.ask(&self.token).await.is_ok());
            tokio::time::sleep(PAUSE).await;
        }
        // The answer of the provider takes a little longer than its count.
        tokio::time::sleep(PAUSE * 4).await;
    }
}

/// Starts a server while the runtime goes on.
async fn start(contender: Contender, settings: Settings) -> Result<Server, String> {
    tokio::task::spawn_blocking(move || contender.start(settings)).await.expect("a thread")
}

/// What came before the awaited answer.
struct Wait {
    time: Duration,
    before: Vec<Answer>,
    came: bool,
}

/// Sends the token until `awaited` holds for the answer.
async fn wait(client: &mut Client, token: &str, awaited: impl Fn(Answer) -> bool) -> Wait {
    let begin = Instant::now();
    let mut before = Vec::new();
    while begin.elapsed() < LONGEST_WAIT {
        let answer = client.ask(token).await;
        if awaited(answer) {
            return Wait { time: begin.elapsed(), before, came: true };
        }
        before.push(answer);
        tokio::time::sleep(PAUSE).await;
    }
    Wait { time: begin.elapsed(), before, came: false }
}

async fn rotation(contender: Contender) -> Cells {
    let mut scene = Scene::set(contender, TTL).await;
    scene.fetched_again().await;
    let second = Key::new(ALGORITHM, "second");
    let token = second.token(&scene.provider.issuer(), 2);
    scene.provider.publish(&[&scene.key, &second]);
    let fetches = scene.provider.fetches();
    let new = wait(&mut scene.client, &token, Answer::is_ok).await;
    let fetches = scene.provider.fetches() - fetches;
    scene.fetched_again().await;
    scene.provider.publish(&[&second]);
    let old = wait(&mut scene.client, &scene.token, |answer| !answer.is_ok()).await;
    vec![
        ("rotation: the first requests with the new key", described(&new, "accepted")),
        ("fetches until then", fetches.to_string()),
        (
            "the old key is withdrawn: its tokens",
            format!("{} for {}", counted(&old.before), seconds(old.time)),
        ),
    ]
}

async fn outage(contender: Contender) -> Cells {
    let mut scene = Scene::set(contender, TTL).await;
    scene.fetched_again().await;
    scene.provider.set_up(false);
    let fetches = scene.provider.fetches();
    let answers = for_a_while(&mut scene.client, &scene.token, OUTAGE).await;
    let tried = scene.provider.fetches() - fetches;
    vec![
        ("outage of 12 s: requests with known keys", counted(&answers)),
        ("fetches tried in that time", tried.to_string()),
    ]
}

async fn outage_at_start(contender: Contender) -> Cells {
    let names = [
        "provider down at the start: the server",
        "requests in the 5 s after that",
        "provider up again: the first requests",
    ];
    let key = Key::new(ALGORITHM, "first");
    let provider = Provider::start(&[&key]);
    provider.set_up(false);
    let settings = Settings { issuer: provider.issuer(), algorithm: ALGORITHM, ttl: TTL };
    let begin = Instant::now();
    let server = match start(contender, settings).await {
        Ok(server) => server,
        Err(_) => {
            let cells = [
                format!("does not start; says so after {}", seconds(begin.elapsed())),
                "—".to_owned(),
                "—".to_owned(),
            ];
            return names.into_iter().zip(cells).collect();
        }
    };
    let started = format!("starts within {}", seconds(begin.elapsed()));
    let token = key.token(&provider.issuer(), 1);
    let mut client = Client::connect(server.address()).await;
    let answers = for_a_while(&mut client, &token, OUTAGE_AT_START).await;
    let fetches = provider.fetches();
    provider.set_up(true);
    let recovered = wait(&mut client, &token, Answer::is_ok).await;
    let cells =
        [started, format!("{}; {fetches} fetches", counted(&answers)), described(&recovered, "accepted")];
    names.into_iter().zip(cells).collect()
}

async fn flood(contender: Contender) -> Cells {
    let mut scene = Scene::set(contender, LONG_TTL).await;
    let stranger = Key::new(ALGORITHM, "stranger");
    let issuer = scene.provider.issuer();
    let fetches = scene.provider.fetches();
    let mut flooding = Vec::new();
    for connection in 0..FLOODING_CONNECTIONS {
        let mut client = Client::connect(scene.server.address()).await;
        let tokens: Vec<String> = (connection..FLOOD)
            .step_by(FLOODING_CONNECTIONS)
            .map(|number| stranger.token_of(&format!("unknown-{number}"), &issuer, number))
            .collect();
        flooding.push(tokio::spawn(async move {
            let mut answers = Vec::new();
            for token in tokens {
                answers.push(client.ask(&token).await);
            }
            answers
        }));
    }
    let mut good = Vec::new();
    while !flooding.iter().all(tokio::task::JoinHandle::is_finished) || good.is_empty() {
        good.push(scene.client.ask(&scene.token).await);
        tokio::time::sleep(PAUSE / 10).await;
    }
    let mut answers = Vec::new();
    for running in flooding {
        answers.extend(running.await.expect("a client"));
    }
    let fetches = scene.provider.fetches() - fetches;
    let second = Key::new(ALGORITHM, "second");
    let token = second.token(&issuer, 2);
    scene.provider.publish(&[&scene.key, &second]);
    let new = wait(&mut scene.client, &token, Answer::is_ok).await;
    vec![
        ("1,000 tokens with random `kid`s", counted(&answers)),
        ("fetches because of them", fetches.to_string()),
        ("good requests meanwhile", counted(&good)),
        (
            "rotation right after that (TTL 1 h): the first requests with the new key",
            described(&new, "accepted"),
        ),
    ]
}

async fn for_a_while(client: &mut Client, token: &str, time: Duration) -> Vec<Answer> {
    let begin = Instant::now();
    let mut answers = Vec::new();
    while begin.elapsed() < time {
        answers.push(client.ask(token).await);
        tokio::time::sleep(PAUSE).await;
    }
    answers
}

fn described(wait: &Wait, outcome: &str) -> String {
    let time = seconds(wait.time);
    match (wait.came, wait.before.is_empty()) {
        (true, true) => format!("{outcome} at once"),
        (true, false) => format!("{}, then {outcome} after {time}", counted(&wait.before)),
        (false, _) => format!("{} in {time}, none {outcome}", counted(&wait.before)),
    }
}

/// How many answers there were of each kind, as in `200: 12, 503 with Retry-After: 3`.
fn counted(answers: &[Answer]) -> String {
    let mut counts: BTreeMap<Answer, usize> = BTreeMap::new();
    for answer in answers {
        *counts.entry(*answer).or_default() += 1;
    }
    let kinds: Vec<String> = counts
        .into_iter()
        .map(|(Answer { status, retry_after }, count)| {
            let retry = if retry_after { " with `Retry-After`" } else { "" };
            format!("{count} × {}{retry}", status.as_u16())
        })
        .collect();
    if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
