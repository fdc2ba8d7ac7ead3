//! Ten thousand pushes through servers that the world runs. The engine and our simulator could read the same page of
//! the standard wrongly; nginx, h2o and nghttp2 did not read it with us.
//!
//! | server | what it proves |
//! |---|---|
//! | nginx, to the simulator | every header and body is what was sent, compared in the journal; GOAWAY loses and doubles nothing |
//! | h2o, by nginx to the simulator | the same with another decoder of HTTP/2 and HPACK, and answers made by its encoder |
//! | nghttpd | headers as a third decoder logs them, with a small table; flow control both ways, as it sends the bodies back |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

#[path = "stock_servers/h2o.rs"]
mod h2o;
#[path = "stock_servers/nghttpd.rs"]
mod nghttpd;
#[path = "stock_servers/nginx.rs"]
mod nginx;
#[path = "stock_servers/pushes.rs"]
mod pushes;
#[path = "stock_servers/server.rs"]
mod server;
mod support;

use std::path::PathBuf;
use std::time::Duration;

use apns_engine::App;
use apns_engine::config::{EnvironmentOption, Options};
use apns_sim::{Answer, Effect, Rule, Simulator, Step};
use nginx::Nginx;
use pushes::{Missing, Pushes};
use server::Site;
use support::{End, Events, PATIENCE, TestSink, assert_balanced, options, simulator, start};

#[test]
fn ten_thousand_pushes_pass_nginx_which_says_goaway_after_every_thousand() {
    let simulator = simulator();
    // nginx's own default: the 1000th request of a connection is the last one it takes, whatever follows already.
    let nginx = Nginx::start(&simulator, "");
    let provider = Provider::start(&simulator, &nginx.server.site);
    let short = Pushes {
        count: 10_000,
        payload: 200,
    };
    let missing = provider.deliver(&short, Some(&simulator));
    assert_in_journal(missing, &simulator, "HTTP/2.0 nginx");
    assert!(provider.stat("goaways") >= 9);
    assert!(provider.stat("resent") > 0, "no GOAWAY left a push out");
}

#[test]
fn five_thousand_pushes_pass_nginx_which_says_goaway_after_every_ten() {
    let simulator = simulator();
    let nginx = Nginx::start(&simulator, "keepalive_requests 10;");
    let provider = Provider::start(&simulator, &nginx.server.site);
    let short = Pushes {
        count: 5_000,
        payload: 200,
    };
    let missing = provider.deliver(&short, Some(&simulator));
    assert_in_journal(missing, &simulator, "HTTP/2.0 nginx");
    // The last connection may have had less than its ten.
    assert!(provider.stat("connects") >= 500);
    assert!(provider.stat("goaways") >= 499);
    assert_eq!(provider.stat("failed"), 0);
}

#[test]
fn the_largest_pushes_pass_nginx_while_answers_take_their_time() {
    let simulator = simulator();
    let slow = Effect::Answer(Answer::accepted_after(50));
    simulator.script([Step::Rule(Rule::any(slow))]).unwrap();
    let nginx = Nginx::start(&simulator, "keepalive_requests 100000;");
    let provider = Provider::start(&simulator, &nginx.server.site);
    let largest = Pushes {
        count: 3_000,
        payload: 4096,
    };
    let missing = provider.deliver(&largest, Some(&simulator));
    assert_in_journal(missing, &simulator, "HTTP/2.0 nginx");
    assert_eq!(provider.stat("connects"), 1);
}

#[test]
fn ten_thousand_pushes_pass_h2o() {
    let pushes = Pushes {
        count: 10_000,
        payload: 1000,
    };
    match h2o::program() {
        Some(program) => pass_h2o(program, &pushes),
        None => pass_nghttpd(&pushes),
    }
}

#[test]
fn ten_thousand_pushes_pass_nghttpd_which_sends_each_body_back() {
    pass_nghttpd(&Pushes {
        count: 10_000,
        payload: 4096,
    });
}

fn pass_h2o(program: PathBuf, pushes: &Pushes) {
    let simulator = simulator();
    let nginx = Nginx::start(&simulator, "");
    let h2o = h2o::start(program, nginx.http1);
    let provider = Provider::start(&simulator, &h2o.site);
    let missing = provider.deliver(pushes, Some(&simulator));
    assert_in_journal(missing, &simulator, "2 127.");
    assert_eq!(provider.stat("connects"), 1);
}

fn pass_nghttpd(pushes: &Pushes) {
    let simulator = simulator(); // for its credentials
    let nghttpd = nghttpd::start();
    let provider = Provider::start(&simulator, &nghttpd.site);
    let mut missing = provider.deliver(pushes, None);
    let log = nghttpd.log();
    for request in nghttpd::requests(&log) {
        let path = request.header(":path").unwrap();
        let body = missing.arrived(path, |name| request.header(name));
        assert_eq!(request.body, body.len(), "{path}");
    }
    missing.assert_none();
    assert_eq!(provider.stat("connects"), 1);
}

/// The journal holds every push as it was sent, once, and `via` names the way it came.
fn assert_in_journal(mut missing: Missing, simulator: &Simulator, via: &str) {
    for entry in simulator.journal(0) {
        let body = missing.arrived(&entry.path, |name| entry.header(name));
        assert!(entry.payload == body, "{entry:?}");
        assert_eq!(entry.status, Some(200), "{entry:?}");
        let came_by = entry.header("via").unwrap_or_default();
        assert!(came_by.starts_with(via), "{entry:?}");
    }
    missing.assert_none();
}

/// An app whose Apple is a stock server.
struct Provider {
    app: App<TestSink>,
    events: Events,
}

impl Provider {
    fn start(simulator: &Simulator, site: &Site) -> Self {
        let (app, events) = start(Options {
            environment: EnvironmentOption::Url(format!("https://{}", site.address)),
            ca_file: Some(site.certificate()),
            // What is counted here is one connection's.
            max_connections: 1,
            ..options(simulator)
        });
        Self { app, events }
    }

    /// Sends the pushes; each is accepted, once. `behind` is where they arrive in the end.
    fn deliver(&self, pushes: &Pushes, behind: Option<&Simulator>) -> Missing {
        let missing = pushes.send(&self.app);
        if let Some(simulator) = behind {
            // A journal that grew longer by copies ends the wait too early, and shows them in the end.
            let arrived = simulator.wait_for(pushes.count.into(), LONG);
            arrived.unwrap_or_else(|too_few| panic!("{too_few}: {:?}", self.app.stats()));
        }
        let ends = self.events.outcomes(&missing.ids);
        let stats = self.app.stats();
        assert!(ends.values().all(|end| *end == End::Accepted), "{stats:?}");
        // After this nothing is under way, so a copy of a push would have arrived.
        self.app.stop(PATIENCE);
        assert_balanced(&self.app);
        missing
    }

    fn stat(&self, name: &str) -> u64 {
        self.app.stats().get(name).unwrap()
    }
}

/// Up to three servers share a machine, perhaps a busy one, with us.
const LONG: Duration = Duration::from_secs(120);
