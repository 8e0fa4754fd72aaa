//! Documents in memory in place of those of a network (feature `testing`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use edge_assay_verifier::ports::{Document, FetchError};

/// The documents of a provider by their URL.
#[derive(Clone, Debug, Default)]
pub(crate) struct Documents(Arc<Mutex<Served>>);

#[derive(Debug, Default)]
pub(crate) struct Served {
    pub(crate) is_down: bool,
    pub(crate) requests: usize,
    pub(crate) documents: HashMap<String, String>,
}

impl Documents {
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Served) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn get(&self, url: &str) -> Result<Document, FetchError> {
        self.with(|served| {
            served.requests = served.requests.saturating_add(1);
            match served.documents.get(url) {
                _ if served.is_down => Err(FetchError::Unreachable("the provider is down".to_owned())),
                None => Ok(Document { status: 404, ..Document::default() }),
                Some(text) => {
                    let (content_type, body) =
                        (Some("application/json".to_owned()), text.clone().into_bytes());
                    Ok(Document { status: 200, content_type, body, ..Document::default() })
                }
            }
        })
    }
}
