//! One field section of a response: checked as RFC 9113 section 8 asks, and passed on to the stream's handler.

use super::ResponseHandler;
use super::slots::Phase;

/// Takes in the fields of one section as they are decoded. After the first fault nothing more is passed on.
pub(crate) struct FieldSection<'a, R> {
    handler: &'a mut R,
    phase: Phase,
    status: Option<u16>,
    regular_seen: bool,
    content_length: Option<u64>,
    fault: Option<&'static str>,
}

/// What a section without a fault was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// An interim response, to be skipped.
    Interim,
    /// The final response, and the body length it promises, if any.
    Final(Option<u64>),
    /// The fields behind the body.
    Trailers,
}

impl<'a, R: ResponseHandler> FieldSection<'a, R> {
    pub(crate) const fn new(phase: Phase, handler: &'a mut R) -> Self {
        Self {
            handler,
            phase,
            status: None,
            regular_seen: false,
            content_length: None,
            fault: None,
        }
    }

    pub(crate) fn field(&mut self, name: &[u8], value: &[u8]) {
        if self.fault.is_none()
            && let Err(fault) = self.check(name, value)
        {
            self.fault = Some(fault);
        }
    }

    /// The section is complete. An error says what makes the response malformed (section 8.1.1).
    pub(crate) fn finish(self, end_stream: bool) -> Result<Section, &'static str> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        match (self.phase, self.status) {
            (Phase::Body, _) if !end_stream => Err("trailers do not end the stream"),
            (Phase::Body, _) => Ok(Section::Trailers),
            (Phase::AwaitingHeaders, None) => Err("no :status"),
            // Section 8.6: HTTP/2 has no upgrade.
            (Phase::AwaitingHeaders, Some(101)) => Err("status 101"),
            (Phase::AwaitingHeaders, Some(100..200)) if end_stream => {
                Err("an interim response ends the stream")
            }
            (Phase::AwaitingHeaders, Some(100..200)) => Ok(Section::Interim),
            // A 304 has the length that a 200 would have had (RFC 9110 section 8.6).
            (Phase::AwaitingHeaders, Some(304)) => Ok(Section::Final(None)),
            (Phase::AwaitingHeaders, Some(_)) => Ok(Section::Final(self.content_length)),
        }
    }

    fn check(&mut self, name: &[u8], value: &[u8]) -> Result<(), &'static str> {
        if let Some(pseudo) = name.strip_prefix(b":") {
            return self.pseudo_header(pseudo, value);
        }
        self.regular_seen = true;
        check_name(name)?;
        check_value(value)?;
        match self.phase {
            Phase::Body => self.handler.trailer(name, value),
            Phase::AwaitingHeaders => {
                let status = self.status.ok_or("no :status before the first field")?;
                if status >= 200 {
                    if name == b"content-length" {
                        self.content_length(value)?;
                    }
                    self.handler.header(name, value);
                }
            }
        }
        Ok(())
    }

    fn pseudo_header(&mut self, name: &[u8], value: &[u8]) -> Result<(), &'static str> {
        if self.regular_seen {
            return Err("a pseudo-header behind other fields");
        }
        if self.phase == Phase::Body {
            return Err("a pseudo-header in trailers");
        }
        if name != b"status" {
            return Err("a pseudo-header other than :status");
        }
        if self.status.is_some() {
            return Err(":status given twice");
        }
        let status = parse_status(value).ok_or(":status is not three digits from 100")?;
        self.status = Some(status);
        if status >= 200 {
            self.handler.status(status);
        }
        Ok(())
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), &'static str> {
        let length = parse_length(value).ok_or("content-length is not a number")?;
        match self.content_length.replace(length) {
            Some(other) if other != length => Err("two different content-lengths"),
            _ => Ok(()),
        }
    }
}

fn parse_status(value: &[u8]) -> Option<u16> {
    let digits: &[u8; 3] = value.try_into().ok()?;
    let mut status = 0;
    for digit in digits {
        status = status * 10 + u16::from(digit.is_ascii_digit().then(|| digit - b'0')?);
    }
    (status >= 100).then_some(status)
}

fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |length, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        length.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Section 8.2.1 for names, and section 8.2.2: fields that belong to an HTTP/1.1 connection.
fn check_name(name: &[u8]) -> Result<(), &'static str> {
    let illegal = |byte: &u8| matches!(byte, 0..=0x20 | b'A'..=b'Z' | b':' | 0x7f..);
    if name.is_empty() || name.iter().any(illegal) {
        return Err("an illegal field name");
    }
    match name {
        b"connection" | b"proxy-connection" | b"keep-alive" | b"transfer-encoding" | b"upgrade" => {
            Err("a field of HTTP/1.1 connections")
        }
        _ => Ok(()),
    }
}

