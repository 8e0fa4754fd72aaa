//! The parts of a request: forms, paths and URLs, credentials, the headers of forward-auth; and whole requests.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use edge_assay::exchange::form::{Form, FormError};
use edge_assay::gateway::forward_auth::Dialect;
use edge_assay::gateway::headers::folds_alike;
use edge_assay::gateway::host::Host;
use edge_assay::gateway::path::Path;
use edge_assay::gateway::routes::Pattern;
use edge_assay::http::credentials::bearer_token;
use edge_assay::http::presented::given;
use edge_assay::jose::Algorithm;
use edge_assay::keys::url::{Transport, accept};
use edge_assay::ports::{IncomingRequest, UpstreamRequest};
use edge_assay::rejection::Rejection;
use edge_assay::signing::plan::{Intervals, Plan};
use edge_assay::time::Timestamp;
use http::{HeaderName, HeaderValue, Method};
use serde_json::json;
use url::Url;
use url::form_urlencoded;

use crate::support::keys::ed25519;
use crate::support::request::FakeRequest;
use crate::support::tokens;
use crate::support::world::{NOW, Reply, World, claims, issuer};

/// A form is read as the `url` crate reads it, or refused for a reason that this reading confirms.
pub fn form(data: &[u8]) -> bool {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(data).into_owned().collect();
    let mut independent: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in &pairs {
        independent.entry(name).or_default().push(value);
    }
    let is_repeatable = |name: &str| matches!(name, "audience" | "resource");
    match Form::parse(data) {
        Ok(form) => {
            for (name, values) in independent {
                assert!(values.len() == 1 || is_repeatable(name), "{name}");
                let filled: Vec<&str> = values.into_iter().filter(|value| !value.is_empty()).collect();
                assert_eq!(form.all(name).collect::<Vec<_>>(), filled, "{name}");
                assert_eq!(form.get(name), filled.first().copied(), "{name}");
            }
            true
        }
        Err(FormError::Encoding) => {
            assert!(is_badly_encoded(data), "{data:?}");
            false
        }
        Err(FormError::Repeated(name)) => {
            assert!(!is_badly_encoded(data) && independent[name].len() > 1 && !is_repeatable(name));
            false
        }
        Err(FormError::UnknownRepeated) => {
            assert!(!is_badly_encoded(data) && independent.values().any(|values| values.len() > 1));
            false
        }
    }
}

/// Whether a `%` is not followed by two hexadecimal digits, or a name or value is not UTF-8.
fn is_badly_encoded(data: &[u8]) -> bool {
    let is_broken = data.iter().enumerate().any(|(index, byte)| {
        let digits = data.get(index + 1..index + 3);
        *byte == b'%' && !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    let is_text = |octets: &[u8]| String::from_utf8(decoded(octets)).is_ok();
    is_broken
        || std::str::from_utf8(data).is_err()
        || data.split(|byte| matches!(byte, b'&' | b'=')).any(|part| !is_text(part))
}

/// The segments of a path as a server reads them: decoded, the empty ones left out.
fn segments(path: &str) -> Vec<Vec<u8>> {
    path.split('/').filter(|segment| !segment.is_empty()).map(|segment| decoded(segment.as_bytes())).collect()
}

/// The octets of a text whose escapes are well formed.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next().expect("two digits"), bytes.next().expect("two digits")];
            octets.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).expect("hexadecimal"));
        } else {
            octets.push(byte);
        }
    }
    octets
}

/// A text that begins with a slash is read as a path, any other as a host and as the URL of a key set.
pub fn url(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    if text.starts_with('/') { is_path(text) } else { is_address(text) }
}

