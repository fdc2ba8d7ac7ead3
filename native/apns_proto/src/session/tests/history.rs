//! Laws that hold in every history, however the server behaves and wherever the connection is cut.
//!
//! The server at the other end keeps a record of what it has truly done, and the laws compare.

pub(super) mod credentials;
pub(super) mod server;
pub(super) mod world;

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngAlgorithm;

use self::credentials::credentials;
use self::world::World;

/// One thing that happens. Indices choose among the requests the server has seen, wrapping around.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Send {
        call: bool,
        len: usize,
    },
    /// The transport takes so many bytes at most.
    Write(usize),
    /// The server reads so many bytes at most of what the transport took.
    ServerReads(usize),
    Begin(usize, u16, u8),
    Body(usize, &'static str, bool, u8),
    Interim(usize),
    Reset(usize, u32),
    GoAway(usize),
    Limit(u32),
    InitialWindow(u32),
    Credit(usize, u32),
    BreakStream(usize),
    /// Bytes that are no frame the server may send.
    Garbage(Vec<u8>),
    /// So many bytes of what the server sent arrive at most.
    Deliver(usize),
    /// Seconds in which nothing moves.
    Silence(u64),
    /// Seconds in which all bytes move and PINGs are answered.
    Life(u64),
    /// The session gets another provider token, if it has any use for one.
    Token,
    /// The transport ends; the server may have turned the client away.
    Cut(bool),
}

/// Mostly all, now and then a part.
fn bytes() -> impl Strategy<Value = usize> {
    prop_oneof![2 => Just(usize::MAX), 1 => 0usize..300]
}

fn padding() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0u8), 1 => 1u8..20]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let len = prop_oneof![4 => Just(22usize), 2 => 23usize..200, 1 => 3000usize..4096];
    let status = prop_oneof![
        4 => Just(200u16),
        4 => proptest::sample::select(&[400u16, 403, 410, 429, 503, 999][..]),
    ];
    let body = proptest::sample::select(
        &[
            "",
            "{}",
            "not json",
            r#"{"reason":"BadDeviceToken"}"#,
            r#"{"reason":"ExpiredProviderToken"}"#,
            r#"{"reason":"TooManyProviderTokenUpdates"}"#,
            r#"{"reason":"Unregistered","timestamp":1}"#,
        ][..],
    );
    prop_oneof![
        12 => (proptest::bool::weighted(0.2), len).prop_map(|(call, len)| Step::Send { call, len }),
        8 => bytes().prop_map(Step::Write),
        8 => bytes().prop_map(Step::ServerReads),
        8 => (any::<usize>(), status, padding())
            .prop_map(|(index, status, padding)| Step::Begin(index, status, padding)),
        8 => (any::<usize>(), body, proptest::bool::weighted(0.7), padding())
            .prop_map(|(index, body, end, padding)| Step::Body(index, body, end, padding)),
        1 => any::<usize>().prop_map(Step::Interim),
        3 => (any::<usize>(), 0u32..14).prop_map(|(index, code)| Step::Reset(index, code)),
        1 => any::<usize>().prop_map(Step::GoAway),
        2 => (0u32..20).prop_map(Step::Limit),
        2 => prop_oneof![0u32..40, Just(65_535)].prop_map(Step::InitialWindow),
        3 => (any::<usize>(), 1u32..2_000).prop_map(|(index, bytes)| Step::Credit(index, bytes)),
        1 => any::<usize>().prop_map(Step::BreakStream),
        1 => proptest::collection::vec(any::<u8>(), 1..40).prop_map(Step::Garbage),
        8 => bytes().prop_map(Step::Deliver),
        2 => (0u64..40).prop_map(Step::Silence),
        2 => (0u64..35).prop_map(Step::Life),
        1 => Just(Step::Token),
        1 => any::<bool>().prop_map(Step::Cut),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4000,
        // Without optimisation the default spends more time on chance than the histories take.
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    })]

    /// Each push comes back once; "not processed" is told only of what the server never had wholly or has disclaimed,
    /// by then and later; "unknown" only of what left wholly; and an answer that came stays. What leaves carries the
    /// credentials of its time, and no more of it than they are good for.
    #[test]
    fn what_is_told_of_every_push_is_true(
        credentials in credentials(),
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        let mut world = World::new(credentials);
        for step in &steps {
            world.play(step)?;
            world.take_outcomes()?;
        }
        world.play(&Step::Cut(false))?;
        world.take_outcomes()?;
        prop_assert_eq!(world.talk.session.in_flight(), 0);
        world.judge()?;
    }

    /// A server that only answers PING keeps no push: all come back in a bounded time, or the connection is found broken.
    #[test]
    fn no_push_waits_for_ever(
        credentials in credentials(),
        steps in proptest::collection::vec(step(), 1..40),
        is_writing in any::<bool>(),
    ) {
        let mut world = World::new(credentials);
        for step in steps.iter().filter(|step| !matches!(step, Step::Cut(_))) {
            world.play(step)?;
            world.take_outcomes()?;
        }
        // Once for the body in parts, once for the socket, once for the answer.
        for _ in 0..3 * 32 {
            if is_writing {
                world.write(usize::MAX)?;
            }
            world.server_reads(usize::MAX);
            world.deliver(usize::MAX);
            world.talk.advance(Duration::from_secs(1));
            let due = world.talk.session.poll_timeout();
            prop_assert!(due.is_none_or(|due| due > world.talk.now.instant), "a busy loop");
            world.take_outcomes()?;
        }
        prop_assert_eq!(world.talk.session.in_flight(), 0);
    }
}
