//! The directory with what a provider needs to meet this simulator: CA, signing key, client certificates.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::random;
use crate::start_error::StartError;

/// The directory, removed with this value when it was made by it.
#[derive(Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
    private: bool,
}

impl StateDir {
    /// Opens `path`, made when missing, or makes a private temporary directory.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, StartError> {
        let private = path.is_none();
        let path = path.map_or_else(temporary, Path::to_path_buf);
        let made = DirBuilder::new()
            .mode(OWNER_ONLY_DIR)
            .recursive(!private)
            .create(&path);
        made.map_err(|source| StartError::StateDir {
            path: path.clone(),
            source,
        })?;
        // Providers are told this path, and may run elsewhere.
        let path =
            fs::canonicalize(&path).map_err(|source| StartError::StateDir { path, source })?;
        Ok(Self { path, private })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The file's text; `None` when there is no such file.
    pub(crate) fn read(&self, name: &str) -> Result<Option<String>, StartError> {
        match fs::read_to_string(self.file(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StartError::StateDir {
                path: self.file(name),
                source,
            }),
        }
    }

    /// Writes a file that only its owner may read: most of them hold a key.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), StartError> {
        let path = self.file(name);
        let opened = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(OWNER_ONLY_FILE)
            .open(&path);
        opened
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|source| StartError::StateDir { path, source })
    }
}

impl Drop for StateDir {
    fn drop(&mut self) {
        if self.private {
            // Nothing more can be done at the end; the keys in it are worth nothing.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn temporary() -> PathBuf {
    std::env::temp_dir().join(format!(
        "apns_sim-{}-{}",
        std::process::id(),
        random::name()
    ))
}

const OWNER_ONLY_DIR: u32 = 0o700;
const OWNER_ONLY_FILE: u32 = 0o600;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_temporary_directory_is_private_and_goes_with_its_value() {
        let dir = StateDir::open(None).unwrap();
        dir.write("key", "secret").unwrap();
        let path = dir.path.clone();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            OWNER_ONLY_DIR
        );
        assert_eq!(
            fs::metadata(path.join("key")).unwrap().permissions().mode() & 0o777,
            OWNER_ONLY_FILE
        );
        drop(dir);
        assert!(!path.exists());
    }

    #[test]
    fn a_given_directory_stays() {
        let parent = StateDir::open(None).unwrap();
        let path = parent.path.join("a/b");
        let dir = StateDir::open(Some(&path)).unwrap();
        assert_eq!(dir.read("nothing").unwrap(), None);
        dir.write("file", "text").unwrap();
        drop(dir);
        assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "text");
    }
}
