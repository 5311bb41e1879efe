//! The table of hostile cases is true: the tests it names exist, and every case has an answer.

#![allow(clippy::std_instead_of_core, reason = "these programs stand on the standard library")]

use std::fs;
use std::path::Path;

const TABLE: &str = include_str!("../CASES.md");

/// What stands where there is nothing to say.
const NONE: &str = "—";

/// The cells of all rows: number, case, tests, reason.
fn rows() -> Vec<[&'static str; 4]> {
    let cells = |line: &'static str| {
        let row = line.strip_prefix("| H")?.strip_suffix(" |")?;
        row.split(" | ").collect::<Vec<_>>().try_into().ok()
    };
    TABLE.lines().filter_map(cells).collect()
}

#[test]
fn every_case_has_a_test_or_a_reason() {
    let rows = rows();
    let numbers: Vec<usize> = rows.iter().map(|[number, ..]| number.parse().unwrap()).collect();
    assert_eq!(numbers, (1..=76).collect::<Vec<_>>());
    for [number, case, tests, reason] in rows {
        assert!(tests != NONE || reason != NONE, "H{number}: {case}");
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut checked = 0;
    for [number, _, tests, _] in rows() {
        for place in tests.split("; ").filter(|&place| place != NONE) {
            let (path, functions) = place.split_once(": ").unwrap();
            let source = fs::read_to_string(root.join(path.trim_matches('`'))).unwrap();
            for function in functions.split(", ") {
                let function = function.trim_matches('`');
                let is_there = source.contains(&format!("fn {function}("))
                    || source.contains(&format!("fn {function}<"));
                assert!(is_there, "H{number}: no {function} in {path}");
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "only {checked} tests found in the table");
}
