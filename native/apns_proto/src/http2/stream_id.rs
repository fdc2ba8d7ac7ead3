//! A stream's number (RFC 9113 section 5.1.1).

use std::fmt;

/// The number of a stream: 31 bits, odd for the streams a client opens, never used twice
/// on a connection. Zero stands for the connection itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u32);

impl StreamId {
    /// The connection itself.
    pub const CONNECTION: Self = Self(0);
    /// The first stream a client opens.
    pub const FIRST: Self = Self(1);
    /// The highest number there is. GOAWAY with it refuses nothing (section 6.8).
    pub const MAX: Self = Self(0x7fff_ffff);

    /// The number in the low 31 bits; the reserved highest bit is ignored (section 4.1).
    #[must_use]
    pub const fn new(id: u32) -> Self {
        Self(id & Self::MAX.0)
    }

    /// The number on the wire.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Whether a client opens streams of this number.
    pub(crate) const fn is_client(self) -> bool {
        self.0 & 1 == 1
    }

    /// The client's next number, `None` after the last.
    pub(crate) const fn next(self) -> Option<Self> {
        if self.0 >= Self::MAX.0 {
            None
        } else {
            Some(Self(self.0 + 2))
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stream {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserved_bit_is_ignored() {
        assert_eq!(StreamId::new(0x8000_0005).get(), 5);
    }

    #[test]
    fn client_numbers_are_odd_and_end_at_the_highest() {
        assert_eq!(StreamId::FIRST.next(), Some(StreamId::new(3)));
        assert!(StreamId::MAX.is_client());
        assert_eq!(StreamId::MAX.next(), None);
        assert!(!StreamId::CONNECTION.is_client());
    }
}
