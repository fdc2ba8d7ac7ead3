use super::*;
use crate::response::Reason;

type Judged = Judgement<u32>;

struct Watch {
    guard: Guard<u32>,
    now: Instant,
}

impl Watch {
    fn new() -> Self {
        let backoff = Backoff::new(Duration::from_secs(30), Duration::from_secs(600)).unwrap();
        Self {
            guard: Guard::new(backoff),
            now: Instant::now(),
        }
    }

    fn answer(&mut self, number: u32, status: u16, reason: Option<Reason>) -> Judged {
        let token = DeviceToken::from_bytes(&number.to_be_bytes()).unwrap();
        let response = Response {
            status,
            unique_id: None,
            reason,
            timestamp_ms: None,
            retry_after: None,
            date_s: None,
        };
        let dead = response.invalidates_token().then_some(number);
        self.guard
            .handle_answer(self.now, u64::MAX / 2, &token, &response, dead)
    }

    fn accepted(&mut self) -> Judged {
        self.answer(0, 200, None)
    }

    fn bad_token(&mut self, number: u32) -> Judged {
        self.answer(number, 400, Some(Reason::BAD_DEVICE_TOKEN))
    }

    fn gate(&self) -> Gate {
        self.guard.gate(self.now)
    }
}

fn dead(tokens: &[u32]) -> Judged {
    Judgement {
        dead: tokens.to_vec(),
        ..Judgement::default()
    }
}

fn paused(cause: PauseCause) -> Judged {
    Judgement {
        paused: Some(cause),
        ..Judgement::default()
    }
}

#[test]
fn a_refused_token_is_believed_to_be_dead_when_another_push_is_accepted() {
    let mut watch = Watch::new();
    assert_eq!(watch.bad_token(1), dead(&[]));
    assert_eq!(watch.bad_token(2), dead(&[]));
    assert_eq!(watch.accepted(), dead(&[1, 2]));
    assert_eq!(watch.accepted(), dead(&[]));
}

#[test]
fn where_a_push_was_accepted_before_a_refused_token_is_believed_to_be_dead_in_a_while() {
    let mut watch = Watch::new();
    watch.accepted();
    assert_eq!(watch.bad_token(1), dead(&[]));
    let due = watch.guard.poll_timeout().unwrap();
    assert_eq!(due, watch.now + BELIEVED_AFTER);
    assert_eq!(watch.guard.handle_timeout(watch.now, 0), dead(&[]));
    assert_eq!(watch.guard.handle_timeout(due, 0), dead(&[1]));
    assert_eq!(watch.guard.poll_timeout(), None);
}

#[test]
fn where_no_push_was_ever_accepted_time_proves_nothing() {
    let mut watch = Watch::new();
    watch.bad_token(1);
    assert_eq!(watch.guard.poll_timeout(), None);
    let later = watch.now + Duration::from_secs(3600);
    assert_eq!(watch.guard.handle_timeout(later, 0), dead(&[]));
}

#[test]
fn one_refused_token_after_another_pauses_the_app_and_none_is_given_up() {
    for proven in [true, false] {
        let mut watch = Watch::new();
        if proven {
            watch.accepted();
            watch.now += LATELY;
        }
        for number in 1..10 {
            assert_eq!(watch.bad_token(number), dead(&[]));
        }
        // The same one again says nothing new.
        assert_eq!(watch.bad_token(9), dead(&[]));
        assert_eq!(watch.bad_token(10), paused(PauseCause::DeviceTokens));
        assert_eq!(watch.gate(), Gate::Closed);
        assert_eq!(watch.guard.poll_timeout(), None);
        // What was in flight, and the probes.
        for number in 11..50 {
            assert_eq!(watch.bad_token(number), dead(&[]));
        }
        let resumed = watch.accepted();
        assert!(resumed.dead.is_empty());
        assert!(resumed.resumed.is_some());
        assert_eq!(watch.gate(), Gate::Open);
    }
}

#[test]
fn a_crowd_of_refused_tokens_that_comes_with_accepted_pushes_pauses_nothing() {
    let mut watch = Watch::new();
    watch.accepted();
    let crowd: Vec<_> = (1..=100).collect();
    for number in &crowd {
        assert_eq!(watch.bad_token(*number), dead(&[]));
    }
    watch.now += LATELY / 2;
    assert_eq!(watch.accepted(), dead(&crowd));
    assert_eq!(watch.gate(), Gate::Open);
}

#[test]
fn a_crowd_of_refused_tokens_that_nothing_follows_is_not_believed_in_time() {
    let mut watch = Watch::new();
    watch.accepted();
    for number in 1..=50 {
        watch.bad_token(number);
    }
    watch.now = watch.guard.poll_timeout().unwrap();
    let judged = watch.guard.handle_timeout(watch.now, 0);
    assert_eq!(judged, paused(PauseCause::DeviceTokens));
    assert!(watch.accepted().dead.is_empty());
}

