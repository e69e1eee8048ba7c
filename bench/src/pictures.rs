//! Derivatives of photos: how many a second on one core, and how much memory one takes,
//! beside npm's `sharp` (libvips) on the same files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::StreamExt;
use serde_json::{Value, json};
use sharestack_content::model::FormatName;
use sharestack_content::ports::{Imaging, Made};
use sharestack_media::sample::Sample;
use sharestack_media::{Darkroom, DarkroomConfig};

/// Where the pictures are.
#[derive(Debug, clap::Args)]
pub struct DevelopArgs {
    #[arg(long)]
    directory: PathBuf,
}

/// Who made them, and how quickly.
#[derive(Debug, Clone)]
pub struct Developed {
    /// `sharestack` or `sharp`.
    pub who: &'static str,
    /// Pictures a second.
    pub rate: f64,
    /// MiB that were resident at the most.
    pub peak: f64,
    /// MiB of all derivatives of a picture.
    pub size: f64,
}

/// What was measured, or why the other was not.
#[derive(Debug, Clone)]
pub struct Pictures {
    /// How many pixels a picture has, in millions.
    pub megapixels: f64,
    /// How many were made.
    pub count: u32,
    /// Each maker.
    pub makers: Vec<Developed>,
    /// Why sharp was not measured.
    pub skipped: Option<String>,
}

/// Measures both on pictures of this size.
pub fn measure(width: u32, height: u32, count: u32) -> Result<Pictures> {
    let directory = tempfile::tempdir()?;
    for seed in 0..count {
        let sample = Sample::scene(width, height, seed).camera("Canon", "Canon EOS R5").orientation(6);
        std::fs::write(directory.path().join(format!("{seed}.jpg")), sample.jpeg())?;
    }
    // A process of its own, so that its memory is its own, too.
    let own =
        on_one_core(&std::env::current_exe()?).arg("develop").arg("--directory").arg(directory.path()).output()?;
    let mut makers = vec![read("sharestack", &own)?];
    let skipped = match sharp(directory.path()) {
        Ok(other) => {
            makers.push(other);
            None
        }
        Err(error) => Some(format!("sharp was not measured: {error}")),
    };
    Ok(Pictures { megapixels: f64::from(width) * f64::from(height) / 1e6, count, makers, skipped })
}

/// A program that has one core for all its threads.
fn on_one_core(program: &Path) -> Command {
    if Command::new("taskset").arg("--version").output().is_err() {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", "0"]).arg(program);
    command
}

fn sharp(directory: &Path) -> Result<Developed> {
    let ready = Command::new("scripts/sharp.sh").output().context("scripts/sharp.sh")?;
    if !ready.status.success() {
        bail!("{}", String::from_utf8_lossy(&ready.stderr).trim());
    }
    let home = String::from_utf8(ready.stdout)?;
    let output = on_one_core(Path::new("node")).arg("measure.mjs").arg(directory).current_dir(home.trim()).output()?;
    read("sharp", &output)
}

fn read(who: &'static str, output: &std::process::Output) -> Result<Developed> {
    if !output.status.success() {
        bail!("{who}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let figures: Value = serde_json::from_slice(&output.stdout)?;
    let number = |name: &str| figures[name].as_f64().with_context(|| format!("{who}: no {name}"));
    let pictures = number("pictures")?;
    Ok(Developed {
        who,
        rate: pictures / number("seconds")?,
        peak: number("peak_mib")?,
        size: number("bytes")? / pictures / 1_048_576.0,
    })
}

/// Makes the derivatives of every picture in a directory, one after the other.
pub async fn develop(args: DevelopArgs) -> Result<()> {
    let files: Vec<PathBuf> =
        std::fs::read_dir(&args.directory)?.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    let darkroom = Darkroom::new(DarkroomConfig { concurrency: 1, ..DarkroomConfig::default() });
    one(&darkroom, files.first().context("no pictures")?).await?;
    let (started, mut bytes) = (Instant::now(), 0);
    for file in &files {
        bytes += one(&darkroom, file).await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let figures = json!({ "seconds": seconds, "pictures": files.len(), "bytes": bytes, "peak_mib": crate::machine::peak("self")? });
    std::io::Write::write_all(&mut std::io::stdout(), figures.to_string().as_bytes())?;
    Ok(())
}

async fn one(darkroom: &Darkroom, file: &Path) -> Result<usize> {
    let content = futures::stream::iter([Ok(Bytes::from(std::fs::read(file)?))]).boxed();
    let mut picture = darkroom.open(content).await?;
    picture.start(FormatName::ALL.into_iter().collect()).await?;
    let mut size = 0;
    while let Some(made) = picture.next().await? {
        if let Made::Derivative { bytes, .. } = made {
            size += bytes.len();
        }
    }
    Ok(size)
}
