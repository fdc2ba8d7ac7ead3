//! The way out: opening streams with their requests, and giving them up.

use super::connection::{Connection, Lifecycle};
use super::flow_control::{INITIAL_WINDOW, ReceiveWindow, SendWindow};
use super::frame::{self, HEAD_LEN, Head, Kind, flag};
use super::hpack::Encoder;
use super::settings::PeerSettings;
use super::slots::{Phase, Stream};
use super::{Blocked, EndedStream, ErrorCode, HeaderBlock, ResponseHandler, StreamId};

/// The one body that is larger than its windows and is sent as they open. One at a time bounds the memory, and
/// everything else is sent whole or not begun: what waits can still be replaced or sent elsewhere.
pub(super) struct PartialBody {
    stream: StreamId,
    body: Vec<u8>,
    sent: usize,
    /// What its parts leave free, as the opening did.
    reserve: Reserve,
}

/// What a request must leave free for more urgent ones, as long as others are in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reserve {
    /// Streams; of a low limit no more than an eighth.
    pub streams: usize,
    /// Bytes of the connection's window.
    pub window: usize,
    /// Bytes of [`Config::max_output`](super::Config::max_output).
    pub output: usize,
}

impl Reserve {
    /// Nothing need be left.
    pub const NONE: Self = Self {
        streams: 0,
        window: 0,
        output: 0,
    };

    fn within(self, limit: usize) -> Self {
        Self {
            streams: self.streams.min(limit / 8),
            ..self
        }
    }
}

/// What a stream is opened with. It may own what it writes from, which then becomes the stream's state.
pub trait Request {
    /// Takes the response.
    type State;

    /// Writes all fields of the header list, pseudo-headers first, names in lower case.
    fn write_header(&self, block: &mut HeaderBlock<'_>);

    /// The whole body.
    fn body(&self) -> &[u8];

    /// The state of the stream, which is open now.
    fn into_state(self) -> Self::State;
}

/// A request whose parts belong to different people.
struct Parts<'b, R, H> {
    state: R,
    header: H,
    body: &'b [u8],
}

