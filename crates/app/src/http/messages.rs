//! What people read, in both languages. `error.type` and `code`s are not here: they never change.

use sharestack_kernel::field::Issue;

use super::language::Language;
use super::password_reasons;

/// A text in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    pub en: &'static str,
    pub zh: &'static str,
}

impl Message {
    pub const SUCCESS: Self = Self { en: "Success", zh: "成功" };
    pub const CREATED: Self = Self { en: "Created", zh: "创建成功" };
    pub const ACCEPTED: Self = Self { en: "Accepted", zh: "已受理" };

    /// The text in one language.
    pub const fn text(self, language: Language) -> &'static str {
        match language {
            Language::En => self.en,
            Language::ZhCn => self.zh,
        }
    }
}

/// The message of an error type.
pub fn of_type(kind: &str) -> Message {
    let (en, zh) = match kind {
        "VALIDATION_ERROR" => ("Validation failed", "请求参数验证失败"),
        "AUTHENTICATION_REQUIRED" => ("Authentication required", "需要认证"),
        "INVALID_TOKEN" => ("Invalid token", "无效的令牌"),
        "TOKEN_EXPIRED" => ("Token expired", "令牌已过期"),
        "INVALID_CREDENTIALS" => ("Incorrect username or password", "用户名或密码错误"),
        "ACCOUNT_DISABLED" => ("Account is disabled", "账户已停用"),
        "PERMISSION_DENIED" => ("Permission denied", "权限不足"),
        "RESOURCE_NOT_FOUND" => ("Resource not found", "资源不存在"),
        "METHOD_NOT_ALLOWED" => ("Method not allowed", "不支持的请求方法"),
        "NOT_ACCEPTABLE" => ("Not acceptable", "无法提供所请求的格式"),
        "UNSUPPORTED_MEDIA_TYPE" => ("Unsupported media type", "不支持的媒体类型"),
        "RESOURCE_CONFLICT" => ("Resource conflict", "资源冲突"),
        "IDEMPOTENCY_CONFLICT" => (
            "An earlier request with this idempotency key cannot be answered now",
            "使用该幂等键的先前请求目前无法应答",
        ),
        "INSUFFICIENT_BALANCE" => ("Insufficient balance", "余额不足"),
        "GONE" => ("Resource is gone", "资源已失效"),
        "PRECONDITION_FAILED" => ("Precondition failed", "资源已被修改"),
        "PAYLOAD_TOO_LARGE" => ("Payload too large", "请求体过大"),
        "REQUEST_TIMEOUT" => ("The request did not come in time", "请求超时"),
        "UNPROCESSABLE_ENTITY" => ("Unprocessable entity", "数据处理失败"),
        "RATE_LIMIT_EXCEEDED" => ("Rate limit exceeded", "请求频率超限"),
        "QUOTA_EXCEEDED" => ("Quota exceeded", "配额已用完"),
        "UPSTREAM_ERROR" => ("Upstream error", "上游服务错误"),
        "SERVICE_UNAVAILABLE" => ("Service unavailable", "服务不可用"),
        _ => ("Internal server error", "服务器内部错误"),
    };
    Message { en, zh }
}

/// The message of one of several refusals of a type.
pub fn of_reason(reason: &str) -> Option<Message> {
    let (en, zh) = match reason {
        "wrong_second_factor" => ("Incorrect or used code", "验证码错误或已被使用"),
        "malformed_request" => (
            "The request cannot be read: its address and headers are ASCII, all else in them is percent-encoded",
            "无法读取该请求：地址和头部只能使用 ASCII 字符，其余字符须进行百分号编码",
        ),
        "file_type" => ("Invalid file type", "文件类型无效"),
        "file_empty" => ("File is empty", "文件为空"),
        "file_too_large" => ("File is too large", "文件过大"),
        "file_over_quota" => ("Storage quota is used up", "存储配额已用完"),
        "file_incomplete" => ("File is incomplete", "文件不完整"),
        "file_not_stored" => ("File could not be stored", "文件无法保存"),
        "share_password_required" => ("The link has a password", "该分享链接需要密码"),
        "share_password_wrong" => ("Incorrect password", "密码错误"),
        "passkey_refused" => ("The passkey was not accepted", "通行密钥未被接受"),
        _ => return None,
    };
    Some(Message { en, zh })
}

