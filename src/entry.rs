//! The event handlers of the Worker, and the calls of other Workers. They make no decisions: they pass each event and each call to the
//! application, and keep the state of the isolate between them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use http::Method;
use worker::Env;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::web_sys::Response;
use worker::worker_sys::Context;

use crate::config::BINDING;
use crate::http::application::Application;
use crate::http::call;
use crate::http::configured::Configured;
use crate::http::forwarding::Unanswered;
use crate::http::gateway::{Reply, serve};
use crate::http::standing::{Standing, Standings};
use crate::intake::Intake;
use crate::keys::KeyCache;
use crate::keys::coordinator::Coordinator;
use crate::limits;
use crate::platform::coordinator;
use crate::platform::eager;
use crate::platform::environment::Environment;
use crate::platform::message::{
    self, Incoming, WorkerRequest, header_lines, next_number, to_worker, to_worker_and_keep,
};
use crate::platform::upstream::error_of;
use crate::ports::{Clock as _, IncomingRequest as _};
use crate::time::Timestamp;
use crate::trust::issuer::TrustedIssuer;
use crate::verify::Grounds;

/// The state that is kept between requests. This is plain data without futures.
#[derive(Default)]
struct Isolate {
    keys: Rc<KeyCache>,
    intake: Rc<Intake>,
    /// The memory of the coordinators that run in this isolate. Each object asks for one document, and this has all of them.
    coordinator: Rc<Coordinator>,
    /// The configurations in use, the most recently used first.
    loaded: Vec<(Environment, Rc<Configured>)>,
    /// What the responses rest on that JavaScript keeps.
    standings: Standings,
}

thread_local! {
    static ISOLATE: RefCell<Isolate> = RefCell::default();
}

/// The configuration of `environment`. It is parsed once, and again if the bindings have changed, which can happen while the isolate runs, or
/// after [`limits::MAX_CONFIGURATIONS`] others were used.
fn configured(environment: &Environment) -> Rc<Configured> {
    ISOLATE.with_borrow_mut(|isolate| {
        let loaded = &mut isolate.loaded;
        if let Some((_, configured)) = loaded.first().filter(|(known, _)| known.is(environment)) {
            return Rc::clone(configured);
        }
        if let Some(position) = loaded.iter().position(|(known, _)| known.is(environment)) {
            let entry = loaded.remove(position);
            let configured = Rc::clone(&entry.1);
            loaded.insert(0, entry);
            return configured;
        }
        let text = environment.json_variable(BINDING);
        let (keys, intake) = (Rc::clone(&isolate.keys), Rc::clone(&isolate.intake));
        let configured = Rc::new(Configured::load(text.as_deref(), keys, intake, environment));
        loaded.truncate(limits::MAX_CONFIGURATIONS.saturating_sub(1));
        loaded.insert(0, (environment.clone(), Rc::clone(&configured)));
        configured
    })
}

/// Has the work that remains after an answer done: the refresh of the keys of `issuer`, what the store lacks, a newer configuration, and the
/// self-test.
fn finish_later(
    context: &Context,
    environment: Environment,
    configured: Rc<Configured>,
    application: Rc<Application>,
    issuer: Option<Arc<TrustedIssuer>>,
) -> Result<(), JsValue> {
    if issuer.is_none()
        && !application.has_unwritten()
        && !application.is_untested()
        && !configured.is_due(&environment)
    {
        return Ok(());
    }
    let promise = eager::promise_of(Box::pin(async move {
        if let Some(issuer) = issuer {
            application.refresh(&environment, &issuer).await;
        }
        application.write_back(&environment).await;
        configured.renew(&environment).await;
        if application.is_untested() {
            // It takes tens of milliseconds, and microtasks run before the runtime sends the response. A timer runs after.
            environment.sleep(0).await;
            application.self_test(&environment).await;
        }
        Ok(JsValue::UNDEFINED)
    }));
    context.wait_until(&promise)
}

/// Notes what a verdict of `application` rests on, and returns its number.
fn note(configured: &Rc<Configured>, application: &Rc<Application>, grounds: Grounds) -> u32 {
    let (number, standing) = (next_number(), Standing::new(configured, application, grounds));
    ISOLATE.with_borrow_mut(|isolate| isolate.standings.note(number, standing));
    number
}

/// Answers a request. Returns a response if nothing had to be awaited, otherwise the promise of a response. If an equal request may get the same
/// response again, returns what src/platform/message.js makes for src/instance.js to keep. If the request is to be forwarded, returns the text of
/// [`Forwarding`](crate::http::forwarding::Forwarding) in place of a response, and src/platform/upstream.js sends it. `known` is the number that an
/// earlier text had for the same `Authorization` and the same `env`, or 0. `head` is the length of what src/platform/head.js has just written. The promise is
/// rejected with the exception of the runtime if it refuses our response.
#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
#[must_use]
pub fn fetch(request: Incoming, head: usize, env: Env, context: Context, known: u32) -> JsValue {
    let request = WorkerRequest::new(request, head);
    eager::run(async move {
        let environment = Environment::new(env);
        let configured = configured(&environment);
        let application = configured.application(&environment).await;
        let known =
            ISOLATE.with_borrow(|isolate| isolate.standings.grounds(known, &configured, &application));
        let served = serve(&application, &environment, &request, known.as_ref()).await;
        let response = match served.reply {
            Reply::Own(response) => response,
            Reply::Upstream(forwarding) => {
                let number = served.grounds.map(|grounds| note(&configured, &application, grounds));
                finish_later(&context, environment, configured, application, served.refresh)?;
                return Ok(JsValue::from(forwarding.text(number)));
            }
        };
        let grounds = served.grounds.filter(|_| request.is_known_whole() && request.method() == Method::GET);
        let Some(grounds) = grounds else {
            finish_later(&context, environment, configured, application, served.refresh)?;
            return to_worker(&response).map(JsValue::from);
        };
        let (number, kept) = to_worker_and_keep(&response)?;
        let standing = Standing::new(&configured, &application, grounds);
        ISOLATE.with_borrow_mut(|isolate| isolate.standings.note(number, standing));
        finish_later(&context, environment, configured, application, served.refresh)?;
        Ok(kept)
    })
}

