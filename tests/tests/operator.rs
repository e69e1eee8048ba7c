//! What who runs the product meets: settings that cannot be meant, commands and what they
//! say, files to begin with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;
use sharestack_kernel::clock::SystemClock;
use sharestack_store_seaorm::{Store, StoreConfig};
use sharestack_tests::authenticator::CodeApp;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::process::{Process, command, program};
use sharestack_tests::until;

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

pub fn run(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let variables: BTreeMap<_, _> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    command(data, arguments, &variables).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
pub fn well(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", said(output), String::from_utf8_lossy(&output.stderr));
    said(output)
}

/// What lies in the database of a data directory, by statements of the test's own.
pub async fn stored(data: &Path, sql: &str) -> i64 {
    let url = format!("sqlite://{}", data.join("sharestack.db").display());
    let store = Store::connect(&StoreConfig::new(&url), std::sync::Arc::new(SystemClock)).await.unwrap();
    let number = if sql.starts_with("SELECT") {
        store.number_raw(sql).await.unwrap()
    } else {
        store.execute_raw(sql).await.unwrap().try_into().unwrap()
    };
    store.close().await;
    number
}

#[test]
fn a_shell_takes_the_example_of_variables_as_it_stands() {
    let data = tempfile::tempdir().unwrap();
    let script = r#"set -eu; set -a; . "$1"; set +a; export DATA_DIR=$3; exec "$2" doctor"#;
    let example = root().join(".env.example");
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(&example).arg(program()).arg(data.path());
    let output = shell.current_dir(data.path()).env_clear().env("PATH", "/usr/bin:/bin").output().unwrap();
    let text = well(&output);
    assert!(text.contains(r#""http://localhost:3000""#) && text.contains(r#""http://localhost:8080""#), "{text}");
}

/// Every name of the example is one that the program or compose knows, and gets to the program.
#[test]
fn compose_hands_every_variable_on() {
    let (example, compose) = (read(".env.example"), read("compose.yaml"));
    assert!(compose.contains("env_file:") && compose.contains("path: .env"), "{compose}");
    let known: Vec<_> = sharestack_app::config::NAMES.iter().map(|(name, ..)| *name).collect();
    for line in example.lines() {
        let Some((name, _)) = line.trim_start_matches("# ").split_once('=') else { continue };
        if name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') {
            let is_known = known.contains(&name) || name.starts_with("SHARESTACK__");
            assert!(is_known || compose.contains(&format!("${{{name}")), "{name}");
        }
    }
}

#[test]
fn what_cannot_be_meant_is_refused_at_the_start() {
    let data = tempfile::tempdir().unwrap();
    let nowhere = data.path().join("nowhere").display().to_string();
    for (variable, value, named) in [
        ("LOG_LEVEL", "verbose", "LOG_LEVEL (log.level): `verbose` is no level"),
        ("CORS_ORIGINS", "localhost:3000", "CORS_ORIGINS (cors.origins): `localhost:3000` is no origin"),
        ("CORS_ORIGINS", "https://app.example.org/", "CORS_ORIGINS (cors.origins)"),
        ("CORS_ALLOW_METHODS", "GET,get it", "CORS_ALLOW_METHODS (cors.allow_methods)"),
        ("CORS_ALLOW_HEADERS", "x y", "CORS_ALLOW_HEADERS (cors.allow_headers)"),
        ("SHARESTACK__SERVER__PUBLIC_URL", "example.org", "(server.public_url)"),
        ("SHARESTACK_CONFIG_DIR", &nowhere, "SHARESTACK_CONFIG_DIR"),
    ] {
        let output = run(data.path(), &["doctor"], &[(variable, value)]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{variable}={value}: {text}");
        assert!(text.contains(named) && text.trim().lines().count() == 1, "{variable}={value}: {text}");
    }
    let output = run(data.path(), &["--config-dir", &nowhere, "doctor"], &[]);
    assert_eq!(output.status.code(), Some(2));
    well(&run(
        data.path(),
        &["--config-dir", &data.path().display().to_string(), "doctor"],
        &[("LOG_LEVEL", "WARNING")],
    ));
}

#[test]
fn doctor_says_what_is_to_be_done_in_an_empty_directory() {
    let data = tempfile::tempdir().unwrap();
    let text = well(&run(data.path(), &["doctor"], &[]));
    assert!(text.contains("pending  migrations") && text.contains("sharestack migrate up"), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("down ")), "{text}");
    let by_hand = [("SHARESTACK__DATABASE__MIGRATE_ON_START", "false")];
    let output = run(data.path(), &["doctor"], &by_hand);
    assert!(!output.status.success() && said(&output).contains("run `sharestack migrate up`"), "{}", said(&output));
    well(&run(data.path(), &["migrate", "up"], &[]));
    let text = well(&run(data.path(), &["doctor"], &by_hand));
    assert!(text.contains("ok       migrations (0 pending)") && text.contains("ok       queue"), "{text}");
}

#[tokio::test]
async fn the_demo_opens_no_session_and_tells_roles_as_they_are() {
    let data = tempfile::tempdir().unwrap();
    let text = well(&run(data.path(), &["demo"], &[]));
    for account in ["admin / demo-admin-password (super admin)", "lin / demo-creator-password (creator)"] {
        assert!(text.contains(account), "{text}");
    }
    assert!(stored(data.path(), "SELECT COUNT(*) FROM articles WHERE status = 'published'").await > 0);
    let again = well(&run(data.path(), &["demo"], &[]));
    assert!(again.contains("no demo content was added") && again.contains("(creator)"), "{again}");
    assert_eq!(stored(data.path(), "SELECT COUNT(*) FROM sessions").await, 0);
    assert_eq!(stored(data.path(), "SELECT COUNT(*) FROM events WHERE kind = 'user.logged_in'").await, 0);
    // One is a creator no more, and one has another password.
    stored(
        data.path(),
        "DELETE FROM user_roles WHERE user_id = (SELECT id FROM users WHERE username = 'lin') AND role_id \
        IN (SELECT id FROM roles WHERE name = 'creator')",
    )
    .await;
    stored(data.path(), "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE username = 'lin') WHERE username = 'wei'").await;
    let later = well(&run(data.path(), &["demo"], &[]));
    assert!(later.contains("lin / demo-creator-password (user)") && !later.contains("wei /"), "{later}");
    assert_eq!(stored(data.path(), "SELECT COUNT(*) FROM sessions").await, 0);
}

/// Known passwords do not come back into a database that is somebody's by now.
#[tokio::test]
async fn demo_accounts_that_were_deleted_do_not_come_back() {
    let data = tempfile::tempdir().unwrap();
    well(&run(data.path(), &["demo"], &[]));
    let users = stored(data.path(), "SELECT COUNT(*) FROM users").await;
    let again = async |left: &str| {
        let text = well(&run(data.path(), &["demo"], &[]));
        assert!(text.contains("no demo content was added") && !text.contains("admin /"), "{left}: {text}");
        assert_eq!(stored(data.path(), "SELECT COUNT(*) FROM users").await, users, "{left}");
        let admins = "SELECT COUNT(*) FROM users WHERE username_key = 'admin' AND deleted_at IS NULL";
        assert_eq!(stored(data.path(), admins).await, 0, "{left}");
    };
    stored(data.path(), "UPDATE users SET deleted_at = updated_at WHERE id = 1").await;
    again("deleted").await;
    // Its names are free again.
    let erased = "username = 'erased.1', username_key = 'erased.1', username_look = 'erased.1', \
                  email = '1@erased.invalid', email_key = '1@erased.invalid', password_hash = ''";
    stored(data.path(), &format!("UPDATE users SET {erased} WHERE id = 1")).await;
    again("erased").await;
    stored(data.path(), "UPDATE users SET deleted_at = updated_at").await;
    again("all deleted").await;
}

#[tokio::test]
async fn the_queue_of_dead_jobs_is_told_of_whatever_is_in_it() {
    let data = tempfile::tempdir().unwrap();
    well(&run(data.path(), &["migrate", "up"], &[]));
    assert_eq!(well(&run(data.path(), &["jobs", "dead"], &[])).trim(), "no job was given up");
    assert_eq!(
        well(&run(data.path(), &["jobs", "retry", "--all"], &[])).trim(),
        "no job was given up: nothing to offer again"
    );
    let at = "2026-01-15T10:30:00+00:00";
    for _ in 0..2 {
        let columns =
            "id, kind, payload, state, priority, run_at, attempts, max_attempts, last_error, created_at, finished_at";
        let values = format!("randomblob(16), 'x', '{{}}', 'dead', 0, '{at}', 10, 10, 'refused', '{at}', '{at}'");
        stored(data.path(), &format!("INSERT INTO jobs ({columns}) VALUES ({values})")).await;
    }
    let listed = well(&run(data.path(), &["jobs", "dead"], &[]));
    assert!(
        listed.contains("after 10 attempts: refused") && listed.trim().ends_with("2 jobs were given up"),
        "{listed}"
    );
    let last = well(&run(data.path(), &["jobs", "dead", "--limit", "1"], &[]));
    assert_eq!(last.lines().nth(1), Some("the last 1; --limit shows more, if there are"), "{last}");
    let others = well(&run(data.path(), &["jobs", "dead", "--kind", "y"], &[]));
    assert_eq!(others.trim(), "no job was given up");
    assert!(!run(data.path(), &["jobs", "dead", "--limit", "0"], &[]).status.success());
    assert!(well(&run(data.path(), &["jobs", "retry", "--all"], &[])).trim().ends_with("2 jobs wait again"));
    assert_eq!(stored(data.path(), "SELECT COUNT(*) FROM jobs WHERE state = 'waiting'").await, 2);
    assert!(!run(data.path(), &["jobs", "retry", "019a8f3c-7b1e-7c40-9d6e-0f1a2b3c4d5e"], &[]).status.success());
    // What was offered again is told of, once each, and what was not is not.
    let told = "SELECT COUNT(DISTINCT aggregate_id) FROM events WHERE kind = 'job.retried' AND payload LIKE '%\"kind\":\"x\"%'";
    assert_eq!(stored(data.path(), told).await, 2);
    assert_eq!(stored(data.path(), "SELECT COUNT(*) FROM events WHERE kind = 'job.retried'").await, 2);
    let server = Process::start(data.path(), &["serve"], &BTreeMap::new());
    let entries = "SELECT COUNT(*) FROM audit_entries WHERE action = 'job.retried' AND target_type = 'job'";
    until("the audit log has them", async || stored(data.path(), entries).await == 2).await;
    server.kill();
}

#[tokio::test]
async fn who_has_lost_the_second_factor_is_let_in_again_from_the_command_line() {
    let data = tempfile::tempdir().unwrap();
    let login = json!({ "username": "lin", "password": PASSWORD });
    {
        let mut server = Process::start(data.path(), &["serve"], &BTreeMap::new());
        let client = &server.client;
        let account = json!({ "username": "lin", "email": "lin@example.com", "password": PASSWORD });
        client.post("/api/v1/auth/register", &account).await.expect(201);
        let tokens = client.post("/api/v1/auth/login", &login).await.expect(200);
        let token = tokens.data()["access_token"].as_str().unwrap().to_owned();
        let made = client.post_as(&token, "/api/v1/auth/mfa/totp", &json!({})).await.expect(201);
        let codes = CodeApp::new(made.data()["secret"].as_str().unwrap());
        let code = json!({ "code": codes.code() });
        client.post_as(&token, "/api/v1/auth/mfa/totp/confirm", &code).await.expect(200);
        assert_eq!(client.post("/api/v1/auth/login", &login).await.expect(200).data()["mfa_required"], true);
        assert!(server.terminate().success());
    }
    for (name, problem) in [("nobody", "there is no user nobody"), ("", "is no username")] {
        let output = run(data.path(), &["user", "reset-mfa", "--username", name], &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains(problem), "{name}");
    }
    let text = well(&run(data.path(), &["user", "reset-mfa", "--username", "lin"], &[]));
    assert!(text.contains("lin has no second factor any more"), "{text}");
    let again = run(data.path(), &["user", "reset-mfa", "--username", "lin"], &[]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("lin has no second factor"));
    for table in ["totp_factors", "recovery_codes"] {
        assert_eq!(stored(data.path(), &format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
    }
    let told = "SELECT COUNT(*) FROM events WHERE kind = 'user.mfa_disabled' AND payload LIKE '%operator%'";
    assert_eq!(stored(data.path(), told).await, 1);
    // Who it was taken from hears of it.
    let waits = "SELECT COUNT(*) FROM jobs WHERE kind = 'message.send' AND state = 'waiting'";
    assert_eq!(stored(data.path(), waits).await, 1);
    let server = Process::start(data.path(), &["serve"], &BTreeMap::new());
    let tokens = server.client.post("/api/v1/auth/login", &login).await.expect(200);
    assert!(tokens.data()["access_token"].is_string(), "{}", tokens.text);
}

/// The pages that a newcomer reads first name all that there is.
#[test]
fn the_readme_and_the_index_of_decisions_are_complete() {
    let readme = read("README.md");
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(readme.contains(&format!("`{name}`")) || readme.contains(&format!("`crates/{name}`")), "{name}");
    }
    let help = well(&Command::new(program()).arg("--help").env_clear().output().unwrap());
    let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    for line in commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let command = line.split_whitespace().next().unwrap();
        let named = format!("sharestack {command}");
        assert!(
            command == "help" || (readme.contains(&named) && read("docs/operations.md").contains(&named)),
            "{command}"
        );
    }
    let mut pages: Vec<_> = std::fs::read_dir(root().join("docs/adr"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    pages.sort_unstable();
    let index = read("docs/adr/README.md");
    let listed: Vec<_> =
        index.lines().filter_map(|line| line.split_once("](")?.1.split_once(')')).map(|(page, _)| page).collect();
    assert_eq!(listed, pages);
    for (number, page) in (1..=pages.len().min(15)).zip(&pages) {
        assert!(page.starts_with(&format!("{number:04}-")), "{page} is not the {number}th");
    }
}
