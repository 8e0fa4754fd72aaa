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

pub(in crate::explain) fn not_a_jwt(examination: &Examination<'_>, malformed: &Malformed) -> Advice {
    let fix = match malformed {
        Malformed::Segments(5) => {
            "Five parts make an encrypted token (JWE), which only its addressee can read. Ask the identity provider for a signed access token; Auth0 gives one when the request names an `audience`.".to_owned()
        }
        Malformed::Member { member: "aud", .. } => {
            "Whoever makes these tokens must write `aud` as a string or as an array of strings (RFC 7519 §4.1.3).".to_owned()
        }
        Malformed::Member { .. } => {
            "Whoever makes these tokens must write times as seconds since 1970, not milliseconds (RFC 7519 §2): in JavaScript Math.floor(Date.now() / 1000).".to_owned()
        }
        Malformed::MemberType { member, found, expected } => member_type(member, found, expected),
        Malformed::DuplicateMember(..) => {
            "Whoever makes these tokens writes a member twice, and two readers would read it differently. That has to be fixed there.".to_owned()
        }
        Malformed::Character { character, .. } => stranger(examination, *character),
        Malformed::Segments(_)
        | Malformed::EmptySegment(_)
        | Malformed::Base64(_)
        | Malformed::Utf8(_)
        | Malformed::Json(..)
        | Malformed::Unsigned => {
            "Copy the token again, the whole of it: it has often lost its end, gained a line break or quotes, or was URL-decoded on the way. A JWT begins with \"eyJ\" and has two dots.".to_owned()
        }
    };
    advice(format!("This is not a signed JWT that can be read: {malformed}."), fix)
}

fn member_type(member: &str, found: &str, expected: &str) -> String {
    let example = match (member, found) {
        (_, "null") => format!("leave `{member}` out"),
        ("exp" | "nbf" | "iat", _) => format!(
            "write `{member}` as a number of seconds since 1970, without quotes:\n    \"{member}\": 1800000000"
        ),
        (_, "a number") => format!("write `{member}` in quotes:\n    \"{member}\": \"5\""),
        _ => format!("write `{member}` as {expected}"),
    };
    format!("Whoever makes these tokens must {example}")
}

/// What to do about a character that no token holds. Each has a usual way in.
fn stranger(examination: &Examination<'_>, character: char) -> String {
    let text = examination.presented.as_deref().unwrap_or_default();
    let fix = match character {
        '%' => {
            "The token was URL-encoded on its way: \"%2E\" stands for a dot, \"%20\" for a space. Decode it before it is sent:\n    decodeURIComponent(token)"
        }
        '=' => {
            "The base64url of a JWT has no padding (RFC 7515 §2). Send the token exactly as it was issued; if your own code makes it, leave the \"=\" out before signing. AWS load balancers pad theirs (x-amzn-oidc-data): send their x-amzn-oidc-accesstoken instead."
        }
        '+' | '/' => {
            "The token was encoded as standard base64. A JWT is base64url: \"-\" in place of \"+\", \"_\" in place of \"/\", and no \"=\" (RFC 7515 §2). Send the token exactly as it was issued; if your own code makes it, encode with base64url before signing."
        }
        '\u{2026}' => {
            "The program that showed the token has shortened it. Copy the whole token from where it was issued."
        }
        c if c.is_whitespace() && !text.starts_with("eyJ") => {
            "This is ordinary text. Send a JWT: one word that begins with \"eyJ\" and has two dots, without anything before or behind it."
        }
        _ => {
            "Copying has added the character. Copy the token again from where it was issued, or remove everything that no token holds:\n    token.replace(/[^A-Za-z0-9._-]/g, \"\")"
        }
    };
    fix.to_owned()
}

pub(in crate::explain) fn unsigned(examination: &Examination<'_>) -> Advice {
    let issuer = examination
        .unsigned_issuer()
        .filter(|iss| iss.starts_with("https://securetoken.google.com/"))
        .map_or("", |_| " Firebase's Auth emulator makes such tokens: sign in at the real project.");
    advice(
        "The token is not signed: its `alg` is \"none\" and its signature is empty. Anybody could have written it.",
        format!(
            "Send a token that the identity provider has signed. Emulators and some libraries' test settings make unsigned tokens; these are never accepted.{issuer} For tests, run an identity provider that signs, and configure it as an issuer of its own."
        ),
    )
}

pub(in crate::explain) fn header(member: &str, reason: &str) -> Advice {
    advice(
        format!("The token's header has the member `{member}`, which is refused: {reason}."),
        "The usual identity providers do not set it. If yours does, switch that off there; if you do not know where this token is from, do not trust it.",
    )
}
