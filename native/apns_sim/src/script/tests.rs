//! Which rule a request or a connection meets.

use super::*;

const TOKEN: &str = "00fc13adff785122";
const HERE: Place = Place {
    connection: 1,
    stream: 1,
};

fn status(effect: Option<Effect>) -> Option<u16> {
    match effect {
        Some(Effect::Answer(answer)) => Some(answer.status),
        _ => None,
    }
}

fn refusal(token: Option<&str>, reason: Reason) -> Rule {
    let effect = Effect::Answer(Answer::refused(reason));
    token.map_or_else(
        || Rule::any(effect.clone()),
        |token| Rule::token(token, effect.clone()),
    )
}

#[test]
fn a_tokens_own_rules_come_first_and_in_their_order() {
    let rules = Rules::default();
    assert!(rules.add(vec![
        refusal(None, Reason::SHUTDOWN),
        refusal(Some(TOKEN), Reason::BAD_DEVICE_TOKEN).times(1),
        refusal(Some(TOKEN), Reason::UNREGISTERED).times(2),
    ]));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(status(rules.take(Some(TOKEN), HERE)).unwrap());
    }
    assert_eq!(statuses, [400, 410, 410, 503]);
    assert_eq!(status(rules.take(None, HERE)), Some(503));
    assert_eq!(rules.len(), 1, "a rule that is used up is gone");
}

#[test]
fn a_token_is_meant_in_either_case() {
    let rules = Rules::default();
    assert!(rules.add(vec![refusal(
        Some(&TOKEN.to_ascii_uppercase()),
        Reason::SHUTDOWN
    )]));
    assert_eq!(status(rules.take(Some(TOKEN), HERE)), Some(503));
}

#[test]
fn a_rule_lets_the_first_requests_pass() {
    let rules = Rules::default();
    assert!(rules.add(vec![refusal(None, Reason::SHUTDOWN).skip(2).times(1)]));
    let statuses: Vec<_> = (0..4)
        .map(|_| status(rules.take(Some(TOKEN), HERE)))
        .collect();
    assert_eq!(statuses, [None, None, Some(503), None]);
}

#[test]
fn rules_are_bounded_and_forgotten() {
    let rules = Rules::default();
    let rule = refusal(None, Reason::SHUTDOWN);
    assert!(rules.add(vec![rule.clone(); 100_000]));
    assert!(!rules.add(vec![rule.clone()]));
    rules.clear();
    assert!(rules.add(vec![rule]));
}

#[test]
fn a_rule_can_be_for_one_stream_or_for_each_so_manieth() {
    let rules = Rules::default();
    let act = |rule: Rule| Rule {
        connection: Some(2),
        ..rule
    };
    assert!(rules.add(vec![
        refusal(None, Reason::SHUTDOWN).stream(5).times(1),
        act(refusal(None, Reason::BAD_TOPIC)).every(3),
    ]));
    let taken = |connection, stream| status(rules.take(None, Place { connection, stream }));
    assert_eq!(
        (taken(1, 1), taken(1, 5), taken(1, 5)),
        (None, Some(503), None)
    );
    let streams: Vec<u32> = (0..9)
        .map(|n| 2 * n + 1)
        .filter(|stream| taken(2, *stream) == Some(400))
        .collect();
    assert_eq!(streams, [5, 11, 17], "the 3rd, 6th and 9th");
}

#[test]
fn connections_are_met_by_the_first_rule_of_each_kind() {
    let greetings = Greetings::default();
    let rule = |greeting, skip, times| OpenRule {
        skip,
        times,
        greeting,
    };
    let silent = || Greeting::Listener(ListenerMode::Silent);
    let cut = || Greeting::Listener(ListenerMode::Cut);
    let padding = || Greeting::Open(ConnectionAction::Padding(1));
    let mute = || Greeting::Open(ConnectionAction::Mute);
    greetings.add(vec![
        rule(silent(), 0, Some(1)),
        rule(cut(), 0, Some(1)),
        rule(padding(), 1, Some(1)),
        rule(mute(), 0, None),
    ]);
    assert_eq!(greetings.take(), [silent(), mute()]);
    assert_eq!(greetings.take(), [cut(), padding(), mute()]);
    assert_eq!(greetings.take(), [mute()]);
    assert!(greetings.has_room(999) && !greetings.has_room(1000));
    greetings.clear();
    assert_eq!(greetings.take(), []);
}
