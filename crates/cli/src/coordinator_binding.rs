//! The binding of the coordinator in wrangler's file: whether it is there, and what keeps wrangler from deploying it.

use serde_json::Value;

/// The name under which the Worker looks for it.
const NAME: &str = "COORDINATOR";
/// The class that the Worker exports.
const CLASS: &str = "Coordinator";

/// What an environment says of the coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CoordinatorBinding {
    /// Nothing: it is off.
    Absent,
    /// It is bound.
    Bound,
    /// It is bound in a way that does not work: the problem, and what to write.
    Faulty(String, String),
}

impl CoordinatorBinding {
    /// That of the environment `table` in the file `top`. Environments inherit `migrations` and `exports`, but not `durable_objects`.
    pub(crate) fn of(table: &Value, top: &Value) -> Self {
        let bindings = table.pointer("/durable_objects/bindings").and_then(Value::as_array);
        let text = |one: &Value, member: &str| one.get(member).and_then(Value::as_str).map(str::to_owned);
        let bound: Vec<(Option<String>, Option<String>, bool)> = bindings
            .into_iter()
            .flatten()
            .map(|one| (text(one, "name"), text(one, "class_name"), one.get("script_name").is_some()))
            .collect();
        let Some((_, class, is_elsewhere)) = bound.iter().find(|(name, ..)| name.as_deref() == Some(NAME))
        else {
            let misnamed = bound.iter().find(|(_, class, _)| class.as_deref() == Some(CLASS));
            return misnamed.map_or(Self::Absent, |(name, ..)| {
                let name = name.as_deref().unwrap_or_default();
                Self::Faulty(
                    format!("the class {CLASS} is bound as {name:?}, and the Worker looks for {NAME}"),
                    format!("name the binding {NAME}"),
                )
            });
        };
        let Some(class) = class else {
            let problem = format!("the binding {NAME} has no `class_name`");
            return Self::Faulty(problem, format!("class_name = \"{CLASS}\""));
        };
        if *is_elsewhere || is_created(class, table) || is_created(class, top) {
            return Self::Bound;
        }
        Self::Faulty(
            format!("no migration creates the class {class}, so wrangler does not deploy it"),
            format!("[[migrations]] with tag = \"coordinator\" and new_sqlite_classes = [\"{class}\"]"),
        )
    }
}

/// Whether a migration, or wrangler's newer member `exports`, creates this class.
fn is_created(class: &str, file: &Value) -> bool {
    let lists = |list: &Value| list.as_array().is_some_and(|list| list.iter().any(|one| one == class));
    let becomes = |list: &Value| {
        let mut renamed = list.as_array().into_iter().flatten();
        renamed.any(|one| one.get("to").is_some_and(|to| to == class))
    };
    let mut is_there = file.pointer(&format!("/exports/{class}")).is_some_and(|one| {
        one.get("state").is_none_or(|state| state == "created" || state == "expecting-transfer")
    });
    for migration in file.get("migrations").and_then(Value::as_array).into_iter().flatten() {
        let has = |member: &str| migration.get(member).is_some_and(lists);
        is_there |= has("new_sqlite_classes") || has("new_classes");
        is_there |= ["renamed_classes", "transferred_classes"]
            .iter()
            .any(|member| migration.get(member).is_some_and(becomes));
        is_there &= !has("deleted_classes");
    }
    is_there
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::CoordinatorBinding::{Absent, Bound, Faulty};
    use super::*;

    #[test]
    fn a_binding_works_if_something_creates_its_class() {
        let binding = json!({ "bindings": [{ "name": "OTHER", "class_name": "Other" }, { "name": "COORDINATOR", "class_name": "Coordinator" }] });
        let created = json!([{ "tag": "1", "new_sqlite_classes": ["Other", "Coordinator"] }]);
        let cases = [
            (json!({}), Absent),
            (
                json!({ "durable_objects": { "bindings": [{ "name": "OTHER", "class_name": "Other" }] } }),
                Absent,
            ),
            (json!({ "durable_objects": "nonsense", "migrations": 7 }), Absent),
            (json!({ "migrations": created }), Absent),
            (json!({ "durable_objects": binding, "migrations": created }), Bound),
            (
                json!({ "durable_objects": binding, "exports": { "Coordinator": { "type": "durable-object", "storage": "sqlite" } } }),
                Bound,
            ),
            (
                json!({ "durable_objects": binding, "migrations": [{ "tag": "1", "new_sqlite_classes": ["Old"] }, { "tag": "2", "renamed_classes": [{ "from": "Old", "to": "Coordinator" }] }] }),
                Bound,
            ),
            (
                json!({ "durable_objects": { "bindings": [{ "name": "COORDINATOR", "class_name": "Coordinator", "script_name": "auth" }] } }),
                Bound,
            ),
        ];
        for (file, expected) in cases {
            assert_eq!(CoordinatorBinding::of(&file, &file), expected, "{file}");
        }
    }

    #[test]
    fn a_binding_that_cannot_work_is_a_fault_that_says_what_to_write() {
        let binding = json!({ "bindings": [{ "name": "COORDINATOR", "class_name": "Coordinator" }] });
        let deleted = json!([{ "tag": "1", "new_sqlite_classes": ["Coordinator"] }, { "tag": "2", "deleted_classes": ["Coordinator"] }]);
        let cases = [
            (json!({ "durable_objects": binding }), "[[migrations]]"),
            (json!({ "durable_objects": binding, "migrations": deleted }), "[[migrations]]"),
            (
                json!({ "durable_objects": binding, "exports": { "Coordinator": { "type": "durable-object", "state": "deleted" } } }),
                "[[migrations]]",
            ),
            (
                json!({ "durable_objects": { "bindings": [{ "name": "COORD", "class_name": "Coordinator" }] } }),
                "name the binding COORDINATOR",
            ),
            (json!({ "durable_objects": { "bindings": [{ "name": "COORDINATOR" }] } }), "class_name"),
        ];
        for (file, fix) in cases {
            let Faulty(_, said) = CoordinatorBinding::of(&file, &file) else { panic!("{file}") };
            assert!(said.contains(fix), "{said}");
        }
    }

    #[test]
    fn an_environment_inherits_the_migration_and_not_the_binding() {
        let top = json!({
            "durable_objects": { "bindings": [{ "name": "COORDINATOR", "class_name": "Coordinator" }] },
            "migrations": [{ "tag": "1", "new_sqlite_classes": ["Coordinator"] }],
        });
        assert_eq!(CoordinatorBinding::of(&json!({}), &top), Absent);
        let own = json!({ "durable_objects": top["durable_objects"] });
        assert_eq!(CoordinatorBinding::of(&own, &top), Bound);
    }
}
