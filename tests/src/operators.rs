//! What query languages take for operators, and searches here do not.

/// A word beside signs that mean something elsewhere, as addresses write them: all of these
/// look for the word and nothing else.
pub fn signed(word: &str) -> Vec<String> {
    let signs = [
        "%22{}%22",
        "%22{}",
        "{}*",
        "*{}",
        "({}",
        "({})",
        "{}:",
        ":{}",
        "{}^",
        "^{}",
        "{}~",
        "~{}",
        "%2B{}",
        "-{}",
        "!{}",
        "%26%26{}",
        "{}%7C%7C",
        "[{}%20%5D",
        "%7B{}%7D",
        "{}?",
        "/{}/",
        "%5C{}",
        "'{}';--",
        "%3C{}%3E",
    ];
    signs.map(|sign| sign.replace("{}", word)).to_vec()
}

/// A word beside words that mean something elsewhere.
pub fn worded(word: &str) -> Vec<String> {
    let words =
        ["{}%20AND", "{}%20AND%20{}", "OR%20{}", "NOT%20{}", "{}%20AND%20NOT%20nothing", "title:{}", "{}~9%20TO%20*"];
    words.map(|text| text.replace("{}", word)).to_vec()
}

/// Signs alone, in which there is nothing to look for.
pub const SIGNS: [&str; 9] = [
    "*",
    "%22",
    "(",
    ")%3A^~",
    "%2B-%26%26%7C%7C!()%7B%7D%5B%5D%5E%22~*?:%5C%2F",
    "%EF%BC%8C%E3%80%82%EF%BC%81%EF%BC%9F",
    "...%E2%80%A6---",
    "%F0%9F%8E%89",
    "%E2%80%AE",
];
