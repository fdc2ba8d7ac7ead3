//! The open streams, in a ring indexed by stream number.

use super::flow_control::{ReceiveWindow, SendWindow};
use super::{Processed, RequestProgress, StreamId};

/// One open stream.
#[derive(Debug)]
pub(crate) struct Stream<R> {
    pub(crate) id: StreamId,
    /// Output position behind the request's last byte; `u64::MAX` until the whole body is written.
    pub(crate) end_position: u64,
    pub(crate) send_window: SendWindow,
    pub(crate) receive_window: ReceiveWindow,
    pub(crate) phase: Phase,
    pub(crate) body_received: u32,
    /// What the response's content-length promises, if it binds the body's length.
    pub(crate) content_length: Option<u64>,
    pub(crate) state: R,
}

/// How far a response has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No final header section yet.
    AwaitingHeaders,
    /// Body or trailers follow.
    Body,
}

impl<R> Stream<R> {
    /// How far the request has come when so many bytes of output are consumed.
    pub(crate) const fn request_progress(&self, consumed: u64) -> RequestProgress {
        match self.end_position {
            u64::MAX => RequestProgress::InParts,
            end if end > consumed => RequestProgress::InOutput,
            _ => RequestProgress::Handed,
        }
    }

    /// What is known of the request when its stream ends without a complete response, and the peer gets, or heeds, no
    /// more than `reached` bytes of output: half a request is not acted upon.
    pub(crate) fn processed(&self, reached: u64) -> Processed {
        match self.phase {
            Phase::Body => Processed::Yes,
            Phase::AwaitingHeaders => self.processed_by_request(reached),
        }
    }

    /// The same, whatever of a response came.
    pub(crate) const fn processed_by_request(&self, reached: u64) -> Processed {
        if self.end_position > reached {
            Processed::No
        } else {
            Processed::Unknown
        }
    }
}

/// A slot is the stream's number modulo the ring's length and holds the *full* number: a late frame for an
/// old stream never meets the stream that has its slot now. At most half the slots are taken, so the next number
/// whose slot is free is near; numbers whose slot a long-lived stream still holds are skipped, which is legal
/// (RFC 9113 section 5.1.1) and cheap, as there are 2^30.
#[derive(Debug)]
pub(crate) struct Slots<R> {
    /// A power of two long, or empty.
    ring: Vec<Option<Stream<R>>>,
    taken: usize,
    /// Bound on `taken`.
    limit: usize,
}

/// Length of the ring when the first stream opens. It doubles as needed, to at most four times the limit.
const FIRST_LEN: usize = 16;

