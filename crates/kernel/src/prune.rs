//! Old things go in batches, so that nobody waits long for a lock.

/// How many things of a kind go at once.
pub const BATCH: u64 = 1000;

/// Removes batches until one is short; returns how many things went.
///
/// ```
/// use sharestack_kernel::prune::{BATCH, until_short};
///
/// # futures::executor::block_on(async {
/// let mut left = 2 * BATCH + 7;
/// let removed = until_short(|| {
///     let batch = left.min(BATCH);
///     left -= batch;
///     async move { Ok::<_, ()>(batch) }
/// });
/// assert_eq!(removed.await, Ok(2 * BATCH + 7));
/// # });
/// ```
///
/// # Errors
/// That of the first batch that fails; those before are gone.
pub async fn until_short<E, F>(mut batch: impl FnMut() -> F) -> Result<u64, E>
where
    F: Future<Output = Result<u64, E>>,
{
    let mut removed = 0;
    loop {
        let gone = batch().await?;
        removed += gone;
        if gone < BATCH {
            return Ok(removed);
        }
    }
}
