//! Time limits for futures, and waiting for several futures at the same time.

use std::future::poll_fn;
use std::pin::{Pin, pin};
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

/// The output of `operation`, or `None` if it takes longer than `milliseconds`. In that case it is dropped. If it is ready when it is polled first,
/// [`Clock::sleep`] is not polled, so that no timer is set.
pub async fn with_timeout<C: Clock, T>(
    clock: &C,
    milliseconds: u32,
    operation: impl Future<Output = T>,
) -> Option<T> {
    let (mut operation, mut timeout) = (pin!(operation), pin!(clock.sleep(milliseconds)));
    poll_fn(|context| match operation.as_mut().poll(context) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending => timeout.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// The output of `operation` if it is ready within the next `turns` turns of the executor, else `None`. It is polled once in each turn. For operations
/// that wait for other tasks of the executor only, before a timer is set for them.
pub async fn within_turns<T>(turns: u32, mut operation: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    let mut left = turns;
    poll_fn(|context| {
        if let Poll::Ready(outcome) = operation.as_mut().poll(context) {
            return Poll::Ready(Some(outcome));
        }
        left = left.saturating_sub(1);
        if left == 0 {
            return Poll::Ready(None);
        }
        context.waker().wake_by_ref();
        Poll::Pending
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::ready;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake, Waker};

    use super::*;
    use crate::time::Timestamp;

    /// A clock whose timers end when they are polled for the second time.
    #[derive(Default)]
    struct Timers {
        set: Cell<u32>,
    }

    impl Clock for Timers {
        fn now(&self) -> Timestamp {
            Timestamp::from_epoch_seconds(0)
        }

        async fn sleep(&self, _: u32) {
            self.set.set(self.set.get() + 1);
            pending_for(1).await;
        }
    }

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Is ready when it was polled `polls` times before. Does not wake.
    async fn pending_for(polls: u32) {
        let mut before = 0;
        poll_fn(|_| {
            before += 1;
            if before > polls { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// The output of `future`, how often it was polled, and how often it has woken itself.
    fn run<T>(future: impl Future<Output = T>) -> (T, u32, usize) {
        let counted = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&counted));
        let mut future = pin!(future);
        for polls in 1..100 {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return (output, polls, counted.0.load(Ordering::Relaxed));
            }
        }
        panic!("the future is never ready");
    }

    #[test]
    fn a_timer_is_set_only_for_an_operation_that_is_not_ready_at_once() {
        for (polls, outcome, timers) in [(0, Some(()), 0), (1, Some(()), 1), (2, None, 1), (50, None, 1)] {
            let clock = Timers::default();
            assert_eq!(run(with_timeout(&clock, 10, pending_for(polls))).0, outcome, "{polls}");
            assert_eq!(clock.set.get(), timers, "{polls}");
        }
        let clock = Timers::default();
        assert_eq!(run(with_timeout(&clock, 0, ready(7))), (Some(7), 1, 0));
        assert_eq!(clock.set.get(), 0);
    }

    #[test]
    fn an_operation_gets_as_many_turns_as_it_may_take() {
        for (polls, turns, expected) in [
            (0, 3, (Some(()), 1, 0)),
            (1, 3, (Some(()), 2, 1)),
            (2, 3, (Some(()), 3, 2)),
            (3, 3, (None, 3, 2)),
            (0, 1, (Some(()), 1, 0)),
            (1, 1, (None, 1, 0)),
            (1, 0, (None, 1, 0)),
        ] {
            let operation = pin!(pending_for(polls));
            assert_eq!(run(within_turns(turns, operation)), expected, "{polls} of {turns}");
        }
    }
}
