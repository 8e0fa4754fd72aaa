//! `crypto.getRandomValues` as [`Random`](crate::ports::Random).

/// Fills `bytes`. In a Worker that fails outside a request only, where nothing of ours runs.
pub(super) fn fill(bytes: &mut [u8]) {
    if let Err(error) = getrandom::getrandom(bytes) {
        // Going on without randomness would be worse than not going on.
        worker::wasm_bindgen::throw_str(&format!("no randomness: {error}"));
    }
}
