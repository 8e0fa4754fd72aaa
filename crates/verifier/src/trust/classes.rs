//! The classes of a provider's tokens: the kinds of token that one key of the provider signs, how each is recognised, and which of them an
//! API means. A service token and a user's token have the same issuer and the same key, and often the same audience, so only this tells them apart.
//!
//! Each provider has one list. A token belongs to the first class of the list that fits, so the classes that must not be taken for another
//! come first. A token that fits no class of its provider is of an unknown class, and is accepted only if classes are not checked.

mod further;

pub use further::{APPLE, ENTRA, FIREBASE, GITLAB, KINDE, KUBERNETES, LOGTO, OKTA, STYTCH, WORKOS};

use super::media_type::media_subtype;
use crate::jose::Object;
use crate::jose::token::{Claims, Header};

/// A kind of a provider's tokens.
#[derive(Debug)]
pub struct Class {
    /// Its name in a configuration.
    pub name: &'static str,
    /// What such a token is, without the provider's name, as in "session token".
    pub words: &'static str,
    /// The descriptions of such a token: it fits one of them, with every mark.
    marks: &'static [&'static [Mark]],
    /// Whether an API of this provider's users means such tokens: they are accepted unless the configuration lists others.
    pub is_meant: bool,
    /// The claim that names the audience if there is no `aud`.
    pub audience_in: Option<&'static str>,
    /// What the client should do, or what such a token is for, in a sentence.
    pub hint: &'static str,
}

impl Class {
    /// What such a token is, as in "a Clerk session token".
    #[must_use]
    pub fn with_provider(&self, provider: &str) -> String {
        let article = if provider.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
        format!("{article} {provider} {}", self.words)
    }
}

