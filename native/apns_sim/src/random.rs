//! Random names: made-up apns-ids, apns-unique-ids and directory names. None is a secret.

use ring::rand::{SecureRandom, SystemRandom};

/// A canonical lower-case UUID, version 4.
pub(crate) fn uuid() -> String {
    let mut bytes = bytes::<16>();
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
    *version = (*version & 0x0f) | 0x40;
    *variant = (*variant & 0x3f) | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        push_hex(&mut text, *byte);
    }
    text
}

/// Sixteen hex digits.
pub(crate) fn name() -> String {
    let mut text = String::with_capacity(16);
    bytes::<8>()
        .iter()
        .for_each(|byte| push_hex(&mut text, *byte));
    text
}

fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without randomness from the system the names repeat, which harms nobody.
    let _ = SystemRandom::new().fill(&mut bytes);
    bytes
}

fn push_hex(text: &mut String, byte: u8) {
    for nibble in [byte >> 4, byte & 0x0f] {
        text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_uuid_is_canonical_and_of_version_4() {
        let uuid = super::uuid();
        assert_eq!(uuid.len(), 36);
        let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]));
        assert_ne!(uuid, super::uuid());
    }
}
