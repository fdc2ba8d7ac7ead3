//! Window arithmetic (RFC 9113 sections 5.2 and 6.9), both directions.

/// The largest a window may ever become.
pub(crate) const MAX_WINDOW: u32 = 0x7fff_ffff;

/// The size of every window before SETTINGS and WINDOW_UPDATE. SETTINGS never change the connection's.
pub(crate) const INITIAL_WINDOW: u32 = 65_535;

/// A window would become larger than [`MAX_WINDOW`], or was passed by the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WindowError;

/// What the peer lets us send, kept as the distance from the initial size: when SETTINGS move the initial
/// size, every stream's window moves with it and may become negative, with nothing to do per stream (section 6.9.2).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SendWindow {
    /// Credit received less bytes sent.
    balance: i64,
}

impl SendWindow {
    /// Bytes that may be sent now.
    pub(crate) fn available(self, initial: u32) -> usize {
        usize::try_from(i64::from(initial) + self.balance).unwrap_or(0)
    }

    /// Whether the window is legal with this initial size.
    pub(crate) fn fits(self, initial: u32) -> bool {
        i64::from(initial) + self.balance <= i64::from(MAX_WINDOW)
    }

    pub(crate) fn sent(&mut self, bytes: usize) {
        self.balance -= bytes as i64;
    }

    /// A WINDOW_UPDATE came.
    pub(crate) fn credit(&mut self, increment: u32, initial: u32) -> Result<(), WindowError> {
        let credited = Self {
            balance: self.balance + i64::from(increment),
        };
        if !credited.fits(initial) {
            return Err(WindowError);
        }
        *self = credited;
        Ok(())
    }
}

/// What we let the peer send. Credit is given back in batches of half the window, not for every frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReceiveWindow {
    size: u32,
    used: u32,
}

impl ReceiveWindow {
    pub(crate) const fn new(size: u32) -> Self {
        Self { size, used: 0 }
    }

    /// A DATA payload of `bytes` came, padding included.
    pub(crate) fn received(&mut self, bytes: usize) -> Result<(), WindowError> {
        let bytes = u32::try_from(bytes).map_err(|_| WindowError)?;
        match self.used.checked_add(bytes) {
            Some(used) if used <= self.size => {
                self.used = used;
                Ok(())
            }
            _ => Err(WindowError),
        }
    }

    /// The increment to announce now, if it is time for one.
    pub(crate) fn take_credit(&mut self) -> Option<u32> {
        let due = self.used > 0 && self.used >= self.size / 2;
        due.then(|| std::mem::take(&mut self.used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_initial_size_may_make_a_window_negative() {
        let mut window = SendWindow::default();
        window.sent(60_000);
        assert_eq!(window.available(INITIAL_WINDOW), 5_535);
        assert_eq!(window.available(10_000), 0);
        window.credit(49_999, 10_000).unwrap();
        assert_eq!(window.available(10_000), 0);
        window.credit(11, 10_000).unwrap();
        assert_eq!(window.available(10_000), 10);
    }

    #[test]
    fn credit_stops_at_the_largest_window() {
        let mut window = SendWindow::default();
        assert_eq!(window.credit(MAX_WINDOW, INITIAL_WINDOW), Err(WindowError));
        assert_eq!(window.available(INITIAL_WINDOW), INITIAL_WINDOW as usize);
        window
            .credit(MAX_WINDOW - INITIAL_WINDOW, INITIAL_WINDOW)
            .unwrap();
        assert_eq!(window.available(INITIAL_WINDOW), MAX_WINDOW as usize);
        assert!(!window.fits(INITIAL_WINDOW + 1));
    }

    #[test]
    fn credit_is_given_back_at_half_the_window() {
        let mut window = ReceiveWindow::new(100);
        window.received(49).unwrap();
        assert_eq!(window.take_credit(), None);
        window.received(2).unwrap();
        assert_eq!(window.take_credit(), Some(51));
        assert_eq!(window.take_credit(), None);
        window.received(100).unwrap();
        assert_eq!(window.received(1), Err(WindowError));
    }

    #[test]
    fn the_smallest_window_is_given_back_too() {
        let mut window = ReceiveWindow::new(1);
        assert_eq!(window.take_credit(), None);
        window.received(1).unwrap();
        assert_eq!(window.take_credit(), Some(1));
    }
}
