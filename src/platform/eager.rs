//! Polls a future once before it makes a promise. Most requests never wait, so they need neither a promise nor the microtask queue.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use worker::js_sys::Promise;
use worker::js_sys::futures::future_to_promise;
use worker::wasm_bindgen::JsValue;

type Outcome = Result<JsValue, JsValue>;
type Boxed = Pin<Box<dyn Future<Output = Outcome>>>;

/// The value of `future` if it completes without waiting, otherwise a promise of it. A failure is a rejected promise: an export that can throw returns
/// three values, of which JavaScript makes an array at each call.
pub fn run(future: impl Future<Output = Outcome> + 'static) -> JsValue {
    run_boxed(Box::pin(future))
}

/// The same, compiled once for all futures.
fn run_boxed(mut future: Boxed) -> JsValue {
    let relay = Arc::new(Relay::default());
    let waker = Waker::from(Arc::clone(&relay));
    match future.as_mut().poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(Ok(value)) => value,
        Poll::Ready(Err(error)) => Promise::reject(&error).into(),
        Poll::Pending => promise_of(Box::pin(poll_fn(move |context| {
            relay.forward_to(context.waker());
            future.as_mut().poll(&mut Context::from_waker(&waker))
        })))
        .into(),
    }
}

/// A promise of the result of `future`. Each type of future would be another copy of `future_to_promise` in the wasm, so it is boxed.
pub fn promise_of(future: Boxed) -> Promise {
    future_to_promise(future)
}

/// The waker of the first poll, when there is no task to wake yet. Some futures keep the first waker that they get, so this one
/// stays in use and forwards to the waker of the task that polls later.
#[derive(Default)]
struct Relay(Mutex<Option<Waker>>);

impl Relay {
    fn forward_to(&self, waker: &Waker) {
        // There is one thread, so the lock is never poisoned and never held by another one.
        if let Ok(mut target) = self.0.lock() {
            target.get_or_insert_with(|| waker.clone()).clone_from(waker);
        }
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        // Without a task there is nothing to do: a task polls when it starts.
        if let Ok(target) = self.0.lock()
            && let Some(waker) = target.as_ref()
        {
            waker.wake_by_ref();
        }
    }
}
