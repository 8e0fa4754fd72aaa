//! `exchange.clients`: who authenticates, and for which targets they may ask.

use super::required;
use crate::config::reader::Table;
use crate::exchange::clients::{Client, is_reserved, is_same_name};
use crate::exchange::policy::Target;
use crate::ports::Secrets;

/// Reads the tables and the secrets that they name.
pub(super) fn read(table: &mut Table<'_>, targets: &[Target], secrets: &impl Secrets) -> Vec<Client> {
    let mut names: Vec<String> = Vec::new();
    let mut clients = Vec::new();
    for mut one in table.tables("clients").into_iter().flatten() {
        let id = required(&mut one, "id", "write its client_id");
        let binding = one.binding("secret");
        if binding.is_none() && one.value("secret").is_none() {
            one.fault(
                "secret",
                "is missing",
                "write the name of the Worker secret that holds its client_secret",
            );
        }
        let audiences = one.strings("targets");
        if audiences.is_none() && one.value("targets").is_none() {
            one.fault("targets", "is missing", "list the audiences it may ask tokens for");
        }
        let audiences = audiences.unwrap_or_default();
        for (index, audience) in audiences.iter().enumerate() {
            if !targets.iter().any(|target| target.audience == *audience) {
                one.fault(
                    &format!("targets[{index}]"),
                    format!("\"{audience}\" is not the audience of a target"),
                    "write the `audience` of an [[vars.ASSAY.exchange.targets]] table",
                );
            }
        }
        if let Some(id) = &id
            && names.iter().any(|known| is_same_name(known, id))
        {
            one.fault(
                "id",
                "is configured twice; case makes no difference",
                "merge the two tables into one, or write another id",
            );
        }
        names.extend(id.clone());
        if id.as_deref().is_some_and(|id| id.trim() != id) {
            one.fault("id", "begins or ends with a space", "remove the space");
        } else if id.as_deref().is_some_and(is_reserved) {
            one.fault(
                "id",
                "is a name that this Worker assigns itself: \"edge-assay\" to the gateway, \"public\" to clients without a name",
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
