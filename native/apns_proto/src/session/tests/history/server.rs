//! A scripted server at the other end of a transport that can be cut anywhere, and what it has truly done.

/// Cuts a client's bytes into frames. Only what the laws ask about is kept.
#[derive(Default)]
pub(crate) struct Reader {
    unread: Vec<u8>,
    preface_seen: bool,
}

/// A frame's type, flags and stream, and of its payload the header block, or the first 8 bytes.
type Frame = (u8, u8, u32, Vec<u8>);

impl Reader {
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Vec<Frame> {
        self.unread.extend(bytes);
        let mut frames = Vec::new();
        if !self.preface_seen && self.unread.len() >= 24 {
            self.unread.drain(..24);
            self.preface_seen = true;
        }
        while self.preface_seen && self.unread.len() >= 9 {
            let head = &self.unread[..9];
            let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            let (kind, flags) = (head[3], head[4]);
            if self.unread.len() < 9 + len {
                break;
            }
            let kept = if kind == HEADERS { len } else { 8 };
            let payload = self.unread[9..9 + len.min(kept)].to_vec();
            self.unread.drain(..9 + len);
            frames.push((kind, flags, stream, payload));
        }
        frames
    }
}

/// One request as the server sees it. The n-th one is the n-th push that the session took.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) stream: u32,
    /// Its end was read while the server still wanted it: it may have been acted upon.
    pub(crate) is_whole: bool,
    /// The status of the answer, and where in all that the server sent its head ends.
    pub(crate) answer: Option<(u16, usize)>,
    /// The server ended the stream, or broke its rules, or was told that it is of no use.
    pub(crate) is_closed: bool,
    /// The server said, while it was free to, that it has not acted and will not.
    pub(crate) is_disclaimed: bool,
    /// The server broke a rule of the stream.
    pub(crate) is_broken: bool,
}

#[derive(Default)]
pub(crate) struct Server {
    reader: Reader,
    pub(crate) requests: Vec<Request>,
    /// All that it sent, the oldest first.
    pub(crate) sent: Vec<u8>,
    /// It sent bytes that are no frame, and is silent since.
    pub(crate) is_mad: bool,
    last_stream: Option<u32>,
}

const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

impl Request {
    /// Whether the device may ring for it: it was accepted, or may have been.
    pub(crate) fn may_ring(&self) -> bool {
        match self.answer {
            Some((status, _)) => matches!(status, 200..=299),
            None => self.is_whole && !self.is_disclaimed,
        }
    }
}

