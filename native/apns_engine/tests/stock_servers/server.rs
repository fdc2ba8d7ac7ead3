//! A stock server as a child process: an address and a directory of its own, gone with the test that wanted it.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use super::support::PATIENCE;

/// Where a server is to run, with a certificate for there.
pub(crate) struct Site {
    directory: TempDir,
    ip: Ipv4Addr,
    /// Where it speaks HTTP/2 over TLS.
    pub(crate) address: SocketAddr,
}

impl Site {
    pub(crate) fn new() -> Self {
        let ip = unused_loopback();
        let site = Self {
            directory: TempDir::new().unwrap(),
            ip,
            address: free_port(ip),
        };
        // Signed by itself, so it is also the root that a client trusts.
        let own = rcgen::generate_simple_self_signed([ip.to_string()]).unwrap();
        site.write("certificate.pem", &own.cert.pem());
        site.write("key.pem", &own.signing_key.serialize_pem());
        site
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.path("certificate.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.path("key.pem")
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A second address, for what the engine does not talk to.
    pub(crate) fn another_address(&self) -> SocketAddr {
        free_port(self.ip)
    }

    /// Servers give up root when they are told no user, and could not read their own files then.
    pub(crate) fn owner_is_root(&self) -> bool {
        fs::metadata(self.directory()).unwrap().uid() == 0
    }
}

/// A running server, killed when dropped. When that happens in a panic, it has its say first.
pub(crate) struct Server {
    child: Child,
    pub(crate) site: Site,
}

impl Server {
    /// Starts it; when this returns, it listens.
    pub(crate) fn start(site: Site, command: &mut Command) -> Self {
        let log = File::create(site.path(LOG)).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut server = Self { child, site };
        server.wait_until_it_listens();
        server
    }

    /// What it wrote to stdout and stderr.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.site.path(LOG)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn wait_until_it_listens(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(self.site.address).is_err() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the server ended before it listened: {status}");
            }
            assert!(Instant::now() < deadline, "the server does not listen");
            std::thread::yield_now();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
            eprintln!("the server's last words:\n{}", last.join("\n"));
        }
    }
}

/// Finds a program. Debian has servers where the PATH of ordinary users does not lead.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

/// Finds a program that has to be there.
pub(crate) fn need(program: &str, package: &str) -> PathBuf {
    find(program).unwrap_or_else(|| {
        panic!("{program} is not installed; it is in Debian's package {package}, which `make setup` installs")
    })
}

/// An address that nobody else listens on or connects from, so that a port that was free a moment ago still is.
fn unused_loopback() -> Ipv4Addr {
    let byte = || fastrand::u8(1..=254);
    Ipv4Addr::new(127, byte(), byte(), byte())
}

fn free_port(ip: Ipv4Addr) -> SocketAddr {
    let listener = TcpListener::bind((ip, 0)).unwrap();
    listener.local_addr().unwrap()
}

const LOG: &str = "output.log";
const LAST_LINES: usize = 20;
