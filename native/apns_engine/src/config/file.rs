//! Reading the files that options name: bounded, and with errors that an operator understands.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use zeroize::Zeroizing;

/// Reads a file of at most `max` bytes.
///
/// # Errors
/// A sentence with the path and what the system says.
pub(crate) fn read(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    read_into(Vec::new(), path, max)
}

/// Reads a file of at most `max` bytes that may hold a key; its bytes are wiped when they go.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_secret(path: &Path, max: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    // Room for all of it from the start: a buffer that grows leaves parts of the key behind in freed memory. The system
    // gives the pages only when they are written to.
    let room = usize::try_from(max).unwrap_or_default() + 1;
    read_into(Vec::with_capacity(room), path, max).map(Zeroizing::new)
}

fn read_into(bytes: Vec<u8>, path: &Path, max: u64) -> Result<Vec<u8>, String> {
    if path.as_os_str().is_empty() {
        return Err("the path is empty: name a file, or leave the option out".to_owned());
    }
    let shown = path.display();
    read_bounded(bytes, path, max).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => {
            format!("cannot read {shown}: {error}; the user that runs the server must be able to read it")
        }
        _ => format!("cannot read {shown}: {error}"),
    })
}

fn read_bounded(mut bytes: Vec<u8>, path: &Path, max: u64) -> io::Result<Vec<u8>> {
    // Asked before opening: to open a pipe is to wait for its writer.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    File::open(path)?.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::Error::other(format!(
            "it has more than the {max} bytes that such a file may have"
        )));
    }
    Ok(bytes)
}

/// The first lines' labels of the PEM sections in a file, for errors that say what a file holds instead of what it
/// should: `CERTIFICATE, PRIVATE KEY`. Empty: it is no PEM.
pub(crate) fn pem_labels(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let labels = text.lines().filter_map(|line| {
        line.trim()
            .strip_prefix("-----BEGIN ")?
            .strip_suffix("-----")
    });
    let legal = |label: &&str| {
        label.len() <= 40
            && label
                .bytes()
                .all(|c| c == b' ' || c.is_ascii_alphanumeric())
    };
    let mut distinct: Vec<&str> = Vec::new();
    for label in labels.filter(legal) {
        if distinct.len() < 5 && !distinct.contains(&label) {
            distinct.push(label);
        }
    }
    distinct.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_into_one_buffer_that_never_grows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        for len in [0, 1, 999, 1000] {
            std::fs::write(&path, vec![b'x'; len]).unwrap();
            let bytes = read_secret(&path, 1000).unwrap();
            assert_eq!((bytes.len(), bytes.capacity()), (len, 1001));
        }
        std::fs::write(&path, vec![b'x'; 1001]).unwrap();
        assert!(read_secret(&path, 1000).is_err());
    }
}
