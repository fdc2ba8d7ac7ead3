//! Where a response goes.

/// The caller's state of one stream, which takes its response in piece by piece.
///
/// It lives in the stream's slot and is given back exactly once: by an [`Event`](super::Event), by
/// [`reset_stream`](super::Connection::reset_stream) or by [`drain_streams`](super::Connection::drain_streams).
/// Pieces are borrowed from the input, so that a response which needs no memory takes none.
/// A response may turn out malformed after some pieces were handed over: only
/// [`Event::Response`](super::Event::Response) says that it was complete and valid.
pub trait ResponseHandler {
    /// The final status, 200..=999. Interim (1xx) responses are skipped.
    fn status(&mut self, status: u16);

    /// A header field of the final response, in order; names are lower case. No pseudo-header comes here.
    fn header(&mut self, name: &[u8], value: &[u8]);

    /// A piece of the body. All pieces together are at most [`Config::max_response_body`](super::Config::max_response_body) bytes.
    fn body(&mut self, data: &[u8]);

    /// A trailer field.
    fn trailer(&mut self, name: &[u8], value: &[u8]) {
        let _ = (name, value);
    }
}
