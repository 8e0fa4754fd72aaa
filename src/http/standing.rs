//! Responses that are given again. A token of a session comes with every request, and most of what its response costs is made once.
//!
//! The response to `GET /verify` with a remembered token is kept outside, with a number. Here is what it rests on; whether it may be given again is
//! decided at every request. An entry keeps nothing else in memory. The verdict on the token in the `Authorization` of a forwarded request has a number
//! in the same way: it decides about other requests with the same header, and the route decides about each of them.

use std::rc::{Rc, Weak};

use super::application::Application;
use super::configured::Configured;
use crate::limits;
use crate::time::Timestamp;
use crate::verify::Grounds;

/// What a response rests on.
#[derive(Debug)]
pub struct Standing {
    configured: Weak<Configured>,
    application: Weak<Application>,
    grounds: Grounds,
}

impl Standing {
    /// The standing of a verdict of `application`, which is the one of `configured`.
    #[must_use]
    pub fn new(configured: &Rc<Configured>, application: &Rc<Application>, grounds: Grounds) -> Self {
        Self { configured: Rc::downgrade(configured), application: Rc::downgrade(application), grounds }
    }

    /// Whether the same request gets the same response at `now`, and leaves nothing to do after it.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        let (Some(configured), Some(application)) = (self.configured.upgrade(), self.application.upgrade())
        else {
            return false;
        };
        let Ok(terms) = &application.config.terms else { return false };
        configured.has(&application)
            && !configured.is_due_at(now)
            && !application.has_unwritten()
            && !application.is_untested()
            && self.grounds.hold(terms, &application.keys, now)
    }
}

/// The standings of the responses that were kept last.
#[derive(Debug, Default)]
pub struct Standings(Vec<Option<(u32, Standing)>>);

impl Standings {
    /// Notes the standing of the response with this number. It takes the place of the one whose number is lower by [`limits::KEPT_RESPONSES`].
    pub fn note(&mut self, number: u32, standing: Standing) {
        // Made at the first use: an isolate may serve no endpoint that needs it.
        self.0.resize_with(PLACES, || None);
        if let Some(place) = self.0.get_mut(place(number)) {
            *place = Some((number, standing));
        }
    }

    /// The grounds with this number, if they are of a verdict of `application`, which is the one of `configured`. Whether they hold is not asked.
    #[must_use]
    pub fn grounds(
        &self,
        number: u32,
        configured: &Rc<Configured>,
        application: &Rc<Application>,
    ) -> Option<Grounds> {
        let found = self.0.get(place(number)).and_then(Option::as_ref).filter(|(known, _)| *known == number);
        let (_, standing) = found?;
        // A `Weak` keeps its allocation, so no other object has the same address.
        let is_same = Weak::ptr_eq(&standing.configured, &Rc::downgrade(configured))
            && Weak::ptr_eq(&standing.application, &Rc::downgrade(application));
        is_same.then(|| standing.grounds.clone())
    }

    /// Whether the response with this number may be given again at `now`.
    #[must_use]
    pub fn holds(&self, number: u32, now: Timestamp) -> bool {
        let found = self.0.get(place(number)).and_then(Option::as_ref).filter(|(known, _)| *known == number);
        found.is_some_and(|(_, standing)| standing.holds(now))
    }
}

/// The places, as a number of the width of a place.
#[allow(clippy::cast_possible_truncation)]
const PLACES: usize = limits::KEPT_RESPONSES as usize;

fn place(number: u32) -> usize {
    usize::try_from(number % limits::KEPT_RESPONSES).unwrap_or_default()
}