/// What a field's error says.
pub fn of_issue(field: &str, issue: &Issue, language: Language) -> String {
    match language {
        Language::En => in_english(field, issue),
        Language::ZhCn => in_chinese(field, issue),
    }
}

/// `cover_url` → `cover URL`, `plans[2].name` → `name of plans 3`, `[2].id` → `ID of item 3`. What is a
/// header's name stays.
fn spoken(field: &str) -> String {
    let parts = field.split('.').rev().map(|part| {
        let (name, index) = part.split_once('[').unwrap_or((part, ""));
        let words: Vec<_> = name.split('_').map(|word| abbreviation(word).unwrap_or(word)).collect();
        match index.trim_end_matches(']').parse::<usize>() {
            // A body that is a list has no name.
            Ok(index) if name.is_empty() => format!("item {}", index + 1),
            Ok(index) => format!("{} {}", words.join(" "), index + 1),
            Err(_) => words.join(" "),
        }
    });
    parts.collect::<Vec<_>>().join(" of ")
}

fn abbreviation(word: &str) -> Option<&'static str> {
    const KNOWN: [&str; 9] = ["API", "ID", "IDs", "IP", "MFA", "SEO", "URI", "URL", "XML"];
    KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(word))
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// Whether a field is a list, as its name in the plural says.
fn is_list(field: &str) -> bool {
    field.ends_with('s') && !field.ends_with("ss") && !field.ends_with("us")
}

/// So many of what a field consists of.
fn counted(field: &str, number: usize) -> String {
    let unit = if is_list(field) { "item" } else { "character" };
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}

/// A bound that a number can be beyond: the ends of the type are none.
fn bound(value: i64) -> Option<i64> {
    (value != i64::MIN && value != i64::MAX).then_some(value)
}

fn in_english(field: &str, issue: &Issue) -> String {
    let name = spoken(field);
    let capital = capital(&name);
    match issue {
        Issue::Required => format!("{capital} is required"),
        Issue::InvalidFormat => format!("Invalid {name} format"),
        Issue::TooShort { min } => format!("{capital} must have at least {}", counted(field, *min)),
        Issue::TooLong { max } => format!("{capital} must have at most {}", counted(field, *max)),
        Issue::OutOfRange { min, max } => match (bound(*min), bound(*max)) {
            (Some(min), Some(max)) => format!("{capital} must be between {min} and {max}"),
            (Some(min), None) => format!("{capital} must be at least {min}"),
            (None, Some(max)) => format!("{capital} must be at most {max}"),
            (None, None) => format!("{capital} is out of range"),
        },
        Issue::OutOfTime { earliest, latest: Some(latest) } => {
            format!("{capital} must be between {earliest} and {latest}")
        }
        Issue::OutOfTime { earliest, latest: None } => format!("{capital} must not be before {earliest}"),
        Issue::NotAllowed { allowed } if allowed.is_empty() => format!("{capital} is not allowed"),
        Issue::NotAllowed { allowed } => format!("{capital} must be one of {}", allowed.join(", ")),
        Issue::Several { instead } => format!("{capital} must be one: {instead} takes several"),
        Issue::Mismatch { other } => format!("{capital} must equal {}", spoken(other)),
        Issue::WrongCode { .. } => format!("{capital} is wrong or has expired"),
        Issue::WeakPassword { reason } => format!("{capital} is too weak: {reason}"),
    }
}

