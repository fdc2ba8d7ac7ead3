//! The static table (RFC 7541 Appendix A) and the search in it.

use super::key::{FieldKeys, Key, Sought};

/// Number of entries; the dynamic table's indices follow it (RFC 7541 2.3.3).
pub(super) const LEN: usize = 61;

/// The entry at `index`, which starts at 1.
#[inline]
pub(super) fn get(index: usize) -> Option<(&'static [u8], &'static [u8])> {
    ENTRIES.get(index.checked_sub(1)?).copied()
}

/// What the table has for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    /// The entry with this index has name and value.
    Field(usize),
    /// The entry with this index, the lowest one, has the name.
    Name(usize),
}

/// Looks for the field, or else for the name alone.
#[inline]
pub(super) fn find(name: Sought<'_>, value: Sought<'_>) -> Option<Match> {
    let first = find_name(name)?;
    // Entries with the same name are neighbours.
    let mut index = first;
    while let Some(entry) = KEYS.get(index - 1)
        && entry.name == name.key
    {
        if value.is(entry.value, || get(index).map_or(&[], |field| field.1)) {
            return Some(Match::Field(index));
        }
        index += 1;
    }
    Some(Match::Name(first))
}

/// The lowest index with this name.
#[inline]
pub(super) fn find_name(name: Sought<'_>) -> Option<usize> {
    let mut slot = name.key.hash() % SLOTS;
    loop {
        // The array is never full, so an empty slot ends the search.
        let index = usize::from(*NAMES.get(slot)?);
        let entry = KEYS.get(index.checked_sub(1)?)?;
        if name.is(entry.name, || get(index).map_or(&[], |field| field.0)) {
            return Some(index);
        }
        slot = (slot + 1) % SLOTS;
    }
}

/// The keys of each entry. No two names of the table have the same.
#[expect(
    clippy::indexing_slicing,
    reason = "const: an index out of bounds fails the build"
)]
static KEYS: [FieldKeys; LEN] = {
    let mut keys = [FieldKeys::of(b"", b""); LEN];
    let mut entry = 0;
    while entry < LEN {
        let (name, value) = ENTRIES[entry];
        keys[entry] = FieldKeys::of(name, value);
        entry += 1;
    }
    keys
};

/// A power of two, and more than twice the 52 names, so that a search ends soon.
const SLOTS: usize = 128;

/// Open addressing by the name's key: the lowest index of the name, or 0 for empty.
#[expect(
    clippy::indexing_slicing,
    reason = "const: an index out of bounds fails the build"
)]
static NAMES: [u8; SLOTS] = {
    let mut names = [0; SLOTS];
    let mut index = 1;
    while index <= LEN {
        let name = ENTRIES[index - 1].0;
        if index == 1 || !same(name, ENTRIES[index - 2].0) {
            let mut slot = Key::of(name).hash() % SLOTS;
            while names[slot] != 0 {
                slot = (slot + 1) % SLOTS;
            }
            names[slot] = index as u8;
        }
        index += 1;
    }
    names
};

const fn same(a: &[u8], b: &[u8]) -> bool {
    match (a, b) {
        ([], []) => true,
        ([x, a @ ..], [y, b @ ..]) => *x == *y && same(a, b),
        _ => false,
    }
}

const ENTRIES: [(&[u8], &[u8]); LEN] = [
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_by_field_and_by_name() {
        for index in 1..=LEN {
            let (name, value) = get(index).unwrap();
            let (name, value) = (Sought::new(name), Sought::new(value));
            assert_eq!(find(name, value), Some(Match::Field(index)));
            let lowest = (1..=LEN)
                .find(|&i| get(i).unwrap().0 == name.bytes)
                .unwrap();
            assert_eq!(find_name(name), Some(lowest));
            assert_eq!(
                find(name, Sought::new(b"no such value")),
                Some(Match::Name(lowest))
            );
        }
    }

    #[test]
    fn other_names_are_not_found() {
        for name in [
            &b""[..],
            b"apns-id",
            b"apns-topic",
            b":Path",
            b"x",
            b"accept-",
        ] {
            assert_eq!(find(Sought::new(name), Sought::new(b"")), None);
        }
        assert_eq!(get(0), None);
        assert_eq!(get(LEN + 1), None);
    }
}