/// Section 8.2.1 for values.
fn check_value(value: &[u8]) -> Result<(), &'static str> {
    let blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    // Folded, not searched: without an early exit the loop is vectorised, and illegal values are rare.
    let illegal = value
        .iter()
        .fold(false, |any, byte| any | matches!(byte, 0 | b'\n' | b'\r'));
    if illegal || blank(value.first()) || blank(value.last()) {
        return Err("an illegal field value");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(Vec<String>);

    impl ResponseHandler for Seen {
        fn status(&mut self, status: u16) {
            self.0.push(status.to_string());
        }
        fn header(&mut self, name: &[u8], value: &[u8]) {
            self.0
                .push(format!("{}={}", name.escape_ascii(), value.escape_ascii()));
        }
        fn body(&mut self, _: &[u8]) {}
        fn trailer(&mut self, name: &[u8], value: &[u8]) {
            self.0
                .push(format!("{}~{}", name.escape_ascii(), value.escape_ascii()));
        }
    }

    fn section(
        phase: Phase,
        end_stream: bool,
        fields: &[(&str, &str)],
    ) -> (Result<Section, &'static str>, String) {
        let mut seen = Seen::default();
        let mut section = FieldSection::new(phase, &mut seen);
        for (name, value) in fields {
            section.field(name.as_bytes(), value.as_bytes());
        }
        let result = section.finish(end_stream);
        (result, seen.0.join(" "))
    }

    #[test]
    fn a_final_response_passes_its_fields_on_in_order() {
        let fields = [
            (":status", "410"),
            ("apns-id", "x"),
            ("content-length", "12"),
        ];
        let (result, seen) = section(Phase::AwaitingHeaders, false, &fields);
        assert_eq!(result, Ok(Section::Final(Some(12))));
        assert_eq!(seen, "410 apns-id=x content-length=12");
    }

    #[test]
    fn an_interim_response_is_skipped_whole() {
        let fields = [(":status", "103"), ("link", "x")];
        let (result, seen) = section(Phase::AwaitingHeaders, false, &fields);
        assert_eq!((result, seen.as_str()), (Ok(Section::Interim), ""));
    }

    #[test]
    fn trailers_are_told_apart_and_end_the_stream() {
        let (result, seen) = section(Phase::Body, true, &[("a", "b")]);
        assert_eq!((result, seen.as_str()), (Ok(Section::Trailers), "a~b"));
        assert!(section(Phase::Body, false, &[("a", "b")]).0.is_err());
    }

    #[test]
    fn malformed_header_sections_are_refused() {
        for fields in [
            &[][..],
            &[("a", "b")],
            &[("a", "b"), (":status", "200")],
            &[(":status", "200"), (":status", "200")],
            &[(":status", "200"), (":path", "/")],
            &[(":status", "20")],
            &[(":status", "0200")],
            &[(":status", "2x0")],
            &[(":status", "099")],
            &[(":status", "101")],
            &[(":status", "200"), ("", "b")],
            &[(":status", "200"), ("A", "b")],
            &[(":status", "200"), ("a b", "b")],
            &[(":status", "200"), ("a:b", "b")],
            &[(":status", "200"), ("a\x7f", "b")],
            &[(":status", "200"), ("a", " b")],
            &[(":status", "200"), ("a", "b\t")],
            &[(":status", "200"), ("a", "b\nc")],
            &[(":status", "200"), ("a", "b\rc")],
            &[(":status", "200"), ("a", "b\0c")],
            &[(":status", "200"), ("connection", "close")],
            &[(":status", "200"), ("transfer-encoding", "chunked")],
            &[(":status", "200"), ("content-length", "")],
            &[(":status", "200"), ("content-length", "+1")],
            &[
                (":status", "200"),
                ("content-length", "99999999999999999999"),
            ],
            &[
                (":status", "200"),
                ("content-length", "1"),
                ("content-length", "2"),
            ],
        ] {
            assert!(
                section(Phase::AwaitingHeaders, false, fields).0.is_err(),
                "{fields:?}"
            );
        }
        assert!(
            section(Phase::AwaitingHeaders, true, &[(":status", "100")])
                .0
                .is_err()
        );
        assert!(section(Phase::Body, true, &[(":status", "200")]).0.is_err());
    }

    #[test]
    fn a_304_promises_no_body() {
        let fields = [(":status", "304"), ("content-length", "12")];
        let (result, _) = section(Phase::AwaitingHeaders, true, &fields);
        assert_eq!(result, Ok(Section::Final(None)));
    }
}
