//! The tables, and where they are written.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};

use crate::catalog::Catalog;
use crate::load::Row;
use crate::logins::Logins;
use crate::pictures::Pictures;
use crate::requests::Requests;
use crate::storm;
use crate::uploads::Uploaded;
use crate::wrk::Figures;

fn share(product: Figures, floor: f64) -> String {
    if floor > 0.0 { format!("{:.0} %", 100.0 * product.rate / floor) } else { "–".to_owned() }
}

fn shown(figures: Option<Figures>, figure: impl Fn(Figures) -> String) -> String {
    figures.map_or_else(|| "–".to_owned(), figure)
}

/// What went otherwise than well.
fn notes(figures: Figures) -> String {
    let mut notes = Vec::new();
    if figures.refused > 0.0 {
        notes.push(format!("{:.1} % refused", 100.0 * figures.refused));
    }
    if figures.broken > 0.0 {
        notes.push(format!("{:.0} without an answer", figures.broken));
    }
    notes.join("; ")
}

/// Reads and writes under load.
pub fn requests(text: &mut String, measured: &Requests) -> Result<()> {
    text.push_str(
        "| Database | Request | Conn. | req/s | SQL floor req/s | of SQL floor | Bytes floor req/s | of bytes floor | \
         P50 ms | P99 ms | P99 ms of SQL floor | Other load | Notes |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n",
    );
    for Row { database, case, connections, product, sql, bytes, others } in &measured.rows {
        writeln!(
            text,
            "| {database} | {case} | {connections} | {:.0} | {} | {} | {:.0} | {} | {:.1} | {:.1} | {} | {:.0} % | {} |",
            product.rate,
            shown(*sql, |sql| format!("{:.0}", sql.rate)),
            shown(*sql, |sql| share(*product, sql.rate)),
            bytes.rate,
            share(*product, bytes.rate),
            product.p50,
            product.p99,
            shown(*sql, |sql| format!("{:.1}", sql.p99)),
            100.0 * others,
            notes(*product),
        )?;
    }
    text.push_str(
        "\n| Database | Ready after start, median of 10 | slowest | Resident when idle, MiB | of it pages of files | \
         ten seconds after all load | of it pages of files | Seeding |\n|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for start in &measured.starts {
        let median = start.ready.get(start.ready.len() / 2).context("no starts")?;
        let slowest = start.ready.last().context("no starts")?;
        writeln!(
            text,
            "| {} | {median:.0} ms | {slowest:.0} ms | {:.1} | {:.1} | {:.1} | {:.1} | {:.0} s |",
            start.database,
            start.idle.resident,
            start.idle.files,
            start.after.resident,
            start.after.files,
            start.seeding
        )?;
    }
    Ok(())
}

/// Signing in, and reads beside it.
pub fn logins(text: &mut String, measured: &Logins) -> Result<()> {
    text.push_str(
        "| Database | Conn. | logins/s | bare argon2id hashes/s on 2 threads | share | P50 ms | P99 ms | Other load | Notes |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|---|\n",
    );
    for rate in &measured.rates {
        let logins = rate.logins;
        writeln!(
            text,
            "| {} | {} | {:.1} | {:.1} | {} | {:.0} | {:.0} | {:.0} % | {} |",
            rate.database,
            rate.connections,
            logins.rate,
            rate.hashes,
            share(logins, rate.hashes),
            logins.p50,
            logins.p99,
            100.0 * rate.others,
            notes(logins),
        )?;
    }
    writeln!(
        text,
        "\n| Database | Reads, {0} connections, beside {0} that log in | P99 ms quiet | P99 ms in the storm | times | \
         req/s quiet | req/s in the storm | logins/s | Other load |\n|---|---|--:|--:|--:|--:|--:|--:|--:|",
        storm::CONNECTIONS
    )?;
    for storm in &measured.storms {
        let (quiet, stormy) = (storm.quiet, storm.stormy);
        writeln!(
            text,
            "| {} | {} | {:.1} | {:.1} | {:.1} | {:.0} | {:.0} | {:.0} | {:.0} % |",
            storm.database,
            storm.reads,
            quiet.p99,
            stormy.p99,
            stormy.p99 / quiet.p99,
            quiet.rate,
            stormy.rate,
            storm.logins.rate,
            100.0 * storm.others,
        )?;
    }
    text.push_str("\n| Database | Reads of the shared cache for a signed-in request |\n|---|--:|\n");
    for check in &measured.checks {
        writeln!(text, "| {} | {:.2} |", check.database, check.reads)?;
    }
    Ok(())
}

