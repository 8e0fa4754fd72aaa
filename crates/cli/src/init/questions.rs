//! The questions of `init` at a terminal, if neither the issuer nor a token is given.

use edge_assay::trust::presets::Preset;
use edge_assay::trust::tenants::PLACEHOLDER;

use super::super::terminal;
use super::Options;
use super::project;

/// Asks for the issuer. Returns the text of a token if that was given instead.
///
/// # Errors
/// A message, if nothing was answered.
pub(super) fn ask_for_issuer(options: &mut Options) -> Result<Option<String>, String> {
    let issuer = terminal::ask(
        "Which issuer do your tokens have? Its URL is the `iss` of the tokens. Press Enter if you would rather paste a token.",
    )?;
    if !issuer.is_empty() {
        options.issuer = issuer;
        return Ok(None);
    }
    let token =
        terminal::ask("Paste one of your tokens. Nothing of it is kept but the issuer and the audience.")?;
    if token.is_empty() { Err("neither an issuer nor a token was given".to_owned()) } else { Ok(Some(token)) }
}

/// Asks for the tenants, if the issuer stands for several.
///
/// # Errors
/// A message, if the input has ended.
pub(super) fn ask_for_tenants(options: &mut Options) -> Result<(), String> {
    if options.issuer.contains(PLACEHOLDER) && options.tenants.is_empty() {
        let tenants = terminal::ask(
            "Which tenants are accepted? Write their IDs with spaces between them, or `any` for the users of every organization.",
        )?;
        options.tenants = tenants.split_whitespace().map(str::to_owned).collect();
    }
    Ok(())
}

/// Asks for what is not known once the provider is.
///
/// # Errors
/// A message, if the input has ended.
pub(super) fn ask_for_rest(
    options: &mut Options,
    preset: Preset,
    is_audience_known: bool,
) -> Result<(), String> {
    if options.audience.is_empty()
        && !is_audience_known
        && !project::has_usual_audience(preset, &options.issuer)
    {
        let audience = terminal::ask(&format!(
            "Which `aud` do the tokens for your API have? With {} it depends on the API. Write `unchecked` if they have none; press Enter if you do not know it.",
            preset.name()
        ))?;
        options.audience.extend(Some(audience).filter(|audience| !audience.is_empty()));
    }
    if options.upstream.is_none() {
        let upstream = terminal::ask(
            "Is there an API to put behind the Worker? Write its URL, as in https://api.example.com, or press Enter.",
        )?;
        options.upstream = Some(upstream).filter(|upstream| !upstream.is_empty());
    }
    Ok(())
}
