//! The identity providers: what they publish when, how many requests they answer, and when they fail.

use std::cell::Cell;

use edge_assay::ports::{Document, DocumentRequest, FetchError};

use super::report::Answered;
use super::scenario::{Failure, Origin};
use super::world::World;
use crate::support::keys::jwks_of_kids;

/// One identity provider.
pub(super) struct Provider {
    plan: Origin,
    number: usize,
    /// The second of the last request, and the requests in it.
    load: Cell<(i64, u32)>,
}

/// The `ETag` of a set.
pub(super) fn etag(kids: &[&str]) -> String {
    format!("\"{}\"", kids.join("+"))
}

impl Provider {
    pub(super) fn new(plan: Origin, number: usize) -> Self {
        Self { plan, number, load: Cell::new((0, 0)) }
    }

    /// Answers one request from `data_centre`.
    pub(super) async fn answer(
        &self,
        world: &World,
        data_centre: u16,
        request: &DocumentRequest,
    ) -> Result<Document, FetchError> {
        let second = world.now_ms().div_euclid(1000);
        world.note(|report| report.fetched(self.number, data_centre, second));
        let outage = self.plan.outage.filter(|outage| {
            world.is_within(Some(outage.span))
                && outage.data_centre.is_none_or(|only| only == data_centre)
                && outage.issuer.is_none_or(|only| only == self.number)
        });
        if outage.is_some_and(|outage| outage.failure == Failure::Hangs) {
            world.sleep(i64::from(request.timeout_ms)).await;
            world.note(|report| report.answered(Answered::Failed));
            return Err(FetchError::Timeout(request.timeout_ms));
        }
        let there_ms = world.dice.between(25, 150);
        world.sleep(there_ms).await;
        if outage.is_some_and(|outage| outage.failure == Failure::Unreachable) {
            world.note(|report| report.answered(Answered::Failed));
            return Err(FetchError::Unreachable("the connection is refused".to_owned()));
        }
        let answer = match outage {
            Some(_) => (Answered::Failed, Document { status: 503, ..Document::default() }),
            None => self.serve(world, request),
        };
        world.sleep(world.dice.between(25, 150)).await;
        let (kind, document) = answer;
        world.note(|report| report.answered(kind));
        Ok(document)
    }

    fn serve(&self, world: &World, request: &DocumentRequest) -> (Answered, Document) {
        let second = world.now_ms().div_euclid(1000);
        let (last, requests) = self.load.get();
        let requests = if last == second { requests + 1 } else { 1 };
        self.load.set((second, requests));
        if self.plan.per_second.is_some_and(|limit| requests > limit) {
            return (Answered::Refused, Document { status: 429, ..Document::default() });
        }
        let (_, kids) = self.plan.documents.iter().rev().find(|(from, _)| second >= *from).unwrap();
        let etag = etag(kids);
        let answer = Document {
            cache_control: self.plan.cache_control.map(str::to_owned),
            content_type: Some("application/json".to_owned()),
            ..Document::default()
        };
        if request.if_none_match.as_ref() == Some(&etag) {
            return (Answered::Confirmed, Document { status: 304, etag: Some(etag), ..answer });
        }
        let body = jwks_of_kids(kids).into_bytes();
        (Answered::Set, Document { status: 200, etag: Some(etag), body, ..answer })
    }
}
