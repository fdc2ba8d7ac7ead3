//! The program `apns_bench_sink`: HTTP/2 over TLS that answers 200 to every request, and nothing else.
//!
//! It is what clients are measured against, so it must cost far less than any of them: no header is decoded, no
//! request is kept. Whether a client's headers are right is shown by the tests, against servers that decode them.
//!
//! Until stdin ends it answers each line there with a line of what it has counted. After the line `stall` it reads and
//! writes nothing until the line `go`, and keeps its connections.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod connection;
mod counts;
mod credentials;
mod delay_line;
mod frames;
mod gate;

use std::io::{self, BufRead, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Parser;

use connection::Server;
use counts::Counts;
use frames::{Credit, Settings};
use gate::Gate;

/// A server for benchmarks: HTTP/2 over TLS, answers 200 to every request as soon as it has ended.
///
/// Prints one line when it is ready, `port=N`, and then, for each line on stdin, one of what it has counted since
/// its start. The line `stall` makes it play dead, and `go` ends that. Ends when stdin does.
#[derive(Debug, Parser)]
#[command(name = "apns_bench_sink", version)]
struct Cli {
    /// Streams that a client may have open at once
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    streams: u32,

    /// Window of the connection in bytes; Apple's is the protocol's initial one
    #[arg(long, value_name = "BYTES", default_value_t = frames::INITIAL_WINDOW,
          value_parser = clap::value_parser!(u32).range(i64::from(frames::INITIAL_WINDOW)..=i64::from(frames::MAX_WINDOW)))]
    window: u32,

    /// Milliseconds that all it says after the handshake takes to leave, credit for the window too: a round trip
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay: u64,

    /// Write ca.pem, the certificate to trust, key.p8, a signing key for provider tokens, and client.pem, a client certificate
    /// with its key, into this directory
    #[arg(long, value_name = "DIR")]
    credentials: PathBuf,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where stderr is closed there is nobody to tell.
            let _ = writeln!(io::stderr(), "apns_bench_sink: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), Box<dyn std::error::Error>> {
    let delay = (cli.delay > 0).then(|| Duration::from_millis(cli.delay));
    let credit = match delay {
        Some(_) => Credit::AtOnce,
        None => Credit::Late,
    };
    let server = Arc::new(Server {
        tls: Arc::new(credentials::make(&cli.credentials)?),
        settings: Settings {
            streams: cli.streams,
            window: cli.window,
            credit,
        },
        delay,
        counts: Counts::default(),
        gate: Gate::default(),
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    say(&format!("port={}", listener.local_addr()?.port()))?;
    let serving = Arc::clone(&server);
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let server = Arc::clone(&serving);
            thread::spawn(move || server.serve(socket));
        }
    });
    for line in io::stdin().lock().lines() {
        match line?.as_str() {
            "stall" => server.gate.close(),
            "go" => server.gate.open(),
            _ => {}
        }
        say(&server.counts.to_string())?;
    }
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
