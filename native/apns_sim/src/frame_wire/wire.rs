//! Both directions of a wire, and what one has to do with the other.

use std::collections::VecDeque;
use std::task::{Context, Waker};

use super::frame::{
    self, CODE_COMPRESSION_ERROR, DATA, FLAG_END_HEADERS, FLAG_END_STREAM, FrameHeader, HEADERS,
    LAST_STREAM, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE,
};
use super::inbound::{Inbound, Passage};
use super::outbound::Outbound;
use super::settings::FirstSettings;
use super::stream_windows::TooMuch;
use super::table_size::TableSize;

/// Both directions and what ties them together.
#[derive(Debug, Default)]
pub(super) struct Wire {
    pub(super) inbound: Inbound,
    pub(super) outbound: Outbound,
    /// What the provider said of its streams, each with the highest stream opened before.
    pub(super) notices: VecDeque<(u32, Notice)>,
    table_size: TableSize,
    /// A GOAWAY that waits for the provider's answer to a PING.
    pub(super) after_pong: Option<Vec<u8>>,
    pub(super) ignore_pings: bool,
    /// Neither reads nor writes.
    pub(super) muted: bool,
    pub(super) waker: Option<Waker>,
}

/// What the provider says that moves its open streams or their limit. It counts for the streams opened after it, and
/// h2 does not tell in which order they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A limit of the wire's own was acknowledged.
    Acknowledged { limit: u32 },
    /// A stream was reset.
    Reset { stream: u32 },
}

impl Wire {
    pub(super) fn new(first: FirstSettings) -> Self {
        Self {
            outbound: Outbound::new(first),
            ..Self::default()
        }
    }

    /// Lets an order wake the task that polls the wire.
    pub(super) fn expect_wake(&mut self, cx: &Context<'_>) {
        self.waker = Some(cx.waker().clone());
    }

    pub(super) fn take_in(&mut self, bytes: &[u8]) {
        let mut inbound = std::mem::take(&mut self.inbound);
        inbound.take(bytes, |header, frame, highest| {
            self.passage(header, frame, highest)
        });
        self.inbound = inbound;
    }

    fn passage(&mut self, header: FrameHeader, bytes: &[u8], highest: u32) -> Passage {
        let outbound = &mut self.outbound;
        match header.kind {
            HEADERS => {
                if header.stream > highest && !header.ends_stream() {
                    outbound.windows.handle_open(header.stream);
                } else if header.ends_stream() {
                    outbound.windows.handle_end(header.stream);
                }
                if self.table_size.handle_block(header, bytes) {
                    return Passage::AsItIs;
                }
                // h2 calls its own trouble with a header block a PROTOCOL_ERROR; this one has a name.
                let last = highest.max(header.stream);
                outbound.add(frame::go_away(last, CODE_COMPRESSION_ERROR, &[]));
                outbound.go_away_sent = true;
                Passage::InsteadGoes(invalid_block(header))
            }
            DATA => self.data(header),
            RST_STREAM => {
                // h2 writes nothing more on a stream that the provider has reset.
                outbound.handle_reset(header.stream);
                outbound.windows.handle_end(header.stream);
                // They are read with the next stream; a provider that only resets has none to be admitted.
                if self.notices.len() < MAX_NOTICES {
                    let stream = header.stream;
                    self.notices.push_back((highest, Notice::Reset { stream }));
                }
                Passage::AsItIs
            }
            PING if header.is_ack() => self.pong(bytes),
            PING if self.ignore_pings => Passage::No,
            WINDOW_UPDATE if header.stream == 0 => {
                let increment = bytes.last_chunk::<4>().copied().unwrap_or_default();
                outbound.handle_window_update(u32::from_be_bytes(increment) & LAST_STREAM);
                Passage::AsItIs
            }
            SETTINGS if header.is_ack() => self.settings_acknowledged(highest),
            _ => Passage::AsItIs,
        }
    }

    fn data(&mut self, header: FrameHeader) -> Passage {
        let windows = &mut self.outbound.windows;
        let taken = windows.handle_data(header.stream, header.length);
        if header.ends_stream() {
            windows.handle_end(header.stream);
        }
        match taken {
            Ok(bytes) if !header.ends_stream() => self.outbound.give_back(header.stream, bytes),
            Ok(_) => {}
            // A window that grows too large makes h2 say what is to be said here: FLOW_CONTROL_ERROR. Two, because
            // the first may just fit.
            Err(TooMuch) => {
                let overflow = frame::window_update(header.stream, LAST_STREAM);
                return Passage::InsteadGoes(overflow.repeat(2));
            }
        }
        Passage::AsItIs
    }

    fn pong(&mut self, bytes: &[u8]) -> Passage {
        match self.after_pong.take() {
            Some(go_away) if bytes.ends_with(&PING_BEFORE_GOAWAY) => {
                self.outbound.add(go_away);
                Passage::No
            }
            other => {
                self.after_pong = other;
                Passage::AsItIs
            }
        }
    }

    fn settings_acknowledged(&mut self, highest: u32) -> Passage {
        // One too many is h2's to complain about.
        let Some(sent) = self.outbound.unacknowledged.pop_front() else {
            return Passage::AsItIs;
        };
        if let Some(size) = sent.header_table_size {
            self.table_size.handle_acknowledgement(size);
        }
        if let Some(window) = sent.initial_window_size {
            for (stream, bytes) in self.outbound.windows.handle_acknowledgement(window) {
                self.outbound.give_back(stream, bytes);
            }
        }
        if let Some(limit) = sent.limit {
            self.notices
                .push_back((highest, Notice::Acknowledged { limit }));
        }
        match sent.of_h2 {
            true => Passage::AsItIs,
            false => Passage::No,
        }
    }
}

/// A header block that makes h2 end the connection.
fn invalid_block(header: FrameHeader) -> Vec<u8> {
    let flags = FLAG_END_HEADERS | header.flags & FLAG_END_STREAM;
    frame::frame(HEADERS, flags, header.stream, INVALID_BLOCK)
}

/// More resets than streams may be open.
const MAX_NOTICES: usize = 10_000;
/// The PING between two GOAWAYs.
pub(super) const PING_BEFORE_GOAWAY: [u8; 8] = *b"go away?";
/// An indexed field with index 0, which there is none of (RFC 7541 §6.1).
const INVALID_BLOCK: &[u8] = &[0x80];