#[test]
fn a_thousand_refused_tokens_in_a_row_pause_the_app_whatever_was_accepted_before() {
    let mut watch = Watch::new();
    watch.accepted();
    for number in 1..1000 {
        assert_eq!(watch.bad_token(number), dead(&[]));
    }
    assert_eq!(watch.bad_token(1000), paused(PauseCause::DeviceTokens));
}

#[test]
fn a_410_is_always_believed() {
    let mut watch = Watch::new();
    for number in 1..50 {
        let gone = watch.answer(number, 410, Some(Reason::UNREGISTERED));
        assert_eq!(gone, dead(&[number]));
    }
}

#[test]
fn a_refused_key_pauses_at_once_and_a_probe_that_is_accepted_resumes() {
    let mut watch = Watch::new();
    watch.accepted();
    let refused = |watch: &mut Watch| watch.answer(1, 403, Some(Reason::INVALID_PROVIDER_TOKEN));
    assert_eq!(refused(&mut watch), paused(PauseCause::Configuration));
    assert_eq!(refused(&mut watch), dead(&[]));
    assert_eq!(watch.gate(), Gate::Closed);

    watch.now = watch.guard.probe_at().unwrap();
    assert_eq!(watch.gate(), Gate::Probe);
    watch.guard.probe_sent(watch.now, u64::MAX);
    assert_eq!(watch.gate(), Gate::Closed);
    assert_eq!(refused(&mut watch), dead(&[]));
    assert_eq!(watch.gate(), Gate::Closed);

    watch.now = watch.guard.probe_at().unwrap();
    watch.guard.probe_sent(watch.now, u64::MAX);
    assert!(watch.accepted().resumed.unwrap() >= Duration::from_secs(60));
    assert_eq!(watch.gate(), Gate::Open);
}

#[test]
fn a_probe_without_an_answer_is_followed_by_another() {
    let mut watch = Watch::new();
    watch.answer(1, 403, Some(Reason::BAD_CERTIFICATE));
    let mut waits = Vec::new();
    for _ in 0..8 {
        let at = watch.guard.probe_at().unwrap();
        waits.push(at - watch.now);
        watch.now = at;
        assert_eq!(watch.gate(), Gate::Probe);
        watch.guard.probe_sent(watch.now, u64::MAX);
    }
    assert!(waits.is_sorted(), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(600)));
}

#[test]
fn a_topic_that_is_refused_for_one_push_type_pauses_nothing() {
    let mut watch = Watch::new();
    for _ in 0..100 {
        assert_eq!(
            watch.answer(1, 400, Some(Reason::TOPIC_DISALLOWED)),
            dead(&[])
        );
        watch.accepted();
    }
    watch.answer(1, 400, Some(Reason::TOPIC_DISALLOWED));
    watch.answer(2, 400, Some(Reason::TOPIC_DISALLOWED));
    let third = watch.answer(3, 400, Some(Reason::TOPIC_DISALLOWED));
    assert_eq!(third, paused(PauseCause::Configuration));
}

#[test]
fn a_provider_token_that_stays_refused_pauses() {
    let mut watch = Watch::new();
    let expired = watch.answer(1, 403, Some(Reason::EXPIRED_PROVIDER_TOKEN));
    assert_eq!(expired, paused(PauseCause::ProviderToken));
}

#[test]
fn a_bad_token_as_probe_shows_that_key_and_topic_are_mended() {
    let mut watch = Watch::new();
    watch.answer(1, 403, Some(Reason::INVALID_PROVIDER_TOKEN));
    assert!(watch.bad_token(2).resumed.is_some());
    assert_eq!(watch.accepted(), dead(&[2]));
}

#[test]
fn faults_of_a_push_and_of_the_server_change_nothing() {
    let mut watch = Watch::new();
    for (status, reason) in [
        (413, Reason::PAYLOAD_TOO_LARGE),
        (429, Reason::TOO_MANY_REQUESTS),
        (503, Reason::SERVICE_UNAVAILABLE),
    ] {
        for number in 0..100 {
            assert_eq!(
                watch.answer(number, status, Some(reason.clone())),
                dead(&[])
            );
        }
    }
    assert_eq!(watch.gate(), Gate::Open);
}

#[test]
fn a_changed_configuration_is_tried_at_once_and_proves_nothing_of_its_own() {
    let mut watch = Watch::new();
    watch.accepted();
    watch.bad_token(1);
    watch.answer(2, 403, Some(Reason::INVALID_PROVIDER_TOKEN));
    watch.guard.configuration_changed(watch.now);
    assert_eq!(watch.gate(), Gate::Probe);
    watch.guard.probe_sent(watch.now, 0);
    assert!(watch.bad_token(3).resumed.is_some());
    assert_eq!(watch.guard.poll_timeout(), None);
    assert_eq!(watch.accepted(), dead(&[3]));
}
