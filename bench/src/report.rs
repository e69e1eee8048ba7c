//! The table.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};

use crate::load::Row;
use crate::pictures::Pictures;
use crate::storm::{self, Storm};
use crate::uploads::Uploaded;
use crate::wrk::Figures;

const BEGIN: &str = "<!-- figures: written by `make bench` -->";
const END: &str = "<!-- end of figures -->";

/// What was seen of one database beside the load.
pub struct Start {
    pub database: &'static str,
    /// Milliseconds from the start of the process to ready; sorted.
    pub ready: Vec<f64>,
    /// MiB, two seconds after ready.
    pub idle: f64,
    /// MiB, after all load.
    pub after: f64,
    /// Seconds that seeding took.
    pub seeding: f64,
}

fn share(product: Figures, floor: Option<f64>) -> String {
    floor
        .filter(|floor| *floor > 0.0)
        .map_or_else(|| "–".to_owned(), |floor| format!("{:.0} %", 100.0 * product.rate / floor))
}

fn rate(figures: Option<Figures>) -> String {
    figures.map_or_else(|| "–".to_owned(), |figures| format!("{:.0}", figures.rate))
}

fn notes(row: &Row) -> String {
    let mut notes = Vec::new();
    if let Some(hashes) = row.argon2 {
        notes.push(format!("floor: {hashes:.0} argon2id hashes/s on 2 threads"));
    }
    if row.product.refused > 0.0 {
        notes.push(format!("{:.1} % refused", 100.0 * row.product.refused));
    }
    if row.product.broken > 0.0 {
        notes.push(format!("{:.0} without an answer", row.product.broken));
    }
    notes.join("; ")
}

/// What was measured.
#[derive(Default)]
pub struct Report {
    pub rows: Vec<Row>,
    pub storms: Vec<Storm>,
    pub starts: Vec<Start>,
    pub pictures: Option<Pictures>,
    pub uploaded: Option<Uploaded>,
}

impl Report {
    /// The whole section.
    pub fn markdown(&self, machine: &str, sizes: &str) -> Result<String> {
        let mut text = format!("{machine}\n{sizes}\n\n");
        self.requests(&mut text)?;
        self.storms(&mut text)?;
        self.starts(&mut text)?;
        if let Some(measured) = &self.pictures {
            pictures(&mut text, measured)?;
        }
        if let Some(measured) = self.uploaded {
            uploaded(&mut text, measured)?;
        }
        Ok(text)
    }

    fn requests(&self, text: &mut String) -> Result<()> {
        text.push_str(
            "| Database | Request | Conn. | req/s | SQL floor req/s | of SQL floor | Bytes floor req/s | of bytes floor | \
             P50 ms | P99 ms | P99 ms of SQL floor | Other load | Notes |\n\
             |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n",
        );
        for row in &self.rows {
            let product = row.product;
            let sql = row.sql.map(|figures| figures.rate).or(row.argon2);
            writeln!(
                text,
                "| {} | {} | {} | {:.0} | {} | {} | {} | {} | {:.1} | {:.1} | {} | {:.0} % | {} |",
                row.database,
                row.case,
                row.connections,
                product.rate,
                if row.argon2.is_some() { rate(None) } else { rate(row.sql) },
                share(product, sql),
                rate(row.bytes),
                share(product, row.bytes.map(|figures| figures.rate)),
                product.p50,
                product.p99,
                row.sql.map_or_else(|| "–".to_owned(), |figures| format!("{:.1}", figures.p99)),
                100.0 * row.others,
                notes(row),
            )?;
        }
        Ok(())
    }

    fn storms(&self, text: &mut String) -> Result<()> {
        if self.storms.is_empty() {
            return Ok(());
        }
        writeln!(
            text,
            "\n| Database | Reads, {0} connections, beside {0} that log in | P99 ms quiet | P99 ms in the storm | times | \
             req/s quiet | req/s in the storm | logins/s | Other load |\n|---|---|--:|--:|--:|--:|--:|--:|--:|",
            storm::CONNECTIONS
        )?;
        for storm in &self.storms {
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
        Ok(())
    }

    fn starts(&self, text: &mut String) -> Result<()> {
        text.push_str(
            "\n| Database | Ready after start, median of 10 | slowest | Resident when idle | Resident after all load | Seeding |\n\
             |---|--:|--:|--:|--:|--:|\n",
        );
        for start in &self.starts {
            let median = start.ready.get(start.ready.len() / 2).context("no starts")?;
            let slowest = start.ready.last().context("no starts")?;
            let (idle, after, seeding) = (start.idle, start.after, start.seeding);
            writeln!(
                text,
                "| {} | {median:.0} ms | {slowest:.0} ms | {idle:.1} MiB | {after:.1} MiB | {seeding:.0} s |",
                start.database
            )?;
        }
        Ok(())
    }
}

/// Derivatives, beside those of another maker.
pub fn pictures(text: &mut String, measured: &Pictures) -> Result<()> {
    let (megapixels, count) = (measured.megapixels, measured.count);
    writeln!(
        text,
        "\n| Five derivatives of a JPEG of {megapixels:.0} megapixels, {count} pictures, one core | pictures/s | peak memory | \
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
    let Uploaded { size, rate, floor, memory } = measured;
    writeln!(
        text,
        "\n| A file of {size} MiB in pieces of 1 MiB | MiB/s | written and hashed alone, MiB/s | memory over idle |\n\
         |---|--:|--:|--:|\n| one connection | {rate:.0} | {floor:.0} | {memory:.0} MiB |"
    )?;
    Ok(())
}

/// Puts the section into the document between its marks.
pub fn write(path: &Path, section: &str) -> Result<()> {
    let old = std::fs::read_to_string(path).unwrap_or_else(|_| format!("# Performance\n\n{BEGIN}\n{END}\n"));
    let (before, rest) = old.split_once(BEGIN).context("docs/performance.md has no mark for the figures")?;
    let (_, after) = rest.split_once(END).context("docs/performance.md has no end of the figures")?;
    std::fs::write(path, format!("{before}{BEGIN}\n{section}{END}{after}"))?;
    Ok(())
}
