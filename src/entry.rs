//! The Worker's event handlers. No decision is taken here: what the runtime brings is handed to the application, and
//! the isolate's state is kept between requests.

use std::cell::RefCell;
use std::rc::Rc;

use worker::{Context, Env, ScheduleContext, ScheduledEvent, event, web_sys};

use crate::config::BINDING;
use crate::http::application::Application;
use crate::http::gateway::{Reply, serve};
use crate::keys::KeyCache;
use crate::platform::environment::Environment;
use crate::platform::message::{WorkerRequest, to_worker};

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

#[event(fetch)]
async fn fetch(
    request: web_sys::Request,
    env: Env,
    context: Context,
) -> Result<web_sys::Response, worker::Error> {
    let environment = Environment::new(env);
    let application = application(&environment);
    let served = serve(&application, &environment, &WorkerRequest::new(request)).await;
    if served.refresh.is_some() || application.is_untested() {
        context.wait_until(async move {
            if let Some(issuer) = served.refresh {
                application.refresh(&environment, &issuer).await;
            }
            application.self_test(&environment).await;
        });
    }
    match served.reply {
        Reply::Own(response) => to_worker(&response).map_err(worker::Error::from),
        Reply::Upstream(response) => Ok(response),
    }
}

#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    let environment = Environment::new(env);
    application(&environment).refresh_scheduled(&environment).await;
}
