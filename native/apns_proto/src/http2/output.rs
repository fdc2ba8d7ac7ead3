//! Bytes for the transport, in one buffer that is written at its end and consumed at its front.

use std::collections::VecDeque;

/// The output. Positions count bytes since the connection began. Without `Debug`: requests hold secrets.
#[derive(Default)]
pub(crate) struct Output {
    bytes: Vec<u8>,
    /// Front part of `bytes` that is consumed.
    consumed: usize,
    /// Bytes that left `bytes` for good.
    dropped: u64,
    /// End positions of our answers to the peer that are not consumed yet, oldest first.
    answers: VecDeque<u64>,
}

/// Answers (acknowledgements, resets, credit) that wait to be consumed, at most. A peer that makes us write this many and
/// reads none of them is attacking or broken.
pub(crate) const MAX_WAITING_ANSWERS: usize = 1_024;

/// The consumed front is cut off when it is this long and longer than the rest: the rest is moved less than once per byte.
const MIN_CUT: usize = 16 * 1024;

impl Output {
    pub(crate) fn waiting(&self) -> &[u8] {
        self.bytes.get(self.consumed..).unwrap_or_default()
    }

    /// Position behind the last byte.
    pub(crate) fn position(&self) -> u64 {
        self.dropped + self.bytes.len() as u64
    }

    /// Position behind the last consumed byte.
    pub(crate) fn consumed_position(&self) -> u64 {
        self.dropped + self.consumed as u64
    }

    /// Where to append. Nothing may be taken away in it but what the caller appended itself.
    pub(crate) const fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// What `write` appended is an answer. `false`: too many wait.
    #[must_use]
    pub(crate) fn answer(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        if self.answers.len() >= MAX_WAITING_ANSWERS {
            return false;
        }
        write(&mut self.bytes);
        self.answers.push_back(self.position());
        true
    }

    pub(crate) fn consume(&mut self, n: usize) {
        self.consumed = self.bytes.len().min(self.consumed.saturating_add(n));
        if self.consumed == self.bytes.len() {
            self.dropped += self.bytes.len() as u64;
            self.bytes.clear();
            self.consumed = 0;
        } else if self.consumed >= MIN_CUT.max(self.bytes.len() - self.consumed) {
            self.bytes.drain(..self.consumed);
            self.dropped += self.consumed as u64;
            self.consumed = 0;
        }
        let consumed = self.consumed_position();
        while self.answers.front().is_some_and(|end| *end <= consumed) {
            self.answers.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in_and_positions_only_grow() {
        let mut output = Output::default();
        let (mut written, mut read) = (Vec::new(), Vec::new());
        for round in 0..200_usize {
            let piece: Vec<u8> = (0..round * 7 % 1_000).map(|i| (i + round) as u8).collect();
            output.buffer().extend_from_slice(&piece);
            written.extend_from_slice(&piece);
            assert_eq!(output.position(), written.len() as u64);
            let n = output.waiting().len().min(round * 5 % 900);
            read.extend_from_slice(&output.waiting()[..n]);
            output.consume(n);
            assert_eq!(output.consumed_position(), read.len() as u64);
            assert!(output.bytes.len() <= 2 * output.waiting().len() + MIN_CUT);
        }
        read.extend_from_slice(output.waiting());
        output.consume(usize::MAX);
        assert_eq!(read, written);
        assert!(output.waiting().is_empty());
    }

    #[test]
    fn waiting_answers_are_bounded_until_they_are_consumed() {
        let mut output = Output::default();
        for _ in 0..MAX_WAITING_ANSWERS {
            assert!(output.answer(|out| out.push(1)));
        }
        assert!(!output.answer(|out| out.push(1)));
        output.consume(1);
        assert!(output.answer(|out| out.push(1)));
        assert!(!output.answer(|out| out.push(1)));
    }
}
