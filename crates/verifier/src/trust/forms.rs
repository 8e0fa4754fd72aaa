//! Forms of `iss`: texts with placeholders. They say which issuers are a provider's, and where the keys of such an issuer are. A form is compared
//! with the whole text, so that no other host passes for a provider's.
//!
//! | placeholder | stands for |
//! | --- | --- |
//! | `{label}` | one label of a host |
//! | `{host}` | a host, with its port if it has one |
//! | `{uuid}` | a UUID, or the text `{tenantid}` |
//! | `{region}`, `{ksuid}` | 4 and 27 letters and digits |
//! | any other | a segment of a path |
//!
//! In the URL of keys, a placeholder is replaced by what it stood for, and `{iss}` by the issuer without a slash at its end.

/// The longest `iss` that is compared with forms, in bytes. No provider has one of half that length.
const MAX_LENGTH: usize = 255;

/// What the placeholders of a form stand for in a text, in their order.
type Found<'f, 't> = Vec<(&'f str, &'t str)>;

/// Whether `text` has the form.
pub(super) fn has_form(form: &str, text: &str) -> bool {
    read(form, text).is_some()
}

/// `template` with what the placeholders of `form` stand for in `issuer`. `None` if the issuer has another form, or if the template is empty.
pub(super) fn derived(form: &str, template: &str, issuer: &str) -> Option<String> {
    let found = read(form, issuer)?;
    let issuer = issuer.trim_end_matches('/');
    let of_issuer = [("iss", issuer)];
    (!template.is_empty()).then(|| {
        found
            .iter()
            .chain(&of_issuer)
            .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    })
}

/// A form as it is written in messages: a placeholder is shown as `<…>`.
pub(super) fn shown(form: &str) -> String {
    form.replace("{ksuid}", "{id}").replace("{region}", "").replace('{', "<").replace('}', ">")
}

fn read<'f, 't>(form: &'f str, text: &'t str) -> Option<Found<'f, 't>> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    let Some((literal, rest)) = form.split_once('{') else {
        return (form == text).then(Vec::new);
    };
    let (name, rest) = rest.split_once('}')?;
    let text = text.strip_prefix(literal)?;
    if name == "uuid"
        && let Some(after) = text.strip_prefix("{tenantid}")
        && let Some(mut found) = read(rest, after)
    {
        found.insert(0, (name, "{tenantid}"));
        return Some(found);
    }
    let accepts = |byte: u8| match name {
        "label" => byte.is_ascii_alphanumeric() || b"-_".contains(&byte),
        "host" => byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte),
        "uuid" => byte.is_ascii_hexdigit() || byte == b'-',
        "region" | "ksuid" => byte.is_ascii_alphanumeric(),
        _ => byte.is_ascii_graphic() && !br##""#/<>?@\^`{|}"##.contains(&byte),
    };
    let lengths = match name {
        "region" => 4..=4,
        "ksuid" => 27..=27,
        "uuid" => 36..=36,
        _ => 1..=text.len(),
    };
    let most = text.bytes().take_while(|byte| accepts(*byte)).count();
    // The longest first. All accepted characters are ASCII, so each length is at the border of a character.
    lengths.rev().filter(|length| *length <= most).find_map(|length| {
        let (value, after) = text.split_at_checked(length)?;
        let mut found = read(rest, after)?;
        found.insert(0, (name, value));
        Some(found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_stands_for_characters_of_its_kind_alone() {
        let tenant = "11111111-2222-3333-4444-555555555555";
        for (form, text, expected) in [
            ("https://a.example", "https://a.example", true),
            ("https://a.example", "https://a.example/", false),
            ("https://{label}.example", "https://one.example", true),
            ("https://{label}.example", "https://one.two.example", false),
            ("https://{label}.example", "https://.example", false),
            ("https://{label}.example", "https://one.example.evil", false),
            ("https://{host}.example", "https://one.two.example", true),
            ("https://{host}.example", "https://evil/.example", false),
            ("https://{host}.example", "https://user@evil.example", false),
            ("https://{host}.example", "https://evil?.example", false),
            ("https://{host}.example", "https://evil#.example", false),
            ("https://{host}.example", "https://evil\\.example", false),
            ("https://{host}/realms/{id}", "https://a.example:8443/realms/one", true),
            ("https://{host}/realms/{id}", "https://a.example/realms/one/two", false),
            ("https://{host}/realms/{id}", "https://a.example/realms/", false),
            ("https://a.example/{uuid}/v2.0", &format!("https://a.example/{tenant}/v2.0"), true),
            ("https://a.example/{uuid}/v2.0", "https://a.example/{tenantid}/v2.0", true),
            ("https://a.example/{uuid}/v2.0", "https://a.example/common/v2.0", false),
            ("P{ksuid}", "P2abcdefghijklmnopqrstuvwxyz", true),
            ("P{ksuid}", "P2abc", false),
            ("P{region}{ksuid}", "Peuc12abcdefghijklmnopqrstuvwxyz", true),
            ("P{region}{ksuid}", "Peuc1x2abcdefghijklmnopqrstuvwxyz", false),
            ("P{region}{ksuid}", "Peu-12abcdefghijklmnopqrstuvwxyz", false),
            ("P{ksuid}", "P2abcdefghijklmnopqrstuvwxy_", false),
            ("https://{host}.example", "https://evil!.example", false),
            ("https://{host}.example", "https://evil%2f.example", false),
            (
                "https://a.example/{uuid}/v2.0",
                &format!("https://a.example/{}/v2.0", tenant.split_at(1).1),
                false,
            ),
            ("https://a.example/{uuid}/v2.0", &format!("https://a.example/{tenant}5/v2.0"), false),
            (
                "https://a.example/{uuid}/v2.0",
                &format!("https://a.example/{}/v2.0", tenant.replace('1', "g")),
                false,
            ),
        ] {
            assert_eq!(has_form(form, text), expected, "{form} {text}");
        }
    }

    #[test]
    fn the_longest_text_has_255_bytes() {
        let form = "https://{host}.example";
        let of_length =
            |length: usize| format!("https://{}.example", "a".repeat(length - "https://.example".len()));
        assert!(has_form(form, &of_length(255)));
        assert!(!has_form(form, &of_length(256)));
    }

    #[test]
    fn a_text_of_any_length_is_compared_in_little_time() {
        let text = "a.".repeat(8_000);
        assert!(!has_form("{host}.{host}.{host}.{host}!", &text));
        assert!(!has_form("{host}.{host}.{host}!", &"a.".repeat(127)));
    }

    #[test]
    fn the_url_of_the_keys_has_what_the_placeholders_stand_for() {
        let derive = |form, template| derived(form, template, "https://a.example/users/client_1/");
        assert_eq!(
            derive("https://{host}/users/{id}/", "https://api.example/{id}?of={host}"),
            Some("https://api.example/client_1?of=a.example".to_owned())
        );
        assert_eq!(
            derive("https://{host}/users/{id}/", "{iss}/keys"),
            Some("https://a.example/users/client_1/keys".to_owned())
        );
        assert_eq!(derive("https://{host}/users/{id}/", ""), None);
        assert_eq!(derive("https://{host}/users/{id}", "{iss}/keys"), None);
    }
}
