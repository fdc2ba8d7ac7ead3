//! Cuts the body of an alert, so that its payload fits into Apple's limit.

use super::{Alert, Notification};

/// Cuts the body of a notification whose JSON has `bytes` bytes, so that it has `limit` at most. `false`: it cannot be
/// done, and nothing is changed.
pub(super) fn cut_body(notification: &mut Notification, bytes: usize, limit: usize) -> bool {
    let Some(body) = body_of(notification) else {
        return false;
    };
    let without_body = bytes.saturating_sub(body.chars().map(written_len).sum());
    match limit.checked_sub(without_body) {
        Some(room) => {
            cut(body, room);
            true
        }
        None => false,
    }
}

fn body_of(notification: &mut Notification) -> Option<&mut String> {
    match notification.alert.as_mut()? {
        Alert::Text(body) => Some(body),
        Alert::Dictionary(dictionary) => dictionary.body.as_mut(),
    }
}

/// Leaves as many characters as can be written, with the ellipsis, in `room` bytes.
fn cut(body: &mut String, room: usize) {
    let Some(mut room) = room.checked_sub(ELLIPSIS.len_utf8()) else {
        body.clear();
        return;
    };
    let cut_off = body.char_indices().find(|(_, character)| {
        let len = written_len(*character);
        let fits = len <= room;
        room = room.saturating_sub(len);
        !fits
    });
    if let Some((kept, _)) = cut_off {
        body.truncate(kept);
    }
    body.push(ELLIPSIS);
}

/// Bytes of a character in a JSON string as `serde_json` writes it: escaped only where RFC 8259, 7 asks for it.
const fn written_len(character: char) -> usize {
    match character {
        '"' | '\\' | '\u{8}' | '\t' | '\n' | '\u{c}' | '\r' => 2,
        '\0'..='\u{1f}' => 6,
        _ => character.len_utf8(),
    }
}

/// Says that something is missing here.
const ELLIPSIS: char = '\u{2026}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_the_length_that_serde_json_writes() {
        for character in '\0'..=char::MAX {
            let written = serde_json::to_string(&character).unwrap();
            assert_eq!(
                written_len(character),
                written.len() - 2,
                "{}",
                character.escape_unicode()
            );
        }
    }

    #[test]
    fn a_body_is_cut_between_characters() {
        let cases = [
            ("hello", 0, ""),
            ("hello", 2, ""),
            ("hello", 3, "\u{2026}"),
            ("hello", 5, "he\u{2026}"),
            ("a\nb", 4, "a\u{2026}"),
            ("a\nb", 6, "a\n\u{2026}"),
            ("a\0b", 9, "a\u{2026}"),
            ("größer", 6, "gr\u{2026}"),
            ("größer", 7, "grö\u{2026}"),
            ("\u{1f600}\u{1f600}", 9, "\u{1f600}\u{2026}"),
        ];
        for (body, room, expected) in cases {
            let mut cut_body = body.to_owned();
            cut(&mut cut_body, room);
            assert_eq!(cut_body, expected, "{body:?} in {room}");
        }
    }
}
