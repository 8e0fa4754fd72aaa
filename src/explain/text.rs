//! A report as text, for a terminal or an issue tracker.

use std::fmt::Write as _;

use serde_json::Value;

use super::report::{Outcome, Report, Step, Verdict};

/// How the text is highlighted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Not at all.
    Plain,
    /// With ANSI escape sequences.
    Ansi,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Ansi => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

const GREEN: &str = "32";
const RED: &str = "31";
const YELLOW: &str = "33";
const BOLD: &str = "1";
const DIM: &str = "2";

/// The report. Its first line is the root cause.
#[must_use]
pub fn render(report: &Report, style: Style) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, report, style);
    text
}

fn write(text: &mut String, report: &Report, style: Style) -> std::fmt::Result {
    let (word, colour) = match report.verdict {
        Verdict::Accepted => ("Accepted", GREEN),
        Verdict::Refused => ("Refused", RED),
        Verdict::Fault => ("No verdict", YELLOW),
    };
    writeln!(text, "{}: {}", style.paint(colour, word), style.paint(BOLD, &report.cause.summary))?;
    let code = report.code.map_or_else(String::new, |code| format!(", code {code}"));
    writeln!(text, "{}", style.paint(DIM, &format!("cause {}{code}", report.cause.id.name())))?;
    writeln!(text, "\n{}", style.paint(BOLD, "What to do"))?;
    for line in report.cause.fix.lines() {
        writeln!(text, "  {line}")?;
    }
    writeln!(text, "\n{}", style.paint(BOLD, "Step by step"))?;
    for step in &report.steps {
        write_step(text, step, style)?;
    }
    if !report.findings.is_empty() {
        writeln!(text, "\n{}", style.paint(BOLD, "Also found"))?;
        for finding in &report.findings {
            writeln!(text, "  {}: {}", finding.code, finding.detail)?;
        }
    }
    let result = |result: Option<bool>| match result {
        Some(true) => "valid",
        Some(false) => "invalid",
        None => "not checked",
    };
    writeln!(
        text,
        "\n{}\n  pure Rust: {}; WebCrypto: {}",
        style.paint(BOLD, "The signature, checked by two engines"),
        result(report.cross_check.pure_rust),
        result(report.cross_check.web_crypto)
    )
}

fn write_step(text: &mut String, step: &Step, style: Style) -> std::fmt::Result {
    let (mark, colour) = match step.outcome {
        Outcome::Passed => ("✓", GREEN),
        Outcome::Failed => ("✗", RED),
        Outcome::Skipped => ("·", DIM),
    };
    let note = match (step.outcome, step.evidence.get("note").and_then(Value::as_str)) {
        (Outcome::Skipped, None) => "not reached",
        (_, note) => note.unwrap_or_default(),
    };
    let note = if step.outcome == Outcome::Skipped && note != "not reached" {
        format!("not reached; {note}")
    } else {
        note.to_owned()
    };
    writeln!(text, "  {} {:<10} {note}", style.paint(colour, mark), step.step.name())?;
    for (name, value) in evidence(&step.evidence) {
        writeln!(text, "{}", style.paint(DIM, &format!("      {name}: {value}")))?;
    }
    Ok(())
}

/// A step's evidence as lines for a reader, without its note.
#[must_use]
pub fn evidence(evidence: &Value) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for (name, value) in evidence.as_object().into_iter().flatten() {
        match value {
            _ if name == "note" => {}
            Value::Array(entries) if entries.iter().any(Value::is_object) => {
                lines.extend(entries.iter().map(|entry| (name.clone(), in_words(entry))));
            }
            value => lines.push((name.clone(), in_words(value))),
        }
    }
    lines
}

/// A value as text. An object with a member `in_words` is shown by it.
fn in_words(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(in_words).collect::<Vec<_>>().join(", "),
        Value::Object(members) => match (members.get("at"), members.get("in_words")) {
            (Some(at), Some(words)) => format!("{}, {}", in_words(at), in_words(words)),
            (None, Some(words)) => in_words(words),
            _ => members
                .iter()
                .map(|(name, value)| format!("{} {}", name.replace('_', " "), in_words(value)))
                .collect::<Vec<_>>()
                .join("; "),
        },
        other => other.to_string(),
    }
}
