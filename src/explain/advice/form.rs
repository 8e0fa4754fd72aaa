//! What to do when no token was sent, or the text that was sent is not a token.

use super::{Advice, advice};
use crate::credentials::Places;
use crate::details;
use crate::explain::Examination;
use crate::limits::MAX_TOKEN_BYTES_RANGE;
use crate::rejection::{Ambiguous, Malformed, Missing, Rejection};

pub(in crate::explain) fn literal(word: &str) -> Advice {
    advice(
        format!("The client sent the word \"{word}\" in place of a token."),
        "The code that builds the header has no token yet. Wait until the user is signed in, and check the result of getToken() before you send it. If the code names a template (Clerk: getToken({ template: \"…\" })), check that a template of exactly that name exists in the identity provider's dashboard: for an unknown name, getToken gives null.",
    )
}

/// The places where a token is read: those of the route that takes the request, else those of the root.
fn places<'e>(examination: &Examination<'e>) -> &'e Places {
    examination.routing.route().map_or(&examination.config.credentials, |route| &route.credentials)
}

pub(in crate::explain) fn token_absent(examination: &Examination<'_>, missing: Missing) -> Advice {
    let places = places(examination);
    let read: Vec<String> = places.iter().map(ToString::to_string).collect();
    let summary = match missing {
        Missing::NoCredentials | Missing::InNoPlace if !places.is_default() => {
            format!("No token was sent. It is read from {}.", read.join(", then from "))
        }
        Missing::SessionUnreadable => {
            "The session cookie was sent, but it holds no readable session.".to_owned()
        }
        Missing::NoCredentials | Missing::InNoPlace | Missing::NotPassed => "No token was sent.".to_owned(),
        Missing::OtherScheme => {
            "No Bearer token was sent: the Authorization header uses another scheme.".to_owned()
        }
        Missing::Empty => {
            "No token was sent: the Authorization header says Bearer, and nothing follows.".to_owned()
        }
        Missing::InCookie => format!(
            "No token was sent where one is read ({}). A token was seen in a cookie that is not read.",
            read.join(", ")
        ),
        Missing::InQuery => format!(
            "No token was sent where one is read ({}). A token was seen in the query, which is not read.",
            read.join(", ")
        ),
        Missing::Preflight | Missing::Literal(_) | Missing::Dpop => {
            format!("No token was sent: {}.", details::of_rejection(&Rejection::TokenMissing(missing)))
        }
    };
    let elsewhere = "To read it from another place, list the place in `credentials` (docs/credentials.md).";
    if missing == Missing::SessionUnreadable {
        return advice(
            summary,
            "Sign in again. If that does not help, delete the cookies of the site: parts of an old session may be left, or another server of the site may have set one.",
        );
    }
    if !places.has_authorization() {
        return advice(summary, format!("Send the token in one of these places. {elsewhere}"));
    }
    let fix = "Send the header\n    Authorization: Bearer <token>\nwith every request. In a browser, a script can send it to another origin only if the server's CORS rules allow the header Authorization (`cors.origins`, or `cors` of a route).";
    if matches!(missing, Missing::InCookie | Missing::InQuery) {
        return advice(summary, format!("{fix} {elsewhere}"));
    }
    advice(summary, fix)
}

/// A token with the scheme `DPoP`.
pub(in crate::explain) fn dpop() -> Advice {
    advice(
        "The Authorization header uses the scheme DPoP (RFC 9449): the token is bound to a key, and a proof of possession comes with it. Such proofs are not checked here, and the token is no bearer token.",
        "Have the client ask the identity provider for a bearer token: without the header DPoP in its token request. A token that is bound to a key is refused with the scheme Bearer too.",
    )
}

