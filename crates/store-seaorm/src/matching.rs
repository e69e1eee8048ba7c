//! Conditions on texts that mean the same to all three databases.

use sea_orm::ExprTrait;
use sea_orm::sea_query::{Cond, Condition, Expr, Func, LikeExpr};

/// A pattern that finds what begins with `text` as it stands.
pub(crate) fn starting(text: &str) -> LikeExpr {
    LikeExpr::new(format!("{}%", literal(text))).escape('!')
}

/// The same, anywhere.
pub(crate) fn containing(text: &str) -> LikeExpr {
    LikeExpr::new(format!("%{}%", literal(text))).escape('!')
}

/// `!` escapes: a backslash does not mean the same everywhere.
fn literal(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

/// That one of the columns of `table` has `text` in it as it stands, in any case of letters.
pub(crate) fn mentions(table: &'static str, columns: &[&'static str], text: &str) -> Condition {
    let forms = forms(text);
    let mut found = Cond::any();
    for column in columns {
        for form in &forms {
            let folded = Expr::expr(Func::lower(Expr::col((table, *column))));
            found = found.add(folded.like(containing(form)));
        }
    }
    found
}

/// The forms of a text that a folded column can have. SQLite folds ASCII alone, so that letters
/// beyond it are looked for as they are typed, small, large, and with a large one first; a text
/// without such letters has one form.
fn forms(text: &str) -> Vec<String> {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    let small = text.to_lowercase();
    let titled: Vec<String> = small.split(' ').map(capital).collect();
    let mut forms = vec![small.clone()];
    for form in [text.to_owned(), text.to_uppercase(), capital(&small), titled.join(" ")] {
        let form = form.to_ascii_lowercase();
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_letters_beyond_ascii_have_several_forms() {
        assert_eq!(forms("Sunset 外滩"), ["sunset 外滩"]);
        assert_eq!(forms("Étretat"), ["étretat", "Étretat"]);
        assert_eq!(forms("москва"), ["москва", "МОСКВА", "Москва"]);
    }
}
