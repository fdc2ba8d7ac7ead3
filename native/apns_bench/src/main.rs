//! The program `apns_bench_sink`: HTTP/2 over TLS that answers 200 to every request, and nothing else.
//!
//! It is what clients are measured against, so it must cost far less than any of them: no header is decoded, no
//! request is kept. Whether a client's headers are right is shown by the tests, against servers that decode them.
//!
//! Until stdin ends it answers each line there with a line of what it has counted.
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
mod frames;

use std::io::{self, BufRead, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use clap::Parser;

use counts::Counts;
use frames::Settings;

/// A server for benchmarks: HTTP/2 over TLS, answers 200 to every request as soon as it has ended.
///
/// Prints one line when it is ready, `port=N`, and then, for each line on stdin, one of what it has counted since
/// its start. Ends when stdin does.
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

    /// Write ca.pem, the certificate to trust, and key.p8, a signing key for provider tokens, into this directory
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
    let tls = Arc::new(credentials::make(&cli.credentials)?);
    let settings = Settings {
        streams: cli.streams,
        window: cli.window,
    };
    let counts = Arc::new(Counts::default());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    say(&format!("port={}", listener.local_addr()?.port()))?;
    let counted = Arc::clone(&counts);
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let (tls, counts) = (Arc::clone(&tls), Arc::clone(&counted));
            thread::spawn(move || connection::serve(socket, tls, settings, &counts));
        }
    });
    for line in io::stdin().lock().lines() {
        line?;
        say(&counts.to_string())?;
    }
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
