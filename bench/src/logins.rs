//! Signing in: how much of the machine's hashing becomes logins, what reads beside it wait
//! for, and what it costs to check who asks.

use anyhow::{Context, Result, bail};

use crate::cases::{self, Case};
use crate::http::{Connection, request};
use crate::machine::Work;
use crate::prepared::Prepared;
use crate::say;
use crate::server::Server;
use crate::storm::{self, Storm};
use crate::wrk::{self, Figures};
use crate::{Options, hashing};

/// How many connections log in.
const CONNECTIONS: [u32; 2] = [64, 1000];
/// How many articles there are to read.
pub const ARTICLES: u32 = 5000;
/// How many requests the reads of the cache are counted over.
const CHECKS: u32 = 500;

/// Logins through so many connections.
pub struct Rate {
    pub database: &'static str,
    pub connections: u32,
    pub logins: Figures,
    /// Bare hashes a second, measured right before.
    pub hashes: f64,
    pub others: f64,
}

/// What one signed-in request costs beside its answer.
pub struct Check {
    pub database: &'static str,
    /// Reads of the cache that nodes share.
    pub reads: f64,
}

/// What was measured.
#[derive(Default)]
pub struct Logins {
    pub rates: Vec<Rate>,
    pub storms: Vec<Storm>,
    pub checks: Vec<Check>,
}

/// Measures on one database.
pub fn measure(prepared: &Prepared, options: &Options, into: &mut Logins) -> Result<()> {
    let (database, directory) = (prepared.database, prepared.path());
    let product = prepared.serve()?;
    let tokens = cases::tokens(&product, options.users)?;
    let all = cases::all(ARTICLES.min(options.articles), &tokens);
    let named = |name: &str| all.iter().find(|case| case.name == name).context("no such case");
    let login = cases::log_in(options.users);

    let reads = cache_reads(&product, tokens.first().context("no token")?)?;
    say(&format!("{database}: {reads:.2} reads of the cache for a signed-in request"));
    into.checks.push(Check { database, reads });

    for (nonce, connections) in (200..).zip(CONNECTIONS) {
        storm::wait_until_calm(product.port)?;
        let hashes = hashing::floor(options.seconds.min(4))?;
        let pids = [product.pid()];
        wrk::run(product.port, &login.script, nonce, connections.min(64), 1, directory)?;
        storm::wait_until_calm(product.port)?;
        let before = Work::now(&pids);
        let logins = wrk::run(product.port, &login.script, nonce + 10, connections, options.seconds, directory)?;
        let others = Work::others_since(before, &pids);
        say(&format!("{database}: {:.0} logins/s of {hashes:.0} hashes/s at {connections}", logins.rate));
        into.rates.push(Rate { database, connections, logins, hashes, others });
    }
    for (number, reads) in (100..).step_by(10).zip(["read one article", "authenticated `me`"]) {
        let storm = storm(&product, prepared, options, named(reads)?, &login, number)?;
        let (quiet, stormy) = (storm.quiet.p99, storm.stormy.p99);
        say(&format!("{database}: {reads} beside a login storm: P99 {quiet:.1} ms quiet, {stormy:.1} ms in it"));
        into.storms.push(storm);
    }
    product.stop()
}

fn storm(
    product: &Server,
    prepared: &Prepared,
    options: &Options,
    reads: &Case,
    login: &Case,
    nonce: u32,
) -> Result<Storm> {
    let place = storm::Place { product, seconds: options.seconds, directory: prepared.path() };
    storm::measure(&place, prepared.database, reads, login, nonce)
}

fn counted(port: u16) -> Result<f64> {
    let figures = request(port, "GET", "/metrics", &[], "")?;
    if figures.status != 200 {
        bail!("/metrics: {}", figures.status);
    }
    let text = String::from_utf8_lossy(&figures.body).into_owned();
    let lines = text.lines().filter(|line| line.starts_with("cache_requests_total"));
    Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

fn cache_reads(product: &Server, token: &str) -> Result<f64> {
    let bearer = format!("Bearer {token}");
    let mut connection = Connection::open(product.port)?;
    let mut me = |times: u32| -> Result<()> {
        for _ in 0..times {
            let answer = connection.send("GET", "/api/v1/users/me", &[("authorization", &bearer)], b"")?;
            if answer.status != 200 {
                bail!("me: {}", answer.status);
            }
        }
        Ok(())
    };
    me(10)?;
    let before = counted(product.port)?;
    me(CHECKS)?;
    Ok((counted(product.port)? - before) / f64::from(CHECKS))
}
