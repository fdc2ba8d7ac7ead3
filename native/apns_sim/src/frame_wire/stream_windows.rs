//! The streams' windows, once a script has changed INITIAL_WINDOW_SIZE.
//!
//! h2 can change it too, but gives nothing back of what it had read before: a stream whose window a smaller setting
//! has made negative (RFC 9113 §6.9.2) would wait for ever. So h2 keeps its 65,535 bytes for each stream, and the wire
//! tells the provider of less, gives back what comes, and finds the provider that sends more than it may.

use std::collections::HashMap;

/// What the provider may send on each of its open streams.
#[derive(Debug)]
pub(super) struct StreamWindows {
    /// The wire and not h2 gives windows back.
    of_wire: bool,
    /// INITIAL_WINDOW_SIZE as the provider has acknowledged it.
    initial: i64,
    open: HashMap<u32, Stream>,
}

#[derive(Clone, Copy, Debug)]
struct Stream {
    window: i64,
    sent: i64,
}

/// DATA that the window does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMuch;

impl Default for StreamWindows {
    fn default() -> Self {
        Self {
            of_wire: false,
            initial: OF_H2,
            open: HashMap::new(),
        }
    }
}

impl StreamWindows {
    /// From now on the wire gives windows back.
    pub(super) fn take_over(&mut self) {
        self.of_wire = true;
    }

    /// The provider has opened a stream that goes on.
    pub(super) fn handle_open(&mut self, stream: u32) {
        let window = self.initial;
        self.open.insert(stream, Stream { window, sent: 0 });
    }

    /// The provider sends nothing more on a stream.
    pub(super) fn handle_end(&mut self, stream: u32) {
        self.open.remove(&stream);
    }

    /// DATA has come; returns what is to be given back of the stream's window.
    pub(super) fn handle_data(&mut self, stream: u32, bytes: usize) -> Result<u32, TooMuch> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let Some(open) = self.open.get_mut(&stream) else {
            return Ok(0);
        };
        open.window = open.window.saturating_sub(bytes);
        open.sent = open.sent.saturating_add(bytes);
        match self.of_wire {
            true if open.window < 0 => Err(TooMuch),
            true => Ok(open.give_back(self.initial)),
            false => Ok(0),
        }
    }

    /// h2 gives a stream's window back; `false` when the provider is not to hear of it.
    pub(super) fn handle_h2_update(&mut self, stream: u32, increment: u32) -> bool {
        if let Some(open) = self.open.get_mut(&stream)
            && !self.of_wire
        {
            open.window = open.window.saturating_add(increment.into());
        }
        stream == 0 || !self.of_wire
    }

    /// The provider has acknowledged an INITIAL_WINDOW_SIZE; returns what is to be given back to which streams.
    pub(super) fn handle_acknowledgement(&mut self, initial: u32) -> Vec<(u32, u32)> {
        let change = i64::from(initial) - self.initial;
        self.initial = initial.into();
        let mut given = Vec::new();
        for (stream, open) in &mut self.open {
            open.window = open.window.saturating_add(change);
            if self.of_wire {
                given.push((*stream, open.give_back(self.initial)));
            }
        }
        given.retain(|(_, bytes)| *bytes > 0);
        given.sort_unstable();
        given
    }
}

impl Stream {
    /// All that was sent is read: the window is whole again. h2 has not as much for each stream, but takes no more
    /// of a body than a push may have, and resets the stream then.
    fn give_back(&mut self, initial: i64) -> u32 {
        if self.sent > GIVEN_BACK {
            return 0;
        }
        let given = u32::try_from(initial.saturating_sub(self.window)).unwrap_or(0);
        self.window = self.window.saturating_add(given.into());
        given
    }
}

/// What h2 was told, and the protocol's own (RFC 9113 §6.5.2).
const OF_H2: i64 = 65_535;
/// Half of that, as h2 does it.
const GIVEN_BACK: i64 = OF_H2 / 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_h2s_until_a_script_wants_others() {
        let mut windows = StreamWindows::default();
        windows.handle_open(1);
        assert_eq!(windows.handle_data(1, 100_000), Ok(0));
        assert!(windows.handle_h2_update(1, 50));
        assert_eq!(windows.handle_acknowledgement(65_535), []);
    }

    #[test]
    fn a_smaller_window_is_kept_and_given_back() {
        let mut windows = StreamWindows::default();
        windows.handle_open(1);
        windows.take_over();
        assert_eq!(
            windows.handle_data(1, 20),
            Ok(20),
            "the old one counts until the acknowledgement"
        );
        assert_eq!(windows.handle_acknowledgement(10), []);
        windows.handle_open(3);
        for stream in [1, 3] {
            assert_eq!(windows.handle_data(stream, 10), Ok(10));
            assert_eq!(windows.handle_data(stream, 11), Err(TooMuch));
        }
        assert!(!windows.handle_h2_update(1, 5) && windows.handle_h2_update(0, 5));
        windows.handle_end(3);
        assert_eq!(windows.handle_data(3, 11), Ok(0), "that is h2's to judge");
    }

    #[test]
    fn a_window_that_became_negative_is_given_back_whole() {
        let mut windows = StreamWindows::default();
        windows.handle_open(1);
        assert_eq!(windows.handle_data(1, 20), Ok(0));
        windows.take_over();
        assert_eq!(windows.handle_acknowledgement(10), [(1, 20)]);
        assert_eq!(windows.handle_data(1, 10), Ok(10));
    }
}
