//! What the Rust clients that are measured have in common: the load, and the way to the benchmark's server.
//!
//! Such a program is called with `PORT FOLDER STREAMS WARM_UP PUSHES`; the folder holds `key.p8`, `tokens` and
//! `payload.json`. After the warm-up it says `ready` and waits for a line on stdin, then pushes, says `ok=N`, the number
//! of pushes answered 200, and stays until stdin ends, so that whoever started it can look at the process.

pub mod redirect;

use std::cell::Cell;
use std::error::Error;
use std::io::{self, BufRead, Write};
use std::rc::Rc;
use std::{env, fs};

use tokio::task::LocalSet;

/// What can go wrong here is only told.
pub type Failure = Box<dyn Error>;

/// What is pushed, and how.
pub struct Load {
    /// The folder with `key.p8`.
    pub folder: String,
    streams: usize,
    warm_up: usize,
    pushes: usize,
    tokens: &'static [String],
    payload: &'static str,
}

impl Load {
    /// From the program's arguments; from now on connections to Apple lead to the benchmark's server.
    ///
    /// # Errors
    ///
    /// An argument is missing or a file cannot be read.
    pub fn from_arguments() -> Result<Self, Failure> {
        let arguments: Vec<String> = env::args().skip(1).collect();
        let [port, folder, streams, warm_up, pushes] = arguments.as_slice() else {
            return Err("usage: PORT FOLDER STREAMS WARM_UP PUSHES".into());
        };
        redirect::apple_to(port.parse()?);
        let tokens = fs::read_to_string(format!("{folder}/tokens"))?;
        let tokens: Vec<_> = tokens.lines().map(str::to_owned).collect();
        Ok(Self {
            folder: folder.clone(),
            streams: streams.parse()?,
            warm_up: warm_up.parse()?,
            pushes: pushes.parse()?,
            tokens: tokens.leak(),
            payload: fs::read_to_string(format!("{folder}/payload.json"))?.leak(),
        })
    }

    /// Pushes by what `client` makes: a function of token and payload that is done when the answer was 200. All is done
    /// by one thread, as there is one core.
    ///
    /// # Errors
    ///
    /// Any push that was not answered 200.
    pub fn run<S, F>(&self, client: impl FnOnce() -> Result<S, Failure>) -> Result<(), Failure>
    where
        S: Fn(&'static str, &'static str) -> F + Clone + 'static,
        F: Future<Output = Result<(), String>>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let local = LocalSet::new();
        local.block_on(&runtime, async {
            let send = client()?;
            // Alone, so that there is one connection for those that follow.
            self.push(&send, 1, 1).await?;
            self.push(&send, self.warm_up - 1, self.streams).await?;
            say("ready");
            io::stdin().lock().read_line(&mut String::new())?;
            let ok = self.push(&send, self.pushes, self.streams).await?;
            say(&format!("ok={ok}"));
            io::copy(&mut io::stdin(), &mut io::sink())?;
            Ok(())
        })
    }

    async fn push<S, F>(&self, send: &S, pushes: usize, streams: usize) -> Result<usize, Failure>
    where
        S: Fn(&'static str, &'static str) -> F + Clone + 'static,
        F: Future<Output = Result<(), String>>,
    {
        let (next, tokens, payload) = (Rc::new(Cell::new(0)), self.tokens, self.payload);
        let workers: Vec<_> = (0..streams)
            .map(|_| {
                let (next, send) = (Rc::clone(&next), send.clone());
                tokio::task::spawn_local(async move {
                    let mut ok = 0;
                    while next.get() < pushes {
                        let token = &tokens[next.get() % tokens.len()];
                        next.set(next.get() + 1);
                        send(token, payload).await?;
                        ok += 1;
                    }
                    Ok::<_, String>(ok)
                })
            })
            .collect();
        let mut ok = 0;
        for worker in workers {
            ok += worker.await??;
        }
        Ok(ok)
    }
}

/// Tells whoever started the program; nobody else reads stdout.
fn say(line: &str) {
    let mut stdout = io::stdout().lock();
    // Nobody is left to be told.
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}
