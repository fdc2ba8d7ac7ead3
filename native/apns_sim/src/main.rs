//! The program `apns_sim`: starts a simulator, says where it is, and stops it when told to.
#![forbid(unsafe_code)]

mod cli;

use std::io::{self, Write};
use std::process::ExitCode;

use apns_sim::{Simulator, StartError};
use clap::Parser;
use clap::error::ErrorKind;
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};

use cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            // Where stderr is closed there is nobody to tell.
            let _ = writeln!(io::stderr(), "apns_sim: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), String> {
    let options = cli.options().unwrap_or_else(|it| refuse(it));
    // Before the simulator starts: a signal that comes meanwhile must not leave its directory behind.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| format!("cannot wait for signals: {error}"))?;
    let end = runtime.block_on(async { End::watch(cli.exit_with_stdin) });
    let end = end.map_err(|error| format!("cannot wait for signals: {error}"))?;
    let simulator = Simulator::start(options).map_err(|error| match error {
        StartError::Identifier { .. } | StartError::Topic(_) => refuse(error.to_string()),
        error => error.to_string(),
    })?;
    say_ready(&simulator).map_err(|error| format!("cannot write to stdout: {error}"))?;
    runtime.block_on(end.wait());
    simulator.shutdown();
    // A read of stdin may still be under way in a thread, and must not hold up the end.
    runtime.shutdown_background();
    Ok(())
}

/// Ends the program as for any other wrong option.
fn refuse(sentence: String) -> ! {
    <Cli as clap::CommandFactory>::command()
        .error(ErrorKind::ValueValidation, sentence)
        .exit()
}

/// Whoever started the program reads this one line from stdout.
fn say_ready(simulator: &Simulator) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", cli::ready_line(simulator))?;
    stdout.flush()
}

/// What ends the program.
struct End {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    with_stdin: bool,
}

impl End {
    fn watch(with_stdin: bool) -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self {
            terminate,
            interrupt,
            with_stdin,
        })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = stdin_ended(), if self.with_stdin => {}
        }
    }
}

/// What comes on stdin is thrown away.
async fn stdin_ended() {
    let mut stdin = tokio::io::stdin();
    let mut bytes = [0; 1024];
    while matches!(stdin.read(&mut bytes).await, Ok(count) if count > 0) {}
}
