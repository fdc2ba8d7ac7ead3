//! nginx between the engine and the simulator: HTTP/2 over TLS on both sides, by code that is neither's.
//!
//! `grpc_pass` is nginx's HTTP/2 client. What it sends on, nginx has decoded (frames, HPACK, flow control) and
//! encoded anew, so what stands in the simulator's journal is what nginx understood.

use std::fmt::Write;
use std::net::SocketAddr;
use std::process::Command;

use apns_sim::Simulator;

use super::server::{Server, Site, need};

/// A running nginx.
pub(crate) struct Nginx {
    pub(crate) server: Server,
    /// Where it takes HTTP/1.1 without TLS, for servers that speak nothing newer to those behind them.
    pub(crate) http1: SocketAddr,
}

impl Nginx {
    /// nginx in front of the simulator; `directives` are added to the server the engine talks to.
    pub(crate) fn start(simulator: &Simulator, directives: &str) -> Self {
        let site = Site::new();
        let http1 = site.another_address();
        let configuration = configuration(&site, http1, simulator, directives);
        let file = site.write("nginx.conf", &configuration);
        let mut command = Command::new(need("nginx", "nginx"));
        command.arg("-c").arg(file);
        command.arg("-p").arg(site.directory());
        command.args(["-e", "stderr"]);
        Self {
            server: Server::start(site, &mut command),
            http1,
        }
    }
}

fn configuration(
    site: &Site,
    http1: SocketAddr,
    simulator: &Simulator,
    directives: &str,
) -> String {
    let mut temporary = String::new();
    for what in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        writeln!(temporary, r#"{what}_temp_path "{what}";"#).unwrap();
    }
    format!(
        r#"
# One process: what is killed is all there is.
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    {temporary}
    upstream simulator {{
        server {simulator_address};
        # nginx puts one request at a time on a connection; without this each would cost a TLS handshake.
        keepalive 256;
    }}
    grpc_ssl_trusted_certificate "{simulator_ca}";
    grpc_ssl_verify on;
    grpc_ssl_name localhost;
    # A second try of nginx's would look like a second push of ours.
    grpc_next_upstream off;
    server {{
        listen {address} ssl http2;
        ssl_certificate "{certificate}";
        ssl_certificate_key "{key}";
        {directives}
        location / {{
            grpc_set_header Via "$server_protocol nginx";
            grpc_pass grpcs://simulator;
        }}
    }}
    server {{
        listen {http1};
        location / {{ grpc_pass grpcs://simulator; }}
    }}
}}
"#,
        simulator_address = simulator.provider_addr(),
        simulator_ca = simulator.ca_file().display(),
        address = site.address,
        certificate = site.certificate().display(),
        key = site.key().display(),
    )
}
