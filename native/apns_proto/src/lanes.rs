//! The order in which waiting pushes leave: calls, then messages, then background pushes.
//!
//! The lanes hold no bound of their own: the engine's budget of count and bytes spans the channel in
//! front of it, these lanes and everything else that waits inside.

use std::collections::VecDeque;

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
    pub(crate) const COUNT: usize = 3;

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

    const fn index(self) -> usize {
        match self {
            Self::Call => 0,
            Self::Message => 1,
            Self::Background => 2,
        }
    }
}

/// Waiting items, first in first out within a lane.
#[derive(Debug)]
pub struct Lanes<T> {
    queues: [VecDeque<T>; 3],
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self {
            queues: Default::default(),
        }
    }
}

impl<T> Lanes<T> {
    /// Adds at the end of its lane.
    pub fn push(&mut self, lane: Lane, item: T) {
        self.queue(lane).push_back(item);
    }

    /// Adds at the front of its lane: for what had its turn and was surely not processed.
    pub fn push_front(&mut self, lane: Lane, item: T) {
        self.queue(lane).push_front(item);
    }

    /// Takes the next item to send.
    pub fn pop(&mut self) -> Option<T> {
        self.queues.iter_mut().find_map(VecDeque::pop_front)
    }

    /// Takes every item that `chosen` picks, in sending order; the others keep their places.
    pub fn take_if(&mut self, mut chosen: impl FnMut(&T) -> bool) -> Vec<T> {
        let mut taken = Vec::new();
        for queue in &mut self.queues {
            // The common sweep takes nothing: do not move a hundred thousand items for it.
            if !queue.iter().any(&mut chosen) {
                continue;
            }
            let kept = std::mem::take(queue).into_iter().filter_map(|item| {
                if chosen(&item) {
                    taken.push(item);
                    None
                } else {
                    Some(item)
                }
            });
            *queue = kept.collect();
        }
        taken
    }

    /// Gives back the memory of a burst once it has passed.
    pub fn shrink(&mut self) {
        for queue in &mut self.queues {
            if queue.capacity() > KEPT_CAPACITY && queue.len() < KEPT_CAPACITY / 4 {
                queue.shrink_to(KEPT_CAPACITY);
            }
        }
    }

    /// How many items wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queues.iter().map(VecDeque::len).sum()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty)
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "Lane::index is 0, 1 or 2, and there are three queues"
    )]
    fn queue(&mut self, lane: Lane) -> &mut VecDeque<T> {
        &mut self.queues[lane.index()]
    }
}

/// Items a lane keeps room for when it is idle.
const KEPT_CAPACITY: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_call_overtakes_messages_and_they_overtake_background_pushes() {
        let mut lanes = Lanes::default();
        lanes.push(Lane::Background, "b1");
        lanes.push(Lane::Message, "m1");
        lanes.push(Lane::Message, "m2");
        lanes.push(Lane::Call, "c1");
        lanes.push_front(Lane::Message, "m0");
        let order: Vec<_> = std::iter::from_fn(|| lanes.pop()).collect();
        assert_eq!(order, ["c1", "m0", "m1", "m2", "b1"]);
        assert!(lanes.is_empty());
    }

    #[test]
    fn taking_some_leaves_the_others_in_their_order() {
        let mut lanes = Lanes::default();
        for n in 0..10 {
            lanes.push(
                if n % 2 == 0 {
                    Lane::Message
                } else {
                    Lane::Call
                },
                n,
            );
        }
        assert_eq!(lanes.take_if(|n| n % 5 == 0), [5, 0]);
        assert_eq!(lanes.len(), 8);
        let order: Vec<_> = std::iter::from_fn(|| lanes.pop()).collect();
        assert_eq!(order, [1, 3, 7, 9, 2, 4, 6, 8]);
    }

    #[test]
    fn a_passed_burst_gives_its_memory_back() {
        let mut lanes = Lanes::default();
        for n in 0..100_000 {
            lanes.push(Lane::Message, n);
        }
        while lanes.pop().is_some() {}
        lanes.shrink();
        assert!(
            lanes
                .queues
                .iter()
                .all(|queue| queue.capacity() <= 2 * KEPT_CAPACITY)
        );
    }
}
