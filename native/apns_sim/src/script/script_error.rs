//! Why a script was not taken.

/// Why a script was not taken: a sentence that names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct ScriptError {
    sentence: String,
    /// It is about something that is not there; everything else in it may be right.
    not_found: bool,
}

impl ScriptError {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
            not_found: false,
        }
    }

    /// A script that names a connection that is not open.
    pub(crate) fn no_connection(number: u64, open: &[u64]) -> Self {
        let open = match open {
            [] => "none is".to_owned(),
            [one] => format!("{one} is"),
            [.., _] => {
                let numbers: Vec<String> = open.iter().map(u64::to_string).collect();
                format!("{} are", numbers.join(", "))
            }
        };
        Self {
            sentence: format!("Connection {number} is not open; {open}."),
            not_found: true,
        }
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.not_found
    }
}
