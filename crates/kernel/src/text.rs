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

/// The form by which two names look the same to people, whatever script their letters
/// come from (the skeleton of UTS #39), letter case aside.
///
/// ```
/// use sharestack_kernel::text::look_alike;
///
/// assert_eq!(look_alike("pаypаl"), look_alike("PayPal"), "two of the letters are Cyrillic");
/// assert_eq!(look_alike("Iin"), look_alike("lin"), "a capital I stands for an l");
/// assert_eq!(look_alike("Modem"), look_alike("modern"), "an m stands for an r and an n");
/// assert_ne!(look_alike("rene"), look_alike("rené"));
/// ```
pub fn look_alike(text: &str) -> String {
    let skeleton = |text: &str| unicode_security::skeleton(text).collect::<String>();
    let composed: String = text.nfkc().collect();
    // Before letters lose their case, for `I` looks like `l` and `i` does not; and after,
    // for `m` looks like `rn` and `M` does not.
    fold(&skeleton(&fold(&skeleton(&composed))))
}
