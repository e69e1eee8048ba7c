//! Files that people uploaded for their photos.

mod digest;
mod media_type;
mod name;
mod sniff;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use sharestack_kernel::id::{MAX_NUMERIC_ID, UserId};

pub use digest::Sha256;
pub use media_type::MediaType;
pub use name::FileName;
pub use sniff::SNIFFED;

use super::id::FileId;
use super::photo::Formats;

impl FileId {
    /// Reads the public handle `upload_{number}`.
    pub fn parse_handle(text: &str) -> Option<Self> {
        Self::parse_after(text, "upload_")
    }

    /// Reads the public handle of an upload in pieces, `chunked_{number}`.
    pub fn parse_upload(text: &str) -> Option<Self> {
        Self::parse_after(text, "chunked_")
    }

    fn parse_after(text: &str, prefix: &str) -> Option<Self> {
        let digits = text.strip_prefix(prefix)?;
        let plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse().ok().filter(|number| plain && (1..MAX_NUMERIC_ID).contains(number))?;
        Some(Self::new(number))
    }

    /// The public handle, `upload_{number}`.
    pub fn handle(self) -> String {
        format!("upload_{self}")
    }

    /// The public handle of the upload in pieces that brings it, `chunked_{number}`.
    pub fn upload_handle(self) -> String {
        format!("chunked_{self}")
    }
}

/// How far the processing of a file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileStatus {
    /// It is kept whole, and waits.
    Uploaded,
    /// It is being worked on.
    Processing,
    /// All that is made of it is there.
    Ready,
    /// Nothing can be made of it.
    Failed,
}

impl FileStatus {
    /// Those in which something still comes.
    pub const OPEN: [Self; 2] = [Self::Uploaded, Self::Processing];

    /// Whether nothing more happens by itself.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Ready | Self::Failed)
    }

    /// The name in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::Processing => "processing",
            Self::Ready => "completed",
            Self::Failed => "failed",
        }
    }

    /// The name in the store.
    pub const fn stored(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            other => other.as_str(),
        }
    }

    /// Reads a name of the store.
    pub fn read(text: &str) -> Option<Self> {
        [Self::Uploaded, Self::Processing, Self::Ready, Self::Failed].into_iter().find(|one| one.stored() == text)
    }
}

/// What processing has found out and made so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Processing {
    /// How far it is.
    pub status: FileStatus,
    /// Why nothing could be made of it.
    pub failure: Option<String>,
    /// From 0 to 100.
    pub progress: u8,
    /// The step that runs.
    pub current_step: Option<String>,
    /// The steps with their states.
    pub steps: Option<Value>,
    /// What the camera wrote down.
    pub exif: Option<Value>,
    /// Pixels across, upright.
    pub width: Option<u32>,
    /// Pixels down, upright.
    pub height: Option<u32>,
    /// A few letters that stand for the picture until it is loaded.
    pub placeholder: Option<String>,
    /// The pictures that were made of it, by name.
    pub derivatives: Option<Value>,
    /// When the present run began; of a file that is ready, only when all that is shown of it was made then.
    pub started_at: Option<DateTime<Utc>>,
    /// When the last run ended.
    pub processed_at: Option<DateTime<Utc>>,
}

impl Processing {
    /// Nothing yet.
    pub const fn waiting() -> Self {
        Self {
            status: FileStatus::Uploaded,
            failure: None,
            progress: 0,
            current_step: None,
            steps: None,
            exif: None,
            width: None,
            height: None,
            placeholder: None,
            derivatives: None,
            started_at: None,
            processed_at: None,
        }
    }

    /// The derivatives that there are.
    pub fn formats(&self) -> Formats {
        let read = |value: &Value| Formats::deserialize(value).ok();
        self.derivatives.as_ref().and_then(read).unwrap_or_default()
    }
}

