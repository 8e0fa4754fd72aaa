//! Names of headers in the configuration.

/// Whether every server reads the name, which is in lower case, in the same way.
pub(super) fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
