//! `edge-assay keys`: writes and advances the text of the Worker secret `SIGNING_KEYS`.
//!
//! The text is the only copy of the private keys: a Worker's secret cannot be read back. It is written to a file that only its
//! owner can read, or to standard output. The results of `list` and `check` go to standard output. The messages of `new` and
//! `rotate` go to standard error, because the set itself may go to standard output.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use edge_assay::jose::Algorithm;
use edge_assay::limits;
use edge_assay::signing::plan::{Intervals, Plan};
use edge_assay::signing::{Margins, RingKey, Series, State};
use edge_assay::time::Timestamp;
use lexopt::prelude::{Long, Short, Value, ValueExt as _};

use super::command::{self, REFUSED};
use super::secret_file;
use super::terminal::{self, say};

/// The usage line.
pub(crate) const SYNOPSIS: &str =
    "keys new | rotate | list | check [--file signing-keys.json] (see keys --help)";

const USAGE: &str = "edge-assay keys <command> [--file signing-keys.json]

  new       creates the first set, with one key that signs at once; never overwrites a file
  rotate    drops keys past their end and adds the next key; refuses if a next key is there already
  list      shows every key with its state, and what happens when
  check     shows faults of the schedule, and whether a next key is missing

  --file F               where the set is kept. Without it, `new` writes to standard output and the others read standard input
  --algorithm A          ES256 (default), EdDSA or HS256
  --audience AUD         HS256: the audience of the only target that gets the secret. Required as soon as two targets use HS256
  --period-days N        how long a key signs; default 91, a quarter
  --overlap-days N       how long a key is published before and after it signs; default 7
  --now                  rotate: let the next key sign as soon as every consumer can know it
  --drop KID             rotate: drop a key that no token needs any more
  --revoke KID           rotate: drop a leaked key at once; its tokens are refused from then on. The next key signs in its place
                         or, if there is none, a new one
  --revoke-all           rotate: drop all keys, because the whole set has leaked, and create a new one for each; all tokens
                         issued so far are refused from then on
  --max-age-seconds N    exchange.jwks_max_age_seconds of the Worker; default 3600
  --longest-token-seconds N
                         the greatest ttl_seconds of the Worker; default 3600
  --leeway-seconds N     verify.leeway_seconds of the Worker; default 5

Then store it: npx wrangler secret put SIGNING_KEYS < signing-keys.json";

struct Options {
    file: Option<PathBuf>,
    algorithm: Algorithm,
    audience: Option<String>,
    rhythm: Intervals,
    margins: Margins,
    early: bool,
    change: Change,
}

/// What `rotate` does to the set.
enum Change {
    /// Adds the next key.
    Next,
    /// Drops a key that no token needs any more.
    Drop(String),
    /// Replaces a key that has leaked.
    Revoke(String),
    /// Replaces every key.
    RevokeAll,
}

/// Why a command did nothing.
#[derive(Debug)]
enum CommandError {
    /// It was called wrongly.
    Usage(String),
    /// The change is refused, or a file cannot be read or written.
    Refused(String),
}

