//! h2o, whose HTTP/2 is its own; towards servers behind it speaks HTTP/1.1, which nginx takes on to the simulator.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use super::server::{Server, Site, find, need};

/// h2o's program; `None` where Debian has no such package.
pub(crate) fn program() -> Option<PathBuf> {
    let missing_for_good = || find("h2o").is_none() && !packaged();
    (!missing_for_good()).then(|| need("h2o", "h2o"))
}

/// h2o in front of a server that speaks HTTP/1.1.
pub(crate) fn start(program: PathBuf, behind: SocketAddr) -> Server {
    let site = Site::new();
    let file = site.write("h2o.yaml", &configuration(&site, behind));
    let mut command = Command::new(program);
    command.arg("--conf").arg(file);
    Server::start(site, &mut command)
}

/// Whether apt's sources have it. Without apt there is no such package either.
fn packaged() -> bool {
    let listed = Command::new("apt-cache").args(["madison", "h2o"]).output();
    listed.is_ok_and(|listed| !listed.stdout.is_empty())
}

fn configuration(site: &Site, behind: SocketAddr) -> String {
    let user = if site.owner_is_root() {
        "user: root"
    } else {
        ""
    };
    format!(
        r#"
{user}
# The certificate names no place to ask about it.
listen:
  host: {ip}
  port: {port}
  ssl:
    certificate-file: "{certificate}"
    key-file: "{key}"
    ocsp-update-interval: 0
hosts:
  default:
    paths:
      /:
        proxy.reverse.url: "http://{behind}/"
"#,
        ip = site.address.ip(),
        port = site.address.port(),
        certificate = site.certificate().display(),
        key = site.key().display(),
    )
}
