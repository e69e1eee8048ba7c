//! From empty databases to the table.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::cases::{self, deep_page};
use crate::database::Database;
use crate::http::{self, Answer};
use crate::load::Field;
use crate::report::{self, Report, Start};
use crate::server::{self, Server};
use crate::{Options, floor, machine, seed, storm, wrk};

fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "bench: {text}"));
}

/// Measures everything, prints the table and writes it down.
pub async fn all(mut options: Options) -> Result<()> {
    if options.quick {
        (options.articles, options.users, options.seconds, options.dry) = (5000, 500, 3, true);
    }
    wrk::check()?;
    server::binary()?;
    let machine = machine::describe();
    let argon2 = argon2_floor(options.seconds.min(4))?;
    say(&format!("argon2id: {argon2:.0} hashes/s on 2 threads"));
    let mut report = Report::default();
    let wanted = |name: &str| options.only.as_deref().is_none_or(|only| only == name);
    if wanted("sqlite") {
        let directory = tempfile::tempdir()?;
        let url = format!("sqlite://{}/bench.db", directory.path().display());
        one("SQLite", &url, directory.path(), &options, argon2, &mut report).await?;
    }
    if wanted("postgres") {
        let Ok(base) = std::env::var("TEST_POSTGRES_URL") else {
            bail!("TEST_POSTGRES_URL is not set: run `make bench`, or `scripts/services.sh with` this program");
        };
        let directory = tempfile::tempdir()?;
        let name = format!("sharestack_bench_{}", std::process::id());
        administer(&base, &format!("CREATE DATABASE {name}")).await?;
        let (server, _) = base.rsplit_once('/').context("a URL without a database")?;
        let url = format!("{server}/{name}");
        let result = one("PostgreSQL", &url, directory.path(), &options, argon2, &mut report).await;
        administer(&base, &format!("DROP DATABASE {name} WITH (FORCE)")).await?;
        result?;
    }
    if options.only.is_none() && options.case.is_none() {
        say("derivatives of photos");
        let (width, height, count) = if options.quick { (1200, 800, 3) } else { (6000, 4000, 12) };
        report.pictures = Some(crate::pictures::measure(width, height, count)?);
        say("a large file in pieces");
        report.uploaded = Some(crate::uploads::measure(if options.quick { 64 } else { 1024 })?);
    }
    let sizes = format!(
        "{} articles, {} users, {} s for each figure; logs at `error`, 2 worker threads for each server.",
        options.articles, options.users, options.seconds
    );
    let section = report.markdown(&machine, &sizes)?;
    std::io::stdout().write_all(section.as_bytes())?;
    if !options.dry {
        report::write(Path::new("docs/performance.md"), &section)?;
    }
    Ok(())
}

async fn administer(url: &str, sql: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Hashes in a second on two threads.
fn argon2_floor(seconds: u32) -> Result<f64> {
    let argon2 = seed::argon2()?;
    let time = Duration::from_secs(seconds.into());
    let hash = || {
        let (started, mut done) = (Instant::now(), 0_u32);
        let mut out = [0_u8; 32];
        while started.elapsed() < time {
            if argon2.hash_password_into(seed::PASSWORD.as_bytes(), b"sixteen bytes...", &mut out).is_ok() {
                done += 1;
            }
        }
        f64::from(done) / started.elapsed().as_secs_f64()
    };
    Ok(std::thread::scope(|scope| {
        let threads = [scope.spawn(hash), scope.spawn(hash)];
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).sum()
    }))
}

