//! The bodies of requests while they are read: how much of the isolate's memory all of them together may take.
//!
//! The bytes are kept here and not in the futures that read them. So a body can be given up while its client is silent, and
//! what a future leaves behind that the runtime never finishes (the client has gone away) is freed too.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::limits;
use crate::time::Timestamp;

/// Why a request's body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is longer than the endpoint reads.
    #[error("the body exceeds {0} bytes")]
    TooLarge(usize),
    /// The client went away, or it was read before.
    #[error("the body ended early")]
    Broken,
    /// The client did not send all of it in time.
    #[error("the body was not complete within {0} ms")]
    Late(u32),
    /// The bodies that are being read take all the memory that there is for them.
    #[error("too many bodies are being read at the same time; try again")]
    NoRoom,
}

/// All bodies of an isolate that are being read, or that are in use after that.
#[derive(Debug, Default)]
pub struct Intake(RefCell<Held>);

#[derive(Debug, Default)]
struct Held {
    /// By a number that grows, so the oldest comes first.
    bodies: BTreeMap<u64, Kept>,
    next: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    since: Timestamp,
    /// What it takes of the bound.
    bytes: usize,
    /// What has been read; `None` once it is complete and its endpoint has it.
    buffer: Option<Vec<u8>>,
}

impl Held {
    fn remove(&mut self, number: u64) {
        if let Some(kept) = self.bodies.remove(&number) {
            self.bytes = self.bytes.saturating_sub(kept.bytes);
        }
    }

    /// Makes room for `more` bytes. The bodies that have been incomplete for longest give way, but not the one that asks: of
    /// many bodies that stand still and one that moves, the one that moves is read.
    fn make_room(&mut self, more: usize, asking: u64) -> Result<(), BodyError> {
        while self.bytes.saturating_add(more) > limits::MAX_INTAKE_BYTES {
            let is_other = |(number, kept): &(&u64, &Kept)| **number != asking && kept.buffer.is_some();
            let oldest = self.bodies.iter().find(is_other).map(|(number, _)| *number);
            self.remove(oldest.ok_or(BodyError::NoRoom)?);
        }
        Ok(())
    }
}

impl Intake {
    /// Begins to read a body.
    pub fn open(self: &Rc<Self>, now: Timestamp) -> Reading {
        let mut held = self.0.borrow_mut();
        // Nothing takes this long: the runtime has dropped these requests without a word.
        let ended = held.bodies.iter().filter(|(_, kept)| kept.since.plus(limits::INTAKE_SECONDS) < now);
        for number in ended.map(|(number, _)| *number).collect::<Vec<_>>() {
            held.remove(number);
        }
        let number = held.next;
        held.next = number.wrapping_add(1);
        held.bodies.insert(number, Kept { since: now, bytes: 0, buffer: Some(Vec::new()) });
        Reading { intake: Rc::clone(self), number }
    }

    /// The bytes that all bodies take together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.borrow().bytes
    }
}

/// One body. Its bytes count until it is dropped.
#[derive(Debug)]
pub struct Reading {
    intake: Rc<Intake>,
    number: u64,
}

impl Reading {
    /// Makes sure that there is room for `length` more bytes, where the whole may have `max_bytes`.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`], or [`BodyError::NoRoom`] where other bodies take the memory.
    pub fn reserve(&self, length: usize, max_bytes: usize) -> Result<(), BodyError> {
        let mut held = self.intake.0.borrow_mut();
        let kept = held.bodies.get(&self.number).ok_or(BodyError::NoRoom)?;
        let buffer = kept.buffer.as_ref().ok_or(BodyError::Broken)?;
        let (read, capacity) = (buffer.len(), buffer.capacity());
        let needed = read.saturating_add(length);
        if needed > max_bytes {
            return Err(BodyError::TooLarge(max_bytes));
        }
        if needed <= capacity {
            return Ok(());
        }
        // Doubled, so that a body in many small pieces is not copied for each. Never the announced length: that is a word.
        let wanted = capacity.saturating_mul(2).min(max_bytes).max(needed);
        held.make_room(wanted.saturating_sub(capacity), self.number)?;
        let Held { bodies, bytes, .. } = &mut *held;
        if let Some(kept) = bodies.get_mut(&self.number)
            && let Some(buffer) = &mut kept.buffer
        {
            buffer.reserve_exact(wanted.saturating_sub(read));
            *bytes = bytes.saturating_sub(kept.bytes).saturating_add(buffer.capacity());
            kept.bytes = buffer.capacity();
        }
        Ok(())
    }

