//! The handle of one app: what any thread may ask of its engine.

use std::time::Duration;

use apns_proto::apns_id::ApnsId;
use apns_proto::device_token::DeviceToken;
use apns_proto::request::Content;

use crate::config::{ConfigError, Options};
use crate::event::EventSink;
use crate::registry::Registry;
use crate::stats::Snapshot;

/// A running app. Dropping it stops the engine without draining.
#[derive(Debug)]
pub struct App<S: EventSink> {
    _sink: std::marker::PhantomData<S>,
}

/// Whom a notification is for.
#[derive(Debug, Clone)]
pub enum Target<'a> {
    /// All devices of this owner that fit the push type (`voip` devices for voip pushes, the others else).
    Owner(&'a [u8]),
    /// One device, registered or not.
    Token(DeviceToken),
}

/// Why `notify` took nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotifyError {
    /// The registry has never heard of the owner.
    #[error("the registry does not know this owner")]
    UnknownOwner,
    /// A bound of the queue is reached; counted, nothing taken.
    #[error("the queue is full")]
    Overloaded,
    /// One given apns-id cannot serve several devices.
    #[error("an apns_id of your own needs a target of one device")]
    ApnsIdShared,
    /// The engine has been stopped.
    #[error("the app is stopped")]
    Stopped,
}

impl<S: EventSink> App<S> {
    /// Starts the engine thread. Reads key files, so not for a normal scheduler. Does not wait for Apple.
    pub fn start(_name: &str, _options: Options, _sink: S, _receiver: Option<S::Recipient>) -> Result<Self, ConfigError> {
        todo!()
    }
    /// What it was started with, to tell whether a second start means the same.
    pub fn options(&self) -> &Options {
        todo!()
    }
    /// Who gets events that no notification claims.
    pub fn set_receiver(&self, _receiver: S::Recipient) {}
    /// The devices.
    pub fn registry(&self) -> &Registry {
        todo!()
    }
    /// Queues one push per device, all or none; never waits. Returns their apns-ids in the devices' order.
    pub fn notify(
        &self,
        _target: Target<'_>,
        _content: Content,
        _apns_id: Option<ApnsId>,
        _reply_to: Option<S::Recipient>,
    ) -> Result<Vec<ApnsId>, NotifyError> {
        todo!()
    }
    /// Counters and gauges, for `stats/1`.
    pub fn stats(&self) -> Snapshot {
        todo!()
    }
    /// Refuses new pushes, drains for at most `drain`, ends the rest as stopped, joins the thread. Blocks.
    pub fn stop(&self, _drain: Duration) {}
}
