//! Bodies of answers: a whole text, or a journal that is written as it is sent.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::Frame;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};
use hyper::{Response, StatusCode};

use crate::entry::Entry;
use crate::journal::Page;

/// The body of an answer.
pub(super) enum Body {
    Whole(Option<Bytes>),
    Journal(JournalBody),
}

/// A page of the journal as JSON, in chunks. The entries are shared with the journal and not copied, so that a page
/// of 10,000 costs no more memory than one of ten.
pub(super) struct JournalBody {
    head: Option<String>,
    entries: std::vec::IntoIter<Arc<Entry>>,
    begun: bool,
    ended: bool,
}

impl JournalBody {
    pub(super) fn new(page: Page) -> Self {
        let Page {
            entries,
            next,
            dropped,
            epoch,
        } = page;
        let head = format!(r#"{{"epoch":{epoch},"next":{next},"dropped":{dropped},"entries":["#);
        Self {
            head: Some(head),
            entries: entries.into_iter(),
            begun: false,
            ended: false,
        }
    }

    fn next_chunk(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let mut chunk = self.head.take().unwrap_or_default().into_bytes();
        while chunk.len() < CHUNK {
            let Some(entry) = self.entries.next() else {
                chunk.extend_from_slice(b"\n]}\n");
                self.ended = true;
                break;
            };
            chunk.extend_from_slice(if self.begun { b",\n" } else { b"\n" });
            self.begun = true;
            // Text and numbers into memory: nothing in this can fail.
            let _ = serde_json::to_writer(&mut chunk, &*entry);
        }
        Some(chunk.into())
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = match &mut *self {
            Self::Whole(bytes) => bytes.take(),
            Self::Journal(journal) => journal.next_chunk(),
        };
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Journal(journal) => journal.ended,
        }
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Self::Whole(bytes) => hyper::body::SizeHint::with_exact(
                bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            ),
            Self::Journal(_) => hyper::body::SizeHint::new(),
        }
    }
}

/// An answer in JSON, with a line's end so that it reads well in a terminal.
pub(super) fn json(status: StatusCode, value: &serde_json::Value) -> Response<Body> {
    response(
        status,
        "application/json",
        Body::Whole(Some(format!("{value}\n").into())),
    )
}

pub(super) fn response(
    status: StatusCode,
    content_type: &'static str,
    body: Body,
) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
        .headers_mut()
        .insert(CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    response
}

/// Bytes of a chunk, about.
const CHUNK: usize = 64 * 1024;
