//! How many streams Apple lets a connection have open, and how that moves with the answers. Pure.
//!
//! With provider tokens one stream until the first authenticated request was answered, then many; one again after
//! a bad device token, until the next success. Sources: Apple archive, "Communicating with APNs"; pushy issue 476.

use std::collections::HashSet;

/// The limit of one connection.
#[derive(Debug)]
pub(crate) struct StreamLimit {
    /// What a trusted connection may have open.
    full: u32,
    /// A script's word on that.
    scripted_full: Option<u32>,
    standing: Standing,
    /// A script's limit, which no answer moves.
    forced: Option<u32>,
    announced: u32,
    /// What new streams are held to: a lowered limit counts from its acknowledgement on, a raised one at once.
    enforced: u32,
    open: HashSet<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// No request was authenticated yet.
    New,
    Trusted,
    /// A bad device token came after the last success.
    Fallen,
}

/// What an answer tells of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    Accepted,
    BadDeviceToken,
    /// Refused for another cause, and the provider is known.
    Refused,
    /// Refused because the provider is not known.
    NotAuthenticated,
}

impl StreamLimit {
    /// The limit of a new connection.
    pub(crate) fn new(full: u32) -> Self {
        Self {
            full,
            scripted_full: None,
            standing: Standing::New,
            forced: None,
            announced: ONE,
            enforced: ONE,
            open: HashSet::new(),
        }
    }

    /// The provider showed a client certificate; returns the limit to announce when that changed it.
    #[must_use]
    pub(crate) fn handle_certificate(&mut self) -> Option<u32> {
        self.standing = Standing::Trusted;
        self.settle()
    }

    /// The limit in the newest SETTINGS.
    pub(crate) fn announced(&self) -> u32 {
        self.announced
    }

    /// Whether no stream is open.
    pub(crate) fn is_idle(&self) -> bool {
        self.open.is_empty()
    }

    /// A request's HEADERS came; `false` when it is one stream too many.
    #[must_use]
    pub(crate) fn admit(&mut self, stream: u32) -> bool {
        let enforced = usize::try_from(self.enforced).unwrap_or(usize::MAX);
        self.open.len() < enforced && self.open.insert(stream)
    }

    /// A stream is over: answered, or reset by either side. It may be said more than once.
    pub(crate) fn release(&mut self, stream: u32) {
        self.open.remove(&stream);
    }

    /// An answer was given; returns the limit to announce when that changed it.
    #[must_use]
    pub(crate) fn handle_answer(&mut self, answered: Answered) -> Option<u32> {
        self.standing = match (self.standing, answered) {
            (_, Answered::Accepted) | (Standing::New, Answered::Refused) => Standing::Trusted,
            (_, Answered::BadDeviceToken) => Standing::Fallen,
            (standing, Answered::Refused | Answered::NotAuthenticated) => standing,
        };
        self.settle()
    }

    /// The provider acknowledged `limit`. It may have been raised since, and that counts already.
    pub(crate) fn handle_acknowledgement(&mut self, limit: u32) {
        self.enforced = limit.max(self.announced);
    }

    /// Holds the limit at a script's value, or lets the answers move it again; returns the limit to announce.
    #[must_use]
    pub(crate) fn force(&mut self, limit: Option<u32>) -> Option<u32> {
        self.forced = limit;
        self.settle()
    }

    /// Lets trust earn a script's number of streams, or the usual one; returns the limit to announce.
    #[must_use]
    pub(crate) fn trust_with(&mut self, full: Option<u32>) -> Option<u32> {
        self.scripted_full = full;
        self.settle()
    }

    fn settle(&mut self) -> Option<u32> {
        let earned = if self.standing == Standing::Trusted {
            self.scripted_full.unwrap_or(self.full)
        } else {
            ONE
        };
        let limit = self.forced.unwrap_or(earned);
        let changed = limit != self.announced;
        self.announced = limit;
        self.enforced = self.enforced.max(limit);
        changed.then_some(limit)
    }
}

const ONE: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stream_until_the_first_authenticated_answer() {
        let mut limit = StreamLimit::new(100);
        assert!(limit.admit(1));
        assert!(!limit.admit(3));
        assert_eq!(limit.handle_answer(Answered::NotAuthenticated), None);
        assert_eq!(limit.handle_answer(Answered::Refused), Some(100));
        assert!(
            limit.admit(5),
            "a raised limit counts before its acknowledgement"
        );
    }

    #[test]
    fn a_place_is_given_back_once_however_often_that_is_said() {
        let mut limit = StreamLimit::new(100);
        assert!(limit.admit(1));
        limit.release(1);
        assert!(limit.is_idle() && limit.admit(3));
        limit.release(1);
        assert!(!limit.admit(5));
    }

    #[test]
    fn a_certificate_is_trusted_from_the_start() {
        let mut limit = StreamLimit::new(100);
        assert_eq!(limit.handle_certificate(), Some(100));
        assert_eq!(limit.announced(), 100);
    }

    #[test]
    fn one_stream_after_a_bad_device_token_until_the_next_success() {
        let mut limit = StreamLimit::new(100);
        assert_eq!(limit.handle_answer(Answered::Accepted), Some(100));
        assert_eq!(limit.handle_answer(Answered::BadDeviceToken), Some(1));
        assert_eq!(limit.handle_answer(Answered::Refused), None);
        assert!(
            limit.admit(7) && limit.admit(9),
            "a lowered limit waits for its acknowledgement"
        );
        limit.handle_acknowledgement(1);
        assert!(!limit.admit(11));
        assert_eq!(limit.handle_answer(Answered::Accepted), Some(100));
        limit.handle_acknowledgement(1);
        assert!(
            limit.admit(13),
            "an older acknowledgement does not take a raise back"
        );
    }

    #[test]
    fn a_script_can_say_what_trust_earns() {
        let mut limit = StreamLimit::new(1000);
        assert_eq!(limit.trust_with(Some(100)), None, "there is no trust yet");
        assert_eq!(limit.handle_answer(Answered::Accepted), Some(100));
        assert_eq!(limit.trust_with(None), Some(1000));
    }

    #[test]
    fn a_forced_limit_is_not_moved_by_answers() {
        let mut limit = StreamLimit::new(100);
        assert_eq!(limit.force(Some(5)), Some(5));
        assert_eq!(limit.handle_answer(Answered::Accepted), None);
        assert_eq!(limit.force(None), Some(100));
    }
}
