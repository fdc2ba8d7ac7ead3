//! Names with addresses of both families, of which one leads nowhere; the sockets are real ones.

use std::net::TcpListener;
use std::sync::mpsc;

use apns_proto::payload::Payload;
use apns_proto::request::Headers;
use apns_sim::Simulator;
use socket2::{Domain, Socket, Type};

use super::*;
use crate::config::{EnvironmentOption, Outcomes};
use crate::event::Event;

/// Longer than anything here takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);
const PUSHES: u8 = 10;
const V4: &str = "127.0.0.1:0";
const V6: &str = "[::1]:0";

struct Sink(mpsc::Sender<Event>);

impl EventSink for Sink {
    type Recipient = ();

    fn deliver(&mut self, (): &(), events: &[Event]) -> bool {
        let told = events.iter().cloned();
        told.map(|event| self.0.send(event))
            .all(|sent| sent.is_ok())
    }
}

/// An address at which no server answers, for as long as it is kept.
enum Dead {
    /// Taken, and nobody listens: connecting is refused.
    Refuses(#[expect(dead_code, reason = "keeps the port")] Socket),
    /// The system makes the connection, and nobody ever says a word on it.
    IsSilent(#[expect(dead_code, reason = "keeps the port")] TcpListener),
}

impl Dead {
    fn refusing(address: &str) -> io::Result<(Self, SocketAddr)> {
        let address: SocketAddr = address.parse().unwrap();
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.bind(&address.into())?;
        let address = socket.local_addr()?.as_socket().unwrap();
        Ok((Self::Refuses(socket), address))
    }

    fn silent(address: &str) -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        Ok((Self::IsSilent(listener), address))
    }
}

/// An app whose Apple is `localhost` at the given addresses, and its events.
fn start(simulator: &Simulator, addresses: Vec<SocketAddr>) -> (App<Sink>, mpsc::Receiver<Event>) {
    let options = Options {
        topic: Some("im.example.chat".to_owned()),
        environment: EnvironmentOption::Url("https://localhost:2197".to_owned()),
        key_file: simulator.key_file(),
        key_id: Some(simulator.key_id().to_owned()),
        team_id: Some(simulator.team_id().to_owned()),
        ca_file: Some(simulator.ca_file()),
        outcomes: Outcomes::All,
        // A silent address is waited for less long while there is another one.
        connect_timeout: 30_000,
        ..Options::default()
    };
    let look_up = move |host: &str, port: u16| {
        assert_eq!((host, port), ("localhost", 2197));
        Ok(addresses.clone())
    };
    let (sender, events) = mpsc::channel();
    let app = App::start_with("test", options, Sink(sender), Some(()), look_up).unwrap();
    (app, events)
}

fn notify(app: &App<Sink>, number: u8) {
    let headers = Headers::new(PushType::Alert, None, None, None).unwrap();
    let payload = Payload::from_json(br#"{"aps":{"alert":"hi"}}"#, PushType::Alert).unwrap();
    let token = DeviceToken::from_bytes(&[number; 32]).unwrap();
    app.notify(
        Target::Token(token),
        Content { headers, payload },
        None,
        None,
    )
    .unwrap();
}

/// All pushes are accepted though `dead` comes first; nobody is told of an outage that was none.
fn assert_reached(dead: SocketAddr, live: &str) {
    let simulator = Simulator::start(apns_sim::Options {
        listen: live.parse().unwrap(),
        control: None,
        ..apns_sim::Options::default()
    })
    .unwrap();
    let live = simulator.provider_addr();
    let (app, events) = start(&simulator, vec![dead, live]);
    for number in 0..PUSHES {
        notify(&app, number);
    }
    let mut accepted = 0;
    let mut up_at = None;
    while accepted < PUSHES {
        match events.recv_timeout(PATIENCE).unwrap() {
            Event::Accepted(_) => accepted += 1,
            Event::ConnectionUp { address } => up_at = Some(address),
            other => panic!("{dead} and then {live}: {other:?}"),
        }
    }
    assert_eq!(up_at, Some(live.to_string()));
    assert_eq!(simulator.journal(0).len(), usize::from(PUSHES));
    assert_eq!(
        app.stats().get("connect_failures"),
        Some(1),
        "{dead} was not tried"
    );
}

/// Whether the machine has the family of `address`.
fn has(address: &str) -> bool {
    TcpListener::bind(address).is_ok()
}

#[test]
fn an_ipv6_address_that_leads_nowhere_does_not_keep_an_app_from_the_ipv4_one() {
    // Without IPv6 on the machine the address leads nowhere by itself.
    let without = || SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 2197));
    for dead in [Dead::refusing, Dead::silent] {
        let kept = dead(V6);
        assert!(kept.is_ok() || !has(V6), "{:?}", kept.err());
        let address = kept.as_ref().map_or_else(|_| without(), |(_, at)| *at);
        assert_reached(address, V4);
    }
}

#[test]
fn an_ipv4_address_that_leads_nowhere_does_not_keep_an_app_from_the_ipv6_one() {
    // Without IPv6 on the machine the other address is one of IPv4 too: it is the next one all the same.
    let live = if has(V6) { V6 } else { V4 };
    for dead in [Dead::refusing, Dead::silent] {
        let (_kept, address) = dead(V4).unwrap();
        assert_reached(address, live);
    }
}
