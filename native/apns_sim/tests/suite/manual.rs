//! The manual's scripts are the simulator's.

use crate::support::simulator;
use crate::support::socket::post;

#[test]
fn each_script_in_the_manual_is_taken() {
    let manual = include_str!("../../README.md");
    let help = include_str!("../../src/cli.rs").replace("\\\"", "\"");
    let lines = manual.lines().chain(help.lines());
    let (rows, commands): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with('|'));
    let of_commands = commands
        .into_iter()
        .filter(|line| line.trim().starts_with("curl -d ") && line.trim().ends_with("/script"))
        .map(|line| line.split('\'').nth(1).unwrap());
    // Every second part between backquotes is code.
    let of_tables = rows
        .into_iter()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|code| code.starts_with('{') || code.starts_with('['));
    let scripts: Vec<&str> = of_commands.chain(of_tables).collect();
    assert!(scripts.len() > 45, "{scripts:?}");
    let simulator = simulator();
    let control = simulator.control_addr().unwrap();
    for script in scripts {
        let answer = post(control, "/script", script);
        assert_eq!(answer.status, 200, "{script}: {}", answer.body);
    }
}
