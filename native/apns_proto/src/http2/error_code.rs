//! Why a stream or a connection ends, as a number on the wire (RFC 9113 section 7).

use std::fmt;

/// The error code of RST_STREAM and GOAWAY. Open: a peer may send a number that
/// no RFC names, and it is kept as received.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(u32);

impl ErrorCode {
    /// Graceful end, nothing went wrong.
    pub const NO_ERROR: Self = Self(0x0);
    /// The other side broke the protocol in a way no other code names.
    pub const PROTOCOL_ERROR: Self = Self(0x1);
    /// The sender of this code failed by its own fault.
    pub const INTERNAL_ERROR: Self = Self(0x2);
    /// Flow control was not respected.
    pub const FLOW_CONTROL_ERROR: Self = Self(0x3);
    /// SETTINGS were not acknowledged in time.
    pub const SETTINGS_TIMEOUT: Self = Self(0x4);
    /// A frame came for a stream that its sender had closed.
    pub const STREAM_CLOSED: Self = Self(0x5);
    /// A frame had a size that is not allowed.
    pub const FRAME_SIZE_ERROR: Self = Self(0x6);
    /// The stream was not processed at all: the request may be sent again (section 8.7).
    pub const REFUSED_STREAM: Self = Self(0x7);
    /// The sender of this code no longer wants the stream.
    pub const CANCEL: Self = Self(0x8);
    /// The header compression state is lost; nothing more can be decoded.
    pub const COMPRESSION_ERROR: Self = Self(0x9);
    /// A connection made by CONNECT failed.
    pub const CONNECT_ERROR: Self = Self(0xa);
    /// The other side causes too much load; come back much later.
    pub const ENHANCE_YOUR_CALM: Self = Self(0xb);
    /// The TLS below is weaker than what is asked for.
    pub const INADEQUATE_SECURITY: Self = Self(0xc);
    /// HTTP/1.1 is wanted instead.
    pub const HTTP_1_1_REQUIRED: Self = Self(0xd);

    /// A code as received.
    #[must_use]
    pub const fn new(code: u32) -> Self {
        Self(code)
    }

    /// The number on the wire.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The RFC's name, `None` for a number it does not name.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NO_ERROR => "NO_ERROR",
            Self::PROTOCOL_ERROR => "PROTOCOL_ERROR",
            Self::INTERNAL_ERROR => "INTERNAL_ERROR",
            Self::FLOW_CONTROL_ERROR => "FLOW_CONTROL_ERROR",
            Self::SETTINGS_TIMEOUT => "SETTINGS_TIMEOUT",
            Self::STREAM_CLOSED => "STREAM_CLOSED",
            Self::FRAME_SIZE_ERROR => "FRAME_SIZE_ERROR",
            Self::REFUSED_STREAM => "REFUSED_STREAM",
            Self::CANCEL => "CANCEL",
            Self::COMPRESSION_ERROR => "COMPRESSION_ERROR",
            Self::CONNECT_ERROR => "CONNECT_ERROR",
            Self::ENHANCE_YOUR_CALM => "ENHANCE_YOUR_CALM",
            Self::INADEQUATE_SECURITY => "INADEQUATE_SECURITY",
            Self::HTTP_1_1_REQUIRED => "HTTP_1_1_REQUIRED",
            _ => return None,
        })
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_codes_are_shown_by_name_and_unknown_ones_by_number() {
        assert_eq!(ErrorCode::new(0xb).to_string(), "ENHANCE_YOUR_CALM");
        assert_eq!(ErrorCode::new(0xd), ErrorCode::HTTP_1_1_REQUIRED);
        assert_eq!(ErrorCode::new(0x1234).to_string(), "0x1234");
        assert_eq!(ErrorCode::new(0x1234).get(), 0x1234);
    }
}
