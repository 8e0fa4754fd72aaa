//! What the subcommands read and write: files, standard input and standard output. Input has a size limit. If a reader closes its end of
//! a pipe early (`| head -1`), the command goes on to its exit code.

use std::fs::File;
use std::io::{self, BufRead as _, ErrorKind, IsTerminal as _, Read, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use edge_assay::explain::text::Style;

/// The exit code for a wrong call, and for input or output that fails.
pub(crate) const UNUSABLE: u8 = 2;

/// The largest input, in bytes. wrangler's files and key sets have some kilobytes.
const MAX_INPUT_BYTES: u64 = 4 * 1024 * 1024;

/// Whether [`say`] prints on standard error.
static REPORTS_ON_STANDARD_ERROR: AtomicBool = AtomicBool::new(false);

/// From now on [`say`] prints on standard error, because standard output is for data.
pub(crate) fn report_on_standard_error() {
    REPORTS_ON_STANDARD_ERROR.store(true, Ordering::Relaxed);
}

/// Prints lines on standard output.
pub(crate) fn say(lines: &str) {
    if REPORTS_ON_STANDARD_ERROR.load(Ordering::Relaxed) {
        return report(lines);
    }
    print(&format!("{}\n", shown(lines)));
}

/// The lines with every other control character replaced: names from a file must not control the terminal.
fn shown(lines: &str) -> String {
    lines.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Prints `text` on standard output.
pub(crate) fn print(text: &str) {
    match try_print(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            report(&format!("standard output cannot be written: {}", in_words(&error)));
            std::process::exit(i32::from(UNUSABLE));
        }
        _ => {}
    }
}

/// The same, for output that must not get lost.
///
/// # Errors
/// The system's own errors, also if nobody reads the output any more.
pub(crate) fn try_print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
}

/// Prints a line on standard error. If that fails, there is no other place for it.
pub(crate) fn report(line: &str) {
    drop(writeln!(io::stderr(), "{}", shown(line)));
}

/// The text of a file.
///
/// # Errors
/// A message with the name of the file and the reason.
pub(crate) fn read_file(path: &Path) -> Result<String, String> {
    File::open(path)
        .and_then(bounded)
        .map_err(|error| format!("{} cannot be read: {}", path.display(), in_words(&error)))
}

/// The text on standard input.
///
/// # Errors
/// A message with the reason.
pub(crate) fn read_input() -> Result<String, String> {
    bounded(io::stdin().lock())
        .map_err(|error| format!("standard input cannot be read: {}", in_words(&error)))
}

/// Asks a question on standard error, because standard output may go to a file, and reads the answer: a line without spaces around it.
///
/// # Errors
/// A message, if the input has ended or cannot be read.
pub(crate) fn ask(question: &str) -> Result<String, String> {
    report(question);
    drop(write!(io::stderr(), "> "));
    let mut line = Vec::new();
    let read = io::stdin().lock().take(MAX_INPUT_BYTES).read_until(b'\n', &mut line);
    match read {
        Ok(0) => Err("the input has ended".to_owned()),
        Ok(_) => String::from_utf8(line)
            .map(|line| line.trim().to_owned())
            .map_err(|_| "the answer is not UTF-8 text".to_owned()),
        Err(error) => Err(format!("standard input cannot be read: {}", in_words(&error))),
    }
}

/// Whether a person types the standard input.
pub(crate) fn input_is_typed() -> bool {
    io::stdin().is_terminal()
}

fn bounded(source: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    source.take(MAX_INPUT_BYTES.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_INPUT_BYTES) {
        let message = format!("it is larger than {} MiB", MAX_INPUT_BYTES / (1024 * 1024));
        return Err(io::Error::other(message));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8 text"))
}

const IS_FOLDER: &str = "it is a folder";
const NOT_FOLDER: &str = "a part of its path is not a folder";
const FULL: &str = "the disk is full";
const READ_ONLY: &str = "the file system is read-only";

/// An error in words that do not depend on the system.
pub(crate) fn in_words(error: &io::Error) -> String {
    match error.kind() {
        _ if error.get_ref().is_some() => error.to_string(),
        // The standard library gives these no kind on WASI.
        _ if cfg!(target_os = "wasi") && error.raw_os_error() == Some(31) => IS_FOLDER.to_owned(),
        _ if cfg!(target_os = "wasi") && error.raw_os_error() == Some(54) => NOT_FOLDER.to_owned(),
        _ if cfg!(target_os = "wasi") && error.raw_os_error() == Some(51) => FULL.to_owned(),
        _ if cfg!(target_os = "wasi") && error.raw_os_error() == Some(69) => READ_ONLY.to_owned(),
        ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        ErrorKind::PermissionDenied => "this user has no permission".to_owned(),
        ErrorKind::IsADirectory => IS_FOLDER.to_owned(),
        ErrorKind::NotADirectory => NOT_FOLDER.to_owned(),
        ErrorKind::AlreadyExists => "it exists already".to_owned(),
        ErrorKind::StorageFull => FULL.to_owned(),
        ErrorKind::ReadOnlyFilesystem => READ_ONLY.to_owned(),
        ErrorKind::BrokenPipe => "nobody reads it".to_owned(),
        other => other.to_string(),
    }
}

/// Colour for a terminal, unless `NO_COLOR` is set (no-color.org).
pub(crate) fn style() -> Style {
    let wanted =
        io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted { Style::Ansi } else { Style::Plain }
}
