//! One request as it arrived, and the look-ups the judge and the journal share.

use bytes::Bytes;
use http::{HeaderMap, Method};

/// A request with its whole body, or with as much of it as the simulator takes.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What a request's path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// `/3/device/` and one segment, of whatever shape.
    Device(&'a str),
    /// `/3/device/` with nothing behind.
    NoDevice,
    /// Anything else.
    Unknown,
}

impl Request {
    pub(crate) fn new<B>(request: http::Request<B>, body: Bytes) -> Self {
        let (head, _) = request.into_parts();
        let path = head
            .uri
            .path_and_query()
            .map_or_else(String::new, ToString::to_string);
        Self {
            method: head.method,
            path,
            headers: head.headers,
            body,
        }
    }

    pub(crate) fn without_body<B>(request: http::Request<B>) -> Self {
        Self::new(request, Bytes::new())
    }

    pub(crate) fn target(&self) -> Target<'_> {
        target(&self.path)
    }

    pub(crate) fn device_token(&self) -> Option<String> {
        device_token(&self.path)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.get(name).map(http::HeaderValue::as_bytes)
    }

    /// The `apns-id`, when it is one that Apple would echo.
    pub(crate) fn apns_id(&self) -> Option<&str> {
        self.headers
            .get("apns-id")?
            .to_str()
            .ok()
            .filter(|id| is_uuid(id))
    }
}

pub(crate) fn target(path: &str) -> Target<'_> {
    match path.strip_prefix(PATH_PREFIX) {
        Some("") => Target::NoDevice,
        Some(token) if !token.contains(['/', '?']) => Target::Device(token),
        None if PATH_PREFIX.strip_suffix('/') == Some(path) => Target::NoDevice,
        _ => Target::Unknown,
    }
}

/// The device token in a path, in lower case, as tokens are compared; `None` when its shape is none.
pub(crate) fn device_token(path: &str) -> Option<String> {
    match target(path) {
        Target::Device(token) if is_device_token(token) => Some(token.to_ascii_lowercase()),
        _ => None,
    }
}

/// Whether `token` is hex of 1 to 100 whole bytes. Apple says the length varies; today it is 32 bytes.
pub(crate) fn is_device_token(token: &str) -> bool {
    (2..=2 * MAX_TOKEN_BYTES).contains(&token.len())
        && token.len().is_multiple_of(2)
        && token.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// Whether `id` is a UUID in the canonical form 8-4-4-4-12, in either case.
pub(crate) fn is_uuid(id: &str) -> bool {
    id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The first eight characters of a device token or path, all that a log may show.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(8).collect()
}

const PATH_PREFIX: &str = "/3/device/";
const MAX_TOKEN_BYTES: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_device_no_device_or_nothing() {
        for (path, expected) in [
            ("/3/device/aa", Target::Device("aa")),
            ("/3/device/zz", Target::Device("zz")),
            ("/3/device/", Target::NoDevice),
            ("/3/device", Target::NoDevice),
            ("/3/device/aa/bb", Target::Unknown),
            ("/3/device/aa?x=1", Target::Unknown),
            ("/2/device/aa", Target::Unknown),
            ("/", Target::Unknown),
        ] {
            assert_eq!(target(path), expected, "{path}");
        }
    }

    #[test]
    fn a_device_token_is_hex_of_1_to_100_whole_bytes() {
        for good in ["aa", "AAff", &"ab".repeat(32), &"ab".repeat(100)] {
            assert!(is_device_token(good), "{good}");
        }
        for bad in ["", "a", "abc", "zz", "aa ", &"ab".repeat(101)] {
            assert!(!is_device_token(bad), "{bad}");
        }
    }

    #[test]
    fn an_apns_id_is_a_canonical_uuid() {
        assert!(is_uuid("01234567-89ab-cdef-0123-456789ABCDEF"));
        assert!(!is_uuid("0123456789abcdef0123456789abcdef"));
        assert!(!is_uuid("01234567-89ab-cdef-0123-456789abcdeg"));
        assert!(!is_uuid("01234567-89ab-cdef-0123-456789abcde"));
    }
}
