//! A push between its request and its answer, and the header list of its request.

use std::time::Instant;

use super::Config;
use super::bearer::{self, Bearer};
use super::push::Push;
use crate::http2::hpack::IndexedRun;
use crate::http2::{HeaderBlock, Request, RequestProgress, ResponseHandler};
use crate::now::Now;
use crate::priority::Priority;
use crate::push_type::PushType;
use crate::request::{self, Headers};
use crate::response::ResponseBuilder;

/// What a stream's slot holds.
#[derive(Debug)]
pub(crate) struct InFlight<C> {
    pub(super) push: Box<Push<C>>,
    pub(super) response: ResponseBuilder,
    /// Since when it waits for what `request` lacks, or for its answer.
    pub(super) since: Instant,
    /// How far the request had come when that was looked at last. At first the best is believed.
    pub(super) request: RequestProgress,
    /// Answers that the connection had given when it was sent.
    pub(super) answers_before: u64,
}

impl<C> InFlight<C> {
    pub(super) fn new(push: Box<Push<C>>, now: Instant, answers_before: u64) -> Self {
        Self {
            push,
            response: ResponseBuilder::default(),
            since: now,
            request: RequestProgress::Handed,
            answers_before,
        }
    }
}

impl<C> ResponseHandler for InFlight<C> {
    fn status(&mut self, status: u16) {
        self.response.status(status);
    }

    fn header(&mut self, name: &[u8], value: &[u8]) {
        self.response.header(name, value);
    }

    fn body(&mut self, data: &[u8]) {
        self.response.body(data);
    }
}

/// The fields that requests have in common, as they are on one connection, and with one provider token.
#[derive(Debug, Default)]
pub(super) struct Runs {
    start: IndexedRun,
    /// One for each push type and priority.
    by_headers: [[IndexedRun; PRIORITIES]; PushType::ALL.len()],
}

impl Runs {
    fn of(&self, headers: &Headers) -> Option<&IndexedRun> {
        let priority = match headers.priority {
            Priority::Low => 0,
            Priority::PowerConsiderate => 1,
            Priority::Immediate => 2,
        };
        let of_type = self.by_headers.get(headers.push_type as usize)?;
        of_type.get(priority)
    }
}

const PRIORITIES: usize = 3;

/// A push about to be sent, with what a session adds to its request.
pub(super) struct Opening<'a, C> {
    pub(super) push: Box<Push<C>>,
    pub(super) config: &'a Config,
    pub(super) runs: &'a Runs,
    /// The provider token; `None` with a client certificate.
    pub(super) bearer: Option<&'a Bearer>,
    pub(super) now: Now,
    pub(super) answers_before: u64,
}

impl<C> Request for Opening<'_, C> {
    type State = InFlight<C>;

    fn write_header(&self, block: &mut HeaderBlock<'_>) {
        let request = &self.push.request;
        let headers = &request.content.headers;
        block.run(&self.runs.start, |block| {
            block.indexed(b":method", request::METHOD.as_bytes());
            block.indexed(b":scheme", b"https");
            block.indexed(b":authority", self.config.authority.as_bytes());
        });
        block.literal_hex(
            b":path",
            request::PATH_PREFIX.as_bytes(),
            request.device_token.as_bytes(),
        );
        let indexed = self.bearer.and_then(|bearer| bearer.indexed_in(block));
        if let (Some(bearer), None) = (self.bearer, indexed) {
            block.prepared(bearer.literal());
        }
        let common = |block: &mut HeaderBlock<'_>| {
            if let Some(bearer) = indexed {
                block.indexed(bearer::NAME, bearer);
            }
            let topic = self.config.topic.for_push_type(headers.push_type);
            block.indexed(request::APNS_TOPIC.as_bytes(), topic.as_bytes());
            block.indexed(
                request::APNS_PUSH_TYPE.as_bytes(),
                headers.push_type.as_str().as_bytes(),
            );
            block.indexed(
                request::APNS_PRIORITY.as_bytes(),
                headers.priority.as_str().as_bytes(),
            );
        };
        match self.runs.of(headers) {
            Some(run) => block.run(run, common),
            None => common(block),
        }
        block.indexed_name_uuid(request::APNS_ID.as_bytes(), request.apns_id);
        if let Some(expiration) = headers.expiration {
            block.indexed_name(
                request::APNS_EXPIRATION.as_bytes(),
                expiration.to_string().as_bytes(),
            );
        }
        if let Some(collapse_id) = &headers.collapse_id {
            block.indexed_name(
                request::APNS_COLLAPSE_ID.as_bytes(),
                collapse_id.as_str().as_bytes(),
            );
        }
    }

    fn body(&self) -> &[u8] {
        self.push.request.content.payload.as_bytes()
    }

    fn into_state(mut self) -> InFlight<C> {
        self.push.written_ms = self.now.unix_ms;
        InFlight::new(self.push, self.now.instant, self.answers_before)
    }
}
