//! What to do when no token came, or what came is none.

use super::{Advice, advice};
use crate::explain::Examination;
use crate::rejection::{Ambiguous, Malformed, Missing};

pub(in crate::explain) fn literal(word: &str) -> Advice {
    advice(
        format!("The client sent the word \"{word}\" in place of a token."),
        "The code that builds the header has no token yet. Wait until the user is signed in, and check what getToken() gave before sending it. If it asks for a template (Clerk: getToken({ template: \"…\" })), a template of exactly that name must exist in the identity provider's dashboard; for one that does not, it gives null.",
    )
}

pub(in crate::explain) fn token_absent(missing: Missing) -> Advice {
    let fix = "Send the header\n    Authorization: Bearer <token>\nwith every request. In a browser a request to another origin loses it when the server's CORS rules do not allow the header Authorization.";
    advice(format!("There is no token: {missing}."), fix)
}

pub(in crate::explain) fn ambiguous(ambiguous: Ambiguous) -> Advice {
    advice(
        format!("It cannot be told which text is the token: {ambiguous}."),
        "Send exactly one header\n    Authorization: Bearer <token>\nwith one space, no quotes, no line break, and the word Bearer once.",
    )
}

pub(in crate::explain) fn too_large(length: usize, limit: usize) -> Advice {
    advice(
        format!("The token is too large: {length} bytes, and {limit} are accepted."),
        "Make the token smaller (large custom claims, avatars and role lists are the usual reason), or raise the limit in wrangler.toml:\n    [vars.ASSAY.verify]\n    max_token_bytes = 32768",
    )
}

pub(in crate::explain) fn opaque(examination: &Examination<'_>) -> Advice {
    const KNOWN: [(&str, &str); 10] = [
        ("sb_secret_", "a Supabase secret API key"),
        ("sb_publishable_", "a Supabase publishable API key"),
        ("sbp_", "a Supabase access token for its management API"),
        ("sk_live_", "a secret API key of Clerk's or Stripe's kind"),
        ("sk_test_", "a secret API key of Clerk's or Stripe's kind"),
        ("pk_live_", "a publishable API key"),
        ("pk_test_", "a publishable API key"),
        ("ak_", "an API key"),
        ("oat_", "an opaque OAuth access token"),
        ("gh", "a GitHub token"),
    ];
    let text = examination.presented.as_deref().unwrap_or_default();
    let known = KNOWN.iter().find(|(prefix, _)| text.starts_with(prefix));
    let what = known.map_or("an opaque key or session id", |(_, what)| what);
    let secret =
        known.is_some_and(|(prefix, _)| prefix.starts_with("sb_secret") || prefix.starts_with("sk_"));
    let revoke = if secret { " This one is a secret: if a browser sent it, revoke it." } else { "" };
    advice(
        format!("This is no JWT but {what}: a JWT has three parts separated by dots, this has one."),
        format!(
            "Send the signed-in user's access token instead (Supabase: session.access_token; Clerk: await getToken()). An API key identifies a project, not a user, and goes into a header of its own.{revoke}"
        ),
    )
}

pub(in crate::explain) fn not_a_jwt(malformed: &Malformed) -> Advice {
    let fix = match malformed {
        Malformed::Segments(5) => {
            "Five parts make an encrypted token (JWE), which only its addressee can read. Ask the identity provider for a signed access token; Auth0 gives one when the request names an `audience`."
        }
        Malformed::Member { .. } => {
            "The identity provider, or whoever makes these tokens, must write this claim as RFC 7519 has it. Times are whole seconds since 1970, not milliseconds: in JavaScript Math.floor(Date.now() / 1000)."
        }
        Malformed::DuplicateMember(..) => {
            "Whoever makes these tokens writes a member twice, which two readers would read differently. That has to be mended there."
        }
        Malformed::Segments(_)
        | Malformed::EmptySegment(_)
        | Malformed::Base64(_)
        | Malformed::Utf8(_)
        | Malformed::Json(..)
        | Malformed::NoExpiry => {
            "Copy the token anew and whole: it has often lost its end, gained a line break or quotes, or was URL-decoded on the way. A JWT begins with \"eyJ\" and has two dots."
        }
    };
    advice(format!("This is not a signed JWT that can be read: {malformed}."), fix)
}

pub(in crate::explain) fn header(member: &str, reason: &str) -> Advice {
    advice(
        format!("The token's header has the member `{member}`, which is refused: {reason}."),
        "Tokens of the usual identity providers do not have it. If yours sets it, switch that off there; if you do not know where this token is from, do not trust it.",
    )
}
