//! Whether another server runs on an embedded database.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;

use thiserror::Error;

use crate::connect::{Pools, Store};

/// Says, as long as it is kept, that a server runs on a database.
#[derive(Debug)]
pub struct Claim(#[expect(dead_code, reason = "the lock goes with it")] Option<File>);

/// Another server runs on the database in this file.
#[derive(Debug, Error)]
#[error("another server runs on {}", .0.display())]
pub struct Claimed(pub PathBuf);

impl Store {
    /// Claims the database for one server, where it takes no more: an embedded one. What else
    /// opens the file does not ask.
    ///
    /// # Errors
    /// When another process has claimed it.
    pub fn claim(&self) -> Result<Claim, Claimed> {
        let Pools::Sqlite { write, .. } = &self.pools else { return Ok(Claim(None)) };
        let database = write.connect_options().get_filename().to_owned();
        // One file may have several names.
        let database = database.canonicalize().unwrap_or(database);
        let mut path = database.clone().into_os_string();
        path.push(".serve.lock");
        let unknown = |error: std::io::Error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot find out whether another server runs on the database"
            );
            Ok(Claim(None))
        };
        let file = match OpenOptions::new().write(true).create(true).truncate(false).open(path) {
            Ok(file) => file,
            Err(error) => return unknown(error),
        };
        match file.try_lock() {
            Ok(()) => Ok(Claim(Some(file))),
            Err(TryLockError::WouldBlock) => Err(Claimed(database)),
            // There are file systems without locks.
            Err(TryLockError::Error(error)) => unknown(error),
        }
    }
}
