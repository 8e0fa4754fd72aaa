//! `forward_auth`: whose word is taken for somebody else's request.

use super::headers::is_header_name;
use crate::config::reader::Table;
use crate::gateway::forward_auth::{ForwardAuth, SECRET_HEADER};
use crate::ports::Secrets;

/// Reads the table `forward_auth`.
pub(in crate::config) fn read(mut table: Table<'_>, secrets: &impl Secrets) -> Option<ForwardAuth> {
    const FIX: &str = "name the Worker secret that your proxy sends in X-Forward-Auth-Secret, or write trusted = true if nobody but the proxy can reach this Worker";
    let secret = table.binding("secret");
    let header = table.string("header").map(|name| name.to_ascii_lowercase());
    if let Some(name) = &header
        && (!is_header_name(name) || name == "authorization")
    {
        table.fault(
            "header",
            "is not the name of a header",
            "write letters, digits and -, as in \"X-Forward-Auth-Secret\"",
        );
    }
    let trusted = table.boolean("trusted").unwrap_or(false);
    if table.value("secret").is_none() && !trusted {
        table.fault("", "believes nobody", FIX);
    }
    if table.value("secret").is_some() && trusted {
        table.fault(
            "trusted",
            "is true beside a secret, which nobody would have to know",
            "remove one of the two",
        );
    }
    table.finish();
    match secret {
        Some(binding) => {
            let header = header.unwrap_or_else(|| SECRET_HEADER.to_owned());
            Some(ForwardAuth::with_secret(binding, header, secrets))
        }
        None => trusted.then(ForwardAuth::trusting),
    }
}