/// A cookie on a request that another site may have made.
pub(in crate::explain) fn cross_site(origin: Option<&str>) -> Advice {
    let sender = origin.map_or_else(
        || "it does not say which page sent it: it has no Origin".to_owned(),
        |origin| format!("a page of {origin} sent it, which is neither its own origin nor a listed one"),
    );
    advice(
        format!(
            "The token is in a cookie, and the cookie does not count for this request: {sender}. Browsers send a cookie with the requests of every page, so another site could have made it (cross-site request forgery)."
        ),
        "Cookies count for GET and HEAD; for other methods and WebSockets only if `Origin` (or `Sec-Fetch-Site: same-origin`) shows the own origin or a listed one. If the page is your own application, list its origin in `cors.origins`, or in `cors` of the route. A client that is no browser sends the token in the Authorization header.",
    )
}

pub(in crate::explain) fn ambiguous(ambiguous: Ambiguous) -> Advice {
    let fix = match ambiguous {
        Ambiguous::CookieTwice => {
            "Delete the cookies of the site and sign in again. If both cookies come back, two servers of the site set cookies of this name: give one of them another name, or a name that begins with __Host-, which no other host can set. With several applications of Clerk on one site, set `publishable_key` beside the cookie in `credentials`."
        }
        Ambiguous::QueryTwice
        | Ambiguous::HeaderSyntax
        | Ambiguous::NotOneWord
        | Ambiguous::WebSocketProtocol => {
            "Change the client so that it sends one token, once, in one of the places that `credentials` lists (docs/credentials.md)."
        }
        Ambiguous::SeveralCredentials
        | Ambiguous::QueryBesideHeader
        | Ambiguous::NotAlone
        | Ambiguous::BadSyntax => ONE_HEADER,
    };
    advice(format!("It is unclear which text is the token: {ambiguous}."), fix)
}

const ONE_HEADER: &str = "Send exactly one header\n    Authorization: Bearer <token>\nwith one space, no quotes, no line break, and the word Bearer once.";

