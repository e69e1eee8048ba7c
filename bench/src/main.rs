//! Measures the product beside the bare floor on the same machine: actix-web answering the
//! same bytes, and the same SQL through the driver. `make bench` writes docs/performance.md.

mod cases;
mod database;
mod floor;
mod http;
mod load;
mod machine;
mod pictures;
mod report;
mod run;
mod seed;
mod server;
mod sql;
mod storm;
mod uploads;
mod wrk;

use clap::{Parser, Subcommand};

/// Without a command: measures everything.
#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

/// How large, how long, on what.
#[derive(Debug, Clone, clap::Args)]
struct Options {
    /// How many articles the databases hold.
    #[arg(long, default_value_t = 100_000)]
    articles: u32,
    /// How many users.
    #[arg(long, default_value_t = 10_000)]
    users: u32,
    /// How long each figure is measured.
    #[arg(long, default_value_t = 8)]
    seconds: u32,
    /// 5,000 articles, 500 users, 3 seconds; nothing is written down.
    #[arg(long)]
    quick: bool,
    /// Only this database: sqlite or postgres.
    #[arg(long)]
    only: Option<String>,
    /// Only these requests, by the beginning of their names.
    #[arg(long)]
    case: Option<String>,
    /// Prints the figures and leaves docs/performance.md alone.
    #[arg(long)]
    dry: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The bare server that the product is compared with.
    Floor(floor::FloorArgs),
    /// Makes the derivatives of the pictures in a directory, and prints how long that took.
    Develop(pictures::DevelopArgs),
    /// Measures derivatives alone.
    Pictures {
        /// How wide the pictures are.
        #[arg(long, default_value_t = 6000)]
        width: u32,
        /// How high.
        #[arg(long, default_value_t = 4000)]
        height: u32,
        /// How many.
        #[arg(long, default_value_t = 12)]
        count: u32,
    },
    /// Measures the upload of a large file alone.
    Upload {
        /// How many MiB it has.
        #[arg(long, default_value_t = 1024)]
        size: usize,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Floor(args)) => floor::serve(args).await,
        Some(Command::Develop(args)) => pictures::develop(args).await,
        Some(Command::Pictures { width, height, count }) => {
            let mut text = String::new();
            report::pictures(&mut text, &pictures::measure(width, height, count)?)?;
            std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
            Ok(())
        }
        Some(Command::Upload { size }) => {
            let mut text = String::new();
            report::uploaded(&mut text, uploads::measure(size)?)?;
            std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
            Ok(())
        }
        None => run::all(cli.options).await,
    }
}