fn in_chinese(field: &str, issue: &Issue) -> String {
    match issue {
        Issue::Required => format!("{field} 为必填项"),
        Issue::InvalidFormat => format!("{field} 格式无效"),
        Issue::TooShort { min } if is_list(field) => format!("{field} 不能少于 {min} 项"),
        Issue::TooShort { min } => format!("{field} 长度不能少于 {min} 个字符"),
        Issue::TooLong { max } if is_list(field) => format!("{field} 不能超过 {max} 项"),
        Issue::TooLong { max } => format!("{field} 长度不能超过 {max} 个字符"),
        Issue::OutOfRange { min, max } => match (bound(*min), bound(*max)) {
            (Some(min), Some(max)) => format!("{field} 必须在 {min} 与 {max} 之间"),
            (Some(min), None) => format!("{field} 不能小于 {min}"),
            (None, Some(max)) => format!("{field} 不能大于 {max}"),
            (None, None) => format!("{field} 超出范围"),
        },
        Issue::OutOfTime { earliest, latest: Some(latest) } => format!("{field} 必须在 {earliest} 与 {latest} 之间"),
        Issue::OutOfTime { earliest, latest: None } => format!("{field} 不能早于 {earliest}"),
        Issue::NotAllowed { allowed } if allowed.is_empty() => format!("{field} 的值不被允许"),
        Issue::NotAllowed { allowed } => format!("{field} 必须是以下之一：{}", allowed.join("、")),
        Issue::Several { instead } => format!("{field} 只能有一个，多个请使用 {instead}"),
        Issue::Mismatch { other } => format!("{field} 必须与 {other} 一致"),
        Issue::WrongCode { .. } => format!("{field} 错误或已过期"),
        Issue::WeakPassword { reason } => format!("{field} 过于简单：{}", password_reasons::in_chinese(reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_of_s3() {
        assert_eq!(of_issue("title", &Issue::Required, Language::En), "Title is required");
        assert_eq!(of_issue("email", &Issue::InvalidFormat, Language::En), "Invalid email format");
        assert_eq!(of_issue("title", &Issue::Required, Language::ZhCn), "title 为必填项");
    }

    #[test]
    fn a_message_reads_as_people_speak() {
        let in_english = |field: &str, issue: &Issue| of_issue(field, issue, Language::En);
        let time = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        let within = Issue::not_between(time("2026-01-01T00:00:00Z"), time("2027-01-01T00:00:00Z"));
        let after = Issue::OutOfTime { earliest: "2024-03-01".to_owned(), latest: None };
        assert_eq!(of_issue("date_to", &after, Language::ZhCn), "date_to 不能早于 2024-03-01");
        let vast = Issue::OutOfRange { min: 1, max: 1 << 53 };
        assert_eq!(of_issue("id", &vast, Language::ZhCn), "id 必须在 1 与 9007199254740992 之间");
        for (field, issue, said) in [
            ("username", Issue::TooShort { min: 3 }, "Username must have at least 3 characters"),
            ("tags", Issue::TooLong { max: 20 }, "Tags must have at most 20 items"),
            ("page", Issue::OutOfRange { min: 1, max: i64::from(u32::MAX) }, "Page must be between 1 and 4294967295"),
            ("base_version", Issue::OutOfRange { min: 1, max: i64::MAX }, "Base version must be at least 1"),
            ("limit", Issue::OutOfRange { min: 1, max: 100 }, "Limit must be between 1 and 100"),
            ("cover_url", Issue::InvalidFormat, "Invalid cover URL format"),
            ("plan_ids[2]", Issue::Required, "Plan IDs 3 is required"),
            ("location.country", Issue::Required, "Country of location is required"),
            ("[1].id", Issue::Required, "ID of item 2 is required"),
            ("date_to", after.clone(), "Date to must not be before 2024-03-01"),
            ("expires_at", within.clone(), "Expires at must be between 2026-01-01T00:00:01Z and 2027-01-01T00:00:00Z"),
        ] {
            assert_eq!(in_english(field, &issue), said);
        }
    }
}
