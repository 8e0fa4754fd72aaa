//! `npm/types/codes.d.ts` has exactly the codes of the tables in Rust. With `UPDATE_DOCS=1` in the environment the test writes the file.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use edge_assay::codes::{CALLS, Code, EXCHANGES, FAULTS, REJECTIONS, VERDICTS};
use edge_assay::explain::cause::CauseId;

const FILE: &str = "npm/types/codes.d.ts";

const HEAD: &str = "// Made from the tables of codes in src/ by `UPDATE_DOCS=1 cargo test --locked --test native codes`. Do not edit it.\n";

/// An interface with a member for each code, whose type is the status. A title that several codes share is left out.
fn interface(name: &str, about: &str, codes: &[Code]) -> String {
    let mut text = format!("\n/** {about} */\nexport interface {name} {{\n");
    for code in codes {
        if codes.iter().filter(|other| other.title() == code.title()).count() == 1 {
            writeln!(text, "  /** {}. */", code.title()).unwrap();
        }
        writeln!(text, "  {}: {};", code.name(), code.status()).unwrap();
    }
    text + "}\n"
}

/// A type with the id of every root cause.
fn causes() -> String {
    let ids: Vec<&str> = CauseId::ALL.iter().map(|id| id.name()).collect();
    let union = ids.join("'\n  | '");
    format!("\n/** The id of a root cause in an explanation. */\nexport type CauseId =\n  | '{union}';\n")
}

#[test]
fn the_types_of_the_package_have_exactly_the_codes_of_the_tables() {
    let written = [
        HEAD.to_owned(),
        interface(
            "RejectionCodes",
            "The codes of a token or a request that is refused, each with the status of the response.",
            REJECTIONS,
        ),
        interface(
            "FaultCodes",
            "The codes of a token that cannot be verified now, each with the status of the response. The token is not at fault.",
            FAULTS,
        ),
        interface(
            "VerdictCodes",
            "Further codes of a verdict, each with the status of the response: the token is good but does not suffice, or the request is a proxy's question.",
            VERDICTS,
        ),
        interface(
            "CallCodes",
            "The codes of a call whose arguments cannot be used, each with the status that HTTP has for it.",
            CALLS,
        ),
        interface(
            "ExchangeCodes",
            "Further codes of an exchange, each with the status of the response; docs/exchange.md describes them. A refused subject or actor token has the code of its rejection, with the status 400.",
            EXCHANGES,
        ),
        causes(),
    ]
    .concat();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &written).unwrap();
    } else {
        assert!(
            fs::read_to_string(&path).is_ok_and(|found| found == written),
            "{FILE} is out of date: UPDATE_DOCS=1 cargo test --locked --test native codes"
        );
    }
}

#[test]
fn no_table_has_a_code_twice_and_every_status_fits_its_table() {
    let of_verdicts: Vec<&Code> = [REJECTIONS, FAULTS, VERDICTS, CALLS].into_iter().flatten().collect();
    let of_exchanges: Vec<&Code> = [REJECTIONS, FAULTS, CALLS, EXCHANGES].into_iter().flatten().collect();
    for codes in [of_verdicts, of_exchanges] {
        let names: BTreeSet<&str> = codes.iter().map(|code| code.name()).collect();
        // A condition of the issuer and one of a route or target fail with the same code and different statuses.
        assert_eq!(codes.iter().filter(|code| code.name() == "condition_failed").count(), 2);
        assert_eq!(names.len(), codes.len() - 1);
    }
    assert!(REJECTIONS.iter().all(|code| [400, 401, 403].contains(&code.status())));
    assert!(FAULTS.iter().all(|code| code.status() == 503));
}
