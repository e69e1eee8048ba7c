//! The languages that messages are written in.

/// A language of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    #[default]
    En,
    ZhCn,
}

impl Language {
    /// The setting's value, or an exact tag.
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or(tag);
        match primary.to_ascii_lowercase().as_str() {
            "en" => Some(Self::En),
            "zh" => Some(Self::ZhCn),
            _ => None,
        }
    }

    /// The tag of `Content-Language`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }

    /// The best match of an `Accept-Language` header (RFC 9110 §12.5.4), `default` where it
    /// takes any; `None` when it names nothing that is spoken here.
    pub fn negotiate(header: Option<&str>, default: Self) -> Option<Self> {
        let mut best = (0.0, None);
        for range in header?.split(',') {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or_default().trim();
            let quality = parts
                .find_map(|part| part.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()))
                .unwrap_or(1.0);
            let language = if tag == "*" { Some(default) } else { Self::parse(tag) };
            if let Some(language) = language
                && quality > best.0
            {
                best = (quality, Some(language));
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{self, En, ZhCn};

    #[test]
    fn the_highest_quality_wins() {
        let pick = |header| Language::negotiate(Some(header), En);
        assert_eq!(pick("zh-CN,zh;q=0.9,en;q=0.8"), Some(ZhCn));
        assert_eq!(pick("en;q=0.5, zh;q=0.6"), Some(ZhCn));
        assert_eq!(pick("fr, de"), None);
        assert_eq!(pick("zh;q=0, en"), Some(En));
        assert_eq!(pick(";;;,q=,"), None);
        assert_eq!(Language::negotiate(None, ZhCn), None);
    }
}
