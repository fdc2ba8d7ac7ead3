//! The way in of responses: HEADERS, DATA and RST_STREAM of one stream, and the ends they make.

use std::time::Instant;

use super::connection::Connection;
use super::field_section::{FieldSection, Section};
use super::flood_guard::Overhead;
use super::frame::{self, Head, flag};
use super::slots::{Phase, Stream};
use super::{ConnectionError, ErrorCode, Event, Processed, ResetCause, ResponseHandler, StreamId};

impl<R: ResponseHandler> Connection<R> {
    /// A whole header block came. It is decoded whatever became of its stream: it changes the table (section 4.3).
    pub(super) fn handle_section(
        &mut self,
        now: Instant,
        id: StreamId,
        end_stream: bool,
        block: &[u8],
    ) -> Result<(), ConnectionError> {
        let max_list_size = self.config.max_header_list_size as usize;
        let Some(stream) = self.slots.get_mut(id) else {
            self.flood_guard.count(Overhead::ClosedStream, now)?;
            return match self.decoder.decode(block, max_list_size, &mut |_, _| {}) {
                Err(error) if error.is_compression_error() => Err(COMPRESSION_ERROR),
                _ => Ok(()),
            };
        };
        let mut section = FieldSection::new(stream.phase, &mut stream.state);
        let decoded = self
            .decoder
            .decode(block, max_list_size, &mut |name, value| {
                section.field(name, value)
            });
        match decoded {
            Ok(()) => {}
            Err(error) if error.is_compression_error() => return Err(COMPRESSION_ERROR),
            Err(_) => {
                let cause = ResetCause::HeaderListTooLarge;
                return self.reset_by_us(id, ErrorCode::CANCEL, cause);
            }
        }
        match section.finish(end_stream) {
            Err(fault) => return self.reset_malformed(id, fault),
            Ok(Section::Interim) => return self.flood_guard.count(Overhead::Interim, now),
            Ok(Section::Final(content_length)) => {
                stream.phase = Phase::Body;
                stream.content_length = content_length;
            }
            Ok(Section::Trailers) => {}
        }
        if end_stream {
            self.end_response(id)
        } else {
            Ok(())
        }
    }

    /// DATA came. All of its payload counts against the connection's window, whatever became of its stream, and is
    /// given back: else every body for a dead stream would narrow the connection for good (section 6.9).
    pub(super) fn handle_data(
        &mut self,
        now: Instant,
        head: Head,
        payload: &[u8],
    ) -> Result<(), ConnectionError> {
        if self.receive_window.received(payload.len()).is_err() {
            let detail = "the peer sent more than the connection's window";
            return Err(ConnectionError::flow_control(detail));
        }
        let data = frame::without_padding(head, payload).ok_or(ConnectionError::protocol(
            "DATA has more padding than payload",
        ))?;
        self.handle_stream_data(now, head, payload.len(), data)?;
        if let Some(increment) = self.receive_window.take_credit() {
            self.answer(|out| frame::write_window_update(out, StreamId::CONNECTION, increment))?;
        }
        Ok(())
    }

    fn handle_stream_data(
        &mut self,
        now: Instant,
        head: Head,
        payload_len: usize,
        data: &[u8],
    ) -> Result<(), ConnectionError> {
        let id = head.stream;
        let end_stream = head.has(flag::END_STREAM);
        let Some(stream) = self.slots.get_mut(id) else {
            return self.flood_guard.count(Overhead::ClosedStream, now);
        };
        if data.is_empty() && !end_stream {
            self.flood_guard.count(Overhead::EmptyData, now)?;
        }
        if stream.receive_window.received(payload_len).is_err() {
            let cause = ResetCause::FlowControl;
            return self.reset_by_us(id, ErrorCode::FLOW_CONTROL_ERROR, cause);
        }
        if stream.phase == Phase::AwaitingHeaders {
            return self.reset_malformed(id, "DATA before HEADERS");
        }
        // A frame is at most 16 KiB and the sum at most that more than the limit: no overflow.
        stream.body_received = stream.body_received.saturating_add(data.len() as u32);
        if stream.body_received > self.config.max_response_body {
            return self.reset_by_us(id, ErrorCode::CANCEL, ResetCause::BodyTooLarge);
        }
        if stream
            .content_length
            .is_some_and(|length| length < stream.body_received.into())
        {
            return self.reset_malformed(id, "the body is longer than its content-length");
        }
        if !data.is_empty() {
            stream.state.body(data);
        }
        if end_stream {
            self.end_response(id)
        } else if let Some(increment) = stream.receive_window.take_credit() {
            self.answer(|out| frame::write_window_update(out, id, increment))
        } else {
            Ok(())
        }
    }

