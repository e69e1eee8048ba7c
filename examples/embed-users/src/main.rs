//! `embed-users DATABASE_URL` reads verbs from standard input, one a line.

use std::io::{BufRead, Write, stdin, stdout};

use anyhow::{Context, Result};
use embed_users::{Members, answer};

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::args().nth(1).context("name a database, for example sqlite://members.db")?;
    let secret = std::env::var("MEMBERS_SECRET").context("MEMBERS_SECRET signs the tokens: 32 bytes or more")?;
    let members = Members::open(&url, &secret.into()).await?;
    for line in stdin().lock().lines() {
        let said = answer(&members, line?.trim()).await.unwrap_or_else(|error| format!("refused: {error}"));
        writeln!(stdout(), "{said}")?;
    }
    Ok(())
}
