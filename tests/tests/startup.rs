//! What the program says when it cannot start, and how it ends.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use sharestack_kernel::clock::SystemClock;
use sharestack_store_seaorm::{Store, StoreConfig};
use sharestack_tests::process::{Process, command};

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (Output, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    let output = run_in(data.path(), arguments, variables);
    (output, data)
}

fn run_in(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let child = command(data, arguments, &variables).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A server that starts where it should refuse does not hang the test.
    let (ended, waiting) = mpsc::channel::<()>();
    let id = child.id().to_string();
    let watchdog = std::thread::spawn(move || {
        if waiting.recv_timeout(Duration::from_secs(30)) == Err(mpsc::RecvTimeoutError::Timeout) {
            drop(Command::new("kill").args(["-KILL", &id]).status());
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    watchdog.join().unwrap();
    output
}

/// One sentence on stderr that names the setting, exit code 2, no panic.
#[track_caller]
fn refuses(variables: &[(&str, &str)], named: &str) {
    let (output, _data) = run(&["serve"], variables);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.trim().lines().count(), 1, "{said}");
    assert!(said.contains(named), "{said}");
    assert!(!said.contains("panicked") && !said.contains("hunter2"), "{said}");
}

#[test]
fn a_wrong_database_url_is_named() {
    refuses(&[("DATABASE_URL", "oracle://u:hunter2@localhost/d")], "DATABASE_URL");
    refuses(&[("DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/d")], "DATABASE_URL");
    refuses(&[("DATABASE_URL", "sqlite:///no/such/directory/x.db")], "DATABASE_URL");
}

/// Refused, not let in, or not there: each says so.
#[test]
fn why_a_database_cannot_be_used_is_told() {
    let wait = ("SHARESTACK__DATABASE__ACQUIRE_TIMEOUT_SECONDS", "1");
    refuses(&[("DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/d"), wait], "refused");
    refuses(&[("DATABASE_URL", "mysql://u:hunter2@127.0.0.1:1/d"), wait], "refused");
    if sharestack_tests::embedded_only() {
        return;
    }
    for (variable, strangers) in [("TEST_POSTGRES_URL", "no_such_role"), ("TEST_MYSQL_URL", "no_such_user")] {
        let url = sharestack_tests::server_url(variable);
        let (base, _) = url.rsplit_once('/').unwrap();
        refuses(&[("DATABASE_URL", &format!("{base}/no_such_database")), wait], "no_such_database");
        let (scheme, rest) = base.split_once("://").unwrap();
        let host = rest.rsplit('@').next().unwrap();
        refuses(&[("DATABASE_URL", &format!("{scheme}://{strangers}:hunter2@{host}/x")), wait], strangers);
    }
}

#[test]
fn every_setting_is_in_the_operators_manual() {
    let manual = include_str!("../../docs/operations.md");
    let settings: toml::Table = include_str!("../../config/default.toml").parse().unwrap();
    let mut missing = Vec::new();
    for (section, keys) in &settings {
        match keys.as_table() {
            None if !manual.contains(&format!("`{section}`")) => missing.push(section.clone()),
            None => {}
            Some(keys) => {
                let named = keys.iter().flat_map(|(key, value)| match value.as_table() {
                    Some(inner) => inner.keys().map(|one| format!("{section}.{key}.{one}")).collect(),
                    None => vec![format!("{section}.{key}")],
                });
                missing.extend(named.filter(|name| !manual.contains(&format!("`{name}`"))));
            }
        }
    }
    assert!(missing.is_empty(), "docs/operations.md does not name {missing:?}");
}

#[test]
fn an_unknown_key_is_named() {
    refuses(&[("SHARESTACK__SERVER__PROT", "1")], "SHARESTACK__SERVER__PROT (server.prot)");
    refuses(&[("SHARESTACK__NO_SUCH_SECTION__KEY", "1")], "SHARESTACK__NO_SUCH_SECTION__KEY (no_such_section)");
    refuses(&[("SHARESTACK__SERVER_PORT", "1")], "SHARESTACK__SERVER__PORT is one");
}

#[test]
fn a_name_that_only_looks_like_a_setting_is_told_with_the_right_one() {
    let wrong = [("SHARESTACK_SERVER_PORT", "1")];
    let (output, data) = run(&["migrate", "up"], &wrong);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let told = "SHARESTACK_SERVER_PORT is no setting and is ignored: SHARESTACK__SERVER__PORT is one";
    assert!(output.status.success() && said.contains(told), "{said}");
    let said = String::from_utf8(run_in(data.path(), &["doctor"], &wrong).stdout).unwrap();
    assert!(said.contains("ignored  SHARESTACK_SERVER_PORT: SHARESTACK__SERVER__PORT is the setting"), "{said}");
    assert!(!String::from_utf8(run_in(data.path(), &["doctor"], &[]).stdout).unwrap().contains("ignored"));
}

#[test]
fn a_wrong_value_is_named() {
    refuses(&[("API_PORT", "eighty")], "API_PORT (server.port)");
    refuses(&[("SHARESTACK__SERVER__PORT", "eighty")], "SHARESTACK__SERVER__PORT (server.port)");
    refuses(&[("API_WORKERS", "513")], "API_WORKERS (server.workers): must be at most 512; 0 is one a core");
    for bad in ["18446744073709551616", "-1", "many", "1.5"] {
        refuses(&[("API_WORKERS", bad)], "API_WORKERS (server.workers)");
    }
    refuses(&[("ENVIRONMENT", "staging")], "ENVIRONMENT (environment): must be development, test or production");
    refuses(&[("JWT_ALGORITHM", "none")], "JWT_ALGORITHM");
    refuses(&[("TRUSTED_PROXIES", "everybody")], "TRUSTED_PROXIES");
    refuses(&[("LOG_LEVEL", "=[")], "LOG_LEVEL (log.level)");
    refuses(
        &[("SHARESTACK__STORAGE__BACKEND", "s3"), ("SHARESTACK__UPLOAD__MAX_FILE_SIZE", "52428800001")],
        "SHARESTACK__UPLOAD__MAX_FILE_SIZE (upload.max_file_size): must be at most 52428800000",
    );
}

#[test]
fn a_busy_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    refuses(&[("API_PORT", &port)], "API_PORT");
}

#[test]
fn an_unwritable_data_directory_is_named() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let below = file.join("data").display().to_string();
    refuses(&[("DATA_DIR", &below)], "DATA_DIR");
}

