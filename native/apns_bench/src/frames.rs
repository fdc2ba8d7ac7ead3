//! The server's half of HTTP/2 (RFC 9113), as little of it as lets every request be answered.
//!
//! A request has ended with the frame that says so, whatever its headers are. Bytes in, bytes out; no socket here.

/// What the server announces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// SETTINGS_MAX_CONCURRENT_STREAMS.
    pub(crate) streams: u32,
    /// Window of the connection in bytes, at least [`INITIAL_WINDOW`]. Those of the streams are the initial ones.
    pub(crate) window: u32,
    /// When used window is given back.
    pub(crate) credit: Credit,
}

/// When the client may send again as many bytes as it has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credit {
    /// Half a window late: that costs nearly nothing, and a client never stands still for it.
    Late,
    /// With all that was read at once: what a client waits for is the way there and back, and nothing else.
    AtOnce,
}

/// One connection. Without `Debug`: it holds what clients sent.
pub(crate) struct Frames {
    settings: Settings,
    /// Bytes of the preface that have not come.
    preface: &'static [u8],
    /// A frame whose end has not come.
    incomplete: Vec<u8>,
    /// Bytes of DATA that the client may send.
    window: u32,
    last_stream: u32,
    /// END_STREAM came with HEADERS that CONTINUATION follows.
    ends_with_headers: bool,
    requests: u64,
    output: Vec<u8>,
}

/// What a client did wrong.
pub(crate) type Fault = &'static str;

impl Frames {
    /// A connection that has just been made; SETTINGS are in [`output`](Self::output) at once.
    pub(crate) fn new(settings: Settings) -> Self {
        let mut output = Vec::new();
        let [a, b, c, d] = settings.streams.to_be_bytes();
        write_frame(
            &mut output,
            SETTINGS,
            0,
            0,
            &[0, MAX_CONCURRENT_STREAMS, a, b, c, d],
        );
        if settings.window > INITIAL_WINDOW {
            write_credit(&mut output, settings.window - INITIAL_WINDOW);
        }
        Self {
            settings,
            preface: PREFACE,
            incomplete: Vec::new(),
            window: settings.window,
            last_stream: 0,
            ends_with_headers: false,
            requests: 0,
            output,
        }
    }

    /// Takes what came from the client, in whatever pieces.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let mut rest = self.take_preface(bytes)?;
        if !self.incomplete.is_empty() {
            rest = self.complete(rest)?;
        }
        while let Some((head, payload, after)) = split_frame(rest) {
            self.take_frame(head, payload)?;
            rest = after;
        }
        self.incomplete.extend_from_slice(rest);
        self.give_credit();
        Ok(())
    }

    /// Requests that have ended since this was asked last.
    pub(crate) fn take_requests(&mut self) -> u64 {
        std::mem::take(&mut self.requests)
    }

    /// Bytes for the client; whoever sends them clears it.
    pub(crate) const fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    fn take_preface<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        let (expected, later) = self.preface.split_at(self.preface.len().min(bytes.len()));
        let rest = bytes
            .strip_prefix(expected)
            .ok_or("the preface is not HTTP/2's")?;
        self.preface = later;
        Ok(rest)
    }

    /// Puts the frame together whose beginning came earlier; gives back what stands behind it.
    fn complete<'a>(&mut self, mut rest: &'a [u8]) -> Result<&'a [u8], Fault> {
        let mut begun = std::mem::take(&mut self.incomplete);
        for wanted in [|_: &[u8]| HEAD_LEN, frame_len] {
            let missing = wanted(&begun).saturating_sub(begun.len());
            let (piece, after) = rest.split_at(missing.min(rest.len()));
            begun.extend_from_slice(piece);
            rest = after;
        }
        match split_frame(&begun) {
            Some((head, payload, _)) => self.take_frame(head, payload)?,
            None => self.incomplete = begun,
        }
        Ok(rest)
    }

    fn take_frame(&mut self, head: Head, payload: &[u8]) -> Result<(), Fault> {
        if payload.len() > MAX_FRAME_SIZE {
            return Err("a frame is longer than 16,384 bytes");
        }
        let end_stream = head.flags & END_STREAM != 0;
        let end_headers = head.flags & END_HEADERS != 0;
        match head.kind {
            DATA => {
                // No frame is longer than 16,384 bytes.
                let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
                self.window = self
                    .window
                    .checked_sub(len)
                    .ok_or("more DATA came than the connection's window allows")?;
                if end_stream {
                    self.answer(head.stream);
                }
            }
            HEADERS => {
                if head.stream.is_multiple_of(2) || head.stream <= self.last_stream {
                    return Err("a stream's number is even, or lower than one before");
                }
                self.last_stream = head.stream;
                self.ends_with_headers = end_stream;
                if end_stream && end_headers {
                    self.answer(head.stream);
                }
            }
            CONTINUATION if end_headers && self.ends_with_headers => self.answer(head.stream),
            SETTINGS if head.flags & ACK == 0 => {
                write_frame(&mut self.output, SETTINGS, ACK, 0, &[])
            }
            PING if head.flags & ACK == 0 => write_frame(&mut self.output, PING, ACK, 0, payload),
            RST_STREAM => return Err("a stream was reset"),
            _ => {}
        }
        Ok(())
    }

    /// 200 without a body, and an apns-id, which Apple sends too.
    fn answer(&mut self, stream: u32) {
        let mut answer = *ANSWER;
        let number = stream.to_be_bytes();
        if let Some(place) = answer.get_mut(STREAM_AT..HEAD_LEN) {
            place.copy_from_slice(&number);
        }
        let digits = answer.rchunks_exact_mut(2);
        for (pair, byte) in digits.zip(number.iter().rev()) {
            pair.copy_from_slice(&[hex(byte >> 4), hex(byte & 15)]);
        }
        self.output.extend_from_slice(&answer);
        self.requests += 1;
    }

    fn give_credit(&mut self) {
        let used = self.settings.window - self.window;
        let enough = match self.settings.credit {
            Credit::Late => self.settings.window / 2,
            Credit::AtOnce => 1,
        };
        if used >= enough {
            write_credit(&mut self.output, used);
            self.window = self.settings.window;
        }
    }
}

