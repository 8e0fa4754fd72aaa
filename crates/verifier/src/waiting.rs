//! Time limits for futures, and waiting for several futures at the same time.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use crate::limits::{LEASE_POLL_RANGE_MS, LEASE_POLL_SHARE, STORE_TIMEOUT_MS};
use crate::ports::{Clock, StoreError};

/// The outcome of a store operation, or a [`StoreError`] if it takes longer than [`STORE_TIMEOUT_MS`], so that a request does not
/// hang because the store hangs.
///
/// # Errors
/// [`StoreError`] of the operation, or of the timeout.
pub async fn with_store_timeout<C: Clock, T>(
    clock: &C,
    operation: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let outcome = with_timeout(clock, STORE_TIMEOUT_MS, operation).await;
    outcome.unwrap_or_else(|| Err(no_answer_within(STORE_TIMEOUT_MS)))
}

/// The error of a store that has not answered for `milliseconds`.
pub(crate) fn no_answer_within(milliseconds: u32) -> StoreError {
    StoreError(format!("no answer within {milliseconds} ms"))
}

/// Milliseconds until a request that has waited for another's fetch for `waited_ms` looks at the memory again.
pub(crate) fn poll_interval_ms(waited_ms: u32) -> u32 {
    let (shortest, longest) = LEASE_POLL_RANGE_MS;
    (waited_ms / LEASE_POLL_SHARE).clamp(shortest, longest)
}

/// The output of `operation`, or `None` if it takes longer than `milliseconds`. In that case it is dropped.
pub async fn with_timeout<C: Clock, T>(
    clock: &C,
    milliseconds: u32,
    operation: impl Future<Output = T>,
) -> Option<T> {
    let (mut operation, mut timeout) = (pin!(operation), pin!(clock.sleep(milliseconds)));
    poll_fn(|context| match (operation.as_mut().poll(context), timeout.as_mut().poll(context)) {
        (Poll::Ready(outcome), _) => Poll::Ready(Some(outcome)),
        (_, Poll::Ready(())) => Poll::Ready(None),
        (Poll::Pending, Poll::Pending) => Poll::Pending,
    })
    .await
}

/// Runs all of `operations` concurrently until all have finished. For a few operations only: each wake polls all that are left.
pub async fn join_all(operations: impl IntoIterator<Item = impl Future<Output = ()>>) {
    let mut pending: Vec<_> = operations.into_iter().map(Box::pin).collect();
    poll_fn(|context| {
        pending.retain_mut(|operation| operation.as_mut().poll(context).is_pending());
        if pending.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
