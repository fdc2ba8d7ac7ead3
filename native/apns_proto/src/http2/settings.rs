//! SETTINGS (RFC 9113 section 6.5): what we announce, and what the peer did.

use super::flow_control::{INITIAL_WINDOW, MAX_WINDOW};
use super::frame::{self, INITIAL_MAX_FRAME_SIZE};
use super::{Config, ConnectionError};

const HEADER_TABLE_SIZE: u16 = 0x1;
const ENABLE_PUSH: u16 = 0x2;
const MAX_CONCURRENT_STREAMS: u16 = 0x3;
const INITIAL_WINDOW_SIZE: u16 = 0x4;
const MAX_FRAME_SIZE: u16 = 0x5;
const MAX_HEADER_LIST_SIZE: u16 = 0x6;

/// Largest value of SETTINGS_MAX_FRAME_SIZE.
const LARGEST_MAX_FRAME_SIZE: u32 = 0xff_ffff;

/// Writes our SETTINGS.
pub(crate) fn write_own(out: &mut Vec<u8>, config: &Config) {
    let settings = [
        (HEADER_TABLE_SIZE, config.header_table_size),
        (ENABLE_PUSH, 0),
        (INITIAL_WINDOW_SIZE, config.initial_window),
        (MAX_HEADER_LIST_SIZE, config.max_header_list_size),
    ];
    frame::write_settings(out, &settings);
}

/// What the peer announced, or the protocol's initial values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerSettings {
    pub(crate) header_table_size: u32,
    pub(crate) max_concurrent_streams: u32,
    pub(crate) initial_window: u32,
    pub(crate) max_frame_size: u32,
    pub(crate) max_header_list_size: u32,
}

impl Default for PeerSettings {
    fn default() -> Self {
        Self {
            header_table_size: 4096,
            // "No limit" and "unlimited" in section 6.5.2.
            max_concurrent_streams: u32::MAX,
            initial_window: INITIAL_WINDOW,
            max_frame_size: INITIAL_MAX_FRAME_SIZE,
            max_header_list_size: u32::MAX,
        }
    }
}

impl PeerSettings {
    /// Applies one setting; unknown ones are ignored (section 6.5.2).
    pub(crate) fn apply(&mut self, identifier: u16, value: u32) -> Result<(), ConnectionError> {
        match identifier {
            HEADER_TABLE_SIZE => self.header_table_size = value,
            ENABLE_PUSH if value != 0 => {
                return Err(ConnectionError::protocol(
                    "SETTINGS_ENABLE_PUSH from a server is not 0",
                ));
            }
            MAX_CONCURRENT_STREAMS => self.max_concurrent_streams = value,
            INITIAL_WINDOW_SIZE if value > MAX_WINDOW => {
                let detail = "SETTINGS_INITIAL_WINDOW_SIZE is above 2^31-1";
                return Err(ConnectionError::flow_control(detail));
            }
            INITIAL_WINDOW_SIZE => self.initial_window = value,
            MAX_FRAME_SIZE
                if !(INITIAL_MAX_FRAME_SIZE..=LARGEST_MAX_FRAME_SIZE).contains(&value) =>
            {
                return Err(ConnectionError::protocol(
                    "SETTINGS_MAX_FRAME_SIZE is out of range",
                ));
            }
            MAX_FRAME_SIZE => self.max_frame_size = value,
            MAX_HEADER_LIST_SIZE => self.max_header_list_size = value,
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http2::ErrorCode;

    #[test]
    fn ranges_are_checked() {
        let mut peer = PeerSettings::default();
        let mut code = |id, value| peer.apply(id, value).err().map(|error| error.code);
        assert_eq!(code(ENABLE_PUSH, 0), None);
        assert_eq!(code(ENABLE_PUSH, 1), Some(ErrorCode::PROTOCOL_ERROR));
        assert_eq!(code(ENABLE_PUSH, 2), Some(ErrorCode::PROTOCOL_ERROR));
        assert_eq!(code(INITIAL_WINDOW_SIZE, 0x7fff_ffff), None);
        assert_eq!(
            code(INITIAL_WINDOW_SIZE, 0x8000_0000),
            Some(ErrorCode::FLOW_CONTROL_ERROR)
        );
        assert_eq!(
            code(MAX_FRAME_SIZE, 16_383),
            Some(ErrorCode::PROTOCOL_ERROR)
        );
        assert_eq!(code(MAX_FRAME_SIZE, 16_384), None);
        assert_eq!(code(MAX_FRAME_SIZE, 0xff_ffff), None);
        assert_eq!(
            code(MAX_FRAME_SIZE, 0x100_0000),
            Some(ErrorCode::PROTOCOL_ERROR)
        );
        assert_eq!(code(0xabcd, u32::MAX), None);
    }
}
