//! What an endpoint gives back: a response, and work for later.

use std::rc::Rc;

use super::Response;
use crate::trust::issuer::TrustedIssuer;

/// A response, and what is left to do once it is on its way.
#[derive(Debug)]
pub struct Answer {
    /// The response.
    pub response: Response,
    /// The issuer whose keys are due for [`Application::refresh`](super::application::Application::refresh).
    pub refresh: Option<Rc<TrustedIssuer>>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self { response, refresh: None }
    }
}