/// A file that is kept whole.
#[derive(Debug, Clone, PartialEq)]
pub struct UploadedFile {
    /// Its id.
    pub id: FileId,
    /// Whose it is.
    pub owner_id: UserId,
    /// What its owner called it.
    pub original_filename: FileName,
    /// Bytes.
    pub size: u64,
    /// What it is, by its content.
    pub media_type: MediaType,
    /// The hash of its content.
    pub sha256: Sha256,
    /// Where it lies in the store of files: under [`UploadedFile::prefix`], as does all that is made of it.
    pub blob_key: String,
    /// What was made of it.
    pub processing: Processing,
    /// When it was whole.
    pub created_at: DateTime<Utc>,
    /// When anything about it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it is removed, for no photo uses it; `None` while one does.
    pub expires_at: Option<DateTime<Utc>>,
}

impl UploadedFile {
    /// Where everything of a file lies in the store of files: `files/{number}/`.
    pub fn prefix(id: FileId) -> String {
        format!("files/{id}/")
    }

    /// Whether its content or one of its derivatives lies under this key. The names of formats do
    /// not matter, for another version may know more of them; of derivatives that cannot be read
    /// any key may be one.
    pub fn names(&self, key: &str) -> bool {
        let at = |derivative: &Value| derivative.get("key").and_then(Value::as_str).is_none_or(|lies| lies == key);
        let derived = |all: &Value| all.as_object().is_none_or(|all| all.values().any(at));
        self.blob_key == key || self.processing.derivatives.as_ref().is_some_and(derived)
    }

    /// Whether a photo uses it.
    pub const fn is_attached(&self) -> bool {
        self.expires_at.is_none()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(derivatives: Option<Value>) -> UploadedFile {
        let at = DateTime::UNIX_EPOCH;
        UploadedFile {
            id: FileId::new(5),
            owner_id: UserId::new(7),
            original_filename: FileName::clean("a.jpg"),
            size: 3,
            media_type: MediaType::Jpeg,
            sha256: Sha256::parse(&"0".repeat(64)).unwrap(),
            blob_key: "files/5/original-1".to_owned(),
            processing: Processing { derivatives, ..Processing::waiting() },
            created_at: at,
            updated_at: at,
            expires_at: None,
        }
    }

    #[test]
    fn a_file_names_its_content_and_derivatives_also_of_formats_that_are_not_known() {
        let (webp, avif) = ("files/5/derived/1/display.webp", "files/5/derived/1/display.avif");
        let derivatives = json!({ "webp": { "key": webp, "size": 1 }, "avif": { "key": avif } });
        let file = file(Some(derivatives));
        assert!(file.processing.formats().is_empty());
        let named = [file.blob_key.as_str(), webp, avif, "files/5/derived/0/display.webp", "files/5/original-2"];
        assert_eq!(named.map(|key| file.names(key)), [true, true, true, false, false]);
    }

    #[test]
    fn a_file_whose_derivatives_cannot_be_read_names_everything() {
        let key = "files/5/derived/1/display.webp";
        for derivatives in [json!([]), json!("x"), json!(null), json!({ "webp": "x" }), json!({ "webp": { "key": 1 } })]
        {
            assert!(file(Some(derivatives.clone())).names(key), "{derivatives}");
        }
        assert!(!file(Some(json!({}))).names(key));
        assert!(!file(None).names(key));
    }

    #[test]
    fn handles_read_back_and_nothing_else_does() {
        let id = FileId::new(123_456_789);
        assert_eq!(id.handle(), "upload_123456789");
        assert_eq!(FileId::parse_handle(&id.handle()), Some(id));
        assert_eq!(FileId::parse_upload(&id.upload_handle()), Some(id));
        for text in
            ["", "upload_", "upload_0", "upload_01", "upload_-1", "upload_+1", "upload_9007199254740992", "chunked_5x"]
        {
            assert_eq!((FileId::parse_handle(text), FileId::parse_upload(text)), (None, None), "{text}");
        }
        assert_eq!(FileId::parse_handle("chunked_1"), None);
    }
}
