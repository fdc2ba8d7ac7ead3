//! The way in: cutting input into frames, and putting header blocks together.
//!
//! A function that returns an error here found the peer at fault for the connection; faults of one stream end
//! that stream and return `Ok` (RFC 9113 section 5.4).

use std::time::Instant;

use super::connection::Connection;
use super::flood_guard::Overhead;
use super::frame::{self, HEAD_LEN, Head, INITIAL_MAX_FRAME_SIZE, Kind, PRIORITY_LEN, flag};
use super::{ConnectionError, ResponseHandler, StreamId};

/// A whole frame at the front of the input.
struct Frame<'a> {
    head: Head,
    payload: &'a [u8],
    /// The input behind it.
    rest: &'a [u8],
}

/// A header block whose end has not come.
#[derive(Debug, Default)]
pub(super) struct HeaderFragments {
    /// Whose block, and whether HEADERS had END_STREAM. `None`: no block is being assembled.
    begun: Option<(StreamId, bool)>,
    bytes: Vec<u8>,
    continuations: usize,
}

/// Most CONTINUATION frames of one header block.
pub(super) const MAX_CONTINUATIONS: usize = 32;

/// A header block that is cut into frames may be this many times as long, compressed, as its list may be
/// uncompressed. A list that is too long only ends its stream, but it must be decoded to know; this bounds how far we go.
pub(super) const MAX_BLOCK_FACTOR: usize = 4;

