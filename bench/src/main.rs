//! Measures the product beside the bare floor on the same machine: actix-web answering the
//! same bytes, and the same SQL through the driver. `make bench` writes docs/performance.md.

mod bulk;
mod cases;
mod catalog;
mod database;
mod floor;
mod gallery;
mod hashing;
mod http;
mod latency;
mod load;
mod logins;
mod machine;
mod pictures;
mod prepared;
mod report;
mod requests;
mod run;
mod seed;
mod server;
mod sql;
mod storm;
mod uploads;
mod words;
mod wrk;

use std::io::Write;

use clap::{Parser, Subcommand, ValueEnum};

use crate::prepared::Kind;

/// Without a command: measures, and writes the figures into docs/performance.md.
#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What is measured by itself. A section that fails says why, and its old figures stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    /// Derivatives of pictures, beside npm's `sharp`.
    Derivatives,
    /// A large file in pieces.
    Upload,
    /// Signing in, and reads beside it.
    Logins,
    /// Requests under load beside their floors; start and memory.
    Http,
    /// Lists of a small and of a large portfolio.
    Photos,
    /// Searches in the large one.
    Search,
}

impl Section {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// How large, how long, on what.
#[derive(Debug, Clone, clap::Args)]
struct Options {
    /// Only these sections, with commas between them.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Section>,
    /// Only these databases, with commas between them.
    #[arg(long, value_delimiter = ',')]
    database: Vec<Kind>,
    /// How many articles there are.
    #[arg(long, default_value_t = 100_000)]
    articles: u32,
    /// How many users.
    #[arg(long, default_value_t = 10_000)]
    users: u32,
    /// How many photos the large portfolio has.
    #[arg(long, default_value_t = 1_000_000)]
    photos: u32,
    /// How many the small one has.
    #[arg(long, default_value_t = 10_000)]
    few_photos: u32,
    /// How many MiB the large file has.
    #[arg(long, default_value_t = 1024)]
    upload: usize,
    /// How many pictures of 24 megapixels there are.
    #[arg(long, default_value_t = 12)]
    pictures: u32,
    /// How long each figure is measured; those of one client half as long.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// A tenth of everything and less; nothing is written down.
    #[arg(long)]
    quick: bool,
    /// Only these requests or lists, by the beginning of their names.
    #[arg(long)]
    case: Option<String>,
    /// Prints the figures and leaves docs/performance.md alone.
    #[arg(long)]
    dry: bool,
}

impl Options {
    fn wants(&self, section: Section) -> bool {
        self.only.is_empty() || self.only.contains(&section)
    }

    fn databases(&self) -> Vec<Kind> {
        let all = Kind::value_variants().iter().copied();
        all.filter(|kind| self.database.is_empty() || self.database.contains(kind)).collect()
    }

    /// How long what one client waits for is measured.
    fn brief(&self) -> u32 {
        self.seconds.div_ceil(2)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The bare server that the product is compared with.
    Floor(floor::FloorArgs),
    /// Makes the derivatives of the pictures in a directory, and prints how long that took.
    Develop(pictures::DevelopArgs),
}

/// Tells who waits how far it is.
fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "bench: {text}"));
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Floor(args)) => floor::serve(args).await,
        Some(Command::Develop(args)) => pictures::develop(args).await,
        None => run::all(cli.options).await,
    }
}
