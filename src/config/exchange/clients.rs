//! Reads `exchange.clients`: the registered clients, and the targets that each may request.

use crate::config::fields::exchange::{CLIENT, EXCHANGE};
use crate::config::reader::Table;
use crate::exchange::clients::{Client, is_reserved, is_same_name};
use crate::exchange::policy::Target;
use crate::ports::Secrets;

/// Reads the tables, and the Worker secrets that they name.
pub(super) fn read(table: &Table<'_>, targets: &[Target], secrets: &impl Secrets) -> Vec<Client> {
    let mut names: Vec<String> = Vec::new();
    let mut clients = Vec::new();
    for one in table.read(&EXCHANGE.clients).into_iter().flatten() {
        let id = one.read(&CLIENT.id);
        let binding = one.read(&CLIENT.secret);
        let audiences = one.read(&CLIENT.targets).unwrap_or_default();
        for (index, audience) in audiences.iter().enumerate() {
            if !targets.iter().any(|target| target.audience == *audience) {
                one.fault(
                    &format!("{}[{index}]", CLIENT.targets.name),
                    format!("\"{audience}\" is not the audience of any target"),
                    "write the `audience` of an [[vars.ASSAY.exchange.targets]] table",
                );
            }
        }
        if let Some(id) = &id
            && names.iter().any(|known| is_same_name(known, id))
        {
            one.fault(
                CLIENT.id.name,
                "is also the id of another client (case and outer spaces are ignored)",
                "merge the two tables into one, or write another id",
            );
        }
        names.extend(id.clone());
        if id.as_deref().is_some_and(|id| id.trim() != id) {
            one.fault(CLIENT.id.name, "begins or ends with a space", "remove the space");
        } else if id.as_deref().is_some_and(is_reserved) {
            one.fault(
                CLIENT.id.name,
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
