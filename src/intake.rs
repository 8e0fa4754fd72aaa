//! The bodies of requests while they are read, and a bound on the memory that all of them take together.
//!
//! The bytes are stored here and not in the futures that read them. Therefore the memory of a body can be freed while its client
//! sends nothing, and also when the runtime never finishes a future because its client has gone away.

use std::cell::RefCell;
use std::rc::Rc;

use crate::limits;
use crate::time::Timestamp;

/// Why a request's body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is longer than the endpoint accepts.
    #[error("the body exceeds {0} bytes")]
    TooLarge(usize),
    /// The client went away, or the body was read before.
    #[error("the body ended early")]
    Broken,
    /// The client did not send all of it in time.
    #[error("the body was not complete within {0} ms")]
    Late(u32),
    /// The bodies that are being read take all the memory that is reserved for bodies.
    #[error("too many bodies are being read at the same time; try again")]
    NoRoom,
}

/// All bodies of an isolate that are being read, or that were read and are still in use.
#[derive(Debug, Default)]
pub struct Intake(RefCell<Bodies>);

#[derive(Debug, Default)]
struct Bodies {
    /// The oldest first, so their numbers grow.
    open: Vec<Body>,
    next: u64,
    /// The sum of their [`Body::bytes`].
    bytes: usize,
}

#[derive(Debug)]
struct Body {
    number: u64,
    since: Timestamp,
    /// The bytes of memory that it counts with.
    bytes: usize,
    /// The bytes read so far; `None` once it is complete and its endpoint has it.
    buffer: Option<Vec<u8>>,
}

impl Bodies {
    fn place(&self, number: u64) -> Option<usize> {
        self.open.binary_search_by_key(&number, |body| body.number).ok()
    }

    fn get_mut(&mut self, number: u64) -> Option<&mut Body> {
        self.place(number).and_then(|place| self.open.get_mut(place))
    }

    fn remove(&mut self, number: u64) {
        if let Some(place) = self.place(number) {
            self.bytes = self.bytes.saturating_sub(self.open.remove(place).bytes);
        }
    }

    /// Makes room for `more` bytes of the body `growing`. To do so it drops the incomplete bodies that were opened first, but
    /// never `growing` itself. Therefore stalled bodies cannot keep a body that makes progress from being read.
    fn make_room(&mut self, more: usize, growing: u64) -> Result<(), BodyError> {
        while self.bytes.saturating_add(more) > limits::MAX_INTAKE_BYTES {
            let may_be_dropped = |body: &&Body| body.number != growing && body.buffer.is_some();
            let oldest = self.open.iter().find(may_be_dropped).map(|body| body.number);
            self.remove(oldest.ok_or(BodyError::NoRoom)?);
        }
        Ok(())
    }
}

impl Intake {
    /// Registers a body that is about to be read.
    pub fn open(self: &Rc<Self>, now: Timestamp) -> Reading {
        let mut bodies = self.0.borrow_mut();
        let Bodies { open, next, bytes } = &mut *bodies;
        // No request takes this long: the runtime has dropped older ones without finishing their futures.
        open.retain(|body| {
            let may_go_on = body.since.plus(limits::INTAKE_SECONDS) >= now;
            if !may_go_on {
                *bytes = bytes.saturating_sub(body.bytes);
            }
            may_go_on
        });
        let number = *next;
        *next = number.wrapping_add(1);
        open.push(Body { number, since: now, bytes: 0, buffer: Some(Vec::new()) });
        Reading { intake: Rc::clone(self), number }
    }

    /// The bytes of memory that all bodies take together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.borrow().bytes
    }
}

/// One body. It counts towards the bound until it is dropped.
#[derive(Debug)]
pub struct Reading {
    intake: Rc<Intake>,
    number: u64,
}

