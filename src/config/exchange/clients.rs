//! Reads `exchange.clients`: the registered clients, and the targets that each may request.

use super::required;
use crate::config::reader::Table;
use crate::exchange::clients::{Client, is_reserved, is_same_name};
use crate::exchange::policy::Target;
use crate::ports::Secrets;

/// Reads the tables, and the Worker secrets that they name.
pub(super) fn read(table: &mut Table<'_>, targets: &[Target], secrets: &impl Secrets) -> Vec<Client> {
    let mut names: Vec<String> = Vec::new();
    let mut clients = Vec::new();
    for mut one in table.tables("clients").into_iter().flatten() {
        let id = required(&mut one, "id", "write the client_id of this client, as in \"cli\"");
        let binding = one.binding("secret");
        if binding.is_none() && one.value("secret").is_none() {
            one.fault(
                "secret",
                "is missing",
                "write the name of the Worker secret that holds its client_secret, as in \"CLI_CLIENT_SECRET\"",
            );
        }
        let audiences = one.strings("targets");
        if audiences.is_none() && one.value("targets").is_none() {
            one.fault(
                "targets",
                "is missing",
                "list the audiences that it may request tokens for, as in [\"https://api.example.com\"]",
            );
        }
        let audiences = audiences.unwrap_or_default();
        for (index, audience) in audiences.iter().enumerate() {
            if !targets.iter().any(|target| target.audience == *audience) {
                one.fault(
                    &format!("targets[{index}]"),
                    format!("\"{audience}\" is not the audience of any target"),
                    "write the `audience` of an [[vars.ASSAY.exchange.targets]] table",
                );
            }
        }
        if let Some(id) = &id
            && names.iter().any(|known| is_same_name(known, id))
        {
            one.fault(
                "id",
                "is also the id of another client (case and outer spaces are ignored)",
                "merge the two tables into one, or write another id",
            );
        }
        names.extend(id.clone());
        if id.as_deref().is_some_and(|id| id.trim() != id) {
            one.fault("id", "begins or ends with a space", "remove the space");
        } else if id.as_deref().is_some_and(is_reserved) {
            one.fault(
                "id",
                "is reserved: \"edge-assay\" is the client_id of the gateway, \"public\" that of clients that send none",
                "write another client_id, as in \"cli\"",
            );
        }
        one.finish();
        if let (Some(id), Some(binding)) = (id, binding) {
            clients.push(Client::resolve(id, binding, audiences, secrets));
        }
    }
    clients
}