impl From<lexopt::Error> for CommandError {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Exit codes: 0 done, 1 refused or with faults, 2 for a wrong call.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    match keys(lexopt::Parser::from_args(arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(REFUSED),
        Err(CommandError::Usage(message)) => {
            command::usage(&format!("{message}\nUsage: edge-assay {SYNOPSIS}"))
        }
        Err(CommandError::Refused(message)) => {
            terminal::report(&message);
            ExitCode::from(REFUSED)
        }
    }
}

/// Runs the command. `false` if `check` has found a fault.
fn keys(mut arguments: lexopt::Parser) -> Result<bool, CommandError> {
    let command = match arguments.next()? {
        Some(Value(name)) => name.string()?,
        Some(Long("help") | Short('h')) => {
            say(USAGE);
            return Ok(true);
        }
        _ => return Err(CommandError::Usage(USAGE.to_owned())),
    };
    let Some(options) = options(&mut arguments)? else {
        say(USAGE);
        return Ok(true);
    };
    let now = system_time();
    match command.as_str() {
        "new" => new(&options, now).map(|()| true),
        "rotate" => rotate(&options, now).map(|()| true),
        "list" => {
            terminal::print(&overview(&read(&options)?, now));
            Ok(true)
        }
        "check" => check(&options, now),
        other => {
            Err(CommandError::Usage(format!("unknown command keys {other}; use new, rotate, list or check")))
        }
    }
}

fn options(arguments: &mut lexopt::Parser) -> Result<Option<Options>, CommandError> {
    let mut options = Options {
        file: None,
        algorithm: Algorithm::Es256,
        audience: None,
        rhythm: Intervals::default(),
        margins: Margins {
            consumer_cache_seconds: limits::DEFAULT_OWN_JWKS_MAX_AGE_SECONDS,
            longest_token_seconds: limits::DEFAULT_FIREPROOF_TTL_SECONDS,
            leeway_seconds: limits::DEFAULT_LEEWAY_SECONDS,
        },
        early: false,
        change: Change::Next,
    };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("file") => options.file = Some(arguments.value()?.into()),
            Long("algorithm") => {
                let name = arguments.value()?.string()?;
                options.algorithm = Algorithm::parse(&name)
                    .filter(|one| matches!(one, Algorithm::Es256 | Algorithm::EdDsa | Algorithm::Hs256))
                    .ok_or_else(|| {
                        CommandError::Usage(format!("--algorithm {name} is not ES256, EdDSA or HS256"))
                    })?;
            }
            Long("audience") => {
                options.audience = Some(arguments.value()?.string()?).filter(|audience| !audience.is_empty());
                if options.audience.is_none() {
                    return Err(CommandError::Usage("--audience needs a value".to_owned()));
                }
            }
            Long("period-days") => options.rhythm.period_seconds = days(arguments)?,
            Long("overlap-days") => options.rhythm.overlap_seconds = days(arguments)?,
            Long("now") => options.early = true,
            Long("drop") => options.choose(Change::Drop(arguments.value()?.string()?))?,
            Long("revoke") => options.choose(Change::Revoke(arguments.value()?.string()?))?,
            Long("revoke-all") => options.choose(Change::RevokeAll)?,
            Long("max-age-seconds") => options.margins.consumer_cache_seconds = arguments.value()?.parse()?,
            Long("longest-token-seconds") => {
                options.margins.longest_token_seconds = arguments.value()?.parse()?;
            }
            Long("leeway-seconds") => options.margins.leeway_seconds = arguments.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    if options.audience.is_some() && options.algorithm != Algorithm::Hs256 {
        return Err(CommandError::Usage(
            "--audience is only for --algorithm HS256; a key pair serves all audiences".to_owned(),
        ));
    }
    Ok(Some(options))
}

impl Options {
    fn choose(&mut self, change: Change) -> Result<(), CommandError> {
        if matches!(self.change, Change::Next) {
            self.change = change;
            Ok(())
        } else {
            Err(CommandError::Usage("use one of --drop, --revoke and --revoke-all, once".to_owned()))
        }
    }

