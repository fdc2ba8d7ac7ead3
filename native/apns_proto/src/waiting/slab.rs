//! Places with a name of four bytes, reused when they become free.

use std::num::NonZeroU32;
use std::ops::{Index, IndexMut};

/// Names a taken place. An `Option` of it takes no more room than itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(NonZeroU32);

impl Id {
    /// 2³² are more than the budget's ten million pushes.
    fn of(place: usize) -> Self {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        Self(NonZeroU32::MIN.saturating_add(place))
    }

    const fn place(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Values under names that stay the same until they are removed, or until [`Self::compact`] says so.
#[derive(Debug)]
pub(super) struct Slab<V> {
    places: Vec<Place<V>>,
    free: Option<Id>,
    taken: usize,
}

#[derive(Debug)]
enum Place<V> {
    Taken(V),
    Free { next: Option<Id> },
}

/// New names after a compaction.
#[derive(Debug)]
pub(super) struct Renamed(Vec<Option<Id>>);

impl Renamed {
    /// What `old` is called now.
    pub(super) fn get(&self, old: Id) -> Option<Id> {
        self.0.get(old.place()).copied().flatten()
    }

    /// Changes a link to its new name.
    pub(super) fn apply(&self, link: &mut Option<Id>) {
        *link = link.and_then(|old| self.get(old));
    }
}

impl<V> Default for Slab<V> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: None,
            taken: 0,
        }
    }
}

impl<V> Slab<V> {
    pub(super) const fn len(&self) -> usize {
        self.taken
    }

    pub(super) fn insert(&mut self, value: V) -> Id {
        self.taken += 1;
        if let Some(id) = self.free
            && let Some(place) = self.places.get_mut(id.place())
            && let Place::Free { next } = *place
        {
            self.free = next;
            *place = Place::Taken(value);
            return id;
        }
        if self.places.len() == self.places.capacity() {
            // Not doubled: with a hundred thousand pushes waiting, half of the room would be for nobody.
            self.places
                .reserve_exact((self.places.len() / 4).max(FIRST_ROOM));
        }
        self.places.push(Place::Taken(value));
        Id::of(self.places.len() - 1)
    }

    pub(super) fn remove(&mut self, id: Id) -> V {
        let next = self.free;
        let place = self.places.get_mut(id.place());
        match place.map(|place| std::mem::replace(place, Place::Free { next })) {
            Some(Place::Taken(value)) => {
                self.free = Some(id);
                self.taken -= 1;
                value
            }
            _ => nobody(),
        }
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = Id> + '_ {
        let places = self.places.iter().enumerate();
        places
            .filter(|(_, place)| matches!(place, Place::Taken(_)))
            .map(|(place, _)| Id::of(place))
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.places.iter_mut().filter_map(|place| match place {
            Place::Taken(value) => Some(value),
            Place::Free { .. } => None,
        })
    }

    /// Everything, however broken the links between the values are.
    pub(super) fn into_values(self) -> impl Iterator<Item = V> {
        self.places.into_iter().filter_map(|place| match place {
            Place::Taken(value) => Some(value),
            Place::Free { .. } => None,
        })
    }

    /// Moves all values together and gives memory back, if a burst has left most places free.
    /// Whoever keeps names must change them.
    pub(super) fn compact(&mut self) -> Option<Renamed> {
        if self.places.len() <= KEPT_PLACES || self.taken > self.places.len() / 4 {
            return None;
        }
        let mut together = Vec::with_capacity(self.taken);
        let mut names = Vec::with_capacity(self.places.len());
        for place in std::mem::take(&mut self.places) {
            names.push(match place {
                Place::Taken(value) => {
                    together.push(Place::Taken(value));
                    Some(Id::of(together.len() - 1))
                }
                Place::Free { .. } => None,
            });
        }
        self.places = together;
        self.free = None;
        Some(Renamed(names))
    }

    /// What a value's place takes.
    #[cfg(test)]
    pub(super) const BYTES_EACH: usize = size_of::<Place<V>>();

    /// What all places take.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.places.capacity() * Self::BYTES_EACH
    }
}

impl<V> Index<Id> for Slab<V> {
    type Output = V;

    fn index(&self, id: Id) -> &V {
        match self.places.get(id.place()) {
            Some(Place::Taken(value)) => value,
            _ => nobody(),
        }
    }
}

impl<V> IndexMut<Id> for Slab<V> {
    fn index_mut(&mut self, id: Id) -> &mut V {
        match self.places.get_mut(id.place()) {
            Some(Place::Taken(value)) => value,
            _ => nobody(),
        }
    }
}

/// Names never leave this module, and a place's links are cut before it becomes free. Were that wrong, to go on would lose
/// pushes without a word; the engine ends each of them with an event when this panics.
#[cold]
#[expect(
    clippy::panic,
    reason = "an invariant of this module, see the comment above"
)]
fn nobody() -> ! {
    panic!("a name of a free place")
}

/// Room made when the first value comes.
const FIRST_ROOM: usize = 64;
/// Places kept after a burst: some ten KiB. A handful in tests, so that random histories compact too.
const KEPT_PLACES: usize = if cfg!(test) { 4 } else { 1024 };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_holds_until_its_value_is_removed_and_is_then_given_anew() {
        let mut slab = Slab::default();
        let [a, b, c] = ["a", "b", "c"].map(|value| slab.insert(value));
        assert_eq!(slab.remove(b), "b");
        assert_eq!((slab[a], slab[c], slab.len()), ("a", "c", 2));
        assert_eq!(slab.insert("d"), b);
        slab[b] = "e";
        assert_eq!(slab.ids().collect::<Vec<_>>(), [a, b, c]);
        assert_eq!(slab.into_values().collect::<Vec<_>>(), ["a", "e", "c"]);
    }

    #[test]
    fn compacting_waits_until_most_places_are_free_and_tells_the_new_names() {
        let mut slab = Slab::default();
        let ids: Vec<_> = (0..10_000).map(|n| slab.insert(n)).collect();
        assert!(slab.bytes() <= 10_000 * 5 / 4 * Slab::<usize>::BYTES_EACH);
        for id in &ids[..7_499] {
            slab.remove(*id);
        }
        assert!(slab.compact().is_none());
        slab.remove(ids[7_499]);
        let renamed = slab.compact().unwrap();
        assert_eq!(slab.bytes(), 2_500 * Slab::<usize>::BYTES_EACH);
        assert_eq!(renamed.get(ids[0]), None);
        for (n, old) in ids.iter().enumerate().skip(7_500) {
            assert_eq!(slab[renamed.get(*old).unwrap()], n);
        }
    }

    #[test]
    #[should_panic(expected = "a name of a free place")]
    fn a_name_of_a_free_place_is_never_taken_for_another() {
        let mut slab = Slab::default();
        let id = slab.insert(1);
        slab.remove(id);
        let _ = slab[id];
    }
}
