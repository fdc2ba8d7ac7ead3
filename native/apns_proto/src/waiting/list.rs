//! Lists threaded through the values of a [`Slab`]: a value leaves the middle at the cost of two neighbours.

use std::marker::PhantomData;

use super::slab::{Id, Renamed, Slab};

/// A value's neighbours in one list.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Links {
    prev: Option<Id>,
    next: Option<Id>,
}

impl Links {
    pub(super) fn rename(&mut self, renamed: &Renamed) {
        renamed.apply(&mut self.prev);
        renamed.apply(&mut self.next);
    }
}

/// Has a place in one list of kind `K`.
pub(super) trait Linked<K> {
    fn links(&self) -> &Links;
    fn links_mut(&mut self) -> &mut Links;
}

/// A list of kind `K`.
#[derive(Debug)]
pub(super) struct List<K> {
    head: Option<Id>,
    tail: Option<Id>,
    len: usize,
    kind: PhantomData<K>,
}

impl<K> Default for List<K> {
    fn default() -> Self {
        Self {
            head: None,
            tail: None,
            len: 0,
            kind: PhantomData,
        }
    }
}

impl<K> List<K> {
    pub(super) const fn head(&self) -> Option<Id> {
        self.head
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push_back<V: Linked<K>>(&mut self, slab: &mut Slab<V>, id: Id) {
        self.insert_before(slab, None, id);
    }

    pub(super) fn push_front<V: Linked<K>>(&mut self, slab: &mut Slab<V>, id: Id) {
        self.insert_before(slab, self.head, id);
    }

    /// Inserts before `next`, or at the end.
    pub(super) fn insert_before<V: Linked<K>>(
        &mut self,
        slab: &mut Slab<V>,
        next: Option<Id>,
        id: Id,
    ) {
        let prev = match next {
            Some(next) => slab[next].links().prev,
            None => self.tail,
        };
        *slab[id].links_mut() = Links { prev, next };
        *self.after(slab, prev) = Some(id);
        *self.before(slab, next) = Some(id);
        self.len += 1;
    }

    /// Takes a member out.
    pub(super) fn unlink<V: Linked<K>>(&mut self, slab: &mut Slab<V>, id: Id) {
        let Links { prev, next } = std::mem::take(slab[id].links_mut());
        *self.after(slab, prev) = next;
        *self.before(slab, next) = prev;
        self.len = self.len.saturating_sub(1);
    }

    /// The members, first to last.
    pub(super) fn iter<'s, V: Linked<K>>(
        &self,
        slab: &'s Slab<V>,
    ) -> impl Iterator<Item = Id> + use<'s, K, V> {
        std::iter::successors(self.head, |id| slab[*id].links().next)
    }

    pub(super) fn rename(&mut self, renamed: &Renamed) {
        renamed.apply(&mut self.head);
        renamed.apply(&mut self.tail);
    }

    /// The link that leads on from `prev`; the list's head is the one before the first.
    fn after<'l, V: Linked<K>>(
        &'l mut self,
        slab: &'l mut Slab<V>,
        prev: Option<Id>,
    ) -> &'l mut Option<Id> {
        match prev {
            Some(prev) => &mut slab[prev].links_mut().next,
            None => &mut self.head,
        }
    }

    /// The link that leads back from `next`.
    fn before<'l, V: Linked<K>>(
        &'l mut self,
        slab: &'l mut Slab<V>,
        next: Option<Id>,
    ) -> &'l mut Option<Id> {
        match next {
            Some(next) => &mut slab[next].links_mut().prev,
            None => &mut self.tail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Kind;

    struct Value(char, Links);

    impl Linked<Kind> for Value {
        fn links(&self) -> &Links {
            &self.1
        }

        fn links_mut(&mut self) -> &mut Links {
            &mut self.1
        }
    }

    fn text(list: &List<Kind>, slab: &Slab<Value>) -> String {
        list.iter(slab).map(|id| slab[id].0).collect()
    }

    #[test]
    fn members_come_and_go_at_both_ends_and_in_the_middle() {
        let mut slab = Slab::default();
        let mut list = List::default();
        let [a, b, c, d] = ['a', 'b', 'c', 'd'].map(|c| slab.insert(Value(c, Links::default())));
        list.push_back(&mut slab, b);
        list.push_back(&mut slab, d);
        list.push_front(&mut slab, a);
        list.insert_before(&mut slab, Some(d), c);
        assert_eq!(text(&list, &slab), "abcd");
        assert_eq!(list.len(), 4);
        list.unlink(&mut slab, c);
        assert_eq!(text(&list, &slab), "abd");
        list.unlink(&mut slab, a);
        list.unlink(&mut slab, d);
        assert_eq!(text(&list, &slab), "b");
        list.push_back(&mut slab, a);
        assert_eq!(text(&list, &slab), "ba");
        list.unlink(&mut slab, b);
        list.unlink(&mut slab, a);
        assert!(list.is_empty() && list.tail.is_none());
        assert_eq!(list.len(), 0);
    }
}
