//! Media types in `typ`.

/// A media type without the prefix `application/` (RFC 7515 §4.1.9).
pub(super) fn media_subtype(typ: &str) -> &str {
    match typ.split_at_checked("application/".len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest,
        _ => typ,
    }
}
