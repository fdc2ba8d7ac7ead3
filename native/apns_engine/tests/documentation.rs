//! What the documentation says about options is what the engine takes.
#![allow(clippy::expect_used, reason = "tests")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use apns_engine::config::{EnvironmentOption, NUMBERS, Options, Outcomes, TransportOption};
use apns_engine::registry::RegistryKind;
use apns_engine::stats::{Connection, ConnectionState, Stats};
use apns_proto::now::Now;
use apns_proto::session::FailedCause;

const REFERENCE: &str = include_str!("../../../docs/apns_nif.md");
const README: &str = include_str!("../../../README.md");
const CONFIGURATION: &str = include_str!("../../../docs/configuration.md");
const ERLANG_MODULE: &str = include_str!("../../../erlang_src/apns_nif/src/apns_nif.erl");

const EJABBERD_MODULE: &str =
    include_str!("../../../erlang_src/mod_push_service/src/mod_push_service.erl");

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
        index_authorization: true,
        registry: RegistryKind::Cache,
        ..Options::default()
    };
    let options = Options::default().differences(&other);
    assert_eq!(
        names_under("| option | value | unless given |"),
        options.into_iter().collect()
    );
}

#[test]
fn every_document_tells_of_the_switch_and_of_its_default() {
    let default = Options::default().index_authorization;
    assert!(README.contains(&format!("\n| `index_authorization` | {default} | ")));
    assert!(CONFIGURATION.contains(&format!(
        "\n| `index_authorization` | `true`, `false` | `{default}` | "
    )));
    let row = REFERENCE
        .lines()
        .find(|line| line.starts_with("| `index_authorization` |"));
    assert!(row.is_some_and(|row| row.ends_with(&format!("| `{default}` |"))));
    assert!(ERLANG_MODULE.contains("\n    index_authorization => boolean()"));
    assert!(EJABBERD_MODULE.contains("index_authorization => econf:bool()"));
    assert!(EJABBERD_MODULE.contains(&format!("default: '{default}')")));
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

/// The names in the first cells of the table that begins with this head.
fn names_under(head: &str) -> BTreeSet<&'static str> {
    let columns = head.matches('|').count() - 1;
    let head = format!("\n{head}\n|{}\n", "---|".repeat(columns));
    let (_, table) = REFERENCE.split_once(&head).expect("a table");
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let first_cells = rows.filter_map(|row| row.split('|').nth(1));
    let names: Vec<_> = first_cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    let set: BTreeSet<_> = names.iter().copied().collect();
    assert_eq!(set.len(), names.len(), "each is described once");
    set
}

#[test]
fn the_reference_describes_each_key_of_the_stats_and_no_other() {
    let stats = Stats::default();
    // Those that may be absent.
    stats.credentials_expire_in.set(1);
    stats.provider_token_iat.set(1);
    let now = Now {
        instant: Instant::now(),
        unix_ms: 1_800_000_000_000,
    };
    let snapshot = stats.snapshot(now);
    let numbers = snapshot.iter().map(|(name, _)| name);
    let latencies = snapshot.latencies.iter().map(|(name, _)| *name);
    let keys = numbers
        .chain(latencies)
        .chain(["rejections", "connection_list"]);
    assert_eq!(names_under("| number | counts |"), keys.collect());
}

#[test]
fn the_reference_and_the_type_describe_each_key_of_a_connection_and_no_other() {
    let connection = Connection {
        peer: ([127, 0, 0, 1], 443).into(),
        state: ConnectionState::Serving,
        opened: Instant::now(),
        streams: 0,
        max_streams: 0,
        window_bytes: 0,
        round_trip: Some(Duration::ZERO),
    };
    let numbers = connection.fields(Instant::now()).map(|(name, _)| name);
    let keys: BTreeSet<_> = numbers.chain(["peer", "state"]).collect();
    assert_eq!(names_under("| of a connection | says |"), keys);
    let (_, rest) = ERLANG_MODULE
        .split_once("-type connection() :: #{")
        .expect("the type");
    let (fields, _) = rest.split_once("}.").expect("its end");
    let typed = fields
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    assert_eq!(typed.collect::<BTreeSet<_>>(), keys);
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

#[test]
fn ejabberd_yml_compares_the_ends_of_each_pair_with_the_same_defaults() {
    let default = |name: &str| {
        let number = NUMBERS.iter().find(|number| number.name == name);
        number.expect("an option").default
    };
    for kind in ["reconnect", "probe"] {
        let (min, max) = (
            format!("{kind}_min_interval"),
            format!("{kind}_max_interval"),
        );
        let pair = format!("{{{min}, {max}, {}, {}}}", default(&min), default(&max));
        assert!(EJABBERD_MODULE.contains(&pair), "no {pair}");
    }
}
