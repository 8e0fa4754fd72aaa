//! A report as part of an HTML page. Every text is escaped here; the endpoint has the page around it.

use std::fmt::Write as _;

use super::report::{Outcome, Report, Step};
use super::text::{self, Style};

/// The report as one `section`.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut page, report);
    page
}

fn write(page: &mut String, report: &Report) -> std::fmt::Result {
    let verdict = report.verdict.name();
    write!(page, "<section id=\"report\" class=\"{verdict}\" tabindex=\"-1\" aria-labelledby=\"cause\">")?;
    write!(
        page,
        "<p class=\"verdict\">{verdict}</p><h2 id=\"cause\">{}</h2>",
        escape(&report.cause.summary)
    )?;
    let code = report.code.map_or_else(String::new, |code| format!(" · code <code>{code}</code>"));
    write!(
        page,
        "<p class=\"ids\">cause <code>{}</code>{code}</p><h3>What to do</h3>",
        report.cause.id.name()
    )?;
    write_fix(page, &report.cause.fix)?;
    page.push_str("<h3>Step by step</h3><ol class=\"steps\">");
    for step in &report.steps {
        write_step(page, step)?;
    }
    page.push_str("</ol>");
    if !report.findings.is_empty() {
        page.push_str("<h3>Also found</h3><ul>");
        for finding in &report.findings {
            write!(page, "<li><code>{}</code> {}</li>", finding.code, escape(&finding.detail))?;
        }
        page.push_str("</ul>");
    }
    let plain = escape(&text::render(report, Style::Plain));
    write!(
        page,
        "<details class=\"copy\"><summary>The report as text, without the token</summary><pre id=\"text\">{plain}</pre></details>\
         <p><button type=\"button\" id=\"copy\" hidden>Copy the report</button> <span id=\"copied\" role=\"status\"></span></p></section>"
    )
}

/// Lines that are indented by four spaces are to be copied; the others are prose.
fn write_fix(page: &mut String, fix: &str) -> std::fmt::Result {
    let mut copied: Vec<&str> = Vec::new();
    for line in fix.lines().chain(std::iter::once("")) {
        if let Some(code) = line.strip_prefix("    ") {
            copied.push(code);
            continue;
        }
        if !copied.is_empty() {
            write!(page, "<pre>{}</pre>", escape(&copied.join("\n")))?;
            copied.clear();
        }
        if !line.is_empty() {
            write!(page, "<p>{}</p>", escape(line))?;
        }
    }
    Ok(())
}

fn write_step(page: &mut String, step: &Step) -> std::fmt::Result {
    let outcome = step.outcome.name();
    let said = match step.outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Skipped => "not reached",
    };
    let open = if step.outcome == Outcome::Failed { " open" } else { "" };
    let note = step.evidence.get("note").and_then(serde_json::Value::as_str).unwrap_or_default();
    write!(
        page,
        "<li class=\"{outcome}\"><details{open}><summary><b>{}</b> <i>{said}</i> <span>{}</span></summary>",
        step.step.name(),
        escape(note)
    )?;
    let evidence = text::evidence(&step.evidence);
    if evidence.is_empty() {
        page.push_str("<p>There is no more evidence for this step.</p>");
    } else {
        page.push_str("<dl>");
        for (name, value) in evidence {
            write!(page, "<dt>{}</dt><dd>{}</dd>", escape(&name.replace('_', " ")), escape(&value))?;
        }
        page.push_str("</dl>");
    }
    page.push_str("</details></li>");
    Ok(())
}

/// `text` for HTML, in an element or a quoted attribute.
#[must_use]
pub fn escape(text: &str) -> String {
    html_escape::encode_quoted_attribute(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        assert_eq!(escape("<a href=\"x\" b='y'>&"), "&lt;a href=&quot;x&quot; b=&#x27;y&#x27;&gt;&amp;");
    }
}
