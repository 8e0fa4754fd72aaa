//! Issuers with a tenant in their `iss`, as Entra's: the configuration has `{tenantid}` where a token has the tenant.

/// What stands in an issuer's name for the tenant.
pub const PLACEHOLDER: &str = "{tenantid}";

/// The tenants whose tokens are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenants {
    /// All of them.
    Any,
    /// These.
    These(Vec<String>),
}

impl Tenants {
    /// Whether this tenant is one of them.
    #[must_use]
    pub fn include(&self, tenant: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(tenants) => tenants.iter().any(|one| one == tenant),
        }
    }
}

/// Whether `text` is the id of a tenant: a GUID in the form of RFC 9562 §4, in lower case as Entra writes it. So a tenant has one spelling.
#[must_use]
pub fn is_tenant_id(text: &str) -> bool {
    let is_hex = |octet: u8| octet.is_ascii_digit() || (b'a'..=b'f').contains(&octet);
    text.len() == 36
        && text.bytes().enumerate().all(|(at, octet)| match at {
            8 | 13 | 18 | 23 => octet == b'-',
            _ => is_hex(octet),
        })
}

/// What stands in `iss` in the place of [`PLACEHOLDER`] in `template`; `None` if the rest differs.
#[must_use]
pub fn tenant_in<'i>(template: &str, iss: &'i str) -> Option<&'i str> {
    let (before, after) = template.split_once(PLACEHOLDER)?;
    iss.strip_prefix(before)?.strip_suffix(after)
}

/// What is wrong with the names of an issuer that has, or has not, tenants; and the fix. `None` if nothing is wrong.
#[must_use]
pub fn fault_of_names(
    issuer: &str,
    also_known_as: &[String],
    has_tenants: bool,
) -> Option<(&'static str, &'static str)> {
    let places = |name: &str| name.matches(PLACEHOLDER).count();
    let wanted = usize::from(has_tenants);
    let is_right = |name: &String| places(name) == wanted;
    match places(issuer) {
        0 if has_tenants => Some((
            "names no {tenantid}, although `tenants` is set",
            "write {tenantid} in the place of the tenant",
        )),
        1 if !has_tenants => Some((
            "has {tenantid}, but nothing says which tenants are accepted",
            "set `tenants` to a list of their ids, or to \"any\"",
        )),
        0 | 1 if also_known_as.iter().all(is_right) => None,
        0 | 1 => Some((
            "must have {tenantid} in all of its spellings or in none",
            "write {tenantid} in the place of the tenant in each of `also_known_as`",
        )),
        _ => Some(("has {tenantid} more than once", "write it in one place")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenants_id_is_a_guid_in_lower_case_and_nothing_else() {
        let good = "9188040d-6c67-4c5b-b112-36a304b66dad";
        assert!(is_tenant_id(good));
        for bad in [
            "",
            "common",
            "{tenantid}",
            "9188040D-6C67-4C5B-B112-36A304B66DAD",
            "9188040d6c674c5bb11236a304b66dad",
            "{9188040d-6c67-4c5b-b112-36a304b66dad}",
            "9188040d-6c67-4c5b-b112-36a304b66da",
            "9188040d-6c67-4c5b-b112-36a304b66dad/",
            "9188040d-6c67-4c5b-b112-36a304b66dag",
            "9188040d-6c67-4c5b-b112_36a304b66dad",
            "9188040d-6c67-4c5b-b112-36a304b66d\u{e9}",
        ] {
            assert!(!is_tenant_id(bad), "{bad}");
        }
    }

    #[test]
    fn the_names_of_an_issuer_have_one_place_for_the_tenant_or_none() {
        let template = "https://a.example/{tenantid}/v2.0";
        let fixed = "https://a.example/v2.0";
        let twice = "https://a.example/{tenantid}/{tenantid}";
        for (issuer, also_known_as, has_tenants, expected) in [
            (fixed, fixed, false, None),
            (template, template, true, None),
            (fixed, fixed, true, Some("names no {tenantid}, although `tenants` is set")),
            (template, template, false, Some("has {tenantid}, but nothing says which tenants are accepted")),
            (fixed, template, false, Some("must have {tenantid} in all of its spellings or in none")),
            (template, fixed, true, Some("must have {tenantid} in all of its spellings or in none")),
            (template, twice, true, Some("must have {tenantid} in all of its spellings or in none")),
            (twice, template, true, Some("has {tenantid} more than once")),
        ] {
            let fault = fault_of_names(issuer, &[also_known_as.to_owned()], has_tenants);
            assert_eq!(fault.map(|(problem, _)| problem), expected, "{issuer} {also_known_as} {has_tenants}");
        }
    }

    #[test]
    fn the_tenant_is_what_stands_between_the_fixed_parts() {
        let template = "https://a.example/{tenantid}/v2.0";
        for (iss, expected) in [
            ("https://a.example/x/v2.0", Some("x")),
            ("https://a.example//v2.0", Some("")),
            ("https://a.example/x/y/v2.0", Some("x/y")),
            ("https://a.example/v2.0", None),
            ("https://a.example/x/v2.0/", None),
            ("https://b.example/x/v2.0", None),
        ] {
            assert_eq!(tenant_in(template, iss), expected, "{iss}");
        }
        assert_eq!(tenant_in("https://a.example", "https://a.example"), None);
    }
}