/// The nine bytes before each payload.
#[derive(Clone, Copy)]
struct Head {
    kind: u8,
    flags: u8,
    stream: u32,
}

/// The frame at the front and what follows it, once it is complete.
fn split_frame(bytes: &[u8]) -> Option<(Head, &[u8], &[u8])> {
    let [_, _, _, kind, flags, a, b, c, d] = *bytes.first_chunk::<HEAD_LEN>()?;
    let head = Head {
        kind,
        flags,
        stream: u32::from_be_bytes([a, b, c, d]) & MAX_WINDOW,
    };
    let (frame, rest) = bytes.split_at_checked(frame_len(bytes))?;
    Some((head, frame.get(HEAD_LEN..)?, rest))
}

/// Length of the frame at the front, its head included; of less than a head, a head's.
fn frame_len(bytes: &[u8]) -> usize {
    let head = bytes.first_chunk::<HEAD_LEN>().unwrap_or(&[0; HEAD_LEN]);
    let [a, b, c, ..] = *head;
    HEAD_LEN + u32::from_be_bytes([0, a, b, c]) as usize
}

fn write_frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    // The payloads written here have at most eight bytes.
    out.extend_from_slice(&[0, 0, payload.len() as u8, kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

fn write_credit(out: &mut Vec<u8>, bytes: u32) {
    write_frame(out, WINDOW_UPDATE, 0, 0, &bytes.to_be_bytes());
}

const fn hex(digit: u8) -> u8 {
    if digit < 10 {
        b'0' + digit
    } else {
        b'a' + digit - 10
    }
}

/// The window of a connection before any WINDOW_UPDATE, and Apple's.
pub(crate) const INITIAL_WINDOW: u32 = 65_535;
/// The largest window that the protocol knows.
pub(crate) const MAX_WINDOW: u32 = 0x7fff_ffff;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEAD_LEN: usize = 9;
/// Where in a head the stream's number stands.
const STREAM_AT: usize = 5;
const MAX_FRAME_SIZE: usize = 16_384;
const MAX_CONCURRENT_STREAMS: u8 = 3;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// HEADERS with END_STREAM and END_HEADERS; `:status` 200 from the static table; `apns-id` as a literal without indexing
/// with a new name, both texts raw. The stream's number and the last eight digits are filled in.
const ANSWER: &[u8; 56] =
    b"\x00\x00\x2f\x01\x05\x00\x00\x00\x00\x88\x00\x07apns-id\x246d1c5d3e-0000-4000-8000-000000000000";

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER_LEN: usize = 56;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        out.extend([kind, flags]);
        out.extend(stream.to_be_bytes());
        out.extend(payload);
        out
    }

    fn opened(settings: Settings) -> Frames {
        let mut frames = Frames::new(settings);
        frames.take(PREFACE).unwrap();
        frames.output().clear();
        frames
    }

    const SMALL: Settings = Settings {
        streams: 100,
        window: INITIAL_WINDOW,
        credit: Credit::Late,
    };

    #[test]
    fn requests_are_answered_once_each_however_their_bytes_are_cut() {
        let mut bytes = PREFACE.to_vec();
        bytes.extend(frame(SETTINGS, 0, 0, &[]));
        for stream in [1, 3, 0x1235] {
            bytes.extend(frame(HEADERS, END_HEADERS, stream, b"block"));
            bytes.extend(frame(DATA, 0, stream, b"half"));
            bytes.extend(frame(DATA, END_STREAM, stream, b"other half"));
        }
        bytes.extend(frame(HEADERS, END_STREAM, 0x1237, b"no body"));
        bytes.extend(frame(CONTINUATION, END_HEADERS, 0x1237, b""));
        for cut in 1..bytes.len() {
            let mut frames = Frames::new(SMALL);
            frames.output().clear();
            bytes
                .chunks(cut)
                .for_each(|piece| frames.take(piece).unwrap());
            assert_eq!(frames.take_requests(), 4, "cut at {cut}");
            assert_eq!(frames.output().len(), HEAD_LEN + 4 * ANSWER_LEN);
        }
    }

    #[test]
    fn an_answer_is_for_its_stream_and_no_two_have_the_same_apns_id() {
        let mut frames = opened(SMALL);
        for stream in [1, 0x0012_345f] {
            let request = frame(HEADERS, END_HEADERS | END_STREAM, stream, b"");
            frames.take(&request).unwrap();
        }
        let answers = frames.output().clone();
        let (head, block, rest) = split_frame(&answers).unwrap();
        assert_eq!((head.kind, head.stream, block.len()), (HEADERS, 1, 47));
        assert!(block.ends_with(b"-8000-000000000001"));
        let (head, block, _) = split_frame(rest).unwrap();
        assert_eq!(head.stream, 0x0012_345f);
        assert!(block.ends_with(b"-8000-00000012345f"));
    }

    #[test]
    fn credit_comes_before_the_window_is_used_up_and_more_than_it_is_a_fault() {
        let mut frames = opened(SMALL);
        let piece = frame(DATA, 0, 1, &[0; 16_000]);
        for round in 0..100 {
            frames.take(&piece).unwrap();
            let credit = frames.output().len() / (HEAD_LEN + 4);
            assert_eq!(credit, (round + 1) / 3);
        }
        let flood = piece.repeat(5);
        assert!(frames.take(&flood).is_err());
    }

    #[test]
    fn credit_at_once_is_what_was_read_and_no_more() {
        let mut frames = opened(Settings {
            credit: Credit::AtOnce,
            ..SMALL
        });
        frames.take(&frame(DATA, 0, 1, &[0; 200])).unwrap();
        let update = frame(WINDOW_UPDATE, 0, 0, &200_u32.to_be_bytes());
        assert_eq!(*frames.output(), update);
        frames.take(&frame(PING, ACK, 0, b"12345678")).unwrap();
        assert_eq!(*frames.output(), update);
    }

    #[test]
    fn a_larger_window_is_announced_at_once() {
        let mut frames = Frames::new(Settings {
            window: 1 << 20,
            ..SMALL
        });
        let output = frames.output().clone();
        let (settings, limit, rest) = split_frame(&output).unwrap();
        assert_eq!(
            (settings.kind, limit),
            (SETTINGS, &[0, 3, 0, 0, 0, 100][..])
        );
        let (update, credit, _) = split_frame(rest).unwrap();
        assert_eq!((update.kind, update.stream), (WINDOW_UPDATE, 0));
        assert_eq!(credit, ((1 << 20) - INITIAL_WINDOW).to_be_bytes());
    }

    #[test]
    fn what_is_no_http2_is_a_fault() {
        assert!(
            Frames::new(SMALL)
                .take(b"POST /3/device/00 HTTP/1.1")
                .is_err()
        );
        let used_twice = frame(HEADERS, END_HEADERS | END_STREAM, 1, b"").repeat(2);
        assert!(opened(SMALL).take(&used_twice).is_err());
        assert!(
            opened(SMALL)
                .take(&frame(DATA, 0, 1, &[0; 16_385]))
                .is_err()
        );
    }

    #[test]
    fn a_ping_comes_back_as_it_went() {
        let mut frames = opened(SMALL);
        frames.take(&frame(PING, 0, 0, b"12345678")).unwrap();
        assert_eq!(*frames.output(), frame(PING, ACK, 0, b"12345678"));
    }
}
