//! Terms that become JSON: binaries, numbers, `true`, `false`, `null`, lists, and maps with binaries
//! or atoms as keys.

use rustler::types::atom::Atom;
use rustler::types::map::MapIterator;
use rustler::{Term, TermType};
use serde_json::{Map, Number, Value};

use super::fields::Wrong;
use super::values::{MAX_BYTES, items, text};

/// A map as a JSON object.
pub(crate) fn object<'a>(term: Term<'a>) -> Result<Map<String, Value>, Wrong<'a>> {
    match (Reader { size: 0, depth: 0 }).value(term)? {
        Value::Object(object) => Ok(object),
        _ => Err(Wrong::Not("a map")),
    }
}

struct Reader {
    /// Bytes that the JSON will have at least.
    size: usize,
    depth: usize,
}

impl Reader {
    fn value<'a>(&mut self, term: Term<'a>) -> Result<Value, Wrong<'a>> {
        // A character, and a comma or a bracket; two brackets for an object or a list.
        self.weigh(2)?;
        match term.get_type() {
            TermType::Binary => Ok(Value::String(self.text(term)?)),
            TermType::Atom => literal(term),
            TermType::Integer | TermType::Float => Ok(Value::Number(number(term)?)),
            TermType::List => self.nested(|reader| reader.list(term)),
            TermType::Map => self.nested(|reader| reader.map(term)),
            _ => Err(Wrong::Not(JSON)),
        }
    }

    fn list<'a>(&mut self, term: Term<'a>) -> Result<Value, Wrong<'a>> {
        let list: Result<Vec<Value>, _> = items(term)
            .map(|item| self.value(item.ok_or(Wrong::Not(JSON))?))
            .collect();
        list.map(Value::Array)
    }

    fn map<'a>(&mut self, term: Term<'a>) -> Result<Value, Wrong<'a>> {
        let mut map = Map::new();
        for (key, value) in MapIterator::new(term).ok_or(Wrong::Not(JSON))? {
            let key = match Atom::from_term(key) {
                Ok(_) => {
                    let key = key.atom_to_string().map_err(|_| Wrong::Not(JSON))?;
                    self.weigh(key.len())?;
                    key
                }
                Err(_) => self.text(key)?,
            };
            let value = self.value(value)?;
            // A key twice, as an atom and as a binary: no reader could tell which one counts.
            if map.insert(key, value).is_some() {
                return Err(Wrong::Twice);
            }
        }
        Ok(Value::Object(map))
    }

    fn text<'a>(&mut self, term: Term<'a>) -> Result<String, Wrong<'a>> {
        let text = text(term)?;
        self.weigh(text.len())?;
        Ok(text.to_owned())
    }

    /// Bounds the depth: this recursion runs on a scheduler's stack.
    fn nested<'a>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Value, Wrong<'a>>,
    ) -> Result<Value, Wrong<'a>> {
        if self.depth == MAX_DEPTH {
            return Err(Wrong::Not("nested less deeply"));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn weigh<'a>(&mut self, bytes: usize) -> Result<(), Wrong<'a>> {
        self.size += bytes;
        if self.size > MAX_BYTES {
            Err(Wrong::TooLarge(self.size))
        } else {
            Ok(())
        }
    }
}

fn literal<'a>(term: Term<'a>) -> Result<Value, Wrong<'a>> {
    match term.atom_to_string().as_deref() {
        Ok("true") => Ok(Value::Bool(true)),
        Ok("false") => Ok(Value::Bool(false)),
        Ok("null") => Ok(Value::Null),
        _ => Err(Wrong::Not(JSON)),
    }
}

fn number<'a>(term: Term<'a>) -> Result<Number, Wrong<'a>> {
    if let Ok(number) = term.decode::<i64>() {
        return Ok(number.into());
    }
    if let Ok(number) = term.decode::<u64>() {
        return Ok(number.into());
    }
    term.decode()
        .ok()
        .and_then(Number::from_f64)
        .ok_or(Wrong::Not(JSON))
}

/// Levels of lists and maps at most.
const MAX_DEPTH: usize = 64;

const JSON: &str = "a term that has a form in JSON";
