//! The README's journey, run line by line against the real program.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use sharestack_tests::Process;

const README: &str = include_str!("../../README.md");
/// What opens the block of the journey.
const MARK: &str = "```bash journey\n";

/// The README's lines.
fn journey() -> &'static str {
    let (_, rest) = README.split_once(MARK).expect("the README has its journey");
    let (lines, rest) = rest.split_once("```\n").expect("the journey ends");
    assert!(!rest.contains(MARK), "one journey");
    lines
}

/// What the lines print, by the headings that they print.
fn run(lines: &str, address: &str) -> BTreeMap<String, String> {
    let bash = Command::new("bash")
        .args(["-euo", "pipefail", "-c", lines])
        .env("API", address)
        .env("NO_PROXY", "*")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let printed = String::from_utf8(bash.stdout).unwrap();
    assert!(bash.status.success(), "the lines ended with {} after:\n{printed}", bash.status);
    let sections = printed.split("== ").skip(1).filter_map(|section| section.split_once('\n'));
    sections.map(|(heading, text)| (heading.to_owned(), text.to_owned())).collect()
}

#[test]
fn the_journey_of_the_readme_works_as_it_stands() {
    let data = tempfile::tempdir().unwrap();
    // As a newcomer's server is: with its limits.
    let variables = BTreeMap::from([("RATE_LIMIT_ENABLED".to_owned(), "true".to_owned())]);
    let server = Process::start(data.path(), &["serve", "--demo"], &variables);
    let sections = run(journey(), &server.client.base);
    let said = |heading: &str, what: &str| {
        let text = sections.get(heading).unwrap_or_else(|| panic!("nothing was printed under `{heading}`"));
        assert!(text.contains(what), "`{heading}` does not say `{what}` but:\n{text}");
    };
    let withheld = |heading: &str, what: &str| {
        assert!(!sections[heading].contains(what), "`{heading}` gives away `{what}`:\n{}", sections[heading]);
    };

    said("draft", r#""status":"draft""#);
    said("published", r#""status":"published""#);
    said("plan", r#""amount":1990"#);
    said("before paying", r#""paywall""#);
    withheld("before paying", "只有订阅者读得到");
    said("paid", r#""status":"active""#);
    said("after paying", "只有订阅者读得到");
    said("revenue", r#""gross":1990"#);
    said("canceled", r#""cancel_at_period_end":true"#);
    said("until the period ends", r#""allowed":true"#);
}