async fn one(
    database: &'static str,
    url: &str,
    directory: &Path,
    options: &Options,
    argon2: f64,
    report: &mut Report,
) -> Result<()> {
    say(&format!("{database}: migrating and seeding"));
    let migrated = server::product(url, directory, 0, &["migrate", "up"])?.output()?;
    if !migrated.status.success() {
        bail!("migrate: {}", String::from_utf8_lossy(&migrated.stderr));
    }
    let seeding = Instant::now();
    let filled = Database::open(url).await?;
    seed::fill(&filled, options.articles, options.users).await?;
    filled.close().await;
    let seeding = seeding.elapsed().as_secs_f64();
    say(&format!("{database}: seeded in {seeding:.0} s"));
    // A server that finds articles without an index builds one beside its answers.
    let indexing = Instant::now();
    let indexed = server::product(url, directory, 0, &["search", "rebuild"])?.output()?;
    if !indexed.status.success() {
        bail!("search rebuild: {}", String::from_utf8_lossy(&indexed.stderr));
    }
    say(&format!("{database}: indexed in {:.0} s", indexing.elapsed().as_secs_f64()));

    let mut ready = Vec::new();
    for _ in 0..10 {
        let server = server::serve(url, directory)?;
        ready.push(server.ready_after.as_secs_f64() * 1000.0);
        server.stop()?;
    }
    ready.sort_by(f64::total_cmp);
    let product = server::serve(url, directory)?;
    std::thread::sleep(Duration::from_secs(2));
    let idle = machine::resident(product.pid())?;
    say(&format!("{database}: ready after {:.0} ms, {idle:.1} MiB", ready[ready.len() / 2]));

    let tokens = tokens(&product, options.users)?;
    let answers = directory.join("answers.json");
    std::fs::write(&answers, floor::captured(&capture(&product, &tokens, options)?).to_string())?;
    let sql = server::floor(&answers, Some(url))?;
    let bytes = server::floor(&answers, None)?;
    let field = Field { product: &product, sql: &sql, bytes: &bytes, seconds: options.seconds, directory, argon2 };
    let cases = cases::all(options.articles, options.users, &tokens);
    for (number, case) in (1..).zip(&cases) {
        if options.case.as_deref().is_some_and(|wanted| !case.name.starts_with(wanted)) {
            continue;
        }
        for row in field.measure(database, case, number * 10)? {
            let floor = row.sql.map(|figures| figures.rate).or(row.argon2).or(row.bytes.map(|figures| figures.rate));
            say(&format!(
                "{database}: {} at {}: {:.0}/s of {:.0}/s, P99 {:.1} ms, others {:.0} %",
                row.case,
                row.connections,
                row.product.rate,
                floor.unwrap_or_default(),
                row.product.p99,
                100.0 * row.others
            ));
            report.rows.push(row);
        }
    }
    let named = |name: &str| cases.iter().find(|case| case.name == name).context("no such case");
    if options.case.as_deref().is_none_or(|wanted| "storm".starts_with(wanted)) {
        for (number, reads) in (100..).step_by(10).zip(["read one article", "authenticated `me`"]) {
            let storm = storm::measure(&field, database, named(reads)?, named("login")?, number)?;
            let (quiet, stormy) = (storm.quiet.p99, storm.stormy.p99);
            say(&format!("{database}: {reads} beside a login storm: P99 {quiet:.1} ms quiet, {stormy:.1} ms in it"));
            report.storms.push(storm);
        }
    }
    let after = machine::resident(product.pid())?;
    report.starts.push(Start { database, ready, idle, after, seeding });
    for server in [sql, bytes, product] {
        server.stop()?;
    }
    Ok(())
}

/// Signs users in.
fn tokens(product: &Server, users: u32) -> Result<Vec<String>> {
    let json = [("content-type", "application/json")];
    (1..=users.min(seed::CREATORS))
        .map(|id| {
            let body = cases::login(&seed::username(id));
            let answer = http::request(product.port, "POST", "/api/v1/auth/login", &json, &body)?;
            let value: Value = serde_json::from_slice(&answer.body)?;
            let token = value["data"]["access_token"].as_str();
            token.map(str::to_owned).with_context(|| format!("login: {value}"))
        })
        .collect()
}

/// One answer of each kind.
fn capture(product: &Server, tokens: &[String], options: &Options) -> Result<Vec<(&'static str, Answer)>> {
    let bearer = format!("Bearer {}", tokens.first().context("no token")?);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let deep = format!("/api/v1/articles?page={}", deep_page(options.articles));
    let draft = cases::draft().replace("SLUG", "captured");
    let mut answers = Vec::new();
    for (name, method, path, headers, body) in [
        ("article", "GET", "/api/v1/articles/1", &[][..], ""),
        ("first page", "GET", "/api/v1/articles?page=1", &[][..], ""),
        ("deep page", "GET", deep.as_str(), &[][..], ""),
        ("me", "GET", "/api/v1/users/me", &headers[..], ""),
        ("created", "POST", "/api/v1/articles", &headers[..], draft.as_str()),
    ] {
        let answer = http::request(product.port, method, path, headers, body)?;
        if answer.status >= 300 {
            bail!("{name}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        say(&format!("{name}: {} bytes", answer.body.len()));
        answers.push((name, answer));
    }
    Ok(answers)
}
