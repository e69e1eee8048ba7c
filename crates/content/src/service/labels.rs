//! Tags of photos by their names.

use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::IdGenerator;

use crate::model::{TagId, TagName};
use crate::ports::PortfolioTx;

/// Draws an id for each name, before the transaction in which [`resolve`] uses it.
///
/// # Errors
/// The store's.
pub async fn draw(ids: &dyn IdGenerator, names: Vec<TagName>) -> Result<Vec<(TagId, TagName)>, StoreError> {
    let mut drawn = Vec::with_capacity(names.len());
    for name in names {
        drawn.push((TagId::new(ids.number(TagId::SEQUENCE).await?), name));
    }
    Ok(drawn)
}

/// The tags with these names, in the same order; those that do not exist are made. They
/// stay until the transaction ends.
///
/// # Errors
/// The store's.
pub async fn resolve(
    tx: &mut dyn PortfolioTx,
    names: &[(TagId, TagName)],
    now: DateTime<Utc>,
) -> Result<Vec<TagId>, StoreError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let labels = tx.labels().ensure(names, now).await?;
    Ok(labels.into_iter().map(|label| label.id).collect())
}
