//! Follows advice literally: its indented lines are pasted into the configuration, each block in the place that the text
//! before it names.

use serde_json::{Map, Value, json};

/// The result of following advice.
#[derive(Debug, Default)]
pub(crate) struct Pasted {
    /// `[vars.ASSAY]` afterwards.
    pub config: Value,
    /// What else was set in wrangler.toml.
    pub wrangler: Map<String, Value>,
    /// The secrets that were stored.
    pub secrets: Vec<String>,
    /// Whether it contains configuration.
    pub is_configuration: bool,
}

/// Where a block of lines goes.
#[derive(Clone, Debug, PartialEq)]
enum Place {
    Unnamed,
    TopLevel,
    /// The pointer to a list of tables, and the members that identify one of them; without members: all tables.
    Tables(&'static str, Vec<(String, Value)>),
}

/// Lines that are for a shell, a program or an identity provider, by their beginning.
const NOT_CONFIGURATION: &[&str] = &[
    "npx edge-assay ",
    "openssl ",
    "kubectl ",
    "const ",
    "Authorization: ",
    "decodeURIComponent(",
    "token.replace(",
    "scope=api:",
    "{ \"",
    "\"exp\": ",
    "\"nbf\": ",
    "\"iat\": ",
    "\"kid\": ",
    "\"sub\": ",
    "issuers[",
    "gateway.",
    "exchange.",
    "verify.",
    "jwks.",
];

/// Follows `fix`, advice about this `[vars.ASSAY]`. `https://…` in it becomes `fill`.
///
/// # Panics
/// If a line is neither configuration nor known to be something else, or has no place.
pub(crate) fn paste(config: &Value, fix: &str, fill: Option<&str>) -> Pasted {
    let mut pasted = Pasted { config: config.clone(), ..Pasted::default() };
    let mut place = Place::Unnamed;
    let mut block: Vec<&str> = Vec::new();
    let mut last: Option<Place> = None;
    for line in fix.lines().chain([""]) {
        if let Some(line) = line.strip_prefix("    ") {
            block.push(line);
            continue;
        }
        if !block.is_empty() {
            last = Some(pasted.block(&place, &block.join("\n"), fill));
            block.clear();
        }
        // As in "in place of `discovery = true` or the present `jwks_uri`": fields that the block has not set are removed.
        if let (Some(rest), Some(place)) = (line.strip_prefix("in place of "), &last) {
            let sentence = rest.split(". ").next().unwrap();
            for name in sentence.split('`').skip(1).step_by(2) {
                pasted.replace_only(place, name.split(' ').next().unwrap());
            }
        }
        place = named(line).unwrap_or(place);
    }
    pasted
}

/// The last place that a line of prose names.
fn named(line: &str) -> Option<Place> {
    let quoted = |after: &str| Some(json!(after.split('"').nth(1)?));
    let mut found: Option<(usize, Place)> = None;
    let mut note = |at: Option<usize>, place: Place| {
        if let Some(at) = at.filter(|at| found.as_ref().is_none_or(|(last, _)| at > last)) {
            found = Some((at, place));
        }
    };
    for (list, text) in [
        ("/issuers", "[[vars.ASSAY.issuers]] table"),
        ("/gateway/routes", "[[vars.ASSAY.gateway.routes]] table"),
        ("/exchange/targets", "[[vars.ASSAY.exchange.targets]] table"),
    ] {
        let Some((before, after)) = line.rsplit_once(text) else { continue };
        let mut members = Vec::new();
        if after.starts_with(" of \"") {
            members.push(("issuer".to_owned(), quoted(after).unwrap()));
        }
        if let Some(after) = after.strip_prefix(" with ") {
            for name in ["path", "host", "audience"] {
                if let Some((_, value)) = after.split_once(&format!("{name} = ")) {
                    members.push((name.to_owned(), quoted(value).unwrap()));
                }
            }
            if let Some((_, value)) = after.split_once("methods = ") {
                let (list, _) = value.split_once(']').unwrap();
                members.push((
                    "methods".to_owned(),
                    toml::from_str::<Value>(&format!("l = {list}]")).unwrap()["l"].clone(),
                ));
            }
        }
        if !members.is_empty() || before.ends_with("in each ") {
            note(Some(before.len()), Place::Tables(list, members));
        }
    }
    note(line.rfind("at the top level"), Place::TopLevel);
    found.map(|(_, place)| place)
}

impl Pasted {
    /// Pastes a block. Returns where it is then: a table is named by its issuer, which the block may change.
    fn block(&mut self, place: &Place, block: &str, fill: Option<&str>) -> Place {
        let mut lines = Vec::new();
        for line in block.lines() {
            if let Some(rest) = line.strip_prefix("npx wrangler secret put ") {
                self.secrets.push(rest.split(' ').next().unwrap().to_owned());
            } else if !NOT_CONFIGURATION.iter().any(|start| line.starts_with(start)) {
                lines.push(line);
            }
        }
        if lines.is_empty() {
            return place.clone();
        }
        self.is_configuration = true;
        // A name alone: the field is removed.
        if let [name] = lines.as_slice()
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        {
            for table in self.tables(place) {
                assert!(table.remove(*name).is_some(), "{name} is not there");
            }
            return place.clone();
        }
        let text = lines.join("\n");
        let text = match fill {
            Some(fill) => text.replace("https://…", fill),
            None => text,
        };
        assert!(!text.contains('…'), "the case does not say what to fill in: {text}");
        let given: Value = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        if let Some(root) = given.pointer("/vars/ASSAY") {
            merge(&mut self.config, root);
        } else if *place == Place::TopLevel {
            let mut wrangler = Value::Object(std::mem::take(&mut self.wrangler));
            merge(&mut wrangler, &given);
            self.wrangler.clone_from(wrangler.as_object().unwrap());
        } else {
            let is_beside = matches!(place, Place::Tables(_, members) if members.is_empty());
            for table in self.tables(place) {
                for (name, value) in given.as_object().unwrap() {
                    match table.get_mut(name) {
                        Some(present) if is_beside => merge(present, value),
                        _ => drop(table.insert(name.clone(), value.clone())),
                    }
                }
            }
            if let (Place::Tables(list @ "/issuers", _), Some(issuer)) = (place, given.get("issuer")) {
                return Place::Tables(list, vec![("issuer".to_owned(), issuer.clone())]);
            }
        }
        place.clone()
    }

