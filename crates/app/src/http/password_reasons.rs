//! Why a password is weak, in Chinese: the estimate itself gives reasons in English only.

/// What is said when no reason is known.
const GUESSED: &str = "容易被猜到";

/// The reason of an estimate, in Chinese.
pub fn in_chinese(reason: &str) -> &'static str {
    REASONS.iter().find(|(english, _)| *english == reason).map_or(GUESSED, |(_, chinese)| chinese)
}

/// Every warning and suggestion of zxcvbn.
const REASONS: &[(&str, &str)] = &[
    ("Straight rows of keys are easy to guess.", "键盘上成排的按键容易被猜到"),
    ("Short keyboard patterns are easy to guess.", "简短的键盘图案容易被猜到"),
    ("Repeats like \"aaa\" are easy to guess.", "像“aaa”这样的重复容易被猜到"),
    (
        "Repeats like \"abcabcabc\" are only slightly harder to guess than \"abc\".",
        "像“abcabcabc”这样的重复并不比“abc”难猜多少",
    ),
    ("This is a top-10 common password.", "这是最常用的 10 个密码之一"),
    ("This is a top-100 common password.", "这是最常用的 100 个密码之一"),
    ("This is a very common password.", "这是一个非常常见的密码"),
    ("This is similar to a commonly used password.", "与常用密码相似"),
    ("Sequences like abc or 6543 are easy to guess.", "像 abc 或 6543 这样的顺序容易被猜到"),
    ("Recent years are easy to guess.", "近年的年份容易被猜到"),
    ("A word by itself is easy to guess.", "单独一个词容易被猜到"),
    ("Dates are often easy to guess.", "日期往往容易被猜到"),
    ("Names and surnames by themselves are easy to guess.", "单独的姓名容易被猜到"),
    ("Common names and surnames are easy to guess.", "常见的姓名容易被猜到"),
    ("Use a few words, avoid common phrases.", "请使用几个词，避免常用短语"),
    ("No need for symbols, digits, or uppercase letters.", "不必使用符号、数字或大写字母"),
    ("Add another word or two. Uncommon words are better.", "请再加一两个词，生僻的更好"),
    ("Capitalization doesn't help very much.", "大写字母帮助不大"),
    ("All-uppercase is almost as easy to guess as all-lowercase.", "全部大写与全部小写几乎一样容易被猜到"),
    ("Reversed words aren't much harder to guess.", "倒写的词并不难猜"),
    ("Predictable substitutions like '@' instead of 'a' don't help very much.", "用“@”代替“a”之类的替换帮助不大"),
    ("Use a longer keyboard pattern with more turns.", "请使用更长、转折更多的键盘图案"),
    ("Avoid repeated words and characters.", "请避免重复的词和字符"),
    ("Avoid sequences.", "请避免顺序字符"),
    ("Avoid recent years.", "请避免近年的年份"),
    ("Avoid years that are associated with you.", "请避免与您有关的年份"),
    ("Avoid dates and years that are associated with you.", "请避免与您有关的日期和年份"),
    ("This password is easily guessed.", GUESSED),
];

#[cfg(test)]
mod tests {
    use sharestack_kernel::field::Issue;
    use sharestack_users::model::NewPassword;

    use super::*;

    #[test]
    fn what_the_estimate_says_is_said_in_chinese_too() {
        for text in [
            "password",
            "12345678",
            "aaaaaaaa",
            "qwertyui",
            "zxcvbnm,",
            "abcabcabc",
            "19991231",
            "elizabeth",
            "Hangzhou88",
        ] {
            let Err(Issue::WeakPassword { reason }) = NewPassword::parse(text, &[]) else {
                panic!("{text} was accepted")
            };
            let known = REASONS.iter().any(|(english, _)| *english == reason);
            assert!(known, "{text}: {reason}");
        }
        assert_eq!(in_chinese("This is a top-10 common password."), "这是最常用的 10 个密码之一");
        assert_eq!(in_chinese("something new"), GUESSED);
    }
}
