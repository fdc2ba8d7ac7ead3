//! The way in of frames that concern the connection: SETTINGS, PING, GOAWAY, WINDOW_UPDATE, and PRIORITY.

use std::time::Instant;

use super::connection::{Connection, Lifecycle};
use super::flood_guard::Overhead;
use super::flow_control::INITIAL_WINDOW;
use super::frame::{self, Head, PRIORITY_LEN, flag};
use super::slots::{Phase, Stream};
use super::{
    ConnectionError, ErrorCode, Event, MAX_DEBUG_DATA, ResetCause, ResponseHandler, StreamId,
};

impl<R: ResponseHandler> Connection<R> {
    pub(super) fn handle_settings(
        &mut self,
        now: Instant,
        head: Head,
        payload: &[u8],
    ) -> Result<(), ConnectionError> {
        if head.has(flag::ACK) {
            if !payload.is_empty() {
                return Err(ConnectionError::frame_size(
                    "an acknowledgement of SETTINGS has a payload",
                ));
            }
            if self.settings_acknowledged {
                return self.flood_guard.count(Overhead::Ping, now);
            }
            self.settings_acknowledged = true;
            self.settings_deadline = None;
            return Ok(());
        }
        self.flood_guard.count(Overhead::Settings, now)?;
        let settings = frame::settings(payload).ok_or(ConnectionError::frame_size(
            "the length of SETTINGS is no multiple of 6",
        ))?;
        let mut peer = self.peer_settings.unwrap_or_default();
        for (identifier, value) in settings {
            peer.apply(identifier, value)?;
            // Each value, not only the last: the lowest in between evicts too (RFC 7541 section 4.2).
            self.encoder.set_max_table_size(peer.header_table_size);
        }
        let initial = peer.initial_window;
        if self
            .slots
            .iter()
            .any(|stream| !stream.send_window.fits(initial))
        {
            let detail = "SETTINGS_INITIAL_WINDOW_SIZE makes a window larger than 2^31-1";
            return Err(ConnectionError::flow_control(detail));
        }
        self.peer_settings = Some(peer);
        self.answer(frame::write_settings_ack)?;
        if !self.settings_event_waits {
            self.settings_event_waits = true;
            self.events.push_back(Event::Settings);
        }
        Ok(())
    }

    pub(super) fn handle_ping(
        &mut self,
        now: Instant,
        head: Head,
        payload: &[u8],
    ) -> Result<(), ConnectionError> {
        let opaque: [u8; 8] = payload
            .try_into()
            .map_err(|_| ConnectionError::frame_size("the payload of PING is not 8 bytes"))?;
        if !head.has(flag::ACK) {
            self.flood_guard.count(Overhead::Ping, now)?;
            return self.answer(|out| frame::write_ping_ack(out, opaque));
        }
        match self.ping.take_if(|ping| ping.opaque == opaque) {
            Some(ping) => {
                let round_trip = now.saturating_duration_since(ping.sent);
                self.events.push_back(Event::Pong { round_trip });
                Ok(())
            }
            None => self.flood_guard.count(Overhead::Ping, now),
        }
    }

    pub(super) fn handle_go_away(
        &mut self,
        now: Instant,
        payload: &[u8],
    ) -> Result<(), ConnectionError> {
        self.flood_guard.count(Overhead::GoAway, now)?;
        let (last_stream, code, debug_data) =
            frame::go_away(payload).ok_or(ConnectionError::frame_size("GOAWAY is too short"))?;
        // It must not rise (section 6.8). Where it does, what was said to be left out stays so.
        let last_stream = self
            .peer_last_stream
            .map_or(last_stream, |earlier| earlier.min(last_stream));
        self.peer_last_stream = Some(last_stream);
        self.lifecycle = Lifecycle::GoingAway;
        let debug_data = debug_data
            .get(..MAX_DEBUG_DATA)
            .unwrap_or(debug_data)
            .into();
        self.events.push_back(Event::GoAway {
            last_stream,
            code,
            debug_data,
        });
        // A peer that began to respond did process the request, whatever it says.
        let left_out =
            |stream: &Stream<R>| stream.id > last_stream && stream.phase == Phase::AwaitingHeaders;
        for stream in self.slots.remove_if(left_out) {
            self.flood_guard.stream_moved();
            self.forget_partial_body(stream.id);
            self.events.push_back(Event::NotProcessed {
                stream: stream.id,
                state: stream.state,
            });
        }
        Ok(())
    }

    pub(super) fn handle_window_update(
        &mut self,
        now: Instant,
        id: StreamId,
        payload: &[u8],
    ) -> Result<(), ConnectionError> {
        self.flood_guard.count(Overhead::WindowUpdate, now)?;
        let increment = frame::number(payload).ok_or(ConnectionError::frame_size(
            "the payload of WINDOW_UPDATE is not 4 bytes",
        ))? & StreamId::MAX.get();
        if id == StreamId::CONNECTION {
            if increment == 0 {
                return Err(ConnectionError::protocol("WINDOW_UPDATE by 0"));
            }
            return self
                .send_window
                .credit(increment, INITIAL_WINDOW)
                .map_err(|_| {
                    let detail = "WINDOW_UPDATE makes the window larger than 2^31-1";
                    ConnectionError::flow_control(detail)
                });
        }
        let initial = self.peer_settings.unwrap_or_default().initial_window;
        let Some(stream) = self.slots.get_mut(id) else {
            return Ok(());
        };
        if increment == 0 {
            self.reset_by_us(id, ErrorCode::PROTOCOL_ERROR, ResetCause::FlowControl)
        } else if stream.send_window.credit(increment, initial).is_err() {
            self.reset_by_us(id, ErrorCode::FLOW_CONTROL_ERROR, ResetCause::FlowControl)
        } else {
            Ok(())
        }
    }

    pub(super) fn handle_priority(
        &mut self,
        now: Instant,
        id: StreamId,
        payload: &[u8],
    ) -> Result<(), ConnectionError> {
        self.flood_guard.count(Overhead::Ignored, now)?;
        if payload.len() == PRIORITY_LEN {
            return Ok(());
        }
        let cause = ResetCause::Malformed("the payload of PRIORITY is not 5 bytes");
        self.reset_by_us(id, ErrorCode::FRAME_SIZE_ERROR, cause)
    }
}
