//! The provider's window for the whole connection, padding included.
//!
//! h2 heeds the window for what it writes and does not know of the padding that the wire adds, which counts too
//! (RFC 9113 §6.9.1). A provider that forgets to give padding back must run the simulator dry, as it would Apple.

use std::collections::VecDeque;

use bytes::BytesMut;

/// What may be sent, and the answers that wait for more.
#[derive(Debug)]
pub(super) struct SendWindow {
    left: i64,
    /// In the order of h2, because header blocks depend on those before them. Each with the DATA in it.
    waiting: VecDeque<(BytesMut, u32)>,
}

impl Default for SendWindow {
    fn default() -> Self {
        Self {
            left: INITIAL,
            waiting: VecDeque::new(),
        }
    }
}

impl SendWindow {
    /// Takes so many bytes of the window; `false` when they must wait, for it or for what waits already.
    pub(super) fn take(&mut self, bytes: u32) -> bool {
        let goes = self.waiting.is_empty() && self.holds(bytes);
        if goes {
            self.left -= i64::from(bytes);
        }
        goes
    }

    /// Sends part of an answer, or lets it wait. `bytes` is what it takes of the window.
    pub(super) fn send(&mut self, frames: BytesMut, bytes: u32, to: &mut BytesMut) {
        self.waiting.push_back((frames, bytes));
        self.flush(to);
    }

    /// The provider gives back.
    pub(super) fn handle_update(&mut self, increment: u32, to: &mut BytesMut) {
        self.left = self.left.saturating_add(increment.into());
        self.flush(to);
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What is no DATA needs no window.
    fn holds(&self, bytes: u32) -> bool {
        bytes == 0 || i64::from(bytes) <= self.left
    }

    fn flush(&mut self, to: &mut BytesMut) {
        while let Some((frames, bytes)) = self.waiting.front()
            && self.holds(*bytes)
        {
            to.extend_from_slice(frames);
            self.left -= i64::from(*bytes);
            self.waiting.pop_front();
        }
    }
}

/// What a connection has until the first WINDOW_UPDATE (RFC 9113 §6.9.2).
const INITIAL: i64 = 65_535;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_wait_in_order_for_the_window() {
        let (mut window, mut sent) = (SendWindow::default(), BytesMut::new());
        for (frames, bytes) in [("a", 65_000), ("b", 600), ("c", 0), ("d", 10)] {
            window.send(frames.into(), bytes, &mut sent);
        }
        assert_eq!(sent, "a");
        window.handle_update(64, &mut sent);
        assert_eq!(sent, "a");
        window.handle_update(1, &mut sent);
        assert_eq!(sent, "abc");
        window.handle_update(10, &mut sent);
        assert!(sent == "abcd" && window.is_empty());
    }
}
