//! Bodies that are cut so that the payload fits.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn with_body(body: &str, title: Option<&str>, custom: &Map<String, Value>) -> Notification {
    Notification {
        alert: Some(match title {
            None => Alert::Text(body.to_owned()),
            Some(title) => Alert::from(AlertDictionary {
                title: text(title),
                body: text(body),
                ..AlertDictionary::default()
            }),
        }),
        custom: custom.clone(),
        ..Notification::default()
    }
}

fn custom_of(bytes: usize) -> Map<String, Value> {
    object(json!({"x": "y".repeat(bytes)}))
}

fn body_in(payload: &Payload) -> String {
    let json: Value = serde_json::from_slice(payload.as_bytes()).unwrap();
    let alert = &json["aps"]["alert"];
    let body = alert.as_str().or_else(|| alert["body"].as_str());
    body.unwrap().to_owned()
}

#[test]
fn what_fits_is_left_as_it_is() {
    let whole = with_body("hello", Some("t"), &custom_of(9));
    let mut given = whole.clone();
    let payload = given.to_truncated_payload(PushType::Alert);
    assert_eq!(payload, whole.to_payload(PushType::Alert));
    assert!(given == whole);
}

#[test]
fn only_the_body_is_cut() {
    let long = "x".repeat(5000);
    let mut given = with_body(&long, Some("the title"), &custom_of(100));
    let payload = given.to_truncated_payload(PushType::Alert).unwrap();
    assert_eq!(payload.len(), 4096);
    let json: Value = serde_json::from_slice(payload.as_bytes()).unwrap();
    assert_eq!(json["aps"]["alert"]["title"], "the title");
    assert_eq!(json["x"], "y".repeat(100));
}

#[test]
fn what_is_too_large_without_its_body_is_refused_with_its_size() {
    let title = "t".repeat(5000);
    for mut given in [
        with_body("hello", Some(&title), &Map::new()),
        with_body("hello", None, &custom_of(5000)),
        broken(with_body("", None, &custom_of(5000)), |n| n.alert = None),
        broken(with_body("", None, &custom_of(5000)), |n| {
            n.badge = Some(1);
            n.alert = dictionary(AlertDictionary {
                loc_key: text("LK"),
                ..AlertDictionary::default()
            })
            .alert;
        }),
    ] {
        given.badge = Some(1);
        let whole = given.clone();
        let refused = given.to_truncated_payload(PushType::Alert).unwrap_err();
        assert_eq!(refused, whole.to_payload(PushType::Alert).unwrap_err());
        assert!(given == whole, "a refused notification was changed");
    }
}

#[test]
fn where_no_ellipsis_fits_the_body_is_empty() {
    let empty = with_body("", Some("t"), &Map::new())
        .to_payload(PushType::Alert)
        .unwrap();
    // `,"x":""` beside the rest, and then all but so many bytes.
    let around = empty.len() + 7;
    for (left, expected) in [(0, ""), (2, ""), (3, "\u{2026}"), (4, "h\u{2026}")] {
        let custom = custom_of(4096 - around - left);
        let mut given = with_body("hello", Some("t"), &custom);
        let payload = given.to_truncated_payload(PushType::Alert).unwrap();
        assert_eq!(body_in(&payload), expected, "{left} bytes left");
    }
}

#[test]
fn rules_come_before_cutting() {
    let mut given = with_body(&"x".repeat(5000), None, &Map::new());
    let error = given
        .to_truncated_payload(PushType::Background)
        .unwrap_err();
    assert_eq!(error.field(), "content_available");
}

#[test]
fn a_live_activity_s_alert_is_cut_too() {
    let mut given = start();
    given.alert = Some(Alert::Text("\u{1f600}".repeat(2000)));
    let payload = given.to_truncated_payload(PushType::Liveactivity).unwrap();
    assert!((4093..=4096).contains(&payload.len()), "{}", payload.len());
    assert!(body_in(&payload).ends_with("\u{1f600}\u{2026}"));
}

/// Text of every kind of length in JSON: escaped short and long, and one to four bytes of UTF-8. In runs, since a
/// character at a time makes thousands of random choices.
fn any_body() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        any::<char>(),
        Just('x'),
        Just('"'),
        Just('\n'),
        Just('\u{1}'),
        Just('\u{1f600}')
    ];
    let run = (character, 0..400_usize)
        .prop_map(|(character, times)| character.to_string().repeat(times));
    vec(run, 0..30).prop_map(|runs| runs.concat())
}

fn any_custom() -> impl Strategy<Value = Map<String, Value>> {
    let field = ("[^a]{0,9}", "\\PC{0,9}", 0..150_usize);
    vec(field, 0..4).prop_map(|fields| {
        let fields = fields.into_iter();
        fields
            .map(|(key, value, times)| (key, value.repeat(times).into()))
            .collect()
    })
}

proptest! {
    #[test]
    fn the_longest_start_of_any_body_beside_any_fields_is_kept(
        body in any_body(),
        title in proptest::option::of(".{0,40}"),
        custom in any_custom(),
        push_type in proptest::sample::select(&[PushType::Alert, PushType::Voip][..]),
    ) {
        let title = title.as_deref();
        let whole = with_body(&body, title, &custom);
        let mut given = whole.clone();
        let payload = given.to_truncated_payload(push_type);
        if let Ok(uncut) = whole.to_payload(push_type) {
            prop_assert_eq!(payload, Ok(uncut));
            return Ok(());
        }
        let Ok(payload) = payload else {
            prop_assert!(with_body("", title, &custom).to_payload(push_type).is_err());
            return Ok(());
        };
        prop_assert!(payload.len() <= push_type.payload_limit());
        prop_assert_eq!(Payload::from_json(payload.as_bytes(), push_type), Ok(payload.clone()));
        let cut = body_in(&payload);
        let ellipsis = "\u{2026}";
        let expected = with_body(&cut, title, &custom);
        prop_assert_eq!(expected.to_payload(push_type), Ok(payload));
        let Some(kept) = cut.strip_suffix(ellipsis) else {
            prop_assert_eq!(&cut, "");
            prop_assert!(with_body(ellipsis, title, &custom).to_payload(push_type).is_err());
            return Ok(());
        };
        let rest = body.strip_prefix(kept);
        prop_assert!(rest.is_some());
        let one_more: String = rest.unwrap().chars().take(1).collect();
        let longer = [kept, &one_more, ellipsis].concat();
        prop_assert!(with_body(&longer, title, &custom).to_payload(push_type).is_err());
    }
}
