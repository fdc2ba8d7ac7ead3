//! The dynamic table (RFC 7541 2.3.2, 4): a queue of fields with a bound in bytes.
//!
//! Names and values lie one after the other in one buffer, so that an entry is handed out as a
//! slice and an insertion allocates nothing once the buffer has grown. Evicted bytes stay at the
//! front until they outweigh the bound; then the rest moves down.

use std::fmt;

use super::key::{FieldKeys, Key, Sought};
use super::{FIELD_OVERHEAD, INITIAL_TABLE_SIZE};

/// One side's dynamic table. `Debug` shows its sizes, never a field.
pub(super) struct DynamicTable {
    bytes: Vec<u8>,
    /// Oldest first; those before `oldest` are evicted.
    entries: Vec<Entry>,
    oldest: usize,
    /// Size of the live entries (RFC 7541 4.1), never above `max_size`.
    size: usize,
    /// Size of the evicted entries that still lie at the front.
    evicted_size: usize,
    max_size: usize,
    /// How often its entries or its bound changed, from 1 on.
    changes: u64,
}

struct Entry {
    start: usize,
    keys: FieldKeys,
}

impl Entry {
    const fn name_len(&self) -> usize {
        self.keys.name.len()
    }

    const fn len(&self) -> usize {
        self.name_len() + self.keys.value.len()
    }

    const fn size(&self) -> usize {
        self.len() + FIELD_OVERHEAD
    }
}

impl DynamicTable {
    /// An empty table with the size both sides start from, or `max_size` if that is smaller.
    pub(super) fn new(max_size: u32) -> Self {
        Self {
            bytes: Vec::new(),
            entries: Vec::new(),
            oldest: 0,
            size: 0,
            evicted_size: 0,
            max_size: max_size.min(INITIAL_TABLE_SIZE) as usize,
            changes: 1,
        }
    }

    /// A number that is another one after every change: as long as it stays, so does the index of each field.
    pub(super) const fn changes(&self) -> u64 {
        self.changes
    }

    /// The bound in bytes.
    pub(super) const fn max_size(&self) -> usize {
        self.max_size
    }

    /// Sets the bound in bytes and evicts what no longer fits (RFC 7541 4.3).
    pub(super) fn set_max_size(&mut self, max_size: u32) {
        self.changes += 1;
        self.max_size = max_size as usize;
        self.evict();
        if self.max_size == 0 {
            self.clear();
        }
    }

    /// Drops all entries; the bound stays.
    pub(super) fn clear(&mut self) {
        self.changes += 1;
        self.bytes.clear();
        self.entries.clear();
        self.oldest = 0;
        self.size = 0;
        self.evicted_size = 0;
    }

    /// The field at `position`, where 0 is the newest.
    #[inline]
    pub(super) fn get(&self, position: usize) -> Option<(&[u8], &[u8])> {
        self.live()
            .iter()
            .nth_back(position)
            .map(|entry| self.field(entry))
    }

    /// The position of the newest entry with this field.
    #[inline]
    pub(super) fn find(&self, name: Sought<'_>, value: Sought<'_>) -> Option<usize> {
        self.live().iter().rev().position(|entry| {
            value.is(entry.keys.value, || self.field(entry).1)
                && name.is(entry.keys.name, || self.field(entry).0)
        })
    }

    /// The position of the newest entry with this name.
    #[inline]
    pub(super) fn find_name(&self, name: Sought<'_>) -> Option<usize> {
        let mut newest_first = self.live().iter().rev();
        newest_first.position(|entry| name.is(entry.keys.name, || self.field(entry).0))
    }

    /// Inserts a field. One that is larger than the table empties it (RFC 7541 4.4).
    pub(super) fn insert(&mut self, name: &[u8], value: &[u8]) {
        if self.make_room(name.len(), value.len()) {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(name);
            self.bytes.extend_from_slice(value);
            self.append(start, FieldKeys::of(name, value));
        }
    }

    /// Inserts a field with the name of the entry at `position`, if there is one.
    ///
    /// The new entry may evict the one that it takes its name from (RFC 7541 4.4).
    pub(super) fn insert_with_name_of(&mut self, position: usize, value: &[u8]) {
        let entry = self.live().iter().nth_back(position);
        let Some(name) = entry.map(|entry| entry.keys.name) else {
            return;
        };
        if self.make_room(name.len(), value.len()) {
            // Looked up only now: making room moves the bytes.
            let entry = self.live().iter().nth_back(position);
            let Some(from) = entry.map(|entry| entry.start) else {
                return;
            };
            let start = self.bytes.len();
            self.bytes.extend_from_within(from..from + name.len());
            self.bytes.extend_from_slice(value);
            self.append(
                start,
                FieldKeys {
                    name,
                    value: Key::of(value),
                },
            );
        }
    }

