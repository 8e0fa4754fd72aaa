//! The event handlers of the Worker. They make no decisions: they pass each event to the application, and keep the state of the
//! isolate between requests.

use std::cell::RefCell;
use std::rc::Rc;

use worker::Env;
use worker::js_sys::futures::future_to_promise;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::web_sys::Request;
use worker::worker_sys::Context;

use crate::config::BINDING;
use crate::http::application::Application;
use crate::http::gateway::{Reply, serve};
use crate::keys::KeyCache;
use crate::platform::eager;
use crate::platform::environment::Environment;
use crate::platform::message::{WorkerRequest, to_worker};

/// The state that is kept between requests. This is plain data without futures.
#[derive(Default)]
struct Isolate {
    keys: Rc<KeyCache>,
    loaded: Option<(Environment, Rc<Application>)>,
}

thread_local! {
    static ISOLATE: RefCell<Isolate> = RefCell::default();
}

/// The application with the configuration of `environment`. The configuration is parsed once, and again if the bindings have
/// changed, which can happen while the isolate runs.
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

/// Answers a request. Returns a response if nothing had to be awaited, otherwise the promise of a response.
///
/// # Errors
/// The exception of the runtime if it refuses our response.
#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
pub fn fetch(request: Request, env: Env, context: Context) -> Result<JsValue, JsValue> {
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

/// Handles the cron trigger.
///
/// # Errors
/// None.
#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
pub fn scheduled(_event: JsValue, env: Env, _context: Context) -> Result<JsValue, JsValue> {
    eager::run(async move {
        let environment = Environment::new(env);
        application(&environment).refresh_scheduled(&environment).await;
        Ok(JsValue::UNDEFINED)
    })
}
