//! The Worker's event handlers. No decision is taken here: what the runtime brings is handed to the application, and
//! the isolate's state is kept between requests.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Promise;
use js_sys::futures::future_to_promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Request;

use crate::config::BINDING;
use crate::http::application::Application;
use crate::http::gateway::{Reply, serve};
use crate::keys::KeyCache;
use crate::platform::eager;
use crate::platform::environment::Environment;
use crate::platform::message::{WorkerRequest, to_worker};

#[wasm_bindgen]
extern "C" {
    /// The runtime's `ExecutionContext`.
    pub type Context;

    #[wasm_bindgen(method, catch, js_name = waitUntil)]
    fn wait_until(this: &Context, promise: &Promise) -> Result<(), JsValue>;
}

/// What outlives a request. Plain data: nothing in here is awaited.
#[derive(Default)]
struct Isolate {
    keys: Rc<KeyCache>,
    loaded: Option<(Environment, Rc<Application>)>,
}

thread_local! {
    static ISOLATE: RefCell<Isolate> = RefCell::default();
}

/// The application as `environment` configures it: parsed once, and anew when the bindings have changed, which may
/// happen under a running isolate.
fn application(environment: &Environment) -> Rc<Application> {
    ISOLATE.with_borrow_mut(|isolate| {
        if let Some((known, application)) = &isolate.loaded
            && known.is(environment)
        {
            return Rc::clone(application);
        }
        let text = environment.json_variable(BINDING);
        let application = Rc::new(Application::load(text.as_deref(), Rc::clone(&isolate.keys), environment));
        isolate.loaded = Some((environment.clone(), Rc::clone(&application)));
        application
    })
}

/// Answers a request: with a response where nothing had to be waited for, else with the promise of one.
///
/// # Errors
/// The runtime's exception, should it refuse a response of ours.
#[wasm_bindgen]
pub fn fetch(request: Request, env: JsValue, context: Context) -> Result<JsValue, JsValue> {
    eager::run(async move {
        let environment = Environment::new(env);
        let application = application(&environment);
        let served = serve(&application, &environment, &WorkerRequest::new(request)).await;
        if served.refresh.is_some() || application.is_untested() {
            let promise = future_to_promise(async move {
                if let Some(issuer) = served.refresh {
                    application.refresh(&environment, &issuer).await;
                }
                application.self_test(&environment).await;
                Ok(JsValue::UNDEFINED)
            });
            context.wait_until(&promise)?;
        }
        match served.reply {
            Reply::Own(response) => to_worker(&response).map(JsValue::from),
            Reply::Upstream(response) => Ok(response.into()),
        }
    })
}

/// The cron trigger.
///
/// # Errors
/// None.
#[wasm_bindgen]
pub fn scheduled(_event: JsValue, env: JsValue, _context: Context) -> Result<JsValue, JsValue> {
    eager::run(async move {
        let environment = Environment::new(env);
        application(&environment).refresh_scheduled(&environment).await;
        Ok(JsValue::UNDEFINED)
    })
}
