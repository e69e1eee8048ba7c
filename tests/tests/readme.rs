//! What the README shows, run line by line against the real program.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use sharestack_tests::Process;

const README: &str = include_str!("../../README.md");
/// What opens the blocks that are run against a server.
const JOURNEY: &str = "```bash journey\n";
const PORTFOLIO: &str = "```bash portfolio\n";
/// A sentence behind the paywall.
const SECRET: &str = "这一段只有订阅者读得到";

/// What opens the blocks about another program.
const EXCERPT: &str = "```rust embed\n";
const SESSION: &str = "```bash embed\n";
/// What the program is called in them.
const EMBEDDED: &str = "cargo run --quiet --package embed-users --";

/// The blocks of the README that begin so.
fn blocks(mark: &str) -> impl Iterator<Item = &'static str> {
    README.split(mark).skip(1).map(|rest| rest.split_once("```\n").expect("a block ends").0)
}

/// What a newcomer sees who pastes the one block that begins so: by the headings that it prints.
struct Walk(BTreeMap<String, String>);

impl Walk {
    /// The block's lines against a server with the demo's content, and with its limits.
    fn of(mark: &str) -> Self {
        let lines: Vec<&str> = blocks(mark).collect();
        assert_eq!(lines.len(), 1, "one {mark}");
        let data = tempfile::tempdir().unwrap();
        let variables = BTreeMap::from([("RATE_LIMIT_ENABLED".to_owned(), "true".to_owned())]);
        let server = Process::start(data.path(), &["serve", "--demo"], &variables);
        Self(run(lines[0], &server.client.base))
    }

    fn said(&self, heading: &str, what: &str) {
        let text = self.0.get(heading).unwrap_or_else(|| panic!("nothing was printed under `{heading}`"));
        assert!(text.contains(what), "`{heading}` does not say `{what}` but:\n{text}");
    }

    fn withheld(&self, heading: &str, what: &str) {
        assert!(!self.0[heading].contains(what), "`{heading}` gives away `{what}`:\n{}", self.0[heading]);
    }
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
    let walk = Walk::of(JOURNEY);
    walk.said("the demo's admin makes one of them a creator", r#""creator""#);
    walk.said("the creator writes", r#""status":"draft""#);
    walk.said("saves a draft", r#""saved_at""#);
    walk.said("publishes", r#""status":"published""#);
    walk.said("and offers a monthly plan of ¥19.90", r#""price":1990"#);
    let paywalled = "the reader sees a preview and the paywall";
    walk.said(paywalled, r#""paywall":{"reason":"not_subscribed""#);
    walk.said(paywalled, "每天写五百字");
    walk.withheld(paywalled, SECRET);
    walk.said("subscribes", r#""status":"incomplete""#);
    walk.said("and pays: a click on the sandbox's page, and another, so that the callback comes twice", "is active");
    walk.said("the reader reads the whole text", SECRET);
    walk.said("the creator sees the revenue, once", r#""gross":1990,"fees":0,"refunds":0,"net":1990,"#);
    walk.said("the reader cancels at the end of the period", r#""cancel_at_period_end":true"#);
    walk.said("and reads until then", r#""allowed":true"#);
    walk.said("and reads until then", SECRET);
}

#[test]
fn the_portfolio_of_the_readme_works_as_it_stands() {
    let walk = Walk::of(PORTFOLIO);
    walk.said("is uploaded", r#""mime_type":"image/jpeg""#);
    walk.said("and developed: metadata, five sizes, a placeholder", r#""progress":100"#);
    walk.said("becomes a photo", r#""status":"published""#);
    walk.said("is found, in either language", "<mark>ferry</mark>");
    walk.said("is found, in either language", "<mark>江上</mark>");
    walk.said("is downloaded, here its first bytes", "206 16");
    let shared = "and shared with those who know the password";
    walk.said(shared, r#""has_password":true"#);
    walk.said(shared, "401\n");
    walk.said(shared, "The last ferry home.");
}

#[test]
fn what_the_readme_shows_of_another_program_is_that_program() {
    let program = include_str!("../../examples/embed-users/src/lib.rs");
    let lines = |text: &'static str| text.lines().map(str::trim).collect::<Vec<_>>();
    let program = lines(program);
    assert!(blocks(EXCERPT).count() >= 3);
    for excerpt in blocks(EXCERPT).map(lines) {
        assert!(program.windows(excerpt.len()).any(|part| part == excerpt), "it has no {excerpt:#?}");
    }
}

#[test]
fn the_readmes_session_with_another_program_works_as_it_stands() {
    let session = blocks(SESSION).next().expect("the README has the session");
    let built = sharestack_tests::process::program().with_file_name("embed-users");
    assert!(session.contains(EMBEDDED));
    let session = session.replace(EMBEDDED, &built.display().to_string());
    let directory = tempfile::tempdir().unwrap();
    let bash = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &session])
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(bash.status.success());
    let printed = String::from_utf8(bash.stdout).unwrap();
    let (registered, token) = printed.trim().split_once('\n').unwrap();
    assert!(registered.starts_with("lin has the number"), "{printed}");
    assert_eq!(token.split('.').count(), 3, "{printed}");
    assert!(directory.path().join("members.db").exists());
}