/// Room for a head of this length. src/platform/head.js writes it, and the next call with its length reads it.
#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
#[must_use]
pub fn head_room(bytes: u32) -> Uint8Array {
    message::head_room(bytes)
}

/// Whether the response or the value that was kept with this number may be given again, `seconds` after the epoch. Only `env` and the request are not compared
/// here: JavaScript has both.
#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
#[must_use]
pub fn stands(number: u32, seconds: f64) -> bool {
    // A time of day is far below 2^53.
    #[allow(clippy::cast_possible_truncation)]
    let now = Timestamp::from_epoch_seconds(seconds as i64);
    ISOLATE.with_borrow(|isolate| isolate.standings.holds(number, now))
}

/// Logs that an upstream has not answered, and returns the response. `rest` is the text of [`Unanswered`]; the others are described in
/// src/platform/upstream.js.
///
/// # Errors
/// The exception of the runtime if it refuses our response.
// wasm-bindgen hands an optional text over by value.
#[allow(clippy::needless_pass_by_value)]
#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
pub fn unanswered(
    env: Env,
    rest: &str,
    outcome: &str,
    milliseconds: u32,
    error: &JsValue,
    ray: Option<String>,
) -> Result<Response, JsValue> {
    let unanswered = Unanswered::read(rest);
    let error = error_of(outcome, unanswered.upstream(), milliseconds, error);
    to_worker(&unanswered.response(&Environment::new(env), &error, ray.as_deref()))
}

/// Handles the cron trigger.
#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
#[must_use]
pub fn scheduled(_event: JsValue, env: Env, _context: Context) -> JsValue {
    eager::run(async move {
        let environment = Environment::new(env);
        let configured = configured(&environment);
        configured.renew_scheduled(&environment).await;
        configured.application(&environment).await.refresh_scheduled(&environment).await;
        Ok(JsValue::UNDEFINED)
    })
}

/// The numbers of the calls; src/instance.js has the same. One export makes all calls, because one for each would be a larger wasm. [`call`]
/// says what they do.
const VERIFY: u8 = 0;
const AUTHENTICATE: u8 = 1;
#[cfg(feature = "exchange")]
const EXCHANGE: u8 = 2;
#[cfg(feature = "explain")]
const EXPLAIN: u8 = 3;

/// Makes one call. Returns the JSON text of its value, or a promise of the text if something had to be awaited.
///
/// `subject` is a token for `verify`, what src/instance.js makes of a `Request` for `authenticate`, the form of `POST /token` for `exchange`, and the JSON of
/// `POST /explain` for `explain`. If a `Request` is refused, the headers of the response come after the value: one line for each name, then one
/// for its value. If `verify` would give the same value again, a number comes before it, for [`stands`]. For `authenticate`, `head` is the length of what
/// src/platform/head.js has just written. The promise is rejected with the exception of the runtime if it takes no work for later.
#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
#[must_use]
pub fn answer(
    number: u8,
    env: Env,
    context: Context,
    subject: JsValue,
    head: usize,
    options: Option<String>,
) -> JsValue {
    let text = subject.as_string();
    // The head is read before anything is awaited: the next request overwrites it.
    let request = (number == AUTHENTICATE).then(|| WorkerRequest::new(subject.unchecked_into(), head));
    eager::run(async move {
        let environment = Environment::new(env);
        let configured = configured(&environment);
        let application = configured.application(&environment).await;
        let options = options.as_deref();
        let answer = match (number, &request) {
            (_, Some(request)) => call::authenticate(&application, &environment, request, options).await,
            #[cfg(feature = "exchange")]
            (EXCHANGE, _) => call::exchange(&application, &environment, &text.unwrap_or_default()).await,
            #[cfg(feature = "explain")]
            (EXPLAIN, _) => call::explain(&application, &environment, &text.unwrap_or_default()).await.into(),
            _ => call::verify(&application, &environment, text.as_deref(), options).await,
        };
        let mut value = call::value(&answer.response);
        let has_options = options.is_some();
        if let Some(grounds) = answer.grounds.filter(|_| number == VERIFY && !has_options) {
            value.insert_str(0, &note(&configured, &application, grounds).to_string());
        }
        finish_later(&context, environment, configured, application, answer.refresh)?;
        if number == AUTHENTICATE && !answer.response.status().is_success() {
            value.push('\n');
            value.push_str(&header_lines(&answer.response));
        }
        Ok(JsValue::from(value))
    })
}

/// Answers a question to a coordinator that runs in this isolate: the Durable Object `Coordinator`. It reads no configuration; the
/// question has the URL and the service binding. Returns the text of the answer, or a promise of it.
#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
#[must_use]
pub fn coordinate(env: Env, question: JsValue) -> JsValue {
    let coordinator = ISOLATE.with_borrow(|isolate| Rc::clone(&isolate.coordinator));
    eager::run(async move {
        let question = question.as_string().unwrap_or_default();
        Ok(coordinator::answer(coordinator, Environment::new(env), &question).await.into())
    })
}