    pub(super) fn handle_rst_stream(
        &mut self,
        now: Instant,
        id: StreamId,
        payload: &[u8],
    ) -> Result<(), ConnectionError> {
        let code =
            frame::number(payload)
                .map(ErrorCode::new)
                .ok_or(ConnectionError::frame_size(
                    "the payload of RST_STREAM is not 4 bytes",
                ))?;
        // Late ones are normal: NO_ERROR after a final response, or Apple's second one after REFUSED_STREAM.
        let Some(stream) = self.take_stream(id) else {
            return self.flood_guard.count(Overhead::ClosedStream, now);
        };
        // Section 8.7. A peer that began to respond did process the request, whatever it says.
        let refused = code == ErrorCode::REFUSED_STREAM && stream.phase == Phase::AwaitingHeaders;
        let processed = if refused {
            Processed::No
        } else {
            // What of the request comes after its reset, the peer ignores (section 5.1).
            stream.processed(self.output.consumed_position())
        };
        self.events.push_back(Event::Reset {
            stream: id,
            state: stream.state,
            code,
            cause: ResetCause::Peer,
            processed,
        });
        Ok(())
    }

    /// The peer ended the stream: the response is complete, if its length is as promised.
    fn end_response(&mut self, id: StreamId) -> Result<(), ConnectionError> {
        let sending = self.is_sending_body(id);
        let Some(stream) = self.take_stream(id) else {
            return Ok(());
        };
        let short = stream
            .content_length
            .is_some_and(|length| length != u64::from(stream.body_received));
        if short {
            let cause = ResetCause::Malformed("the body is shorter than its content-length");
            return self.report_reset(stream, ErrorCode::PROTOCOL_ERROR, cause);
        }
        self.events.push_back(Event::Response {
            stream: id,
            state: stream.state,
        });
        if sending {
            // A final answer to half a request (403, 413): the rest is of no use (section 8.1).
            self.answer(|out| frame::write_rst_stream(out, id, ErrorCode::CANCEL))?;
        }
        Ok(())
    }

    fn reset_malformed(
        &mut self,
        id: StreamId,
        fault: &'static str,
    ) -> Result<(), ConnectionError> {
        self.reset_by_us(id, ErrorCode::PROTOCOL_ERROR, ResetCause::Malformed(fault))
    }

    /// Ends a stream by the peer's fault. Does nothing when it is not open.
    pub(super) fn reset_by_us(
        &mut self,
        id: StreamId,
        code: ErrorCode,
        cause: ResetCause,
    ) -> Result<(), ConnectionError> {
        match self.take_stream(id) {
            Some(stream) => self.report_reset(stream, code, cause),
            None => Ok(()),
        }
    }

    fn report_reset(
        &mut self,
        stream: Stream<R>,
        code: ErrorCode,
        cause: ResetCause,
    ) -> Result<(), ConnectionError> {
        // What is written of the request still leaves, in front of our reset.
        let reached = self.output.position();
        let processed = match cause {
            // Section 8.1.1: nothing of a malformed response is to be believed.
            ResetCause::Malformed(_) => stream.processed_by_request(reached),
            _ => stream.processed(reached),
        };
        let id = stream.id;
        self.events.push_back(Event::Reset {
            stream: id,
            state: stream.state,
            code,
            cause,
            processed,
        });
        self.answer(|out| frame::write_rst_stream(out, id, code))
    }
}

/// Both sides' tables may differ from here on: no later block can be trusted.
const COMPRESSION_ERROR: ConnectionError = ConnectionError {
    code: ErrorCode::COMPRESSION_ERROR,
    detail: "a header block cannot be decoded",
};
