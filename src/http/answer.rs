//! The result of an endpoint: a response, and the work that remains after it.

use std::sync::Arc;

use super::Response;
use crate::trust::issuer::TrustedIssuer;
use crate::verify::Grounds;

/// A response, and the work that remains after it is sent.
#[derive(Debug)]
pub struct Answer {
    /// The response.
    pub response: Response,
    /// The issuer whose keys are to be refreshed with [`Application::refresh`](super::application::Application::refresh).
    pub refresh: Option<Arc<TrustedIssuer>>,
    /// What the response rests on, if it is the verdict on a remembered token: as long as that holds, the same token gets the same response.
    pub grounds: Option<Grounds>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self { response, refresh: None, grounds: None }
    }
}
