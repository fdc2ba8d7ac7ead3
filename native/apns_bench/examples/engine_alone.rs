//! The engine without a BEAM around it: a thread that calls `App::notify`, and outcomes that are counted.
//!
//! `engine_alone PORT FOLDER PUSHES`: the server's port, the folder with its `ca.pem` and `key.p8`. Prints
//! `cpu_us` (of this whole process, per push) and `pushes_per_s`.

use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use std::{env, fs, io};

use apns_engine::config::{EnvironmentOption, Options, Outcomes};
use apns_engine::{App, Event, EventSink, NotifyError, Target};
use apns_proto::device_token::{DeviceToken, DeviceTokenError};
use apns_proto::payload::Payload;
use apns_proto::push_type::PushType;
use apns_proto::request::{Content, Headers};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [port, folder, pushes] = arguments.as_slice() else {
        return Err("usage: engine_alone PORT FOLDER PUSHES".into());
    };
    let (sender, outcomes) = channel();
    let app = App::start("bench", options(port, folder), Counting(sender), Some(()))?;
    let load = Load::new()?;
    load.run(&app, &outcomes, WARM_UP)?;

    let pushes: u32 = pushes.parse()?;
    let (cpu, start) = (cpu_time()?, Instant::now());
    load.run(&app, &outcomes, pushes)?;
    let (cpu, wall) = (cpu_time()?.saturating_sub(cpu), start.elapsed());
    let mut stdout = io::stdout();
    writeln!(
        stdout,
        "cpu_us={:.3}",
        cpu.as_secs_f64() * 1e6 / f64::from(pushes)
    )?;
    writeln!(
        stdout,
        "pushes_per_s={:.0}",
        f64::from(pushes) / wall.as_secs_f64()
    )?;
    Ok(())
}

fn options(port: &str, folder: &str) -> Options {
    Options {
        topic: Some("im.example.chat".to_owned()),
        environment: EnvironmentOption::Url(format!("https://127.0.0.1:{port}")),
        key_file: Some(format!("{folder}/key.p8").into()),
        key_id: Some("BENCHKEY01".to_owned()),
        team_id: Some("BENCHTEAM1".to_owned()),
        ca_file: Some(format!("{folder}/ca.pem").into()),
        outcomes: Outcomes::All,
        max_connections: 1,
        ..Options::default()
    }
}

/// Tells how many pushes were accepted, or of what else happened.
struct Counting(Sender<Result<u32, String>>);

impl EventSink for Counting {
    type Recipient = ();

    fn deliver(&mut self, (): &(), events: &[Event]) -> bool {
        let mut accepted = 0;
        for event in events {
            match event {
                Event::Accepted(_) => accepted += 1,
                Event::ConnectionUp { .. } => {}
                other => return self.0.send(Err(format!("{other:?}"))).is_ok(),
            }
        }
        self.0.send(Ok(accepted)).is_ok()
    }
}

struct Load {
    tokens: Vec<DeviceToken>,
    json: String,
}

impl Load {
    fn new() -> Result<Self, Failure> {
        let tokens = (0..TOKENS).map(token).collect::<Result<_, _>>()?;
        let empty = r#"{"aps":{"alert":{"title":"Alice","body":""},"sound":"default"}}"#;
        let text = "x".repeat(PAYLOAD.saturating_sub(empty.len()));
        let json = empty.replace("\"\"", &format!("\"{text}\""));
        Ok(Self { tokens, json })
    }

    /// Pushes so many and waits until all of them are accepted.
    fn run<S>(
        &self,
        app: &App<S>,
        outcomes: &Receiver<Result<u32, String>>,
        pushes: u32,
    ) -> Result<(), Failure>
    where
        S: EventSink<Recipient = ()>,
    {
        let (mut taken, mut accepted) = (0, 0);
        let mut tokens = self.tokens.iter().cycle();
        while accepted < pushes {
            while taken < pushes && taken - accepted < INSIDE {
                let token = tokens.next().ok_or("no tokens")?.clone();
                // As the NIF does: the JSON is checked for each notification.
                let payload = Payload::from_json(self.json.as_bytes(), PushType::Alert)?;
                let headers = Headers::new(PushType::Alert, None, None, None)?;
                match app.notify(
                    Target::Token(token),
                    Content { headers, payload },
                    None,
                    None,
                ) {
                    Ok(_) => taken += 1,
                    Err(NotifyError::Overloaded) => break,
                    Err(error) => return Err(error.into()),
                }
            }
            accepted += outcomes.recv_timeout(PATIENCE)??;
        }
        Ok(())
    }
}

/// Digits of all kinds, since Huffman's code is not equally long for them: splitmix64, the same in each run.
fn token(number: u64) -> Result<DeviceToken, DeviceTokenError> {
    let word = |place: u64| {
        let mut z = (number * 4 + place).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let bytes = [0, 1, 2, 3].map(|place| word(place).to_be_bytes());
    DeviceToken::from_bytes(bytes.as_flattened())
}

/// User and system time of this process. Linux counts them in hundredths of a second for every program.
fn cpu_time() -> Result<Duration, Failure> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // Behind the program's name, which may hold anything: state is the first field, utime the 12th, stime the 13th.
    let (_, fields) = stat.rsplit_once(')').ok_or("no name in stat")?;
    let ticks = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse::<u64>);
    let ticks: u64 = ticks.sum::<Result<_, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

/// Pushes before the clock starts: the connection, its full number of streams, warm caches.
const WARM_UP: u32 = 50_000;
/// Pushes inside at most.
const INSIDE: u32 = 20_000;
/// Distinct device tokens.
const TOKENS: u64 = 65_536;
/// Bytes of each payload.
const PAYLOAD: usize = 200;
/// Longer than any outcome takes.
const PATIENCE: Duration = Duration::from_secs(30);
