//! What the documentation says about options is what the engine takes.
#![allow(clippy::expect_used, reason = "tests")]

use apns_engine::config::{EnvironmentOption, NUMBERS, Options, Outcomes, TransportOption};
use apns_proto::session::FailedCause;

const REFERENCE: &str = include_str!("../../../docs/apns_nif.md");
const README: &str = include_str!("../../../README.md");
const ERLANG_MODULE: &str = include_str!("../../../erlang_src/apns_nif/src/apns_nif.erl");

/// The rows of the reference's table: name, meaning, least, most, default, its reason.
fn documented() -> Vec<[&'static str; 6]> {
    let head = "\n| option | value | least | most | unless given | why that |\n|---|---|---|---|---|---|\n";
    let (_, table) = REFERENCE.split_once(head).expect("a table of numbers");
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        cells.try_into().expect("six cells")
    })
    .collect()
}

#[test]
fn the_reference_has_each_numeric_option_with_its_limits_its_default_and_the_reason() {
    let documented: Vec<_> = documented()
        .iter()
        .map(|[name, _, numbers @ ..]| format!("{name} {}", numbers.join(" ")))
        .collect();
    let taken: Vec<_> = NUMBERS
        .iter()
        .map(|n| {
            format!(
                "`{}` {} {} {} {}",
                n.name, n.min, n.max, n.default, n.reason
            )
        })
        .collect();
    assert_eq!(documented, taken);
}

/// First cells of the table under this head.
fn names_under(head: &str) -> Vec<&'static str> {
    let (_, table) = REFERENCE.split_once(head).expect("a table");
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| row.split('`').nth(1)).collect()
}

#[test]
fn the_reference_has_each_option_that_is_no_number() {
    let other = Options {
        topic: Some("t".into()),
        environment: EnvironmentOption::Sandbox,
        key_file: Some("k".into()),
        key_id: Some("i".into()),
        team_id: Some("t".into()),
        certificate_file: Some("c".into()),
        password: Some("p".into()),
        ca_file: Some("a".into()),
        transport: TransportOption::Binary,
        outcomes: Outcomes::All,
        ..Options::default()
    };
    assert_eq!(
        names_under("## Configuration\n\n| option | value | unless given |\n|---|---|---|\n"),
        Options::default().differences(&other)
    );
}

#[test]
fn the_readme_has_each_outcome_of_a_push() {
    let head = "\n| outcome | meaning | what to do |\n|---|---|---|\n";
    let (_, table) = README.split_once(head).expect("a table of outcomes");
    let rows: Vec<_> = table
        .lines()
        .take_while(|line| line.starts_with('|'))
        .collect();
    let causes = FailedCause::ALL.map(FailedCause::as_str);
    for word in ["accepted", "rejected"].into_iter().chain(causes) {
        let quoted = format!("`{word}`");
        assert!(rows.iter().any(|row| row.contains(&quoted)), "no {word}");
    }
}

#[test]
fn the_reference_says_what_each_number_counts() {
    for ([name, meaning, ..], number) in documented().iter().zip(NUMBERS) {
        let mut words = meaning.split([' ', ',', ':', '.']);
        assert!(
            words.any(|word| word == number.unit),
            "{name} counts {}",
            number.unit
        );
    }
}

#[test]
fn the_type_of_a_configuration_has_each_numeric_option() {
    for number in NUMBERS {
        let field = format!("\n    {} => pos_integer()", number.name);
        assert!(ERLANG_MODULE.contains(&field), "no {}", number.name);
    }
}