/// What a token of a class has.
#[derive(Clone, Copy, Debug)]
enum Mark {
    /// A member of the JOSE header.
    Header(&'static str, Is),
    /// A claim.
    Claim(&'static str, Is),
    /// `typ`, compared as RFC 7515 §4.1.9 asks.
    Type(&'static str),
    /// Two claims that are the same text.
    Same(&'static str, &'static str),
}

/// What a member is. A member that is null counts as absent.
#[derive(Clone, Copy, Debug)]
enum Is {
    /// This text.
    Text(&'static str),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A text that begins with this one.
    Begins(&'static str),
    /// A text that ends with this one.
    Ends(&'static str),
    /// True.
    True,
    /// Present, with any value.
    Present,
    /// Absent.
    Absent,
}

impl Is {
    fn holds(self, object: &Object, member: &str) -> bool {
        let is = |test: &dyn Fn(&str) -> bool| object.string(member).is_some_and(|text| test(&text));
        let raw = object.raw(member).filter(|raw| *raw != "null");
        match self {
            Self::Text(wanted) => is(&|text| text == wanted),
            Self::OneOf(wanted) => is(&|text| wanted.contains(&text)),
            Self::Begins(start) => is(&|text| text.starts_with(start)),
            Self::Ends(end) => is(&|text| text.ends_with(end)),
            Self::True => raw == Some("true"),
            Self::Present => raw.is_some(),
            Self::Absent => raw.is_none(),
        }
    }
}

impl Mark {
    fn holds(self, header: &Header, claims: &Claims) -> bool {
        match self {
            Self::Header(member, is) => is.holds(header.members(), member),
            Self::Claim(claim, is) => is.holds(claims.members(), claim),
            Self::Type(wanted) => {
                header.typ.as_deref().is_some_and(|typ| media_subtype(typ).eq_ignore_ascii_case(wanted))
            }
            Self::Same(one, other) => {
                let one = claims.members().string(one);
                one.is_some() && one == claims.members().string(other)
            }
        }
    }
}

/// The class of a token, by the list of its provider; `None` if no class fits.
#[must_use]
pub fn of_token(classes: &'static [Class], header: &Header, claims: &Claims) -> Option<&'static Class> {
    let fits =
        |class: &&Class| class.marks.iter().any(|marks| marks.iter().all(|mark| mark.holds(header, claims)));
    classes.iter().find(fits)
}

/// Which classes of a provider's tokens an issuer's configuration accepts.
#[derive(Clone, Debug)]
pub struct ClassRule {
    /// The provider's name, as in "Clerk".
    pub provider: &'static str,
    /// The classes that are known.
    pub known: &'static [Class],
    /// The names of those that are accepted; `None`: every token, also one of an unknown class.
    pub accepted: Option<Vec<&'static str>>,
}

impl ClassRule {
    /// The rule of a preset without further configuration; `None` if the provider has no classes.
    #[must_use]
    pub fn default_of(provider: &'static str, known: &'static [Class]) -> Option<Self> {
        let meant = known.iter().filter(|class| class.is_meant).map(|class| class.name);
        (!known.is_empty()).then(|| Self { provider, known, accepted: Some(meant.collect()) })
    }

    /// What is wrong with a name that no class has.
    #[must_use]
    pub fn unknown(&self, name: &str) -> String {
        let known: Vec<&str> = self.known.iter().map(|class| class.name).collect();
        format!(
            "`classes` names \"{name}\", which is not a class of {}; write some of {}",
            self.provider,
            known.join(", ")
        )
    }

    /// The class of a token; `None` if it is unknown.
    #[must_use]
    pub fn class_of(&self, header: &Header, claims: &Claims) -> Option<&'static Class> {
        of_token(self.known, header, claims)
    }

    /// Whether tokens of `class` are accepted. `None` is an unknown class.
    #[must_use]
    pub fn accepts(&self, class: Option<&Class>) -> bool {
        match &self.accepted {
            None => true,
            Some(accepted) => class.is_some_and(|class| accepted.contains(&class.name)),
        }
    }

    /// The class of a token in words, with its name in the configuration, as in "a Clerk session token (`session`)".
    #[must_use]
    pub fn in_words(&self, class: Option<&Class>) -> String {
        match class {
            Some(class) => format!("{} (`{}`)", class.with_provider(self.provider), class.name),
            None => format!("of no known class of {}", self.provider),
        }
    }

    /// The name of the class that the configuration calls `name`.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&'static str> {
        self.known.iter().map(|class| class.name).find(|known| *known == name)
    }
}

/// No classes: the provider has one kind of token for APIs, or its kinds are told apart by `typ` or `aud` alone.
pub const NONE: &[Class] = &[];

/// Clerk. `cat` came later than the other marks, and some instances write the same neutral `cat` into every token.
pub const CLERK: &[Class] = &[
    Class {
        name: "machine",
        words: "machine-to-machine token",
        marks: &[
            &[Mark::Header("cat", Is::Text("cl_B7d4PD333AAA"))],
            &[Mark::Claim("sub", Is::Begins("mch_"))],
        ],
        is_meant: false,
        audience_in: None,
        hint: "One machine of yours sends it to another: no user is signed in.",
    },
    Class {
        name: "oauth",
        words: "OAuth access token",
        marks: &[&[Mark::Type("at+jwt")]],
        is_meant: false,
        audience_in: None,
        hint: "Clerk issues it to an application that a user has authorised, often one of another company, and limits it by `scope`.",
    },
    // Clerk's frontend sets cookies with it. It has the `cat` of a session token.
    Class {
        name: "handshake",
        words: "handshake token",
        marks: &[&[Mark::Claim("handshake", Is::Present)]],
        is_meant: false,
        audience_in: None,
        hint: "It is for Clerk's own middleware.",
    },
    Class {
        name: "pending",
        words: "token of a pending session",
        marks: &[&[Mark::Claim("sts", Is::Text("pending"))]],
        is_meant: false,
        audience_in: None,
        hint: "The user is not signed in yet: a task is left, such as choosing an organization. Let the user complete it, and ask for the token again.",
    },
    Class {
        name: "session",
        words: "session token",
        marks: &[
            &[Mark::Header("cat", Is::Text("cl_B7d4PD111AAA")), Mark::Claim("sid", Is::Begins("sess_"))],
            &[Mark::Header("cat", Is::Text(CLERK_NEUTRAL)), Mark::Claim("sid", Is::Begins("sess_"))],
            &[Mark::Header("cat", Is::Absent), Mark::Claim("sid", Is::Begins("sess_"))],
        ],
        is_meant: true,
        audience_in: None,
        hint: "`getToken()` gives it.",
    },
    Class {
        name: "template",
        words: "token of a JWT template",
        marks: &[
            &[Mark::Header("cat", Is::Text("cl_B7d4PD222AAA"))],
            &[Mark::Header("cat", Is::Text(CLERK_NEUTRAL)), Mark::Claim("sid", Is::Absent)],
            &[Mark::Header("cat", Is::Absent), Mark::Claim("sid", Is::Absent)],
        ],
        is_meant: true,
        audience_in: None,
        hint: "`getToken({ template })` gives it.",
    },
];

/// The `cat` of Clerk's instances that tell no classes apart.
const CLERK_NEUTRAL: &str = "cl_I7d4PD111III";

/// Supabase. The API keys of a project are JWTs too, and with the legacy secret they have the key of its users' tokens.
pub const SUPABASE: &[Class] = &[
    Class {
        name: "service_role",
        words: "API key with all rights (service_role)",
        marks: &[&[Mark::Claim("role", Is::OneOf(&["service_role", "supabase_admin"]))]],
        is_meant: false,
        audience_in: None,
        hint: "It is a secret of your servers, and no user is signed in. If a browser or an app has sent it, replace it.",
    },
    Class {
        name: "anon",
        words: "public API key (anon)",
        marks: &[&[Mark::Claim("role", Is::Text("anon"))]],
        is_meant: false,
        audience_in: None,
        hint: "No user is signed in. Send the access token of the session.",
    },
    Class {
        name: "oauth",
        words: "OAuth access token",
        marks: &[&[Mark::Claim("client_id", Is::Present)]],
        is_meant: false,
        audience_in: None,
        hint: "Another application has it, which a user has authorised; `client_id` names the application.",
    },
    Class {
        name: "anonymous",
        words: "token of an anonymous user",
        marks: &[&[Mark::Claim("is_anonymous", Is::True)]],
        is_meant: true,
        audience_in: None,
        hint: "The user signed in without an account.",
    },
    Class {
        name: "user",
        words: "user's token",
        marks: &[&[]],
        is_meant: true,
        audience_in: None,
        hint: "It is `access_token` of the session.",
    },
];

/// Better Auth. The JWT plugin and the OAuth provider plugin sign with the same key.
pub const BETTER_AUTH: &[Class] =
    &[BETTER_AUTH_ACCESS, BETTER_AUTH_ID, BETTER_AUTH_SESSION, BETTER_AUTH_COOKIE];

/// Better Auth's OAuth provider.
pub const BETTER_AUTH_OAUTH: &[Class] = &[
    Class { is_meant: true, words: "access token", ..BETTER_AUTH_ACCESS },
    BETTER_AUTH_ID,
    Class { is_meant: false, ..BETTER_AUTH_SESSION },
];

const BETTER_AUTH_ACCESS: Class = Class {
    name: "access",
    words: "OAuth access token",
    marks: &[&[Mark::Type("at+jwt"), Mark::Claim("azp", Is::Present)]],
    is_meant: false,
    audience_in: None,
    hint: "The OAuth provider plugin issues it to an application that a user has authorised.",
};

const BETTER_AUTH_ID: Class = Class {
    name: "id",
    words: "ID token",
    marks: &[&[Mark::Claim("auth_time", Is::Present)], &[Mark::Claim("nonce", Is::Present)]],
    is_meant: false,
    audience_in: None,
    hint: "It tells an application who signed in. An API takes the access token.",
};

const BETTER_AUTH_SESSION: Class = Class {
    name: "session",
    words: "session JWT",
    marks: &[&[Mark::Header("typ", Is::Absent)], &[Mark::Type("JWT")]],
    is_meant: true,
    audience_in: None,
    hint: "The JWT plugin issues it to a user who is signed in, at `/token`.",
};

// It is for browsers, so it is accepted only if `types` has its type and `audience` its audience.
const BETTER_AUTH_COOKIE: Class = Class {
    name: "session-cookie",
    words: "session cookie",
    marks: &[&[Mark::Type("better-auth.session-cache+jwt")]],
    is_meant: true,
    audience_in: None,
    hint: "The JWT plugin signs it for the browser, with `sessionCookieCache`.",
};

/// Amazon Cognito. Both tokens of a sign-in have the same key; only `token_use` tells them apart.
pub const COGNITO: &[Class] = &[
    Class {
        name: "access",
        words: "access token",
        marks: &[&[Mark::Claim("token_use", Is::Text("access"))]],
        is_meant: true,
        audience_in: Some("client_id"),
        hint: "It is the one for APIs.",
    },
    Class {
        name: "id",
        words: "ID token",
        marks: &[&[Mark::Claim("token_use", Is::Text("id"))]],
        is_meant: false,
        audience_in: None,
        hint: "It tells an application who signed in. Send the access token to APIs.",
    },
];

/// The access proxy whose tokens have `type`.
pub const ACCESS: &[Class] = &[
    Class {
        name: "service",
        words: "token of a service token",
        marks: &[&[Mark::Claim("type", Is::Text("app")), Mark::Claim("common_name", Is::Present)]],
        is_meant: true,
        audience_in: None,
        hint: "A policy of the application admits the service; no user is signed in.",
    },
    Class {
        name: "app",
        words: "application token",
        marks: &[&[Mark::Claim("type", Is::Text("app"))]],
        is_meant: true,
        audience_in: None,
        hint: "It is the one for the application that `aud` names.",
    },
    Class {
        name: "org",
        words: "global session token",
        marks: &[&[Mark::Claim("type", Is::Text("org"))]],
        is_meant: false,
        audience_in: None,
        hint: "It is for the sign-in page of the team. Send the token of the application, which the header `Cf-Access-Jwt-Assertion` holds.",
    },
];

/// Google. Everyone with a Google Cloud project gets ID tokens of service accounts for any `aud`, also for the client of another.
pub const GOOGLE: &[Class] = &[
    Class {
        name: "service-account",
        words: "ID token of a service account",
        marks: &[
            &[Mark::Same("azp", "sub")],
            &[Mark::Claim("email", Is::Ends(".gserviceaccount.com"))],
            &[Mark::Claim("azp", Is::Ends(".gserviceaccount.com"))],
        ],
        is_meant: false,
        audience_in: None,
        hint: "No user is signed in. Everyone with a Google Cloud project can get such tokens for any audience, so accept them only with conditions on `email` or `sub`.",
    },
    Class {
        name: "user",
        words: "ID token of a user",
        // Not a security event, which Google signs with the same key.
        marks: &[&[Mark::Claim("events", Is::Absent)]],
        is_meant: true,
        audience_in: None,
        hint: "Sign in with Google gives it.",
    },
];

/// Keycloak. Its claim `typ` is another one than the header's.
pub const KEYCLOAK: &[Class] = &[
    Class {
        name: "id",
        words: "ID token",
        marks: &[&[Mark::Claim("typ", Is::Text("ID"))]],
        is_meant: false,
        audience_in: None,
        hint: "It tells an application who signed in. Send the access token to APIs.",
    },
    Class {
        name: "refresh",
        words: "refresh token",
        marks: &[&[Mark::Claim("typ", Is::OneOf(&["Refresh", "Offline"]))]],
        is_meant: false,
        audience_in: None,
        hint: "It is for Keycloak alone. Send the access token to APIs.",
    },
    Class {
        name: "logout",
        words: "logout token",
        marks: &[&[Mark::Claim("typ", Is::Text("Logout"))]],
        is_meant: false,
        audience_in: None,
        hint: "It tells an application that a user signed out.",
    },
    Class {
        name: "access",
        words: "access token",
        marks: &[&[]],
        is_meant: true,
        audience_in: None,
        hint: "It is the one for APIs.",
    },
];

/// Descope. A refresh token has the key of session tokens, and lives for weeks.
pub const DESCOPE: &[Class] = &[
    Class {
        name: "refresh",
        words: "refresh token",
        marks: &[&[Mark::Claim("drn", Is::Text("DSR"))]],
        is_meant: false,
        audience_in: None,
        hint: "It is for Descope alone. Send the session token to APIs.",
    },
    Class {
        name: "session",
        words: "session token",
        marks: &[&[]],
        is_meant: true,
        audience_in: None,
        hint: "`getSessionToken()` gives it.",
    },
];

#[cfg(test)]
mod tests {
    use crate::trust::presets::Preset;

    #[test]
    fn an_unknown_class_is_answered_with_the_known_ones() {
        let rule = Preset::Cognito.class_rule().unwrap();
        assert_eq!(
            rule.unknown("session"),
            "`classes` names \"session\", which is not a class of Cognito; write some of access, id"
        );
    }
}
