//! How texts are compared.

use unicode_normalization::UnicodeNormalization;

/// The form by which two texts are the same to people: compatibility forms, letter case
/// and composition do not tell them apart. Uniqueness is decided by it, so that no
/// database's collation does.
///
/// ```
/// use sharestack_kernel::text::fold;
///
/// assert_eq!(fold("ＳＴＲＡＳＳＥ"), fold("straße"));
/// ```
pub fn fold(text: &str) -> String {
    // Upper, then lower, letter by letter: full case folding but for a few scripts that
    // have no upper case, and without the final sigma's rule, which looks at its neighbours.
    let folded = text.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.nfkc().collect()
}
