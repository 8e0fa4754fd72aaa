//! The result of an endpoint: a response, and the work that remains after it.

use std::sync::Arc;

use super::Response;
use crate::trust::issuer::TrustedIssuer;

/// A response, and the work that remains after it is sent.
#[derive(Debug)]
pub struct Answer {
    /// The response.
    pub response: Response,
    /// The issuer whose keys are to be refreshed with [`Application::refresh`](super::application::Application::refresh).
    pub refresh: Option<Arc<TrustedIssuer>>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self { response, refresh: None }
    }
}