/// A normalised path is a fixpoint; the `url` crate and `http::Uri`, with which hyper reads a request, change nothing in it;
/// and both, and a plain server, read the same segments in the path as it was sent. So the matched path is the served path.
fn is_path(raw: &str) -> bool {
    let Ok(path) = Path::normalise(raw) else { return false };
    let form = path.as_str();
    assert!(form.starts_with('/') && !form.contains("//"), "{form}");
    assert!(form.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\?#\"<>^`{|}".contains(&byte)), "{form}");
    let again = Path::normalise(form).expect("its one form is accepted");
    assert_eq!((again.as_str(), again.has_empty_segments()), (form, false));
    assert_eq!(path.has_empty_segments(), raw.contains("//"));
    assert_eq!(form.ends_with('/'), raw.ends_with('/'));
    if !path.specials().is_empty() {
        has_all_readings(&path);
        return true;
    }
    assert_eq!(path.readings(), [form]);

    let wanted = segments(form);
    assert_eq!(segments(raw), wanted, "the path as it was sent");
    for segment in &wanted {
        let text = std::str::from_utf8(segment).expect("UTF-8");
        assert!(!matches!(text, "." | ".."), "{form}");
        assert!(!text.contains(['/', '\\', ';', '\0']), "{form}");
    }
    let url = Url::parse(&format!("https://origin.example{form}")).expect("a URL");
    assert_eq!(url.path(), form);
    assert_eq!((url.host_str(), url.query(), url.fragment()), (Some("origin.example"), None, None));
    let raw_url = Url::parse(&format!("https://origin.example{raw}")).expect("a URL");
    assert_eq!(segments(raw_url.path()), wanted, "the URL as it was sent");
    let uri: http::Uri = format!("https://origin.example{form}").parse().expect("a URI");
    assert_eq!(uri.path(), form);
    let target: http::Uri = form.parse().expect("a request's target");
    assert_eq!((target.path(), target.query()), (form, None));

    // A route for exactly this path takes it, and so does a route for all paths below the first segment.
    match Pattern::parse(form) {
        Ok(pattern) => assert!(pattern.fits(form) && pattern.fits(again.as_str())),
        Err(_) => assert!(form.contains('*')),
    }
    if let Some(first) = form.split('/').nth(1).filter(|first| !first.is_empty())
        && let Ok(pattern) = Pattern::parse(&format!("/{first}/*"))
    {
        assert!(pattern.fits(form));
    }
    true
}

/// Servers that decode a path with an encoded slash or a semicolon before they split it, after it or never, and that cut parameters
/// off or keep them, read it as one of its readings. No reading has a dot segment or an empty segment.
fn has_all_readings(path: &Path) {
    let readings = path.readings();
    assert!(readings.iter().any(|reading| reading == path.as_str()));
    let read: Vec<Vec<Vec<u8>>> = readings.iter().map(|reading| segments(reading)).collect();
    for reading in &readings {
        assert!(reading.starts_with('/') && !reading.contains("//"), "{reading}");
        assert!(segments(reading).iter().all(|segment| !matches!(&**segment, b"." | b"..")), "{reading}");
    }
    let before_semicolon = |part: &[u8]| part.split(|byte| *byte == b';').next().unwrap_or_default().to_vec();
    let whole = decoded(path.as_str().as_bytes());
    let parts = |path: &[u8]| -> Vec<Vec<u8>> {
        path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect()
    };
    let cut = |parts: Vec<Vec<u8>>| parts.iter().map(|part| before_semicolon(part)).collect::<Vec<_>>();
    let segments_cut = |text: &str| -> String {
        let names: Vec<&str> = text.split('/').map(|one| one.split(';').next().unwrap_or_default()).collect();
        names.join("/")
    };
    // The first server decodes `%3B` alone, the next removes the parameters, and then decodes the slashes.
    let in_a_row = decoded(segments_cut(&path.as_str().replace("%3B", ";")).as_bytes());
    for server in [
        parts(&in_a_row),
        parts(&whole),
        cut(parts(&whole)),
        parts(&before_semicolon(&whole)),
        segments(path.as_str()),
        cut(segments(path.as_str())),
    ] {
        assert!(read.contains(&server), "{}: {server:?} is in none of {readings:?}", path.as_str());
    }
}

/// The `url` crate reads hosts and the URLs of key sets as this code does: the same host and port, and a loopback host only
/// where this code finds one.
fn is_address(text: &str) -> bool {
    assert!(Path::normalise(text).is_err(), "no path begins otherwise");
    let mut is_accepted = false;
    if let Some(host) = Host::parse(text) {
        is_accepted = true;
        let form = host.to_string();
        assert_eq!(Host::parse(&form).as_ref(), Some(&host), "{form}");
        assert!(host.is_covered_by(&host) && host.has_name_of(&host));
        // The standard refuses some labels that begin with `xn--`; nothing is served under such a name.
        if let Ok(url) = Url::parse(&format!("https://{text}/")) {
            let independent = url.host_str().unwrap();
            let independent = independent.strip_suffix('.').unwrap_or(independent);
            let ours = form
                .rsplit_once(':')
                .filter(|(_, port)| !port.contains(']'))
                .map_or(form.as_str(), |(name, _)| name);
            assert_eq!(independent, ours);
            assert_eq!((url.username(), url.password(), url.path()), ("", None, "/"));
        } else {
            assert!(form.contains("xn--"), "the url crate refuses {form}");
        }
    }
    if let Ok(transport) = accept(text) {
        let Ok(url) = Url::parse(text) else {
            // Such a URL cannot be fetched.
            return is_accepted;
        };
        is_accepted = true;
        assert_eq!((url.username(), url.password(), url.fragment()), ("", None, None));
        let is_loopback = match url.host().expect("a host") {
            url::Host::Domain(name) => name == "localhost",
            url::Host::Ipv4(address) => Ipv4Addr::is_loopback(&address),
            url::Host::Ipv6(address) => Ipv6Addr::is_loopback(&address),
        };
        match transport {
            Transport::Https => assert_eq!(url.scheme(), "https"),
            Transport::Loopback => assert!(url.scheme() == "http" && is_loopback, "{url}"),
        }
        // The runtime connects to the text between `://` and the path.
        let authority =
            text.split_once("://").unwrap().1.split(['/', '?']).next().unwrap().to_ascii_lowercase();
        assert!(!authority.contains(['@', '\\']));
    }
    is_accepted
}

/// The credentials of an `Authorization` header: a token is one word after `Bearer`; a text that was pasted gives the same
/// token as a header does.
pub fn credentials(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let header = bearer_token(&FakeRequest::get("/verify").header("authorization", text));
    if let Ok(token) = &header {
        assert!(!token.is_empty() && !token.contains([' ', '\t', ',', '"', '\'']), "{token:?}");
        let (scheme, rest) = text.trim_matches([' ', '\t']).split_once([' ', '\t']).expect("a scheme");
        assert!(scheme.trim_end_matches(',').eq_ignore_ascii_case("bearer"), "{text:?}");
        assert_eq!(rest.trim_matches([' ', '\t']), token);
        let with_query = FakeRequest::get("/verify?access_token=x").header("authorization", text);
        assert!(matches!(bearer_token(&with_query), Err(Rejection::RequestAmbiguous(_))));
        let twice = FakeRequest::get("/verify").header("authorization", text).bearer("a.b.c");
        assert!(bearer_token(&twice).is_err(), "two of them");
        // A pasted text, a whole header or a token alone, gives the same token; white space that no header can hold is left out.
        let pasted = |text: &str| given(text).token;
        if !text.contains(['\r', '\n']) && token.trim() == token {
            assert_eq!(pasted(text).as_ref(), Ok(token));
            assert_eq!(pasted(&format!("Authorization: Bearer {token}")).as_ref(), Ok(token));
        }
    }
    let pasted = given(text);
    assert_eq!(pasted, given(&format!(" {text}\n")));
    if let Ok(token) = &pasted.token {
        assert!(!token.is_empty());
        assert!(pasted.taken_from.is_none() || text.contains('{'));
    }
    header.is_ok()
}

const ISS: &str = "https://issuer.example";
const ORIGIN: &str = "https://origin.example.com";

static TOKEN: LazyLock<String> = LazyLock::new(|| {
    let claims =
        claims(ISS, &json!({ "email": "grace@example.com", "groups": ["a", "b"], "scope": "profiles:read" }));
    tokens::mint(Algorithm::EdDsa, &json!({}), &claims)
});

fn routes() -> serde_json::Value {
    json!([
        { "path": "/profiles/*", "upstream": ORIGIN, "require": { "scopes": ["profiles:read"] }, "headers": { "x-user-id": "/sub" } },
        { "path": "/open/*", "upstream": ORIGIN, "public": true, "headers": { "x-user-id": "/sub" } },
        { "path": "/admin/*", "upstream": ORIGIN, "require": { "scopes": ["admin"] } },
        { "path": "/posts", "upstream": ORIGIN, "methods": ["POST"], "cors": { "origins": ["https://app.example.com"] } },
        { "path": "/hosted", "upstream": ORIGIN, "host": "admin.example.com" },
        { "path": "/exchanged", "upstream": ORIGIN, "credential": { "exchange": "https://api.example.com" } },
    ])
}

static SIGNING_KEYS: LazyLock<String> = LazyLock::new(|| {
    let mut plan = Plan::empty();
    let mut next = 0;
    let mut fill = |bytes: &mut [u8]| {
        next += 1;
        bytes.fill(next);
    };
    let start = Timestamp::from_epoch_seconds(NOW - 86_400);
    plan.begin(Algorithm::Es256, Intervals::default(), start, &mut fill).unwrap();
    plan.to_json()
});

thread_local! {
    static WORLD: OnceCell<World> = const { OnceCell::new() };
}

/// Runs `work` in one Worker for all inputs, at the same time each. Its caches stay warm.
fn in_world<T>(work: impl FnOnce(&World) -> T) -> T {
    WORLD.with(|world| {
        let world = world.get_or_init(everything);
        world.platform.rewind(NOW);
        work(world)
    })
}

/// A Worker with everything switched on.
fn everything() -> World {
    let world = World::with_secrets(
        &json!({
            "issuers": [issuer(ISS, &json!({}))],
            "endpoints": { "prefix": "/_assay" },
            "explain": { "access": "open" },
            "cors": { "origins": ["https://app.example.com"] },
            "forward_auth": { "trusted": true },
            "gateway": { "routes": routes() },
            "exchange": {
                "issuer": "https://auth.example.com",
                "targets": [{
                    "audience": "https://api.example.com", "from": [ISS], "public_clients": true,
                    "scopes": ["profiles:read"], "default_scopes": ["profiles:read"],
                    "claims": { "user_id": { "claim": "/sub" } },
                }],
                "fireproof": { "auth_types": { "clerk": [ISS] }, "claims": { "userId": { "claim": "/sub" } } },
            },
        }),
        &[("SIGNING_KEYS", SIGNING_KEYS.as_str())],
    );
    if let Err(faults) = &world.app.config.terms {
        panic!("{faults:#?}");
    }
    world.publishes(ISS, &[ed25519()]);
    world
}

/// A request in lines: method and target, headers, and after an empty line the body. `{token}` is replaced by a good token; the
/// header `host` is also the URL's host.
fn read(data: &[u8]) -> Option<FakeRequest> {
    let text = String::from_utf8_lossy(data).replace("{token}", &TOKEN);
    let (head, body) = text.split_once("\n\n").unwrap_or((text.as_str(), ""));
    let mut lines = head.split('\n');
    let (method, target) = lines.next()?.split_once(' ')?;
    if !target.starts_with('/') {
        return None;
    }
    let mut request = FakeRequest::new(method.parse().ok()?, target);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        // The runtime passes no other requests.
        if name.parse::<HeaderName>().is_err() || value.contains(['\r', '\0']) {
            return None;
        }
        let value = value.trim_matches([' ', '\t']);
        if name.eq_ignore_ascii_case("host") {
            request = request.host(value);
        }
        request = request.header(name, value);
    }
    Some(if body.is_empty() { request } else { request.body(body) })
}

