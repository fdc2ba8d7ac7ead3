use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::*;

const DEADLINE: Duration = Duration::from_secs(10);

fn addresses(text: &[&str]) -> Vec<SocketAddr> {
    text.iter().map(|a| a.parse().unwrap()).collect()
}

/// A resolver whose name server answers when, and with what, the test says.
struct Scripted {
    resolver: Resolver,
    woken: Receiver<()>,
    asked: Receiver<String>,
    answers: Sender<io::Result<Vec<SocketAddr>>>,
}

fn scripted() -> Scripted {
    let (wake, woken) = channel();
    let (ask, asked) = channel();
    let (answers, answer) = channel();
    let look_up = move |host: &str, port: u16| {
        ask.send(format!("{host}:{port}")).unwrap();
        answer
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the test is over")))
    };
    let resolver = Resolver::start("app", look_up, move || {
        let _ = wake.send(());
    })
    .unwrap();
    Scripted {
        resolver,
        woken,
        asked,
        answers,
    }
}

#[test]
fn an_answer_wakes_and_is_taken_once() {
    let it = scripted();
    assert_eq!(it.resolver.try_take(), None);
    it.resolver.request("api.example", 443);
    assert_eq!(it.asked.recv_timeout(DEADLINE).unwrap(), "api.example:443");
    assert_eq!(it.resolver.try_take(), None);
    it.answers.send(Ok(addresses(&["192.0.2.1:443"]))).unwrap();
    it.woken.recv_timeout(DEADLINE).unwrap();
    assert_eq!(
        it.resolver.try_take(),
        Some(Ok(addresses(&["192.0.2.1:443"])))
    );
    assert_eq!(it.resolver.try_take(), None);
}

#[test]
fn failures_are_sentences() {
    let it = scripted();
    for (answer, sentence) in [
        (Ok(vec![]), "api.example has no address"),
        (
            Err(io::Error::other("no name server")),
            "cannot look up api.example: no name server",
        ),
    ] {
        it.resolver.request("api.example", 443);
        it.answers.send(answer).unwrap();
        it.woken.recv_timeout(DEADLINE).unwrap();
        assert_eq!(it.resolver.try_take(), Some(Err(sentence.into())));
    }
}

#[test]
fn the_answer_to_an_earlier_question_is_dropped() {
    let it = scripted();
    it.resolver.request("old.example", 443);
    assert_eq!(it.asked.recv_timeout(DEADLINE).unwrap(), "old.example:443");
    it.resolver.request("never.example", 443);
    it.resolver.request("new.example", 2197);
    it.answers.send(Ok(addresses(&["192.0.2.1:443"]))).unwrap();
    assert_eq!(it.asked.recv_timeout(DEADLINE).unwrap(), "new.example:2197");
    assert_eq!(it.resolver.try_take(), None);
    it.answers.send(Ok(addresses(&["192.0.2.2:2197"]))).unwrap();
    it.woken.recv_timeout(DEADLINE).unwrap();
    assert_eq!(
        it.resolver.try_take(),
        Some(Ok(addresses(&["192.0.2.2:2197"])))
    );
}

#[test]
fn a_question_repeated_while_its_look_up_runs_is_answered_by_it() {
    let it = scripted();
    it.resolver.request("slow.example", 443);
    assert_eq!(it.asked.recv_timeout(DEADLINE).unwrap(), "slow.example:443");
    it.resolver.request("slow.example", 443);
    it.resolver.request("other.example", 443);
    it.resolver.request("slow.example", 443);
    it.answers.send(Ok(addresses(&["192.0.2.1:443"]))).unwrap();
    it.woken.recv_timeout(DEADLINE).unwrap();
    assert_eq!(
        it.resolver.try_take(),
        Some(Ok(addresses(&["192.0.2.1:443"])))
    );
    assert!(it.asked.try_recv().is_err(), "one look-up was enough");

    // Once answered and taken, it is a new question: addresses are never kept.
    it.resolver.request("slow.example", 443);
    it.asked.recv_timeout(DEADLINE).unwrap();
    it.answers.send(Ok(addresses(&["192.0.2.2:443"]))).unwrap();
    it.woken.recv_timeout(DEADLINE).unwrap();
    assert_eq!(
        it.resolver.try_take(),
        Some(Ok(addresses(&["192.0.2.2:443"])))
    );
}

