//! A push between its request and its answer, and the header list of its request.

use std::borrow::Cow;
use std::time::Instant;

use super::Config;
use super::push::Push;
use crate::http2::hpack::PreparedLiteral;
use crate::http2::{HeaderBlock, RequestProgress, ResponseHandler};
use crate::request::{self, Content, Request};
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

/// The header list of one request, apart from what its content says.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    authority: &'a str,
    topic: Cow<'a, str>,
    bearer: Option<&'a PreparedLiteral>,
    apns_id: [u8; 36],
    device_token: crate::device_token::DeviceToken,
}

impl<'a> Fields<'a> {
    pub(super) fn of(
        request: &Request,
        config: &'a Config,
        bearer: Option<&'a PreparedLiteral>,
    ) -> Self {
        Self {
            authority: &config.authority,
            topic: config
                .topic
                .for_push_type(request.content.headers.push_type),
            bearer,
            apns_id: request.apns_id.to_ascii(),
            device_token: request.device_token.clone(),
        }
    }

    /// Writes the list as Apple asks (archive, "Communicating with APNs", HPACK): `:path` and `authorization`
    /// are never indexed; of what differs from push to push only the name is; the rest is indexed once
    /// per connection and costs a byte afterwards.
    pub(super) fn write(&self, content: &Content, block: &mut HeaderBlock<'_>) {
        let headers = &content.headers;
        block.indexed(b":method", request::METHOD.as_bytes());
        block.indexed(b":scheme", b"https");
        block.indexed(b":authority", self.authority.as_bytes());
        block.literal_hex(
            b":path",
            request::PATH_PREFIX.as_bytes(),
            self.device_token.as_bytes(),
        );
        if let Some(bearer) = self.bearer {
            block.prepared(bearer);
        }
        block.indexed(request::APNS_TOPIC.as_bytes(), self.topic.as_bytes());
        block.indexed(
            request::APNS_PUSH_TYPE.as_bytes(),
            headers.push_type.as_str().as_bytes(),
        );
        block.indexed(
            request::APNS_PRIORITY.as_bytes(),
            headers.priority.as_str().as_bytes(),
        );
        block.indexed_name(request::APNS_ID.as_bytes(), &self.apns_id);
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
}