/// A proxy's question is answered with 200, 401 or 403, without a control character in a header; a 200 means that the gateway
/// would let the same request pass, on the same route and with the same identity. The input is a request in lines.
pub fn forward_auth(data: &[u8]) -> bool {
    let Some(request) = read(data) else { return false };
    let path = request.path();
    let (asked, rest) = match path.strip_prefix("/_assay") {
        Some("/forward-auth") => (Dialect::Forward, "/"),
        Some("/auth-request") => (Dialect::Nginx, "/"),
        Some(path) if path.starts_with("/ext-authz/") => (Dialect::Envoy, &path["/ext-authz".len()..]),
        _ => return false,
    };
    let response = in_world(|world| world.ask(&request));
    assert!(matches!(response.status().as_u16(), 200 | 401 | 403), "{}", response.status());
    let header = |name: &str| IncomingRequest::header(&request, name);
    let dialect = asked.of_question(header);
    if response.status() != 200 {
        assert!(response.headers().get("x-assay-code").is_some());
        return false;
    }
    let question = (request.method(), IncomingRequest::host(&request), rest, request.query());
    let original = dialect.unwrap().original(header, question).expect("the question was accepted");
    let mut same =
        FakeRequest::new(original.method.clone(), original.path.as_str()).host(&original.host.to_string());
    if let Some(query) = &original.query {
        same = FakeRequest::new(original.method.clone(), &format!("{}?{query}", original.path.as_str()))
            .host(&original.host.to_string());
    }
    if let Some(authorization) = header("authorization") {
        same = same.header("authorization", &authorization);
    }
    // The Worker's own endpoints are not routes, and no query that the gateway refuses reaches an API.
    let own = original.path.as_str();
    let is_refused = original
        .query
        .as_deref()
        .is_some_and(|query| query.bytes().any(|byte| byte <= b' ' || byte == b'#' || byte == 0x7f));
    if own.starts_with("/_assay")
        || own.starts_with("/.well-known")
        || own.starts_with("/api")
        || own == "/token"
        || is_refused
    {
        return true;
    }
    match in_world(|world| world.serve(&same)) {
        Reply::Upstream(upstream_request) => {
            let value_set = |name: &str| {
                upstream_request.set.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
            };
            let answered = response.headers().get("x-user-id");
            assert_eq!(answered.unwrap_or_default(), value_set("x-user-id").unwrap_or_default());
            check_forwarded(&same, &upstream_request);
        }
        Reply::Own(own) => {
            panic!("forward-auth accepts a request that the gateway answers with {}", own.status())
        }
    }
    true
}