impl Server {
    /// The client's bytes arrive.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        for (kind, flags, stream, payload) in self.reader.read(bytes) {
            match kind {
                HEADERS => self.requests.push(Request {
                    stream,
                    is_whole: false,
                    answer: None,
                    is_closed: false,
                    is_disclaimed: self.last_stream.is_some_and(|last| stream > last),
                    is_broken: false,
                }),
                DATA if flags & END_STREAM != 0 => {
                    if let Some(request) = self.request_on(stream) {
                        // What follows its own reset is ignored, and what GOAWAY left out too.
                        let is_wanted = !request.is_closed && !request.is_disclaimed;
                        request.is_whole = is_wanted || request.is_broken;
                    }
                }
                RST_STREAM => {
                    if let Some(request) = self.request_on(stream) {
                        request.is_closed = true;
                    }
                }
                PING if flags & ACK == 0 => self.frame(PING, ACK, 0, &payload),
                _ => {}
            }
        }
    }

    fn request_on(&mut self, stream: u32) -> Option<&mut Request> {
        let mut requests = self.requests.iter_mut();
        requests.find(|request| request.stream == stream)
    }

    /// One of the requests that the server may still say something about, wrapping around.
    fn pick(&mut self, index: usize, wanted: impl Fn(&Request) -> bool) -> Option<usize> {
        let open: Vec<usize> = (0..self.requests.len())
            .filter(|at| !self.requests[*at].is_closed && wanted(&self.requests[*at]))
            .collect();
        (!open.is_empty()).then(|| open[index % open.len()])
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        if self.is_mad {
            return;
        }
        self.sent.extend(&(payload.len() as u32).to_be_bytes()[1..]);
        self.sent.extend([kind, flags]);
        self.sent.extend(stream.to_be_bytes());
        self.sent.extend(payload);
    }

    fn padded(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8], padding: u8) {
        if padding == 0 {
            return self.frame(kind, flags, stream, payload);
        }
        let padded = [&[padding], payload, &vec![0; padding.into()]].concat();
        self.frame(kind, flags | PADDED, stream, &padded);
    }

    fn settings(&mut self, identifier: u16, value: u32) {
        let setting = [&identifier.to_be_bytes()[..], &value.to_be_bytes()].concat();
        self.frame(SETTINGS, 0, 0, &setting);
    }

    /// How many streams, and at first also that the client's SETTINGS came.
    pub(crate) fn limit(&mut self, streams: u32) {
        if self.sent.is_empty() {
            self.settings(3, streams);
            return self.frame(SETTINGS, ACK, 0, &[]);
        }
        self.settings(3, streams);
    }

    pub(crate) fn initial_window(&mut self, size: u32) {
        self.settings(4, size);
    }

    pub(crate) fn credit(&mut self, index: usize, bytes: u32) {
        let at = self
            .pick(index, |_| true)
            .filter(|_| !index.is_multiple_of(4));
        let stream = at.map_or(0, |at| self.requests[at].stream);
        self.frame(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes());
    }

    /// The head of an answer. Half a request is only ever refused.
    pub(crate) fn begin(&mut self, index: usize, status: u16, padding: u8) {
        if self.is_mad {
            return;
        }
        let fits = |request: &Request| request.answer.is_none() && !request.is_disclaimed;
        let Some(at) = self.pick(index, |request| {
            fits(request) && (request.is_whole || status >= 400)
        }) else {
            return;
        };
        let block = [&[0x08, 3], status.to_string().as_bytes()].concat();
        let stream = self.requests[at].stream;
        self.padded(HEADERS, END_HEADERS, stream, &block, padding);
        self.requests[at].answer = Some((status, self.sent.len()));
    }

    /// An interim response answers nothing.
    pub(crate) fn interim(&mut self, index: usize) {
        let fits = |request: &Request| request.answer.is_none() && !request.is_disclaimed;
        if let Some(at) = self.pick(index, fits) {
            let stream = self.requests[at].stream;
            self.frame(HEADERS, END_HEADERS, stream, b"\x08\x03103");
        }
    }

    /// More of an answer that has begun.
    pub(crate) fn body(&mut self, index: usize, data: &[u8], end: bool, padding: u8) {
        if let Some(at) = self.pick(index, |request| request.answer.is_some()) {
            let stream = self.requests[at].stream;
            self.padded(DATA, u8::from(end), stream, data, padding);
            self.requests[at].is_closed |= end && !self.is_mad;
        }
    }

    /// All that it can accept, it accepts.
    pub(crate) fn accept_all(&mut self) {
        if self.is_mad {
            return;
        }
        while self
            .pick(0, |request| {
                request.is_whole && request.answer.is_none() && !request.is_disclaimed
            })
            .is_some()
        {
            self.begin(0, 200, 0);
        }
        while self.pick(0, |request| request.answer.is_some()).is_some() {
            self.body(0, b"", true, 0);
        }
    }

    pub(crate) fn reset(&mut self, index: usize, code: u32) {
        let Some(at) = self.pick(index, |_| true).filter(|_| !self.is_mad) else {
            return;
        };
        self.frame(RST_STREAM, 0, self.requests[at].stream, &code.to_be_bytes());
        let request = &mut self.requests[at];
        request.is_closed = true;
        // REFUSED_STREAM
        request.is_disclaimed |= code == 7 && request.answer.is_none();
    }

    /// What it has answered already it cannot take back.
    pub(crate) fn go_away(&mut self, index: usize) {
        if self.is_mad {
            return;
        }
        let at = index % (self.requests.len() + 1);
        let last = self.requests.get(at).map_or(0, |request| request.stream);
        let last = self.last_stream.map_or(last, |earlier| earlier.min(last));
        self.last_stream = Some(last);
        self.frame(GOAWAY, 0, 0, &[&last.to_be_bytes()[..], &[0; 4]].concat());
        for request in &mut self.requests {
            request.is_disclaimed |= request.stream > last && request.answer.is_none();
        }
    }

    /// The client's certificate is refused: nobody has looked at a request.
    pub(crate) fn turn_away(&mut self) {
        self.last_stream = Some(0);
        for request in &mut self.requests {
            request.is_disclaimed = true;
        }
    }

    /// A rule of one stream is broken: credit of 0, or DATA before HEADERS.
    pub(crate) fn break_stream(&mut self, index: usize) {
        let Some(at) = self
            .pick(index, |request| request.answer.is_none())
            .filter(|_| !self.is_mad)
        else {
            return;
        };
        let stream = self.requests[at].stream;
        if index.is_multiple_of(2) {
            self.frame(WINDOW_UPDATE, 0, stream, &[0; 4]);
        } else {
            self.frame(DATA, 0, stream, b"x");
        }
        self.requests[at].is_closed = true;
        self.requests[at].is_broken = true;
    }

    pub(crate) fn garbage(&mut self, bytes: &[u8]) {
        if !self.is_mad {
            self.sent.extend(bytes);
            self.is_mad = true;
        }
    }
}
