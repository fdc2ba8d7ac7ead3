//! What the registry has of one owner, in 16 bytes: a millionfold, each byte counts.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::Device;

/// An owner's devices, and a mark: they were asked for since the mark was last taken away.
///
/// The mark is inside each variant, in what is padding there; beside the enum it would cost another 8 bytes.
#[derive(Debug)]
pub(super) enum Owned {
    None(AtomicBool),
    One(AtomicBool, Box<Device>),
    /// Boxed twice: the pointer to a slice alone takes 16 bytes, and few owners have several.
    Several(AtomicBool, Box<Box<[Device]>>),
}

impl Owned {
    /// Without a mark: who is only told of and never asked for goes first.
    pub(super) fn new(devices: Box<[Device]>) -> Self {
        Self::with_mark(AtomicBool::new(false), devices)
    }

    fn with_mark(mark: AtomicBool, devices: Box<[Device]>) -> Self {
        match <Box<[Device; 1]>>::try_from(devices) {
            Ok(one) => {
                let [device] = *one;
                Self::One(mark, Box::new(device))
            }
            Err(devices) if devices.is_empty() => Self::None(mark),
            Err(devices) => Self::Several(mark, Box::new(devices)),
        }
    }

    pub(super) fn devices(&self) -> &[Device] {
        match self {
            Self::None(_) => &[],
            Self::One(_, device) => std::slice::from_ref(device),
            Self::Several(_, devices) => devices,
        }
    }

    /// The mark stays as it is.
    pub(super) fn set(&mut self, devices: Box<[Device]>) {
        let mark = AtomicBool::new(self.mark_place().load(Relaxed));
        *self = Self::with_mark(mark, devices);
    }

    /// By readers on all cores at once: writes only where there is none yet.
    pub(super) fn mark(&self) {
        let place = self.mark_place();
        if !place.load(Relaxed) {
            place.store(true, Relaxed);
        }
    }

    /// Whether there was one; there is none now.
    pub(super) fn take_mark(&self) -> bool {
        let place = self.mark_place();
        let marked = place.load(Relaxed);
        if marked {
            place.store(false, Relaxed);
        }
        marked
    }

    fn mark_place(&self) -> &AtomicBool {
        match self {
            Self::None(mark) | Self::One(mark, _) | Self::Several(mark, _) => mark,
        }
    }
}
