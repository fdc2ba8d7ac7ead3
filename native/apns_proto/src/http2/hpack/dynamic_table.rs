//! The dynamic table (RFC 7541 2.3.2, 4): a queue of fields with a bound in bytes.
//!
//! Names and values lie one after the other in one buffer, so that an entry is handed out as a
//! slice and an insertion allocates nothing once the buffer has grown. Evicted bytes stay at the
//! front until they outweigh the bound; then the rest moves down.

use super::{FIELD_OVERHEAD, INITIAL_TABLE_SIZE};

/// One side's dynamic table.
#[derive(Debug)]
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
}

/// What the encoder's search compares before it compares bytes; the decoder leaves it zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) name: u32,
    pub(super) field: u32,
}

#[derive(Debug)]
struct Entry {
    start: usize,
    name_len: usize,
    value_len: usize,
    marks: Marks,
}

impl Entry {
    const fn size(&self) -> usize {
        self.name_len + self.value_len + FIELD_OVERHEAD
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
        }
    }

    /// The bound in bytes.
    pub(super) const fn max_size(&self) -> usize {
        self.max_size
    }

    /// Sets the bound in bytes and evicts what no longer fits (RFC 7541 4.3).
    pub(super) fn set_max_size(&mut self, max_size: u32) {
        self.max_size = max_size as usize;
        self.evict();
        if self.max_size == 0 {
            self.clear();
        }
    }

    /// Drops all entries; the bound stays.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        self.oldest = 0;
        self.size = 0;
        self.evicted_size = 0;
    }

    /// The field at `position`, where 0 is the newest.
    #[inline]
    pub(super) fn get(&self, position: usize) -> Option<(&[u8], &[u8])> {
        self.field(self.live().iter().nth_back(position)?)
    }

    /// The position of the newest entry with this field.
    #[inline]
    pub(super) fn find(&self, mark: u32, name: &[u8], value: &[u8]) -> Option<usize> {
        self.live()
            .iter()
            .rev()
            .position(|entry| entry.marks.field == mark && self.field(entry) == Some((name, value)))
    }

    /// The position of the newest entry with this name.
    #[inline]
    pub(super) fn find_name(&self, mark: u32, name: &[u8]) -> Option<usize> {
        self.live().iter().rev().position(|entry| {
            entry.marks.name == mark && self.field(entry).is_some_and(|(found, _)| found == name)
        })
    }

    /// Inserts a field. One that is larger than the table empties it (RFC 7541 4.4).
    pub(super) fn insert(&mut self, marks: Marks, name: &[u8], value: &[u8]) {
        if self.make_room(name.len(), value.len()) {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(name);
            self.append(marks, start, name.len(), value);
        }
    }

    /// Inserts a field with the name of the entry at `position`, if there is one.
    ///
    /// The new entry may evict the one that it takes its name from (RFC 7541 4.4).
    pub(super) fn insert_with_name_of(&mut self, position: usize, marks: Marks, value: &[u8]) {
        let Some(name_len) = self
            .live()
            .iter()
            .nth_back(position)
            .map(|entry| entry.name_len)
        else {
            return;
        };
        if self.make_room(name_len, value.len()) {
            // Looked up only now: making room moves the bytes.
            let Some(from) = self
                .live()
                .iter()
                .nth_back(position)
                .map(|entry| entry.start)
            else {
                return;
            };
            let start = self.bytes.len();
            self.bytes.extend_from_within(from..from + name_len);
            self.append(marks, start, name_len, value);
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

    fn append(&mut self, marks: Marks, start: usize, name_len: usize, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        let entry = Entry {
            start,
            name_len,
            value_len: value.len(),
            marks,
        };
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
    fn field(&self, entry: &Entry) -> Option<(&[u8], &[u8])> {
        let end = entry.start + entry.name_len + entry.value_len;
        self.bytes
            .get(entry.start..end)?
            .split_at_checked(entry.name_len)
    }
}
