//! The program as a shell or a test harness starts it.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::support::DEADLINE;
use crate::support::socket::get;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_apns_sim"));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A running program; it is ended with the value, in order so that it takes its directory along.
struct Running {
    child: Child,
    ready: Value,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = program().args(arguments).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            ready: serde_json::from_str(&line).unwrap(),
            child,
        }
    }

    fn control(&self) -> SocketAddr {
        let port = self.ready["control"]["port"].as_u64().unwrap();
        SocketAddr::from(([127, 0, 0, 1], port.try_into().unwrap()))
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.ready[name].as_str().unwrap()).unwrap()
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for the end; the rest of stdout must be empty.
    fn end(mut self) -> ExitStatus {
        let status = self.wait().expect("the program ends");
        let mut rest = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut rest)
            .unwrap();
        assert_eq!(rest, "");
        status
    }

    fn wait(&mut self) -> Option<ExitStatus> {
        let until = Instant::now() + DEADLINE;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::yield_now();
        }
        None
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.signal("-TERM");
            if self.wait().is_none() {
                let _ = self.child.kill();
            }
        }
        let _ = self.child.wait();
    }
}

#[test]
fn the_ready_line_says_where_all_is() {
    let running = Running::start(&[
        "--exit-with-stdin",
        "--topic",
        "im.example.chat",
        "--topic",
        "im.example.beta",
    ]);
    let ready = &running.ready;
    let port = ready["provider"]["port"].as_u64().unwrap();
    TcpStream::connect(("127.0.0.1", u16::try_from(port).unwrap())).unwrap();
    assert_eq!(ready["page"], format!("http://{}/", running.control()));
    assert_eq!(
        ready["topics"],
        serde_json::json!(["im.example.chat", "im.example.beta"])
    );
    assert_eq!(
        (ready["key_id"].as_str(), ready["team_id"].as_str()),
        (Some("SIMKEY0001"), Some("SIMTEAM001"))
    );
    assert!(
        ready["key_file"]
            .as_str()
            .unwrap()
            .ends_with("/AuthKey_SIMKEY0001.p8")
    );
    assert!(
        running
            .file("key_file")
            .starts_with("-----BEGIN PRIVATE KEY-----")
    );
    assert!(
        running
            .file("ca_file")
            .starts_with("-----BEGIN CERTIFICATE-----")
    );
    for kind in ["good", "expired", "development", "without_topic"] {
        let file = ready["client_certificate_files"]["im.example.beta"][kind]
            .as_str()
            .unwrap();
        let pem = std::fs::read_to_string(file).unwrap();
        assert!(
            pem.contains("BEGIN CERTIFICATE") && pem.contains("BEGIN PRIVATE KEY"),
            "{kind}"
        );
    }
    assert_eq!(get(running.control(), "/health").json()["status"], "ok");
}

#[test]
fn the_end_of_stdin_ends_it_and_removes_its_directory() {
    let mut running = Running::start(&["--exit-with-stdin"]);
    let dir = running.ready["state_dir"].as_str().unwrap().to_owned();
    assert!(Path::new(&dir).is_dir());
    drop(running.child.stdin.take());
    assert!(running.end().success());
    assert!(!Path::new(&dir).exists());
}

#[test]
fn sigterm_and_sigint_end_it_in_order() {
    for signal in ["-TERM", "-INT"] {
        let running = Running::start(&[]);
        let dir = running.ready["state_dir"].as_str().unwrap().to_owned();
        running.signal(signal);
        assert!(running.end().success(), "{signal}");
        assert!(!Path::new(&dir).exists(), "{signal}");
    }
}

#[test]
fn without_the_switch_it_outlives_its_stdin() {
    let mut running = Running::start(&[]);
    drop(running.child.stdin.take());
    assert_eq!(get(running.control(), "/health").json()["status"], "ok");
    assert!(running.child.try_wait().unwrap().is_none());
}

#[test]
fn the_help_has_each_option_and_examples() {
    let output = program().arg("--help").output().unwrap();
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for word in [
        "--listen",
        "--control",
        "--public",
        "--topic",
        "--environment",
        "--team-id",
        "--key-id",
        "--public-key",
        "--state-dir",
        "--max-streams",
        "--journal",
        "--listener",
        "--exit-with-stdin",
        "--verbose",
        "Examples:",
        "/script",
        "Exit status:",
    ] {
        assert!(help.contains(word), "{word} is not in:\n{help}");
    }
    assert!(help.lines().all(|line| line.len() <= 100), "{help}");
}

#[test]
fn a_wrong_option_and_a_start_that_fails_are_told_apart() {
    let fails = |arguments: &[&str]| {
        let output = program().args(arguments).output().unwrap();
        assert!(output.stdout.is_empty());
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, text) = fails(&["--listen", "0.0.0.0:0"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("--public"), "{text}");
    let (code, text) = fails(&["--max-streams", "0"]);
    assert_eq!(code, Some(2), "{text}");
    let (code, text) = fails(&["--key-id", "short"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("key id \"short\""), "{text}");
    let (code, text) = fails(&["--state-dir", "/dev/null/x"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("/dev/null/x"), "{text}");
}
