//! One section after another, each written down when it is done.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::catalog::{self, Catalog};
use crate::logins::{self, Logins};
use crate::prepared::Prepared;
use crate::requests::{self, Requests};
use crate::{Options, Section, machine, pictures, report, say, seed, server, uploads, wrk};

/// What is small enough to be tried out.
fn small(options: &mut Options) {
    (options.articles, options.users, options.seconds, options.dry) = (5000, 500, 2, true);
    (options.photos, options.few_photos) = (options.photos.min(50_000), options.few_photos.min(10_000));
    (options.upload, options.pictures) = (64, 2);
}

/// Measures what is asked for. What fails says why, and the rest goes on.
pub async fn all(mut options: Options) -> Result<()> {
    if options.quick {
        small(&mut options);
    }
    wrk::check()?;
    server::binary()?;
    let mut run = Run { machine: machine::describe(), failed: Vec::new(), options: options.clone() };
    run.section(Section::Derivatives, async { derivatives(&options) }).await;
    run.section(Section::Upload, async { upload(&options) }).await;
    run.section(Section::Logins, sign_in(&options)).await;
    run.section(Section::Http, load(&options)).await;
    run.portfolio().await;
    if run.failed.is_empty() { Ok(()) } else { bail!("not measured: {}", run.failed.join(", ")) }
}

struct Run {
    options: Options,
    machine: String,
    failed: Vec<String>,
}

/// Figures, and what is missing from them.
type Measured = Result<(String, Vec<String>)>;

impl Run {
    async fn section(&mut self, section: Section, measure: impl Future<Output = Measured>) {
        if self.options.wants(section) {
            say(&section.name());
            let started = Instant::now();
            let measured = measure.await;
            self.keep(section, measured);
            say(&format!("{}: {:.0} s", section.name(), started.elapsed().as_secs_f64()));
        }
    }

    /// Lists and searches share their databases.
    async fn portfolio(&mut self) {
        let wanted: Vec<_> =
            [Section::Photos, Section::Search].into_iter().filter(|one| self.options.wants(*one)).collect();
        if wanted.is_empty() {
            return;
        }
        let mut catalog = Catalog::default();
        let problem = catalog::measure(&self.options, &mut catalog).await.err().map(|error| format!("{error:#}"));
        for section in wanted {
            let mut text = String::new();
            let (few, many) = (self.options.few_photos, self.options.photos);
            let (there, written) = match section {
                Section::Photos => (!catalog.lists.is_empty(), report::photos(&mut text, &catalog, few, many)),
                _ => (!catalog.searches.is_empty(), report::searches(&mut text, &catalog)),
            };
            let problems: Vec<_> = problem.iter().cloned().collect();
            let measured = match written {
                Ok(()) if there => Ok((text, problems)),
                Ok(()) => Err(anyhow::anyhow!("{}", problems.join("; "))),
                Err(error) => Err(error),
            };
            self.keep(section, measured);
        }
    }

    /// Prints figures and writes them down; those of a section that failed stay as they were.
    fn keep(&mut self, section: Section, measured: Measured) {
        let result = measured.and_then(|(figures, problems)| {
            let mut text = format!("{} {} s for a figure.\n\n{figures}", self.machine, self.options.seconds);
            for problem in &problems {
                let _ = writeln!(text, "\nNot measured: {problem}");
                self.failed.push(section.name());
            }
            std::io::stdout().write_all(format!("## {}\n\n{text}\n", section.name()).as_bytes())?;
            if self.options.dry {
                return Ok(());
            }
            report::write(Path::new("docs/performance.md"), &section.name(), &text)
        });
        if let Err(error) = result {
            say(&format!("{} was not measured: {error:#}", section.name()));
            self.failed.push(section.name());
        }
    }
}

fn derivatives(options: &Options) -> Measured {
    let (width, height) = if options.quick { (1200, 800) } else { (6000, 4000) };
    let mut text = String::new();
    report::pictures(&mut text, &pictures::measure(width, height, options.pictures)?)?;
    Ok((text, Vec::new()))
}

fn upload(options: &Options) -> Measured {
    let mut text = String::new();
    report::uploaded(&mut text, uploads::measure(options.upload)?)?;
    Ok((text, Vec::new()))
}

async fn sign_in(options: &Options) -> Measured {
    let (mut measured, mut problems) = (Logins::default(), Vec::new());
    for kind in options.databases() {
        let result = async {
            let prepared = Prepared::new(kind).await?;
            let result = async {
                let filled = prepared.open().await?;
                seed::fill(&filled, logins::ARTICLES.min(options.articles), options.users).await?;
                filled.close().await;
                prepared.run(&["search", "rebuild"])?;
                logins::measure(&prepared, options, &mut measured)
            };
            let result = result.await;
            prepared.remove().await;
            result
        };
        note(&mut problems, kind.name(), result.await);
    }
    if measured.rates.is_empty() {
        bail!("{}", problems.join("; "));
    }
    let mut text = String::new();
    report::logins(&mut text, &measured)?;
    Ok((text, problems))
}

async fn load(options: &Options) -> Measured {
    let (mut measured, mut problems) = (Requests::default(), Vec::new());
    for kind in options.databases() {
        let result = async {
            let prepared = Prepared::new(kind).await?;
            let result = requests::measure(&prepared, options, &mut measured).await;
            prepared.remove().await;
            result
        };
        note(&mut problems, kind.name(), result.await);
    }
    if measured.rows.is_empty() {
        bail!("{}", problems.join("; "));
    }
    let mut text = format!(
        "{} articles, {} users; logs at `error`, 2 worker threads for each server.\n\n",
        options.articles, options.users
    );
    report::requests(&mut text, &measured)?;
    Ok((text, problems))
}

fn note(problems: &mut Vec<String>, database: &str, result: Result<()>) {
    if let Err(error) = result {
        say(&format!("{database}: {error:#}"));
        problems.push(format!("{database}: {error:#}"));
    }
}
