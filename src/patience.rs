//! Waiting for the store, and no longer than it is worth.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use crate::limits::STORE_TIMEOUT_MS;
use crate::ports::{Clock, StoreError};

/// The outcome of a store operation, or a failure if it takes too long: a store that hangs must not hang a request.
pub(crate) async fn in_time<C: Clock, T>(
    clock: &C,
    operation: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let (mut operation, mut timeout) = (pin!(operation), pin!(clock.sleep(STORE_TIMEOUT_MS)));
    poll_fn(|context| match (operation.as_mut().poll(context), timeout.as_mut().poll(context)) {
        (Poll::Ready(outcome), _) => Poll::Ready(outcome),
        (_, Poll::Ready(())) => {
            Poll::Ready(Err(StoreError(format!("no answer within {STORE_TIMEOUT_MS} ms"))))
        }
        (Poll::Pending, Poll::Pending) => Poll::Pending,
    })
    .await
}