#[test]
fn literals_are_answered_at_once_even_while_a_look_up_hangs() {
    let it = scripted();
    it.resolver.request("hangs.example", 443);
    it.asked.recv_timeout(DEADLINE).unwrap();
    for (host, address) in [
        ("127.0.0.1", "127.0.0.1:2197"),
        ("2001:db8::1", "[2001:db8::1]:2197"),
    ] {
        it.resolver.request(host, 2197);
        assert_eq!(it.resolver.try_take(), Some(Ok(addresses(&[address]))));
        it.woken.try_recv().unwrap();
    }
}

#[test]
fn dropping_does_not_wait_for_a_look_up_that_hangs_and_the_thread_ends_after_it() {
    let Scripted {
        resolver,
        woken,
        asked,
        answers,
    } = scripted();
    resolver.request("hangs.example", 443);
    asked.recv_timeout(DEADLINE).unwrap();
    drop(resolver); // would hang here
    answers.send(Ok(addresses(&["192.0.2.1:443"]))).unwrap();
    // The thread's end drops the waker, without having called it.
    assert!(
        woken
            .recv_timeout(DEADLINE)
            .is_err_and(|e| e == std::sync::mpsc::RecvTimeoutError::Disconnected)
    );
}

#[test]
fn an_idle_thread_ends_when_the_resolver_is_dropped() {
    let Scripted {
        resolver, woken, ..
    } = scripted();
    drop(resolver);
    assert_eq!(
        woken.recv_timeout(DEADLINE),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected)
    );
}

#[test]
fn the_system_knows_localhost_and_a_name_with_a_nul_starts_a_thread() {
    let (wake, woken) = channel();
    let resolver = Resolver::start("a\0b", ask_system, move || {
        let _ = wake.send(());
    })
    .unwrap();
    resolver.request("localhost", 2197);
    woken.recv_timeout(DEADLINE).unwrap();
    let found = resolver.try_take().unwrap().unwrap();
    assert!(
        found
            .iter()
            .all(|a| a.ip().is_loopback() && a.port() == 2197),
        "{found:?}"
    );
}

#[test]
fn families_take_turns_beginning_with_the_systems_first() {
    let table: [(&[&str], &[&str]); 5] = [
        (&[], &[]),
        (
            &["192.0.2.1:1", "192.0.2.2:1"],
            &["192.0.2.1:1", "192.0.2.2:1"],
        ),
        (
            &[
                "[2001:db8::1]:1",
                "[2001:db8::2]:1",
                "[2001:db8::3]:1",
                "192.0.2.1:1",
            ],
            &[
                "[2001:db8::1]:1",
                "192.0.2.1:1",
                "[2001:db8::2]:1",
                "[2001:db8::3]:1",
            ],
        ),
        (
            &[
                "192.0.2.1:1",
                "192.0.2.2:1",
                "[2001:db8::1]:1",
                "[2001:db8::2]:1",
            ],
            &[
                "192.0.2.1:1",
                "[2001:db8::1]:1",
                "192.0.2.2:1",
                "[2001:db8::2]:1",
            ],
        ),
        (&["192.0.2.1:1", "192.0.2.1:1"], &["192.0.2.1:1"]),
    ];
    for (given, expected) in table {
        assert_eq!(in_order_of_trial(addresses(given)), addresses(expected));
    }
}

#[test]
fn many_addresses_of_one_family_do_not_hide_the_other() {
    let mut many: Vec<SocketAddr> = (0..30)
        .map(|n| SocketAddr::from(([192, 0, 2, n], 443)))
        .collect();
    many.extend(addresses(&["[2001:db8::1]:443"]));
    let ordered = in_order_of_trial(many);
    assert_eq!(ordered.len(), MAX_ADDRESSES);
    assert_eq!(ordered[1], "[2001:db8::1]:443".parse().unwrap());
}
