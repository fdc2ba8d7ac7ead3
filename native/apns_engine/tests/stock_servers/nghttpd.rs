//! nghttpd, of nghttp2: answers each push with the push's own body, and logs what it decoded.

use std::collections::HashMap;
use std::process::Command;

use super::server::{Server, Site, need};

/// nghttpd, logging every frame.
pub(crate) fn start() -> Server {
    let site = Site::new();
    let mut command = Command::new(need("nghttpd", "nghttp2-server"));
    command.args(["--echo-upload", "--verbose"]);
    // Too small for the fields that repeat, so that entries of HPACK's table go as often as they come.
    command.arg("--header-table-size=256");
    command.arg(format!("--address={}", site.address.ip()));
    command.arg("--htdocs").arg(site.directory());
    command.arg(site.address.port().to_string());
    command.arg(site.key()).arg(site.certificate());
    Server::start(site, &mut command)
}

/// A request as nghttpd decoded it.
#[derive(Debug, Default)]
pub(crate) struct Request<'l> {
    fields: HashMap<&'l str, &'l str>,
    /// Bytes of all its DATA frames.
    pub(crate) body: usize,
}

impl<'l> Request<'l> {
    pub(crate) fn header(&self, name: &str) -> Option<&'l str> {
        self.fields.get(name).copied()
    }
}

/// The requests in nghttpd's log.
pub(crate) fn requests(log: &str) -> impl Iterator<Item = Request<'_>> {
    let mut requests: HashMap<_, Request<'_>> = HashMap::new();
    for (connection, received) in log.lines().filter_map(received) {
        if let Some((stream, field)) = header_field(received) {
            let request = requests.entry((connection, stream)).or_default();
            let name_end = field[1..].find(':').unwrap() + 1; // the first may begin a pseudo-header's name
            request
                .fields
                .insert(&field[..name_end], &field[name_end + 2..]);
        } else if let Some((stream, length)) = data(received) {
            requests.entry((connection, stream)).or_default().body += length;
        }
    }
    requests.into_values()
}

/// `[id=1] [  0.069] recv ...`: the connection, and what was received.
fn received(line: &str) -> Option<(&str, &str)> {
    let (head, received) = line.split_once("] recv ")?;
    Some((head.split_once(']')?.0, received))
}

/// `(stream_id=13) :method: POST`, or `(stream_id=13, sensitive) authorization: ...`: the stream, and the field.
fn header_field(received: &str) -> Option<(&str, &str)> {
    let (about, field) = received.strip_prefix("(stream_id=")?.split_once(") ")?;
    Some((about.split(',').next()?, field))
}

/// `DATA frame <length=19, flags=0x01, stream_id=13>`: the stream, and the length.
fn data(received: &str) -> Option<(&str, usize)> {
    let frame = received.strip_prefix("DATA frame <length=")?;
    let (length, rest) = frame.split_once(", ")?;
    let stream = rest.split_once("stream_id=")?.1.strip_suffix('>')?;
    Some((stream, length.parse().ok()?))
}
