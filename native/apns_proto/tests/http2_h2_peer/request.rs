//! What request number `n` is, and how it is answered.

use apns_proto::http2::HeaderBlock;
use apns_proto::http2::hpack::PreparedLiteral;

pub(crate) fn token(n: u32) -> [u8; 32] {
    let mut token = [0xa5; 32];
    token[..4].copy_from_slice(&n.to_be_bytes());
    token[28..].copy_from_slice(&n.wrapping_mul(2_654_435_761).to_be_bytes());
    token
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A few are longer than a frame may be.
pub(crate) fn body_len(n: u32) -> usize {
    if n % 500 == 123 {
        40_000
    } else {
        (n * 37 % 4_999) as usize
    }
}

pub(crate) fn body(n: u32) -> Vec<u8> {
    (0..body_len(n)).map(|i| (i as u32 + n) as u8).collect()
}

pub(crate) fn expected_headers(n: u32) -> Vec<(&'static str, String)> {
    vec![
        (
            "authorization",
            // Renewed so often that any table is filled with those of before.
            format!(
                "bearer eyJhbGciOiJFUzI1NiJ9.{}{}",
                n / 50,
                "Zm9v_YmFy-".repeat(12)
            ),
        ),
        ("apns-id", format!("{n:08x}-0000-4000-8000-000000000000")),
        ("apns-topic", format!("im.example.chat{}", n % 3)),
        ("apns-push-type", "alert".into()),
        ("apns-expiration", n.to_string()),
        ("apns-collapse-id", format!("~{{\"{n}\"}} \u{e9}")),
        ("x-secret", format!("s{n}")),
    ]
}

pub(crate) fn write_headers(n: u32, block: &mut HeaderBlock<'_>) {
    block.indexed(b":method", b"POST");
    block.indexed(b":scheme", b"https");
    block.indexed(b":authority", b"api.push.apple.com");
    block.literal_hex(b":path", b"/3/device/", &token(n));
    let headers = expected_headers(n);
    let value = |index: usize| headers[index].1.as_bytes();
    if !n.is_multiple_of(3) && block.has_room_for(b"authorization", value(0)) {
        block.indexed(b"authorization", value(0));
    } else {
        block.prepared(&PreparedLiteral::new(b"authorization", value(0)));
    }
    block.indexed_name(b"apns-id", value(1));
    block.indexed(b"apns-topic", value(2));
    block.indexed(b"apns-push-type", value(3));
    block.literal(b"apns-expiration", value(4));
    block.indexed_name(b"apns-collapse-id", value(5));
    block.never_indexed(b"x-secret", value(6));
}

pub(crate) fn status(n: u32) -> u16 {
    if n.is_multiple_of(5) { 410 } else { 200 }
}

pub(crate) fn response_body(n: u32) -> String {
    if status(n) == 200 {
        String::new()
    } else {
        format!(r#"{{"reason":"Unregistered","n":{n}}}"#)
    }
}