#[test]
fn production_refuses_a_short_secret_and_the_sandbox() {
    refuses(&[("ENVIRONMENT", "production"), ("JWT_SECRET_KEY", "short")], "JWT_SECRET_KEY");
    let secret = "k".repeat(40);
    let sandbox = ("SHARESTACK__PAYMENTS__SANDBOX_ENABLED", "true");
    refuses(&[("ENVIRONMENT", "production"), ("JWT_SECRET_KEY", &secret), sandbox], "payments.sandbox_enabled");
}

#[test]
fn production_refuses_demo_content_before_it_makes_anything() {
    let secret = "k".repeat(40);
    for arguments in [&["demo"][..], &["serve", "--demo"]] {
        let (output, data) = run(arguments, &[("ENVIRONMENT", "production"), ("JWT_SECRET_KEY", &secret)]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said.trim().lines().count()), (Some(2), 1), "{said}");
        assert!(said.contains("known passwords"), "{said}");
        assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0, "{arguments:?}");
    }
}

#[tokio::test]
async fn production_is_told_of_demo_content() {
    let data = tempfile::tempdir().unwrap();
    let secret = "k".repeat(40);
    let production = [("ENVIRONMENT", "production"), ("JWT_SECRET_KEY", secret.as_str())];
    let log = data.path().join("log");
    let serve = |variables: &[(&str, &str)]| {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut program = command(data.path(), &["serve"], &variables);
        program.stderr(File::create(&log).unwrap());
        assert!(Process::launch(program, "listening on ").terminate().success());
        std::fs::read_to_string(&log).unwrap()
    };
    assert!(!serve(&production).contains("demo"), "there is none");
    assert!(run_in(data.path(), &["demo"], &[]).status.success());
    assert!(!serve(&[]).contains("demo content"), "where it may be");
    let told = "the database holds demo content, with the accounts admin, lin, wei";
    let said = serve(&production);
    assert!(said.contains(&format!("{told}; anybody can sign in as admin, lin, wei")), "{said}");
    // With other passwords they are still there.
    let url = format!("sqlite://{}", data.path().join("sharestack.db").display());
    let store = Store::connect(&StoreConfig::new(&url), Arc::new(SystemClock)).await.unwrap();
    let swap = "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE username = 'lin') \
                WHERE username <> 'lin'";
    assert_eq!(store.execute_raw(swap).await.unwrap(), 2);
    store.close().await;
    let said = String::from_utf8(run_in(data.path(), &["doctor"], &production).stdout).unwrap();
    assert!(said.contains(&format!("warning  {told}; anybody can sign in as lin:")), "{said}");
}

