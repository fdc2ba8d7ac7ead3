//! The order in which waiting pushes leave: calls, then messages, then background pushes.
//!
//! The queues themselves are in [`waiting`](crate::waiting).

use crate::priority::Priority;
use crate::push_type::PushType;
use crate::request::Headers;

/// What a push competes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Somebody is ringing: worthless in half a minute.
    Call,
    /// Somebody wrote.
    Message,
    /// Nobody notices a delay: background pushes and the lowest priority.
    Background,
}

impl Lane {
    /// How many there are.
    pub const COUNT: usize = 3;

    /// The lane that a push's headers ask for.
    #[must_use]
    pub fn of(headers: &Headers) -> Self {
        match headers.push_type {
            PushType::Voip | PushType::Pushtotalk => Self::Call,
            PushType::Background => Self::Background,
            _ if headers.priority == Priority::Low => Self::Background,
            _ => Self::Message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Headers;

    #[test]
    fn calls_go_before_messages_and_what_nobody_misses_comes_last() {
        for (push_type, priority, lane) in [
            (PushType::Voip, None, Lane::Call),
            (PushType::Pushtotalk, None, Lane::Call),
            (PushType::Alert, None, Lane::Message),
            (
                PushType::Alert,
                Some(Priority::PowerConsiderate),
                Lane::Message,
            ),
            (PushType::Alert, Some(Priority::Low), Lane::Background),
            (PushType::Background, None, Lane::Background),
            (PushType::Liveactivity, None, Lane::Message),
        ] {
            let headers = Headers::new(push_type, priority, None, None).unwrap();
            assert_eq!(Lane::of(&headers), lane, "{headers:?}");
        }
    }
}
