//! Demo content for an empty database.

use crate::wiring::App;

/// Fills an empty database; what to tell the newcomer, line by line. A filled one is left alone.
///
/// # Errors
/// When something cannot be written.
pub async fn fill(_app: &App) -> anyhow::Result<Vec<String>> {
    Ok(Vec::new())
}