#[tokio::test]
async fn a_second_server_on_one_directory_is_refused_and_commands_are_not() {
    let data = tempfile::tempdir().unwrap();
    let none = BTreeMap::new();
    let mut server = Process::start(data.path(), &["serve"], &none);
    for arguments in [&["serve"][..], &["serve", "--no-worker"]] {
        let second = run_in(data.path(), arguments, &[]);
        let said = String::from_utf8_lossy(&second.stderr).into_owned();
        assert_eq!((second.status.code(), said.trim().lines().count()), (Some(2), 1), "{said}");
        let database = data.path().join("sharestack.db").display().to_string();
        assert!(said.contains("another server runs on") && said.contains(&database), "{said}");
    }
    for arguments in [
        &["migrate", "status"][..],
        &["migrate", "up"],
        &["jobs", "dead"],
        &["search", "rebuild"],
        &["content", "recount"],
    ] {
        let output = run_in(data.path(), arguments, &[]);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(Process::launch(command(data.path(), &["worker"], &none), "working").terminate().success());
    server.client.get("/health/ready").await.expect(200);
    assert!(server.terminate().success());
    // Neither one that ended nor one that was killed keeps others out.
    Process::start(data.path(), &["serve"], &none).kill();
    assert!(Process::start(data.path(), &["serve"], &none).terminate().success());
}

#[test]
fn the_help_says_what_commands_take() {
    let (output, _data) = run(&["jobs", "retry", "--help"], &[]);
    let said = String::from_utf8(output.stdout).unwrap();
    for part in ["[ID]...", "as `jobs dead` lists them", "in place of ids", "With `--all`"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn migrations_are_listed_applied_and_taken_back() {
    let data = tempfile::tempdir().unwrap();
    let say = |arguments: &[&str]| {
        let output = run_in(data.path(), arguments, &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(!say(&["migrate", "status"]).contains("applied"));
    assert!(!say(&["migrate", "up"]).contains("pending"));
    assert!(say(&["migrate", "down", "--steps", "1"]).contains("pending"));
    assert!(!say(&["migrate", "up"]).contains("pending"));
}

#[test]
fn a_server_without_its_schema_says_what_to_do() {
    let (output, _data) = run(&["serve"], &[("SHARESTACK__DATABASE__MIGRATE_ON_START", "false")]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("sharestack migrate up"), "{said}");
}

#[test]
fn doctor_checks_what_is_configured_and_keeps_secrets() {
    let data = tempfile::tempdir().unwrap();
    assert!(run_in(data.path(), &["migrate", "up"], &[]).status.success());
    let output = run_in(data.path(), &["doctor"], &[("JWT_SECRET_KEY", "hunter2-hunter2-hunter2-hunter2-hunter2")]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for part in [
        "database        sqlite://",
        "sharestack.db",
        "cache           in process",
        "JWT secret      configured",
        "migrate_on_start = \"true\"",
        "ok       database",
        "ok       redis (none: in process)",
        "ok       storage",
        "ok       migrations",
        "[server]",
    ] {
        assert!(said.contains(part), "{part} is missing in\n{said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
    let output = run_in(data.path(), &["doctor"], &[("REDIS_URL", "redis://:hunter2@127.0.0.1:1")]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("degraded redis") && !said.contains("hunter2"), "{said}");
}

/// Something that listens, and says this at first and to each line that ends a request.
fn listener(greeting: &'static str, answer: &'static str) -> u16 {
    use std::io::{BufRead, BufReader, Write};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.write_all(greeting.as_bytes()).unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            for line in lines.map_while(Result::ok) {
                let ends = !greeting.is_empty() || line.is_empty();
                if ends && stream.write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    port
}

#[test]
fn doctor_asks_every_service_that_is_configured() {
    let data = tempfile::tempdir().unwrap();
    assert!(run_in(data.path(), &["migrate", "up"], &[]).status.success());
    let smtp = listener("220 mail.example ready\r\n", "250 fine\r\n").to_string();
    let web = format!("http://127.0.0.1:{}", listener("", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
    let doctor = |smtp: &str, web: &str| {
        let settings = [
            ("SMTP_HOST", "127.0.0.1"),
            ("SMTP_PORT", smtp),
            ("SMTP_USE_TLS", "false"),
            ("SMTP_FROM_EMAIL", "post@example.com"),
            ("SHARESTACK__TELEMETRY__OTLP_ENDPOINT", web),
            ("SHARESTACK__OAUTH__PROVIDERS__ACME__KIND", "oidc"),
            ("SHARESTACK__OAUTH__PROVIDERS__ACME__ISSUER", web),
            ("SHARESTACK__OAUTH__PROVIDERS__ACME__CLIENT_ID", "us"),
            ("SHARESTACK__OAUTH__PROVIDERS__ACME__CLIENT_SECRET", "hunter2"),
        ];
        let output = run_in(data.path(), &["doctor"], &settings);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!said.contains("hunter2"), "{said}");
        (output.status.success(), said)
    };
    let (well, said) = doctor(&smtp, &web);
    for part in ["ok       mail", "ok       telemetry", "ok       login by acme"] {
        assert!(said.contains(part), "{part} is missing in\n{said}");
    }
    assert!(well, "{said}");
    let (well, said) = doctor("1", "http://127.0.0.1:1");
    for part in ["down     mail: ", "down     telemetry: no connection", "down     login by acme: no connection"] {
        assert!(said.contains(part), "{part} is missing in\n{said}");
    }
    assert!(!well);
    // Before the schema is there, what else is configured is asked all the same.
    let empty = tempfile::tempdir().unwrap();
    let output = run_in(empty.path(), &["doctor"], &[("REDIS_URL", "redis://127.0.0.1:1")]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        !output.status.success() && said.contains("degraded redis") && said.contains("pending  migrations"),
        "{said}"
    );
}

#[test]
fn the_document_is_printed() {
    let (output, _data) = run(&["openapi"], &[]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[test]
fn a_super_admin_is_made_from_the_command_line() {
    use std::io::Write;
    let data = tempfile::tempdir().unwrap();
    let arguments = ["admin", "create", "--username", "boss", "--email", "boss@example.com", "--password-stdin"];
    let make = |password: &str| {
        let mut child = command(data.path(), &arguments, &BTreeMap::new())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    assert!(!make("short").status.success());
    assert!(make("correct horse 电池 staple\n").status.success());
    let again = make("correct horse 电池 staple\n");
    assert!(!again.status.success() && !String::from_utf8_lossy(&again.stderr).contains("panicked"));
}

#[test]
fn sigterm_ends_the_server_cleanly_within_ten_seconds() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Process::start(data.path(), &["serve"], &BTreeMap::new());
    let started = Instant::now();
    let status = server.terminate();
    assert!(status.success(), "{status}");
    assert!(started.elapsed() < Duration::from_secs(10));
}
