//! Reads and writes under load, beside the bare floors; how quickly the product is ready, and
//! how much memory it takes.

use anyhow::{Context, Result, bail};

use crate::cases::{self, deep_page};
use crate::floor;
use crate::http::{self, Answer};
use crate::load::{Field, Row};
use crate::machine::{self, Memory};
use crate::prepared::Prepared;
use crate::server::{self, Server};
use crate::{Options, say, seed};

/// What was seen of one database beside the load.
pub struct Start {
    pub database: &'static str,
    /// Milliseconds from the start of the process to ready; sorted.
    pub ready: Vec<f64>,
    pub idle: Memory,
    /// Ten seconds after all load.
    pub after: Memory,
    /// Seconds that seeding took.
    pub seeding: f64,
}

/// What was measured.
#[derive(Default)]
pub struct Requests {
    pub rows: Vec<Row>,
    pub starts: Vec<Start>,
}

/// Measures on one database.
pub async fn measure(prepared: &Prepared, options: &Options, into: &mut Requests) -> Result<()> {
    let (database, directory) = (prepared.database, prepared.path());
    let seeding = std::time::Instant::now();
    let filled = prepared.open().await?;
    seed::fill(&filled, options.articles, options.users).await?;
    filled.close().await;
    let seeding = seeding.elapsed().as_secs_f64();
    // A server that finds articles without an index builds one beside its answers.
    let indexing = prepared.run(&["search", "rebuild"])?;
    say(&format!("{database}: seeded in {seeding:.0} s, indexed in {:.0} s", indexing.as_secs_f64()));

    let mut ready = Vec::new();
    for _ in 0..10 {
        let server = prepared.serve()?;
        ready.push(server.ready_after.as_secs_f64() * 1000.0);
        server.stop()?;
    }
    ready.sort_by(f64::total_cmp);
    let product = prepared.serve()?;
    let idle = machine::settled(product.pid())?;
    say(&format!("{database}: ready after {:.0} ms, {:.1} MiB", ready[ready.len() / 2], idle.resident));

    let tokens = cases::tokens(&product, options.users)?;
    let answers = directory.join("answers.json");
    std::fs::write(&answers, floor::captured(&capture(&product, &tokens, options)?).to_string())?;
    let sql = server::floor(&answers, Some(&prepared.url))?;
    let bytes = server::floor(&answers, None)?;
    let field = Field { product: &product, sql: &sql, bytes: &bytes, seconds: options.seconds, directory };
    for (number, case) in (1..).zip(&cases::all(options.articles, &tokens)) {
        if options.case.as_deref().is_some_and(|wanted| !case.name.starts_with(wanted)) {
            continue;
        }
        for row in field.measure(database, case, number * 10)? {
            say(&format!(
                "{database}: {} at {}: {:.0}/s of {:.0}/s, P99 {:.1} ms, others {:.0} %",
                row.case,
                row.connections,
                row.product.rate,
                row.sql.unwrap_or(row.bytes).rate,
                row.product.p99,
                100.0 * row.others
            ));
            into.rows.push(row);
        }
    }
    let after = machine::settled(product.pid())?;
    into.starts.push(Start { database, ready, idle, after, seeding });
    for server in [sql, bytes, product] {
        server.stop()?;
    }
    Ok(())
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
        answers.push((name, answer));
    }
    Ok(answers)
}