impl Reading {
    /// Reserves memory for `length` more bytes of a body that may have at most `max_bytes`.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`], or [`BodyError::NoRoom`] if other bodies take the memory or this body was dropped for them.
    pub fn reserve(&self, length: usize, max_bytes: usize) -> Result<(), BodyError> {
        let mut bodies = self.intake.0.borrow_mut();
        let body = bodies.get_mut(self.number).ok_or(BodyError::NoRoom)?;
        let buffer = body.buffer.as_ref().ok_or(BodyError::Broken)?;
        let (read, capacity) = (buffer.len(), buffer.capacity());
        let needed = read.saturating_add(length);
        if needed > max_bytes {
            return Err(BodyError::TooLarge(max_bytes));
        }
        if needed <= capacity {
            return Ok(());
        }
        // The capacity doubles, so that a body in many small pieces is not copied for each of them. A Content-Length is never
        // trusted for this.
        let wanted = capacity.saturating_mul(2).min(max_bytes).max(needed);
        bodies.make_room(wanted.saturating_sub(capacity), self.number)?;
        if let Some(body) = bodies.get_mut(self.number)
            && let Some(buffer) = &mut body.buffer
        {
            buffer.reserve_exact(wanted.saturating_sub(read));
            let former = std::mem::replace(&mut body.bytes, buffer.capacity());
            let grown = buffer.capacity();
            bodies.bytes = bodies.bytes.saturating_sub(former).saturating_add(grown);
        }
        Ok(())
    }

    /// Appends bytes that were read.
    ///
    /// # Errors
    /// As for [`Self::reserve`].
    pub fn push(&self, piece: &[u8], max_bytes: usize) -> Result<(), BodyError> {
        self.reserve(piece.len(), max_bytes)?;
        let mut bodies = self.intake.0.borrow_mut();
        let body = bodies.get_mut(self.number).ok_or(BodyError::NoRoom)?;
        body.buffer.as_mut().ok_or(BodyError::Broken)?.extend_from_slice(piece);
        Ok(())
    }

    /// The whole body. It still counts towards the bound, until this value is dropped.
    ///
    /// # Errors
    /// [`BodyError::NoRoom`] if it was dropped for other bodies, [`BodyError::Broken`] if it was taken before.
    pub fn complete(&self) -> Result<Vec<u8>, BodyError> {
        let mut bodies = self.intake.0.borrow_mut();
        let body = bodies.get_mut(self.number).ok_or(BodyError::NoRoom)?;
        body.buffer.take().ok_or(BodyError::Broken)
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
    fn stalled_bodies_take_no_more_than_the_bound_and_a_body_that_makes_progress_is_read() {
        let intake = Rc::new(Intake::default());
        let stalled: Vec<Reading> = (0..900).map(|_| intake.open(NOW)).collect();
        for reading in &stalled {
            reading.push(&vec![b'a'; MAX - 72], MAX).unwrap();
            assert!(intake.bytes() <= limits::MAX_INTAKE_BYTES);
        }
        let healthy = intake.open(NOW);
        healthy.push(b"grant_type=", MAX).unwrap();
        assert_eq!(healthy.complete(), Ok(b"grant_type=".to_vec()));
        // The first stalled body was dropped, and its reader learns that.
        assert_eq!(stalled[0].push(b"a", MAX), Err(BodyError::NoRoom));
        assert_eq!(stalled[0].complete(), Err(BodyError::NoRoom));
        drop((stalled, healthy));
        assert_eq!(intake.bytes(), 0);
    }

    #[test]
    fn complete_bodies_count_until_they_are_released_and_are_not_dropped_for_others() {
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
    fn the_memory_of_a_request_that_the_runtime_never_finishes_is_freed() {
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
    fn a_body_that_arrives_byte_by_byte_is_read_up_to_its_bound() {
        let intake = Rc::new(Intake::default());
        let reading = intake.open(NOW);
        for _ in 0..1000 {
            reading.push(b"a", 1000).unwrap();
        }
        assert_eq!(reading.push(b"a", 1000), Err(BodyError::TooLarge(1000)));
        assert_eq!(reading.complete().unwrap().len(), 1000);
    }
}