    /// Whether the field can be in the table at all. Moves the live bytes down when it is time,
    /// but evicts nothing yet: the new entry's name may be that of the oldest one.
    fn make_room(&mut self, name_len: usize, value_len: usize) -> bool {
        if name_len + value_len + FIELD_OVERHEAD > self.max_size {
            self.clear();
            return false;
        }
        if self.evicted_size > self.max_size {
            self.compact();
        }
        true
    }

    fn append(&mut self, start: usize, keys: FieldKeys) {
        self.changes += 1;
        let entry = Entry { start, keys };
        self.size += entry.size();
        self.entries.push(entry);
        self.evict();
    }

    fn evict(&mut self) {
        while self.size > self.max_size {
            let Some(entry) = self.entries.get(self.oldest) else {
                break;
            };
            self.size -= entry.size();
            self.evicted_size += entry.size();
            self.oldest += 1;
        }
    }

    fn compact(&mut self) {
        let shift = self
            .live()
            .first()
            .map_or(self.bytes.len(), |entry| entry.start);
        self.bytes.drain(..shift);
        self.entries.drain(..self.oldest);
        for entry in &mut self.entries {
            entry.start -= shift;
        }
        self.oldest = 0;
        self.evicted_size = 0;
    }

    #[inline]
    fn live(&self) -> &[Entry] {
        self.entries.get(self.oldest..).unwrap_or_default()
    }

    #[inline]
    fn field(&self, entry: &Entry) -> (&[u8], &[u8]) {
        let bytes = self.bytes.get(entry.start..entry.start + entry.len());
        bytes
            .unwrap_or_default()
            .split_at_checked(entry.name_len())
            .unwrap_or_default()
    }
}

impl fmt::Debug for DynamicTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicTable")
            .field("entries", &self.live().len())
            .field("size", &self.size)
            .field("max_size", &self.max_size)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Insert(Vec<u8>, Vec<u8>),
        InsertWithNameOf(usize, Vec<u8>),
        SetMaxSize(u32),
        Clear,
    }

    fn step() -> impl Strategy<Value = Step> {
        let string = || prop::collection::vec(any::<u8>(), 0..60);
        prop_oneof![
            8 => (string(), string()).prop_map(|(name, value)| Step::Insert(name, value)),
            4 => (0..12usize, string()).prop_map(|(at, value)| Step::InsertWithNameOf(at, value)),
            1 => (0..600u32).prop_map(Step::SetMaxSize),
            1 => Just(Step::Clear),
        ]
    }

    /// The table as RFC 7541 4 describes it, newest first.
    #[derive(Default)]
    struct Model {
        fields: VecDeque<(Vec<u8>, Vec<u8>)>,
        max_size: usize,
    }

    impl Model {
        fn insert(&mut self, name: Vec<u8>, value: Vec<u8>) {
            self.fields.push_front((name, value));
            self.evict();
        }

        fn evict(&mut self) {
            let size = |field: &(Vec<u8>, Vec<u8>)| field.0.len() + field.1.len() + 32;
            while self.fields.iter().map(size).sum::<usize>() > self.max_size {
                self.fields.pop_back();
            }
        }
    }

    proptest! {
        #[test]
        fn the_table_is_the_standards(steps in prop::collection::vec(step(), 0..100)) {
            let mut table = DynamicTable::new(400);
            let mut model = Model { max_size: 400, ..Model::default() };
            for step in steps {
                match step {
                    Step::Insert(name, value) => {
                        table.insert(&name, &value);
                        model.insert(name, value);
                    }
                    Step::InsertWithNameOf(position, value) => {
                        table.insert_with_name_of(position, &value);
                        if let Some((name, _)) = model.fields.get(position).cloned() {
                            model.insert(name, value);
                        }
                    }
                    Step::SetMaxSize(size) => {
                        table.set_max_size(size);
                        model.max_size = size as usize;
                        model.evict();
                    }
                    Step::Clear => {
                        table.clear();
                        model.fields.clear();
                    }
                }
                for (position, (name, value)) in model.fields.iter().enumerate() {
                    prop_assert_eq!(table.get(position), Some((&name[..], &value[..])));
                    let (name, value) = (Sought::new(name), Sought::new(value));
                    let newest = table.find(name, value).and_then(|found| table.get(found));
                    prop_assert_eq!(newest, Some((name.bytes, value.bytes)));
                    prop_assert!(table.find(name, value) <= Some(position));
                    prop_assert!(table.find_name(name) <= Some(position));
                }
                prop_assert_eq!(table.get(model.fields.len()), None);
                prop_assert!(table.bytes.len() <= 3 * 600, "evicted bytes pile up");
            }
        }
    }
}