/// Lists of photos.
pub fn photos(text: &mut String, measured: &Catalog, few: u32, many: u32) -> Result<()> {
    writeln!(
        text,
        "| Database | List of 10 | Page | P95 ms of {few} | P95 ms of {many} | times | P50 ms of {many} | P99 ms of {many} |\n\
         |---|---|--:|--:|--:|--:|--:|--:|"
    )?;
    for list in &measured.lists {
        let page = match list.pages {
            None => "–".to_owned(),
            Some((small, large)) if small == large => large.to_string(),
            Some((small, large)) => format!("{small} and {large}"),
        };
        let (small, large) = (list.small, list.large);
        writeln!(
            text,
            "| {} | {} | {page} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
            list.database,
            list.name,
            small.p95,
            large.p95,
            large.p95 / small.p95,
            large.p50,
            large.p99
        )?;
    }
    writeln!(text, "\nOther load: {:.0} %.", 100.0 * measured.others)?;
    Ok(())
}

/// Searches.
pub fn searches(text: &mut String, measured: &Catalog) -> Result<()> {
    text.push_str(
        "| Query, with facets and highlights | Found by the first | P50 ms | P95 ms | P99 ms | Queries |\n\
         |---|--:|--:|--:|--:|--:|\n",
    );
    for search in &measured.searches {
        let waits = search.waits;
        writeln!(
            text,
            "| {} | {} | {:.1} | {:.1} | {:.1} | {} |",
            search.name, search.found, waits.p50, waits.p95, waits.p99, waits.count
        )?;
    }
    if let Some(index) = &measured.index {
        writeln!(
            text,
            "\nThe index of {} photos was built in {:.0} s and has {:.0} MiB. Other load: {:.0} %.",
            index.photos,
            index.seconds,
            index.size,
            100.0 * measured.others
        )?;
    }
    Ok(())
}

/// Derivatives, beside those of another maker.
pub fn pictures(text: &mut String, measured: &Pictures) -> Result<()> {
    let (megapixels, count) = (measured.megapixels, measured.count);
    writeln!(
        text,
        "| Five derivatives of a JPEG of {megapixels:.0} megapixels, {count} pictures, one core | pictures/s | peak memory | \
         size of all five |\n|---|--:|--:|--:|"
    )?;
    for maker in &measured.makers {
        let (who, rate, peak, size) = (maker.who, maker.rate, maker.peak, maker.size);
        writeln!(text, "| {who} | {rate:.2} | {peak:.0} MiB | {size:.2} MiB |")?;
    }
    if let Some(skipped) = &measured.skipped {
        writeln!(text, "\n{skipped}")?;
    }
    Ok(())
}

/// A large file in pieces.
pub fn uploaded(text: &mut String, measured: Uploaded) -> Result<()> {
    let Uploaded { size, rate, floor, idle, peak } = measured;
    let over = peak - idle;
    writeln!(
        text,
        "| A file of {size} MiB in pieces of 1 MiB | MiB/s | written and hashed alone, MiB/s | resident when idle, MiB | \
         at the most meanwhile | over idle |\n|---|--:|--:|--:|--:|--:|\n\
         | one connection | {rate:.0} | {floor:.0} | {idle:.1} | {peak:.1} | {over:.1} |"
    )?;
    Ok(())
}

/// Puts the figures of a section into the document between its marks.
pub fn write(path: &Path, section: &str, figures: &str) -> Result<()> {
    let (begin, end) = (format!("<!-- figures of {section} -->"), format!("<!-- end of {section} -->"));
    let old = std::fs::read_to_string(path)?;
    let unmarked = || format!("{} has no marks for the figures of {section}", path.display());
    let (before, rest) = old.split_once(&begin).with_context(unmarked)?;
    let (_, after) = rest.split_once(&end).with_context(unmarked)?;
    std::fs::write(path, format!("{before}{begin}\n{figures}{end}{after}"))?;
    Ok(())
}