    fn series(&self) -> Series {
        Series { algorithm: self.algorithm, audience: self.audience.clone() }
    }
}

fn days(arguments: &mut lexopt::Parser) -> Result<u64, CommandError> {
    let days: u64 = arguments.value()?.parse()?;
    match days.checked_mul(86_400) {
        Some(seconds) if days > 0 => Ok(seconds),
        _ => Err(CommandError::Usage("the number of days must be at least 1".to_owned())),
    }
}

fn new(options: &Options, now: Timestamp) -> Result<(), CommandError> {
    // A symbolic link counts as existing, even without a target.
    if let Some(file) = options.file.as_deref().filter(|file| file.symlink_metadata().is_ok()) {
        return Err(CommandError::Refused(format!(
            "{} exists already; `npx edge-assay keys rotate` adds a key to it",
            file.display()
        )));
    }
    let mut plan = Plan::empty();
    plan.begin(options.series(), options.rhythm, now, &mut random).map_err(refused)?;
    finish(&plan, options, now, secret_file::create)
}

fn rotate(options: &Options, now: Timestamp) -> Result<(), CommandError> {
    if let Some(file) = options.file.as_deref() {
        secret_file::refuse_link(file).map_err(|error| unwritable(file, &error))?;
    }
    let mut plan = read(options)?;
    let Options { rhythm, margins, .. } = options;
    match &options.change {
        Change::Next => plan.rotate(options.series(), *rhythm, margins, now, options.early, &mut random),
        Change::Drop(kid) => plan.discard(kid, now),
        Change::Revoke(kid) => plan.revoke(kid, *rhythm, margins, now, &mut random),
        Change::RevokeAll => plan.revoke_all(*rhythm, now, &mut random),
    }
    .map_err(refused)?;
    finish(&plan, options, now, secret_file::replace)
}

fn check(options: &Options, now: Timestamp) -> Result<bool, CommandError> {
    let plan = read(options)?;
    print!("{}", overview(&plan, now));
    let mut problems = problems(&plan, options);
    let all: BTreeSet<Series> = plan.ring().keys().iter().map(RingKey::series).collect();
    for series in &all {
        match plan.ring().signs_until(series, now) {
            None => problems.push(format!("no {series} key is active now; run `{}`", series.rotation())),
            Some(until) if until < now.plus(limits::SUCCESSOR_WARNING_SECONDS) => {
                problems.push(format!(
                    "no {series} key is active after {}; run `{}`",
                    until.rfc3339(),
                    series.rotation()
                ));
            }
            Some(_) => {}
        }
    }
    if problems.is_empty() {
        say("Nothing is wrong.");
    } else {
        say(&problems.join("\n"));
    }
    Ok(problems.is_empty())
}

fn problems(plan: &Plan, options: &Options) -> Vec<String> {
    plan.ring()
        .schedule_faults(&options.margins)
        .into_iter()
        .map(|fault| format!("{}: {}; {}", fault.path(), fault.problem, fault.fix()))
        .collect()
}

/// A function that writes a set into its file.
type Write = fn(&Path, &str) -> io::Result<()>;

fn unwritable(file: &Path, error: &io::Error) -> CommandError {
    CommandError::Refused(format!("{} cannot be written: {}", file.display(), terminal::in_words(error)))
}

/// Writes the set, unless its schedule is unsafe, and shows what happens when.
fn finish(plan: &Plan, options: &Options, now: Timestamp, write: Write) -> Result<(), CommandError> {
    let problems = problems(plan, options);
    if !problems.is_empty() {
        return Err(CommandError::Refused(format!("Nothing was written.\n{}", problems.join("\n"))));
    }
    let text = plan.to_json();
    match &options.file {
        None => terminal::try_print(&format!("{text}\n")).map_err(|error| {
            CommandError::Refused(format!(
                "standard output cannot be written: {}",
                terminal::in_words(&error)
            ))
        })?,
        Some(file) => write(file, &text).map_err(|error| unwritable(file, &error))?,
    }
    terminal::report(overview(plan, now).trim_end());
    let file = options
        .file
        .as_deref()
        .map_or_else(|| "signing-keys.json".to_owned(), |file| file.display().to_string());
    let kept = if options.file.is_some() { &file } else { "The text above" };
    terminal::report(&format!(
        "\n{kept} is the only copy of the private keys: a Worker's secret cannot be read back. Keep it, and store it in the Worker:\n  npx wrangler secret put SIGNING_KEYS < {file}"
    ));
    Ok(())
}

/// A line for each key with its state, then a line for each event of the schedule.
fn overview(plan: &Plan, now: Timestamp) -> String {
    let mut lines = Vec::new();
    for ring_key in plan.ring().keys() {
        let (key, series, state) = (&ring_key.key, ring_key.series(), ring_key.schedule.state(now));
        let signs = plan.ring().signer(&series, now).is_some_and(|signer| signer.key.kid() == key.kid());
        let note = match state {
            State::Active if signs => ", signs now",
            State::Active => ", another signs",
            _ => "",
        };
        lines.push(format!("{:5}  {}  {}{note}\n", series.to_string(), key.kid(), state.name()));
    }
    lines.extend(plan.calendar(now).into_iter().map(|line| format!("  {line}\n")));
    lines.concat()
}

fn read(options: &Options) -> Result<Plan, CommandError> {
    let text = match &options.file {
        Some(file) => terminal::read_file(file),
        None => terminal::read_input(),
    }
    .map_err(CommandError::Refused)?;
    Plan::read(&text).map_err(refused)
}

// Without randomness no key may be created.
#[allow(clippy::expect_used)]
fn random(bytes: &mut [u8]) {
    getrandom::getrandom(bytes).expect("the system has no randomness");
}

// A command line has no other source of the time.
#[allow(clippy::disallowed_methods)]
fn system_time() -> Timestamp {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_epoch_seconds(i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX))
}

// By value, because `map_err` passes it so.
#[allow(clippy::needless_pass_by_value)]
fn refused(error: edge_assay::signing::plan::PlanError) -> CommandError {
    CommandError::Refused(error.to_string())
}