    /// Removes a field, unless it was just set.
    fn replace_only(&mut self, place: &Place, name: &str) {
        if name == "jwks_uri" || name == "issuer" {
            return;
        }
        for table in self.tables(place) {
            table.remove(name);
        }
    }

    fn tables(&mut self, place: &Place) -> Vec<&mut Map<String, Value>> {
        let Place::Tables(list, members) = place else { panic!("the advice does not say where: {place:?}") };
        let tables = self.config.pointer_mut(list).and_then(Value::as_array_mut).unwrap();
        let found: Vec<_> = tables
            .iter_mut()
            .filter_map(Value::as_object_mut)
            .filter(|table| members.iter().all(|(name, value)| table.get(name) == Some(value)))
            .collect();
        assert!(!found.is_empty(), "the advice names a table that is not there: {place:?}");
        assert!(members.is_empty() || found.len() == 1, "the advice names several tables: {place:?}");
        found
    }
}

/// Adds `given`, as further lines of TOML would: tables are merged, lists of tables are continued.
fn merge(base: &mut Value, given: &Value) {
    match (base, given) {
        (Value::Object(base), Value::Object(given)) => {
            for (name, value) in given {
                merge(base.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(base), Value::Array(given)) if given.iter().all(Value::is_object) => {
            base.extend(given.iter().cloned());
        }
        (base, given) => *base = given.clone(),
    }
}
