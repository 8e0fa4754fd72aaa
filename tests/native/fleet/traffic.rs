//! The requests: which key has signed the token, what the production code answers, and whether that is right.

use std::rc::Rc;

use edge_assay::keys::{KeyCache, Lookup, Wanted};
use edge_assay::rejection::Fault;

use super::port::Port;
use super::scenario::Defect;
use super::world::{Isolate, Place, World};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// Good: its issuer signs with this key, or did a moment ago.
    Good(&'static str),
    /// Of the key `old`, which is withdrawn.
    Withdrawn,
    /// Of a key that never existed.
    Unknown(u16),
}

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The set has the key.
    Known,
    /// The set does not have the key: 401.
    Unknown,
    /// The keys are unavailable: 503.
    Unavailable,
}

/// A request of an honest client, or of one whose key was withdrawn.
pub(super) fn honest(world: &Rc<World>, place: Place, isolate: &Rc<Isolate>) {
    let (tokens, dice) = (world.scenario.tokens, &world.dice);
    let second = world.now_ms().div_euclid(1000);
    let token = match (tokens.withdrawn, tokens.new_key_from) {
        (Some((from, percent)), _) if second >= from => {
            if dice.happens(percent) {
                Token::Withdrawn
            } else {
                Token::Good("new")
            }
        }
        (_, Some(from)) if second - dice.between(0, tokens.life + 1) >= from => Token::Good("new"),
        _ => Token::Good("old"),
    };
    ask(world, place, isolate, token);
}

/// A request with an unknown `kid`.
pub(super) fn unknown(world: &Rc<World>, place: Place, isolate: &Rc<Isolate>) {
    ask(world, place, isolate, Token::Unknown(world.dice.between(0, 1000) as u16));
}

fn ask(world: &Rc<World>, place: Place, isolate: &Rc<Isolate>, token: Token) {
    let issuer = world.dice.between(0, world.scenario.issuers as i64) as usize;
    let (at, port) = (Rc::clone(world), Port::new(world, isolate));
    let (isolate, begun_ms) = (Rc::clone(isolate), world.now_ms());
    let task = world.spawn(Some(place), async move {
        let kid = match token {
            Token::Good(kid) => kid.to_owned(),
            Token::Withdrawn => "old".to_owned(),
            Token::Unknown(number) => format!("unknown-{number}"),
        };
        let own_memory = (at.scenario.defect == Some(Defect::LeaseIgnored)).then(KeyCache::new);
        let cache = own_memory.as_ref().unwrap_or(&isolate.cache);
        let source = &at.sources[issuer];
        let found = cache.lookup(&port, source, &at.policy, Wanted::Kid(&kid), at.now(&isolate)).await;
        let verdict = match verdict(&found, &kid) {
            Verdict::Known if isolate.distrusts_old && kid == "old" => Verdict::Unknown,
            verdict => verdict,
        };
        note(&at, &isolate, token, begun_ms, verdict);
        // After the response, when the client can no longer cancel the work.
        let is_due = found.is_ok_and(|found| found.refresh_due);
        if is_due || cache.has_unwritten() {
            let world = Rc::clone(&at);
            at.spawn(Some(place), async move {
                if is_due {
                    let source = &world.sources[issuer];
                    isolate.cache.refresh(&port, source, &world.policy, world.now(&isolate)).await;
                }
                isolate.cache.write_back(&port).await;
            });
        }
    });
    if let Some(task) = task.filter(|_| world.dice.happens(world.scenario.cancelled_percent)) {
        world.cancel_in(world.dice.between(1, 400), task);
    }
}

fn verdict(found: &Result<Lookup, Fault>, kid: &str) -> Verdict {
    match found {
        Ok(found) if found.set.with_kid(kid).next().is_some() => Verdict::Known,
        Ok(_) => Verdict::Unknown,
        Err(_) => Verdict::Unavailable,
    }
}

fn note(world: &World, isolate: &Isolate, token: Token, begun_ms: i64, verdict: Verdict) {
    let now_ms = world.now_ms();
    let is_blind = world.scenario.origin.outage.is_some_and(|outage| {
        outage.data_centre == Some(isolate.data_centre) && world.is_within(Some(outage.span))
    });
    match token {
        Token::Good(kid) => {
            let second = now_ms.div_euclid(1000);
            world.note(|report| report.good(verdict, second, now_ms - begun_ms, is_blind));
            if kid == "new" && verdict == Verdict::Unknown && isolate.accepts_new_key.get() {
                world.note(|report| report.went_back += 1);
            }
            if kid == "new" && world.scenario.tokens.new_key_from.is_some() && !isolate.accepts_new_key.get()
            {
                let seen_ms = isolate.new_key_seen_ms.get().unwrap_or(begun_ms);
                isolate.new_key_seen_ms.set(Some(seen_ms));
                if verdict == Verdict::Known {
                    isolate.accepts_new_key.set(true);
                    world.note(|report| report.new_key_accepted_after_ms.push(now_ms - seen_ms));
                }
            }
        }
        Token::Withdrawn => {
            world.note(|report| report.withdrawn(verdict));
            if verdict == Verdict::Known {
                isolate.withdrawn_accepted_ms.set(Some(now_ms));
            }
        }
        Token::Unknown(_) => world.note(|report| report.unknown(verdict, now_ms - begun_ms)),
    }
}
