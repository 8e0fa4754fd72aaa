//! A future run at once as far as it goes: most requests never wait, and need neither a promise nor the microtask queue.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use js_sys::futures::future_to_promise;
use wasm_bindgen::JsValue;

type Outcome = Result<JsValue, JsValue>;

/// What `future` comes to, if it does without waiting; else a promise of it.
///
/// # Errors
/// The future's own.
pub fn run(future: impl Future<Output = Outcome> + 'static) -> Outcome {
    let mut future: Pin<Box<dyn Future<Output = Outcome>>> = Box::pin(future);
    let relay = Arc::new(Relay::default());
    let waker = Waker::from(Arc::clone(&relay));
    match future.as_mut().poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Ok(future_to_promise(poll_fn(move |context| {
            relay.pass_on_to(context.waker());
            future.as_mut().poll(&mut Context::from_waker(&waker))
        }))
        .into()),
    }
}

/// The waker of the first poll, when there is no task yet to wake. Some futures keep the waker that they were given first,
/// so it must go on to serve: it passes on to whoever polls.
#[derive(Default)]
struct Relay(Mutex<Option<Waker>>);

impl Relay {
    fn pass_on_to(&self, waker: &Waker) {
        // One thread: the lock is never poisoned, nor held by another.
        if let Ok(mut target) = self.0.lock() {
            target.get_or_insert_with(|| waker.clone()).clone_from(waker);
        }
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        // Woken before there is a task, there is nothing to do: the task polls when it begins.
        if let Ok(target) = self.0.lock()
            && let Some(waker) = target.as_ref()
        {
            waker.wake_by_ref();
        }
    }
}
