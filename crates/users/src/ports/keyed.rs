/// Hashes with a key of the server: who reads the store cannot try out what is short.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait KeyedHash: Send + Sync {
    /// The hash of a text for the use named by `context`.
    ///
    /// MUST be the same each time and on every node, MUST differ for every context and
    /// text, and MUST not be found without the key.
    fn hash(&self, context: &str, text: &str) -> [u8; 32];
}
