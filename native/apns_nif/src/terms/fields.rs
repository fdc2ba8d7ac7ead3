//! Reads a map by tables: one line for each key that it may have.

use std::sync::OnceLock;

use rustler::types::atom::Atom;
use rustler::types::map::MapIterator;
use rustler::{OwnedEnv, Term};

/// Keys that a map may have, and what each of them sets in a `T`.
pub(crate) struct Fields<T: 'static> {
    table: &'static [(&'static str, Set<T>)],
    /// The keys as atoms, in the table's order: comparing atoms is comparing integers.
    atoms: OnceLock<Vec<Atom>>,
}

/// Sets one field from a term.
pub(crate) type Set<T> = for<'a> fn(&mut T, Term<'a>) -> Result<(), Wrong<'a>>;

/// Why a value does not fit its key.
pub(crate) enum Wrong<'a> {
    /// It is something else than this.
    Not(&'static str),
    /// The field has a value already.
    Twice,
    /// The key of a map inside it has a wrong value, or is unknown.
    Inside(Term<'a>),
    /// It has at least so many bytes that no payload can hold it.
    TooLarge(usize),
}

/// Why a map cannot be read.
pub(crate) enum Unreadable<'a> {
    /// The term is no map.
    NotAMap,
    /// No table has this key.
    UnknownKey(Term<'a>),
    /// The value of this key is wrong.
    WrongValue(Term<'a>, Wrong<'a>),
}

/// Reads all keys of a map, in no particular order; `set` gives `None` for a key that it does not know.
pub(crate) fn read<'a>(
    map: Term<'a>,
    mut set: impl FnMut(Term<'a>, Term<'a>) -> Option<Result<(), Wrong<'a>>>,
) -> Result<(), Unreadable<'a>> {
    // Most calls have no options, and an iterator is made by the VM.
    if map.map_size().is_ok_and(|keys| keys == 0) {
        return Ok(());
    }
    for (key, value) in MapIterator::new(map).ok_or(Unreadable::NotAMap)? {
        let result = set(key, value).ok_or(Unreadable::UnknownKey(key))?;
        result.map_err(|wrong| Unreadable::WrongValue(key, wrong))?;
    }
    Ok(())
}

impl<T> Fields<T> {
    /// The table's lines: a key and what it sets.
    pub(crate) const fn new(table: &'static [(&'static str, Set<T>)]) -> Self {
        Self {
            table,
            atoms: OnceLock::new(),
        }
    }

    /// Reads a map that has no other keys than these.
    pub(crate) fn read<'a>(&self, map: Term<'a>, into: &mut T) -> Result<(), Unreadable<'a>> {
        read(map, |key, value| self.set(into, key, value))
    }

    /// Sets what the key stands for; `None`: the table has no such key.
    pub(crate) fn set<'a>(
        &self,
        into: &mut T,
        key: Term<'_>,
        value: Term<'a>,
    ) -> Option<Result<(), Wrong<'a>>> {
        let key = Atom::from_term(key).ok()?;
        let line = self.atoms().iter().position(|atom| *atom == key)?;
        self.table.get(line).map(|(_, set)| set(into, value))
    }

    /// The keys in the table's order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.table.iter().map(|(name, _)| *name)
    }

    fn atoms(&self) -> &[Atom] {
        self.atoms.get_or_init(|| {
            let env = OwnedEnv::new();
            env.run(|env| {
                self.names()
                    .flat_map(|name| Atom::from_str(env, name))
                    .collect()
            })
        })
    }
}

impl<'a> Unreadable<'a> {
    /// As the fault of the value that holds this map.
    pub(crate) fn inside(self) -> Wrong<'a> {
        match self {
            Self::NotAMap => Wrong::Not("a map"),
            Self::WrongValue(_, wrong @ (Wrong::Inside(_) | Wrong::TooLarge(_))) => wrong,
            Self::UnknownKey(key) | Self::WrongValue(key, _) => Wrong::Inside(key),
        }
    }
}
