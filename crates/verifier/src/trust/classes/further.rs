//! The classes of the tokens of further providers. The module above says what a class is.

use super::{Class, Is, Mark};

/// What a class has unless it says otherwise.
const CLASS: Class = Class { name: "", words: "", marks: &[], is_meant: false, audience_in: None, hint: "" };

/// The access token for an API.
const ACCESS_TOKEN: Class = Class {
    name: "access",
    words: "access token",
    is_meant: true,
    hint: "It is the one for the API that `aud` names.",
    ..CLASS
};

/// The ID token of a sign-in.
const ID_TOKEN: Class = Class {
    name: "id",
    words: "ID token",
    hint: "It tells an application who signed in. Send the access token to APIs.",
    ..CLASS
};

/// Microsoft Entra ID. An application that is its own API gets both tokens with the same `aud`. Only access tokens name the client that asked for
/// them: in `azp`, or in `appid` in version 1.0. Only those of users have `scp`; `idtyp` is there only if the API's registration asks for it.
pub const ENTRA: &[Class] = &[
    Class {
        name: "app",
        words: "access token of an application",
        marks: &[
            &[Mark::Claim("idtyp", Is::Text("app"))],
            &[Mark::Claim("azp", Is::Present), Mark::Claim("scp", Is::Absent)],
            &[Mark::Claim("appid", Is::Present), Mark::Claim("scp", Is::Absent)],
        ],
        is_meant: true,
        hint: "No user is signed in: the application itself has the roles in `roles`. Every application of the tenant can get one without roles, so require some.",
        ..CLASS
    },
    Class {
        marks: &[&[Mark::Claim("azp", Is::Present)], &[Mark::Claim("appid", Is::Present)]],
        ..ACCESS_TOKEN
    },
    Class { marks: &[&[Mark::Claim("azp", Is::Absent), Mark::Claim("appid", Is::Absent)]], ..ID_TOKEN },
];

/// Firebase Authentication. Functions that block a sign-in get a token of the same key.
pub const FIREBASE: &[Class] = &[
    Class {
        name: "blocking",
        words: "token for a blocking function",
        marks: &[&[Mark::Claim("event_type", Is::Present)]],
        hint: "It is for the function that `aud` names, while a user signs in.",
        ..CLASS
    },
    Class {
        name: "session-cookie",
        words: "session cookie",
        marks: &[&[Mark::Claim("iss", Is::Begins("https://session.firebase.google.com/"))]],
        is_meant: true,
        hint: "A server has made it from an ID token; it is valid for up to two weeks.",
        ..CLASS
    },
    Class {
        marks: &[&[Mark::Claim("firebase", Is::Present)]],
        is_meant: true,
        hint: "`getIdToken()` gives it.",
        ..ID_TOKEN
    },
];

/// Okta. Only access tokens have `cid`.
pub const OKTA: &[Class] = &[
    Class { marks: &[&[Mark::Claim("cid", Is::Present)]], ..ACCESS_TOKEN },
    Class { marks: &[&[Mark::Claim("idp", Is::Present)], &[Mark::Claim("amr", Is::Present)]], ..ID_TOKEN },
];

/// GitLab. A user who signs in with GitLab has an ID token of the same issuer and key.
pub const GITLAB: &[Class] = &[
    Class {
        name: "job",
        words: "ID token of a job",
        marks: &[&[Mark::Claim("job_id", Is::Present)]],
        is_meant: true,
        hint: "`id_tokens` of the job gives it.",
        ..CLASS
    },
    Class {
        name: "user",
        words: "ID token of a user",
        marks: &[&[Mark::Claim("auth_time", Is::Present)]],
        hint: "It tells an application who signed in with GitLab.",
        ..CLASS
    },
];

/// Kubernetes.
pub const KUBERNETES: &[Class] = &[Class {
    name: "service-account",
    words: "service account token",
    marks: &[&[
        Mark::Claim("kubernetes.io", Is::Present),
        Mark::Claim("sub", Is::Begins("system:serviceaccount:")),
    ]],
    is_meant: true,
    hint: "A projected volume with your audience gives it.",
    ..CLASS
}];

/// Apple. Notifications to a server have the same issuer, audience and key.
pub const APPLE: &[Class] = &[
    Class {
        name: "notification",
        words: "notification",
        marks: &[&[Mark::Claim("events", Is::Present)]],
        hint: "It tells a server what has changed in an account. Nobody has signed in with it.",
        ..CLASS
    },
    Class {
        marks: &[&[Mark::Claim("sub", Is::Present)]],
        is_meant: true,
        hint: "`identityToken` of the sign-in gives it.",
        ..ID_TOKEN
    },
];

/// `WorkOS`.
pub const WORKOS: &[Class] = &[
    Class {
        name: "session",
        words: "access token of a session",
        marks: &[&[Mark::Claim("sid", Is::Begins("session_"))]],
        is_meant: true,
        hint: "`getAccessToken()` gives it.",
        ..CLASS
    },
    Class {
        name: "application",
        words: "access token of an application",
        marks: &[&[Mark::Claim("sid", Is::Absent)]],
        hint: "It belongs to no user's session.",
        ..CLASS
    },
];

/// Kinde. Only access tokens have the list `scp`.
pub const KINDE: &[Class] = &[
    Class { marks: &[&[Mark::Claim("scp", Is::Present)]], ..ACCESS_TOKEN },
    Class { marks: &[&[Mark::Claim("scp", Is::Absent)]], ..ID_TOKEN },
];

/// Logto: access tokens are typed (RFC 9068).
pub const LOGTO: &[Class] =
    &[Class { marks: &[&[Mark::Type("at+jwt")]], ..ACCESS_TOKEN }, Class { marks: &[&[]], ..ID_TOKEN }];

/// Stytch. Machines and connected applications have access tokens of the same issuer, audience and key.
pub const STYTCH: &[Class] = &[
    Class {
        name: "session",
        words: "session JWT",
        marks: &[&[Mark::Claim("https://stytch.com/session", Is::Present)]],
        is_meant: true,
        hint: "The cookie `stytch_session_jwt` holds it.",
        ..CLASS
    },
    Class {
        name: "machine",
        words: "access token of a machine",
        marks: &[&[Mark::Claim("sub", Is::Begins("m2m-client-"))]],
        hint: "One machine of yours sends it to another: no user is signed in.",
        ..CLASS
    },
    Class {
        name: "connected-app",
        words: "access token of a connected application",
        marks: &[&[Mark::Claim("client_id", Is::Present)]],
        hint: "A user has authorised the application that `client_id` names; `scope` limits it.",
        ..CLASS
    },
];
