//! What the documentation says about numeric options is what the engine takes.
#![allow(clippy::expect_used, reason = "tests")]

use apns_engine::config::NUMBERS;

const REFERENCE: &str = include_str!("../../../docs/apns_nif.md");
const ERLANG_MODULE: &str = include_str!("../../../erlang_src/apns_nif/src/apns_nif.erl");

const EJABBERD_MODULE: &str =
    include_str!("../../../erlang_src/mod_push_service/src/mod_push_service.erl");
const README: &str = include_str!("../../../README.md");

/// The rows of the reference's table: name, meaning, least, most, default.
fn documented() -> Vec<[&'static str; 5]> {
    let head = "\n| option | value | least | most | unless given |\n|---|---|---|---|---|\n";
    let (_, table) = REFERENCE.split_once(head).expect("a table of numbers");
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        cells.try_into().expect("five cells")
    })
    .collect()
}

#[test]
fn the_reference_has_each_numeric_option_with_its_limits_and_its_default() {
    let documented: Vec<_> = documented()
        .iter()
        .map(|[name, _, numbers @ ..]| format!("{name} {}", numbers.join(" ")))
        .collect();
    let taken: Vec<_> = NUMBERS
        .iter()
        .map(|n| format!("`{}` {} {} {}", n.name, n.min, n.max, n.default))
        .collect();
    assert_eq!(documented, taken);
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

#[test]
fn the_readme_has_each_numeric_option_with_its_unit_its_default_and_the_reason() {
    let head = "\n| setting | unit | default | why |\n|---|---|---|---|\n";
    let (_, table) = README.split_once(head).expect("a table of settings");
    let documented: Vec<_> = table
        .lines()
        .take_while(|line| line.starts_with('|'))
        .collect();
    let taken: Vec<_> = NUMBERS
        .iter()
        .map(|n| {
            format!(
                "| `{}` | {} | {} | {} |",
                n.name, n.unit, n.default, n.reason
            )
        })
        .collect();
    assert_eq!(documented, taken);
}

#[test]
fn ejabberd_yml_takes_each_numeric_option_within_the_same_limits() {
    for number in NUMBERS {
        let validator = match number.unit {
            "ms" => "time",
            _ => "econf:int",
        };
        let option = format!(
            "{} => {validator}({}, {})",
            number.name, number.min, number.max
        );
        assert!(EJABBERD_MODULE.contains(&option), "no {option}");
    }
}