    /// Adds what was read.
    ///
    /// # Errors
    /// As for [`Self::reserve`].
    pub fn push(&self, piece: &[u8], max_bytes: usize) -> Result<(), BodyError> {
        self.reserve(piece.len(), max_bytes)?;
        let mut held = self.intake.0.borrow_mut();
        let kept = held.bodies.get_mut(&self.number).ok_or(BodyError::NoRoom)?;
        kept.buffer.as_mut().ok_or(BodyError::Broken)?.extend_from_slice(piece);
        Ok(())
    }

    /// The whole body. Its bytes go on to count.
    ///
    /// # Errors
    /// [`BodyError::NoRoom`] where it had to give way.
    pub fn complete(&self) -> Result<Vec<u8>, BodyError> {
        let mut held = self.intake.0.borrow_mut();
        let kept = held.bodies.get_mut(&self.number).ok_or(BodyError::NoRoom)?;
        kept.buffer.take().ok_or(BodyError::Broken)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.intake.0.borrow_mut().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_epoch_seconds(1_800_000_000);
    const MAX: usize = limits::MAX_REQUEST_BODY_BYTES;

    #[test]
    fn bodies_that_stand_still_take_no_more_than_the_bound_and_a_body_that_moves_is_read() {
        let intake = Rc::new(Intake::default());
        let stalled: Vec<Reading> = (0..900).map(|_| intake.open(NOW)).collect();
        for reading in &stalled {
            reading.push(&vec![b'a'; MAX - 72], MAX).unwrap();
            assert!(intake.bytes() <= limits::MAX_INTAKE_BYTES);
        }
        let healthy = intake.open(NOW);
        healthy.push(b"grant_type=", MAX).unwrap();
        assert_eq!(healthy.complete(), Ok(b"grant_type=".to_vec()));
        // The first to stand still gave way, and is told so.
        assert_eq!(stalled[0].push(b"a", MAX), Err(BodyError::NoRoom));
        assert_eq!(stalled[0].complete(), Err(BodyError::NoRoom));
        drop((stalled, healthy));
        assert_eq!(intake.bytes(), 0);
    }

    #[test]
    fn complete_bodies_count_until_they_are_dropped_and_do_not_give_way() {
        let intake = Rc::new(Intake::default());
        let waiting: Vec<Reading> = (0..limits::MAX_INTAKE_BYTES / MAX).map(|_| intake.open(NOW)).collect();
        for reading in &waiting {
            reading.push(&vec![b'a'; MAX], MAX).unwrap();
            assert_eq!(reading.complete().unwrap().len(), MAX);
        }
        assert_eq!(intake.open(NOW).push(b"a", MAX), Err(BodyError::NoRoom));
        drop(waiting);
        assert_eq!(intake.open(NOW).push(b"a", MAX), Ok(()));
        assert_eq!(intake.bytes(), 0);
    }

    #[test]
    fn a_request_that_the_runtime_never_finishes_does_not_hold_its_memory_for_good() {
        let intake = Rc::new(Intake::default());
        let left = intake.open(NOW);
        left.push(&vec![b'a'; MAX], MAX).unwrap();
        std::mem::forget(left);
        assert_eq!(intake.bytes(), MAX);
        let next = intake.open(NOW.plus(limits::INTAKE_SECONDS + 1));
        assert_eq!(intake.bytes(), 0);
        assert_eq!(next.push(b"a", MAX), Ok(()));
    }

    #[test]
    fn a_body_that_comes_byte_by_byte_is_read_up_to_its_bound() {
        let intake = Rc::new(Intake::default());
        let reading = intake.open(NOW);
        for _ in 0..1000 {
            reading.push(b"a", 1000).unwrap();
        }
        assert_eq!(reading.push(b"a", 1000), Err(BodyError::TooLarge(1000)));
        assert_eq!(reading.complete().unwrap().len(), 1000);
    }
}