impl<R, H: Fn(&mut HeaderBlock<'_>)> Request for Parts<'_, R, H> {
    type State = R;

    fn write_header(&self, block: &mut HeaderBlock<'_>) {
        (self.header)(block);
    }

    fn body(&self) -> &[u8] {
        self.body
    }

    fn into_state(self) -> R {
        self.state
    }
}

impl<R: ResponseHandler> Connection<R> {
    /// Whether a request with a body of `body_len` bytes can be opened now.
    ///
    /// A stream opens only when its whole body fits both windows. The ways out, for otherwise it might never be
    /// sent: a body larger than a stream's initial window, or larger than the connection's window while no other stream
    /// is open that could bring credit, is sent in parts, one such body at a time.
    ///
    /// # Errors
    /// Why not, and with it what to wait for.
    pub fn can_open(&self, body_len: usize) -> Result<(), Blocked> {
        self.can_open_leaving(Reserve::NONE, body_len)
    }

    /// [`can_open`](Self::can_open), for a request that leaves `reserve` free.
    ///
    /// # Errors
    /// Why not, and with it what to wait for.
    pub fn can_open_leaving(&self, reserve: Reserve, body_len: usize) -> Result<(), Blocked> {
        self.check_open(reserve, body_len).map(|_| ())
    }

    /// [`can_open_leaving`](Self::can_open_leaving), with what opening needs.
    #[inline]
    fn check_open(
        &self,
        reserve: Reserve,
        body_len: usize,
    ) -> Result<(PeerSettings, StreamId), Blocked> {
        match self.lifecycle {
            Lifecycle::Open => {}
            Lifecycle::GoingAway => return Err(Blocked::GoingAway),
            Lifecycle::Closed => return Err(Blocked::Closed),
        }
        let next_stream = self.next_stream.ok_or(Blocked::IdsExhausted)?;
        let peer = self.peer_settings.ok_or(Blocked::AwaitingSettings)?;
        let limit = self.max_concurrent_streams();
        // Nothing is kept while nothing is in flight: no answer would come to make room.
        let reserve = match self.open_streams() {
            0 => Reserve::NONE,
            _ => reserve.within(limit),
        };
        if self.open_streams() + reserve.streams >= limit {
            return Err(Blocked::Streams);
        }
        let waiting = self.output.waiting().len();
        let max_output = self.config.max_output.saturating_sub(reserve.output);
        if waiting > 0 && waiting.saturating_add(body_len) > max_output {
            return Err(Blocked::OutputFull);
        }
        let window = self
            .send_window
            .available(INITIAL_WINDOW)
            .saturating_sub(reserve.window);
        let fits_stream = body_len <= peer.initial_window as usize;
        if body_len <= window && fits_stream {
            Ok((peer, next_stream))
        } else if !fits_stream && self.partial_body.is_some() {
            Err(Blocked::StreamWindow)
        } else if window == 0 {
            Err(Blocked::ConnectionWindow)
        } else if !fits_stream || self.open_streams() == 0 {
            Ok((peer, next_stream))
        } else {
            Err(Blocked::ConnectionWindow)
        }
    }

    /// Sends a request: HEADERS and, if `body` is not empty, DATA. `header` writes all fields, pseudo-headers first,
    /// names in lower case.
    ///
    /// # Errors
    /// The state comes back with the reason when the stream cannot be opened now; nothing was sent.
    pub fn open_stream(
        &mut self,
        state: R,
        header: impl Fn(&mut HeaderBlock<'_>),
        body: &[u8],
    ) -> Result<StreamId, (R, Blocked)> {
        let request = Parts {
            state,
            header,
            body,
        };
        let opened = self.open_stream_leaving(Reserve::NONE, request);
        opened.map_err(|(request, blocked)| (request.state, blocked))
    }

    /// [`open_stream`](Self::open_stream), for a request that leaves `reserve` free, and out of which the stream's state is
    /// made once it is written.
    ///
    /// # Errors
    /// The request comes back with the reason when the stream cannot be opened now; nothing was sent.
    pub fn open_stream_leaving<Q: Request<State = R>>(
        &mut self,
        reserve: Reserve,
        request: Q,
    ) -> Result<StreamId, (Q, Blocked)> {
        let body = request.body();
        let (peer, next_stream) = match self.check_open(reserve, body.len()) {
            Ok(ready) => ready,
            Err(blocked) => return Err((request, blocked)),
        };
        let Some(id) = self.slots.next_free(next_stream) else {
            return Err((request, Blocked::IdsExhausted));
        };
        let out = self.output.buffer();
        let headers = write_headers(out, &mut self.encoder, &peer, id, &request);
        if let Err(blocked) = headers {
            return Err((request, blocked));
        }
        self.next_stream = id.next();
        self.flood_guard.stream_moved();
        let window = self.send_window.available(INITIAL_WINDOW);
        let whole = body.len() <= window.min(peer.initial_window as usize);
        let mut send_window = SendWindow::default();
        let mut end_position = u64::MAX;
        if whole {
            write_body(out, id, body, peer.max_frame_size as usize);
            self.send_window.sent(body.len());
            send_window.sent(body.len());
            end_position = self.output.position();
        } else {
            self.partial_body = Some(PartialBody {
                stream: id,
                body: body.to_vec(),
                sent: 0,
                reserve,
            });
        }
        self.slots.insert(Stream {
            id,
            end_position,
            send_window,
            receive_window: ReceiveWindow::new(self.config.initial_window),
            phase: Phase::AwaitingHeaders,
            body_received: 0,
            content_length: None,
            state: request.into_state(),
        });
        if !whole {
            self.send_partial_body();
        }
        Ok(id)
    }

    /// Gives up a stream and tells the peer why. `None` when it is not open (any more). The bytes of its request that
    /// wait in the output are sent all the same: one that is [`InOutput`](super::RequestProgress::InOutput) may
    /// still be processed.
    pub fn reset_stream(&mut self, stream: StreamId, code: ErrorCode) -> Option<EndedStream<R>> {
        let stream = self.take_stream(stream)?;
        let processed = stream.processed(self.output.position());
        if !self.is_closed() {
            frame::write_rst_stream(self.output.buffer(), stream.id, code);
        }
        Some(EndedStream {
            stream: stream.id,
            processed,
            state: stream.state,
        })
    }

    /// Takes a stream that ends out of its slot, and forgets what was still to be sent on it.
    pub(super) fn take_stream(&mut self, id: StreamId) -> Option<Stream<R>> {
        let stream = self.slots.remove(id)?;
        self.flood_guard.stream_moved();
        self.forget_partial_body(id);
        Some(stream)
    }

    pub(super) fn forget_partial_body(&mut self, id: StreamId) {
        self.partial_body.take_if(|partial| partial.stream == id);
    }

    /// Whether a part of this stream's body still waits to be sent.
    pub(super) fn is_sending_body(&self, id: StreamId) -> bool {
        self.partial_body
            .as_ref()
            .is_some_and(|partial| partial.stream == id)
    }

    /// Sends of the partial body what windows and output allow.
    pub(super) fn send_partial_body(&mut self) {
        let alone = self.open_streams() == 1;
        let Some(partial) = &mut self.partial_body else {
            return;
        };
        // Alone it leaves nothing: no answer would come to make room.
        let reserve = if alone {
            Reserve::NONE
        } else {
            partial.reserve
        };
        let (Some(stream), Some(peer)) = (self.slots.get_mut(partial.stream), self.peer_settings)
        else {
            return;
        };
        while let Some(rest) = partial
            .body
            .get(partial.sent..)
            .filter(|rest| !rest.is_empty())
        {
            let waiting = self.output.waiting().len();
            let kept = if waiting == 0 { 0 } else { reserve.output };
            let room = self.config.max_output.saturating_sub(waiting);
            let window = self.send_window.available(INITIAL_WINDOW);
            let len = room
                .saturating_sub(kept)
                .min(rest.len())
                .min(peer.max_frame_size as usize)
                .min(window.saturating_sub(reserve.window))
                .min(stream.send_window.available(peer.initial_window));
            let Some(piece) = rest.get(..len).filter(|piece| !piece.is_empty()) else {
                return;
            };
            frame::write_data(self.output.buffer(), stream.id, piece, len == rest.len());
            partial.sent += len;
            self.send_window.sent(len);
            stream.send_window.sent(len);
        }
        stream.end_position = self.output.position();
        self.partial_body = None;
    }
}

/// Writes HEADERS in place, and CONTINUATION where the block is longer than a frame may be.
fn write_headers(
    out: &mut Vec<u8>,
    encoder: &mut Encoder,
    peer: &PeerSettings,
    id: StreamId,
    request: &impl Request,
) -> Result<(), Blocked> {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD_LEN]);
    let mut block = encoder.block(out);
    request.write_header(&mut block);
    let (list_size, length) = (block.list_size(), block.encoded_len());
    if list_size > peer.max_header_list_size as usize {
        block.abandon();
        out.truncate(start);
        let limit = peer.max_header_list_size;
        return Err(Blocked::HeaderListTooLarge {
            bytes: list_size,
            limit,
        });
    }
    let end_stream = match request.body() {
        [] => flag::END_STREAM,
        _ => 0,
    };
    let max_frame_size = peer.max_frame_size as usize;
    if length <= max_frame_size {
        let flags = flag::END_HEADERS | end_stream;
        let head = Head {
            length,
            kind: Kind::Headers,
            flags,
            stream: id,
        };
        if let Some(place) = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
            *place = head.to_bytes();
        }
    } else {
        let block = out.split_off(start + HEAD_LEN);
        out.truncate(start);
        write_split_headers(out, &block, id, end_stream, max_frame_size);
    }
    Ok(())
}

fn write_split_headers(
    out: &mut Vec<u8>,
    block: &[u8],
    stream: StreamId,
    end_stream: u8,
    max_frame_size: usize,
) {
    let mut fragments = block.chunks(max_frame_size).peekable();
    let (mut kind, mut flags) = (Kind::Headers, end_stream);
    while let Some(fragment) = fragments.next() {
        if fragments.peek().is_none() {
            flags |= flag::END_HEADERS;
        }
        let head = Head {
            length: fragment.len(),
            kind,
            flags,
            stream,
        };
        out.extend_from_slice(&head.to_bytes());
        out.extend_from_slice(fragment);
        (kind, flags) = (Kind::Continuation, 0);
    }
}

/// Writes a whole body, in as many DATA frames as it needs. None for an empty one: HEADERS ended the stream.
fn write_body(out: &mut Vec<u8>, stream: StreamId, body: &[u8], max_frame_size: usize) {
    let mut pieces = body.chunks(max_frame_size).peekable();
    while let Some(piece) = pieces.next() {
        frame::write_data(out, stream, piece, pieces.peek().is_none());
    }
}
