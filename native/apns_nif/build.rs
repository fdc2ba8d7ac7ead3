//! Gives the library its build id, and keeps it in memory once loaded.
//!
//! The build id is the version and a hash of all sources that the library is made of: the same
//! sources give the same id on every machine. `apns_nif.erl` is compiled with the id of the library
//! it belongs to (`tools/build` reads it from the library), and the library refuses any other.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What the library is made of, from the workspace's folder.
const SOURCES: [&str; 5] = [
    "Cargo.lock",
    "Cargo.toml",
    "native/apns_proto",
    "native/apns_engine",
    "native/apns_nif",
];

fn main() -> io::Result<()> {
    // A purged module would have its library unmapped under the engine threads that run in it.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");

    let folder = env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?;
    let workspace = Path::new(&folder).join("../..");
    let mut files = Vec::new();
    for source in SOURCES {
        println!(
            "cargo::rerun-if-changed={}",
            workspace.join(source).display()
        );
        collect(&workspace.join(source), &mut files)?;
    }
    // The order in which a file system lists files is nobody's promise.
    files.sort();

    let mut hash = Fnv::new();
    for file in files {
        // The path counts as it is in the repository, wherever that has been cloned to.
        hash.update(
            file.strip_prefix(&workspace)
                .unwrap_or(&file)
                .to_string_lossy()
                .as_bytes(),
        );
        hash.update(&fs::read(&file)?);
    }
    println!(
        "cargo::rustc-env=APNS_NIF_BUILD_ID={}-{:016x}",
        env!("CARGO_PKG_VERSION"),
        hash.0
    );
    Ok(())
}

/// Files below `path`, without tests, which are not part of the library.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name() != "tests" {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}

/// FNV-1a, 64 bits. It tells builds apart and guards against nothing else; the standard library's
/// hashers may differ from one Rust to the next.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