pub(in crate::explain) fn too_large(length: usize, limit: usize) -> Advice {
    let (_, greatest) = MAX_TOKEN_BYTES_RANGE;
    let length_bytes = u64::try_from(length).unwrap_or(u64::MAX);
    let raise = if length_bytes <= greatest {
        let enough = length_bytes.checked_next_multiple_of(1024).unwrap_or(greatest).min(greatest);
        format!(
            " To accept larger ones, set in wrangler.toml:\n    [vars.ASSAY.verify]\n    max_token_bytes = {enough}"
        )
    } else {
        format!(" No setting accepts more than {greatest} bytes.")
    };
    advice(
        format!("The token is too large: {length} bytes, and at most {limit} are accepted."),
        format!(
            "Make the token smaller: large custom claims, avatars and role lists are the usual reason.{raise}"
        ),
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
    let revoke = if secret { " This key is a secret: if a browser has sent it, revoke it." } else { "" };
    advice(
        format!(
            "This is not a JWT but {what}: a JWT has three parts separated by dots, and this text has one."
        ),
        format!(
            "Send the signed-in user's access token instead (Supabase: session.access_token; Clerk: await getToken()). If this is the access token, the identity provider issues opaque ones unless the client names the API when it asks (Auth0: `audience`). An API key identifies a project, not a user, and belongs in another header.{revoke}"
        ),
    )
}

pub(in crate::explain) fn not_a_jwt(examination: &Examination<'_>, malformed: &Malformed) -> Advice {
    let is_of_google = examination.presented.as_deref().is_ok_and(|text| text.starts_with("ya29."));
    let fix = match malformed {
        _ if is_of_google => {
            "This is an access token of Google, which is opaque: only Google can read it. Send the ID token (`id_token`) of the user, or the token of your own identity provider.".to_owned()
        }
        Malformed::Segments(5) => {
            "Five parts make an encrypted token (JWE), which only its recipient can read. Ask the identity provider for a signed access token; Auth0 issues one if the request names an `audience`.".to_owned()
        }
        Malformed::Member { member: "aud", .. } => {
            "Have the system that issues these tokens write `aud` as a string or as an array of strings (RFC 7519 §4.1.3).".to_owned()
        }
        Malformed::Member { .. } => {
            "Have the system that issues these tokens write times as seconds since 1970, not milliseconds (RFC 7519 §2): in JavaScript, Math.floor(Date.now() / 1000).".to_owned()
        }
        Malformed::MemberType { member, found, expected } => member_type(member, found, expected),
        Malformed::DuplicateMember(..) => {
            "Have the system that issues these tokens write each member once: two JSON parsers could read such a token differently.".to_owned()
        }
        Malformed::Character { character, .. } => unexpected_character(examination, *character),
        Malformed::Segments(_)
        | Malformed::EmptySegment(_)
        | Malformed::Base64(_)
        | Malformed::Utf8(_)
        | Malformed::Json(..)
        | Malformed::Unsigned => {
            "Copy the whole token again. Often its end is missing, it has a line break or quotes in it, or it was URL-decoded on the way. A JWT begins with \"eyJ\" and has two dots.".to_owned()
        }
    };
    advice(format!("This is not a readable signed JWT: {malformed}."), fix)
}

fn member_type(member: &str, found: &str, expected: &str) -> String {
    let example = match (member, found) {
        (_, "null") => format!("leave `{member}` out."),
        ("exp" | "nbf" | "iat", _) => format!(
            "write `{member}` as a number of seconds since 1970, without quotes:\n    \"{member}\": 1800000000"
        ),
        (_, "a number") => format!("write `{member}` in quotes:\n    \"{member}\": \"5\""),
        _ => format!("write `{member}` as {expected}."),
    };
    format!("Have the system that issues these tokens {example}")
}

/// What to do about a character that no token contains. The text names the usual reason for each.
fn unexpected_character(examination: &Examination<'_>, character: char) -> String {
    let text = examination.presented.as_deref().unwrap_or_default();
    let fix = match character {
        '%' => {
            "The token was URL-encoded on its way: \"%2E\" stands for a dot, \"%20\" for a space. Decode it before you send it:\n    decodeURIComponent(token)"
        }
        '=' => {
            "The base64url of a JWT has no padding (RFC 7515 §2). Send the token exactly as it was issued; if your own code makes it, remove the \"=\" before signing. AWS load balancers pad their token (x-amzn-oidc-data): send x-amzn-oidc-accesstoken instead."
        }
        '+' | '/' => {
            "The token was encoded as standard base64. A JWT is base64url: \"-\" in place of \"+\", \"_\" in place of \"/\", and no \"=\" (RFC 7515 §2). Send the token exactly as it was issued; if your own code makes it, encode with base64url before signing."
        }
        '\u{2026}' => {
            "The program that displayed the token has shortened it. Copy the whole token from where it was issued."
        }
        c if c.is_whitespace() && !text.starts_with("eyJ") => {
            "This is ordinary text. Send a JWT: one word that begins with \"eyJ\" and has two dots, and nothing before or after it."
        }
        '{' if text.starts_with('{') => {
            "This is JSON without a token: often it is the error of the server that was asked for a token. Read it. Then send only the token, one word that begins with \"eyJ\"."
        }
        _ => {
            "The character was added when the token was copied. Copy the token again from where it was issued, or remove every character that no token contains:\n    token.replace(/[^A-Za-z0-9._-]/g, \"\")"
        }
    };
    fix.to_owned()
}

pub(in crate::explain) fn unsigned(examination: &Examination<'_>) -> Advice {
    let issuer = examination
        .unsigned_issuer()
        .filter(|iss| iss.starts_with("https://securetoken.google.com/"))
        .map_or("", |_| " Firebase's Auth emulator makes such tokens: sign in to the real project.");
    advice(
        "The token is not signed: its `alg` is \"none\" and its signature is empty. Anyone could have written it.",
        format!(
            "Send a token that the identity provider has signed. Emulators and the test settings of some libraries make unsigned tokens, which are never accepted.{issuer} For tests, run an identity provider that signs, and configure it as a separate issuer."
        ),
    )
}

pub(in crate::explain) fn header(member: &str, reason: &str) -> Advice {
    advice(
        format!("The token's header has the member `{member}`, which is not supported: {reason}."),
        "The usual identity providers do not set it. If yours does, switch it off there. If you do not know where this token is from, do not trust it.",
    )
}