impl<R> Slots<R> {
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            ring: Vec::new(),
            taken: 0,
            limit,
        }
    }

    pub(crate) const fn taken(&self) -> usize {
        self.taken
    }

    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    /// The first number from `id` on whose slot is free. `None`: the numbers or the slots are at their end.
    pub(crate) fn next_free(&mut self, id: StreamId) -> Option<StreamId> {
        if self.taken >= self.limit {
            return None;
        }
        if self.taken * 2 >= self.ring.len() {
            self.grow();
        }
        let mut id = id;
        while self.ring.get(self.index(id))?.is_some() {
            id = id.next()?;
        }
        Some(id)
    }

    /// Puts a stream in the slot that [`next_free`](Self::next_free) named.
    pub(crate) fn insert(&mut self, stream: Stream<R>) {
        let index = self.index(stream.id);
        if let Some(slot) = self.ring.get_mut(index) {
            debug_assert!(slot.is_none(), "slot taken");
            *slot = Some(stream);
            self.taken += 1;
        }
    }

    pub(crate) fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream<R>> {
        let index = self.index(id);
        self.ring
            .get_mut(index)?
            .as_mut()
            .filter(|stream| stream.id == id)
    }

    pub(crate) fn remove(&mut self, id: StreamId) -> Option<Stream<R>> {
        let index = self.index(id);
        let stream = self
            .ring
            .get_mut(index)?
            .take_if(|stream| stream.id == id)?;
        self.taken -= 1;
        Some(stream)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream<R>> {
        self.ring.iter_mut().flatten()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Stream<R>> {
        self.ring.iter().flatten()
    }

    /// Takes out all streams of which `end` says so, oldest first.
    pub(crate) fn remove_if(&mut self, end: impl Fn(&Stream<R>) -> bool) -> Vec<Stream<R>> {
        let mut removed: Vec<_> = self
            .ring
            .iter_mut()
            .filter_map(|slot| slot.take_if(|stream| end(stream)))
            .collect();
        removed.sort_unstable_by_key(|stream| stream.id);
        self.taken -= removed.len();
        removed
    }

    fn grow(&mut self) {
        let len = (self.ring.len() * 2).max(FIRST_LEN);
        let old = std::mem::take(&mut self.ring);
        self.ring.resize_with(len, || None);
        // Numbers that differ modulo the old length differ modulo its double.
        for stream in old.into_iter().flatten() {
            let index = self.index(stream.id);
            if let Some(slot) = self.ring.get_mut(index) {
                *slot = Some(stream);
            }
        }
    }

    /// Client streams are odd: half their number counts them.
    fn index(&self, id: StreamId) -> usize {
        (id.get() >> 1) as usize & self.ring.len().wrapping_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(id: StreamId) -> Stream<u32> {
        Stream {
            id,
            end_position: 0,
            send_window: SendWindow::default(),
            receive_window: ReceiveWindow::new(0),
            phase: Phase::AwaitingHeaders,
            body_received: 0,
            content_length: None,
            state: id.get(),
        }
    }

    #[test]
    fn an_old_number_does_not_meet_the_slot_s_new_stream() {
        let mut slots = Slots::new(8);
        let mut id = slots.next_free(StreamId::FIRST).unwrap();
        slots.insert(stream(id));
        assert_eq!(slots.remove(id).unwrap().state, 1);
        for _ in 0..FIRST_LEN {
            id = slots.next_free(id.next().unwrap()).unwrap();
        }
        assert_eq!(id.get() as usize, 2 * FIRST_LEN + 1);
        slots.insert(stream(id));
        assert!(slots.get_mut(StreamId::FIRST).is_none());
        assert!(slots.remove(StreamId::FIRST).is_none());
        assert_eq!(slots.remove(id).unwrap().id, id);
    }

    #[test]
    fn numbers_whose_slot_a_long_lived_stream_holds_are_skipped() {
        let mut slots = Slots::new(8);
        let old = slots.next_free(StreamId::FIRST).unwrap();
        slots.insert(stream(old));
        let same_slot = StreamId::new(2 * FIRST_LEN as u32 + 1);
        let next = slots.next_free(same_slot).unwrap();
        assert_eq!(next, same_slot.next().unwrap());
        assert_eq!(slots.get_mut(old).unwrap().state, 1);
    }

    #[test]
    fn the_ring_grows_to_the_limit_and_keeps_every_stream() {
        let mut slots = Slots::new(100);
        let mut id = StreamId::FIRST;
        for _ in 0..100 {
            id = slots.next_free(id).unwrap();
            slots.insert(stream(id));
            id = id.next().unwrap();
        }
        assert_eq!(slots.next_free(id), None);
        assert!((2 * 100..=4 * 100).contains(&slots.ring.len()));
        assert_eq!(slots.iter().count(), 100);
        let above = slots.remove_if(|stream| stream.id > StreamId::new(101));
        assert!(above.is_sorted_by_key(|stream| stream.id));
        assert_eq!((above.len(), slots.taken()), (49, 51));
    }

    #[test]
    fn streams_come_out_oldest_first_wherever_the_ring_began() {
        let mut slots = Slots::new(8);
        let mut id = StreamId::FIRST;
        for _ in 0..3 * FIRST_LEN + 2 {
            id = slots.next_free(id).unwrap();
            slots.insert(stream(id));
            let old = StreamId::new(id.get().saturating_sub(10));
            slots.remove(old);
            id = id.next().unwrap();
        }
        // Five are left, in slots 13, 14, 15, 0 and 1.
        let removed = slots.remove_if(|_| true);
        assert!(removed.is_sorted_by_key(|stream| stream.id));
        assert_eq!(removed.len(), 5);
    }

    #[test]
    fn an_empty_ring_has_no_streams() {
        let mut slots = Slots::<u32>::new(1);
        assert!(slots.get_mut(StreamId::FIRST).is_none());
        assert!(slots.remove(StreamId::MAX).is_none());
        assert_eq!(slots.next_free(StreamId::MAX), Some(StreamId::MAX));
    }
}
