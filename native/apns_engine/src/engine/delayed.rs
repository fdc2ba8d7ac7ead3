//! Pushes that wait for their moment to be sent again.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Instant;

/// Items by the moment they are due; of equal moments the one added first comes first.
///
/// No bound of its own: what waits here still counts against the queue's budget.
#[derive(Debug)]
pub(crate) struct Delayed<T> {
    items: BTreeMap<(Instant, u64), T>,
    added: u64,
}

impl<T> Default for Delayed<T> {
    fn default() -> Self {
        Self {
            items: BTreeMap::new(),
            added: 0,
        }
    }
}

impl<T> Delayed<T> {
    pub(crate) fn add(&mut self, due: Instant, item: T) {
        self.added += 1;
        self.items.insert((due, self.added), item);
    }

    /// Takes an item whose moment has come; the one due last first, so that adding each at the front of
    /// a queue leaves the one due first in front.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<T> {
        let later = self.items.split_off(&(now, u64::MAX));
        let mut due: Vec<_> = std::mem::replace(&mut self.items, later)
            .into_iter()
            .collect();
        due.sort_by_key(|(key, _)| Reverse(*key));
        due.into_iter().map(|(_, item)| item).collect()
    }

    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = T> {
        std::mem::take(&mut self.items).into_values()
    }

    /// Takes every item that `chosen` picks.
    pub(crate) fn take_if(&mut self, chosen: impl Fn(&T) -> bool) -> Vec<T> {
        let keys: Vec<_> = self
            .items
            .iter()
            .filter(|(_, item)| chosen(item))
            .map(|(key, _)| *key)
            .collect();
        keys.iter()
            .filter_map(|key| self.items.remove(key))
            .collect()
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.items.keys().next().map(|(due, _)| *due)
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn items_come_back_when_due_and_keep_their_order_at_a_queues_front() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut delayed = Delayed::default();
        for (due, item) in [(3, "c"), (1, "a"), (1, "b"), (9, "late")] {
            delayed.add(at(due), item);
        }
        assert_eq!(delayed.next_due(), Some(at(1)));
        assert!(delayed.take_due(start).is_empty());
        let mut queue = std::collections::VecDeque::new();
        for item in delayed.take_due(at(3)) {
            queue.push_front(item);
        }
        assert_eq!(queue, ["a", "b", "c"]);
        assert_eq!(delayed.len(), 1);
        assert_eq!(delayed.take_if(|item| *item == "late"), ["late"]);
        assert_eq!(delayed.take_all().count(), 0);
    }
}