/// No request gets a 5xx while all providers and stores work; no answer of the Worker and no log line holds the token that was
/// sent; and a forwarded request has a URL of the route's origin, and no header that a client must not set. The input is a request in lines.
pub fn request(data: &[u8]) -> bool {
    let Some(request) = read(data) else { return false };
    let signature = TOKEN.rsplit('.').next().unwrap();
    let (reply, lines) = in_world(|world| (world.serve(&request), world.platform.log_lines()));
    for (_, line) in lines {
        assert!(!line.to_string().contains(signature), "{line}");
    }
    match reply {
        Reply::Own(response) => {
            assert!(response.status().as_u16() < 500, "{}", response.status());
            let body = String::from_utf8_lossy(response.body());
            assert!(!body.contains(signature), "{body}");
            // An answer to a preflight repeats the names of headers that the client wants to send, as the Fetch standard requires.
            for (name, value) in
                response.headers().iter().filter(|(name, _)| *name != "access-control-allow-headers")
            {
                assert!(!value.contains(signature), "{name}");
            }
            response.status().is_success()
        }
        Reply::Upstream(upstream_request) => {
            check_forwarded(&request, &upstream_request);
            true
        }
    }
}

fn check_forwarded(request: &FakeRequest, upstream_request: &UpstreamRequest) {
    let path = Path::normalise(request.path()).expect("it was matched");
    let query = request.query().map(|query| format!("?{query}")).unwrap_or_default();
    assert_eq!(upstream_request.url, format!("{ORIGIN}{}{query}", path.as_str()));
    let url = Url::parse(&upstream_request.url).expect("a URL");
    assert_eq!(
        (url.path(), url.host_str(), url.fragment()),
        (path.as_str(), Some("origin.example.com"), None)
    );
    for (name, value) in &upstream_request.set {
        assert!(HeaderName::from_bytes(name.as_bytes()).is_ok(), "{name}");
        assert!(HeaderValue::from_str(value).is_ok(), "{name}: {value:?}");
    }
    let names = request.header_names();
    for name in names.lines().filter(|name| !upstream_request.remove.iter().any(|removed| removed == name)) {
        for known in [
            "x-user-id",
            "x-forwarded-host",
            "x-forwarded-for",
            "forwarded",
            "x-original-url",
            "remote-user",
            "authorization",
        ] {
            assert!(!folds_alike(known, name), "{name} is forwarded");
        }
    }
    assert!(Method::CONNECT != *request.method() && Method::TRACE != *request.method());
}