impl<R: ResponseHandler> Connection<R> {
    /// Takes all bytes that the transport brought. Any cut of the byte stream into calls gives the same events.
    /// The answers (acknowledgements, credit, at worst GOAWAY) are in [`output`](Self::output). Input after the
    /// connection is closed is ignored.
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        if let Err(error) = self.take_input(now, bytes) {
            self.fail(error);
        }
        self.send_partial_body();
    }

    fn take_input(&mut self, now: Instant, bytes: &[u8]) -> Result<(), ConnectionError> {
        if self.is_closed() {
            return Ok(());
        }
        let mut rest = bytes;
        let mut begun = std::mem::take(&mut self.incomplete_frame);
        while !begun.is_empty() {
            let head = begun.first_chunk().map(Head::parse);
            let wanted = HEAD_LEN + head.map_or(0, |head| head.length);
            let missing = wanted.saturating_sub(begun.len()).min(rest.len());
            let (piece, after) = rest.split_at(missing);
            begun.extend_from_slice(piece);
            rest = after;
            match self.split_frame(&begun)? {
                Some(frame) => {
                    self.handle_frame(now, frame.head, frame.payload)?;
                    begun.clear();
                }
                None if rest.is_empty() => {
                    self.incomplete_frame = begun;
                    return Ok(());
                }
                None => {}
            }
        }
        self.incomplete_frame = begun;
        while let Some(frame) = self.split_frame(rest)? {
            self.handle_frame(now, frame.head, frame.payload)?;
            rest = frame.rest;
        }
        self.incomplete_frame.extend_from_slice(rest);
        Ok(())
    }

    /// The frame at the front and what follows it, once it is complete. Its head is judged as soon as it is there.
    fn split_frame<'a>(&self, bytes: &'a [u8]) -> Result<Option<Frame<'a>>, ConnectionError> {
        let Some((head, rest)) = bytes.split_first_chunk() else {
            return Ok(None);
        };
        let head = Head::parse(head);
        // Section 3.4. Judged before the length, so that an answer in HTTP/1.1 is told as what it is.
        let is_settings = head.kind == Kind::Settings && !head.has(flag::ACK);
        if self.peer_settings.is_none() && !is_settings {
            return Err(ConnectionError::protocol(
                "the peer's first frame is not SETTINGS",
            ));
        }
        if head.length > INITIAL_MAX_FRAME_SIZE as usize {
            return Err(ConnectionError::frame_size(
                "a frame is longer than 16,384 bytes",
            ));
        }
        let split = rest.split_at_checked(head.length);
        Ok(split.map(|(payload, rest)| Frame {
            head,
            payload,
            rest,
        }))
    }

    fn handle_frame(
        &mut self,
        now: Instant,
        head: Head,
        payload: &[u8],
    ) -> Result<(), ConnectionError> {
        if let Some((stream, _)) = self.header_fragments.begun
            && (head.kind, head.stream) != (Kind::Continuation, stream)
        {
            return Err(ConnectionError::protocol(
                "another frame inside a header block",
            ));
        }
        let on_connection = head.stream == StreamId::CONNECTION;
        match head.kind {
            Kind::Settings | Kind::Ping | Kind::GoAway if !on_connection => Err(
                ConnectionError::protocol("a frame of the connection came on a stream"),
            ),
            Kind::Data | Kind::Headers | Kind::Priority | Kind::RstStream if on_connection => Err(
                ConnectionError::protocol("a frame of a stream came on stream 0"),
            ),
            Kind::Data | Kind::Headers | Kind::RstStream | Kind::WindowUpdate
                if self.is_idle(head.stream) =>
            {
                Err(ConnectionError::protocol(
                    "a frame came on a stream that was never opened",
                ))
            }
            Kind::Data => self.handle_data(now, head, payload),
            Kind::Headers => self.handle_headers(now, head, payload),
            Kind::Continuation => self.handle_continuation(now, head, payload),
            Kind::RstStream => self.handle_rst_stream(now, head.stream, payload),
            Kind::WindowUpdate => self.handle_window_update(now, head.stream, payload),
            Kind::Settings => self.handle_settings(now, head, payload),
            Kind::Ping => self.handle_ping(now, head, payload),
            Kind::GoAway => self.handle_go_away(now, payload),
            Kind::PushPromise => Err(ConnectionError::protocol(
                "PUSH_PROMISE although push is disabled",
            )),
            Kind::Priority => self.handle_priority(now, head.stream, payload),
            Kind::Unknown(_) => self.flood_guard.count(Overhead::Ignored, now),
        }
    }

    /// Whether neither side has opened this stream; skipped numbers count as closed (section 5.1.1).
    fn is_idle(&self, stream: StreamId) -> bool {
        stream != StreamId::CONNECTION
            && (!stream.is_client() || self.next_stream.is_some_and(|next| stream >= next))
    }

    /// Writes an answer, unless the peer reads none.
    pub(super) fn answer(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), ConnectionError> {
        if self.output.answer(write) {
            Ok(())
        } else {
            Err(ConnectionError::flood("the peer does not read our answers"))
        }
    }

    fn handle_headers(
        &mut self,
        now: Instant,
        head: Head,
        payload: &[u8],
    ) -> Result<(), ConnectionError> {
        let payload = frame::without_padding(head, payload).ok_or(ConnectionError::protocol(
            "HEADERS has more padding than payload",
        ))?;
        let priority_len = if head.has(flag::PRIORITY) {
            PRIORITY_LEN
        } else {
            0
        };
        let fragment = payload
            .get(priority_len..)
            .ok_or(ConnectionError::frame_size(
                "HEADERS is too short for its priority fields",
            ))?;
        let end_stream = head.has(flag::END_STREAM);
        if head.has(flag::END_HEADERS) {
            return self.handle_section(now, head.stream, end_stream, fragment);
        }
        self.header_fragments.begun = Some((head.stream, end_stream));
        self.header_fragments.continuations = 0;
        self.header_fragments.bytes.clear();
        self.header_fragments.bytes.extend_from_slice(fragment);
        Ok(())
    }

    fn handle_continuation(
        &mut self,
        now: Instant,
        head: Head,
        payload: &[u8],
    ) -> Result<(), ConnectionError> {
        let fragments = &mut self.header_fragments;
        let Some((stream, end_stream)) = fragments.begun else {
            return Err(ConnectionError::protocol("CONTINUATION without HEADERS"));
        };
        fragments.continuations += 1;
        fragments.bytes.extend_from_slice(payload);
        let max_bytes = (self.config.max_header_list_size as usize)
            .saturating_mul(MAX_BLOCK_FACTOR)
            .max(INITIAL_MAX_FRAME_SIZE as usize);
        if fragments.continuations > MAX_CONTINUATIONS || fragments.bytes.len() > max_bytes {
            return Err(ConnectionError::flood("a header block is too long"));
        }
        if !head.has(flag::END_HEADERS) {
            return Ok(());
        }
        fragments.begun = None;
        let block = std::mem::take(&mut fragments.bytes);
        let result = self.handle_section(now, stream, end_stream, &block);
        self.header_fragments.bytes = block;
        result
    }
}
