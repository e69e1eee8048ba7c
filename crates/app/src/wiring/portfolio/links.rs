//! Where pictures are. What every visitor may see has a plain address; all else has one
//! that is signed, and ends.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Deserialize;
use sharestack_content::model::{FormatName, MediaType, Photo, PhotoId};
use sharestack_content::service::Wanted;
use sharestack_identity::HmacKeyedHash;
use sharestack_kernel::clock::Clock;
use sharestack_users::ports::KeyedHash;
use subtle::ConstantTimeEq;

/// Addresses end at a full hour, at least this long from now: they stay the same for a
/// while, so that a browser keeps what it has.
const HOUR: i64 = 3600;

/// What a signed address carries.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Signed {
    /// When it ends, in seconds of the epoch.
    pub expires: Option<String>,
    /// Whether it is for saving.
    pub download: Option<String>,
    /// Whether it is of what is in the trash.
    pub trash: Option<String>,
    /// What only the server makes.
    pub signature: Option<String>,
}

/// What a signed address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To look at a photo.
    Show,
    /// To save one.
    Save,
    /// To look at one in the list of the trash.
    Trash,
}

impl Purpose {
    /// What an address says that it is for; `None` when no address says so.
    fn of(signed: &Signed) -> Option<Self> {
        match (&signed.download, &signed.trash) {
            (None, None) => Some(Self::Show),
            (Some(_), None) => Some(Self::Save),
            (None, Some(_)) => Some(Self::Trash),
            (Some(_), Some(_)) => None,
        }
    }

    /// How an address says so.
    const fn parameter(self) -> Option<&'static str> {
        match self {
            Self::Show => None,
            Self::Save => Some("download=1"),
            Self::Trash => Some("trash=1"),
        }
    }

    /// How it stands in what is signed. Addresses to look at and to save were signed before
    /// there were others.
    const fn word(self) -> &'static str {
        match self {
            Self::Show => "false",
            Self::Save => "true",
            Self::Trash => "trash",
        }
    }
}

/// Makes and checks the addresses of pictures.
#[derive(Clone)]
pub struct PhotoLinks {
    base: String,
    hash: Arc<HmacKeyedHash>,
    clock: Arc<dyn Clock>,
    end: Option<DateTime<Utc>>,
    shown_for: Purpose,
}

/// The name of what is wanted, as it stands in addresses.
fn file_name(photo: &Photo, wanted: Wanted) -> String {
    match wanted {
        Wanted::Format(format) => format.file_name().to_owned(),
        Wanted::Original => {
            let extension = MediaType::parse(&photo.picture.mime_type).map_or("bin", MediaType::extension);
            format!("original.{extension}")
        }
    }
}

/// What a name in an address stands for.
pub fn wanted(file: &str) -> Option<Wanted> {
    if file.strip_prefix("original.").is_some_and(|rest| !rest.is_empty()) {
        return Some(Wanted::Original);
    }
    FormatName::ALL.into_iter().find(|format| format.file_name() == file).map(Wanted::Format)
}

impl PhotoLinks {
    /// Addresses that begin with `base`, signed by a key made from `secret`.
    pub fn new(base: String, secret: &SecretString, clock: Arc<dyn Clock>) -> Self {
        Self { base, hash: Arc::new(HmacKeyedHash::new(secret)), clock, end: None, shown_for: Purpose::Show }
    }

    /// The same, whose signed addresses end then at the latest.
    pub fn until(&self, end: Option<DateTime<Utc>>) -> Self {
        Self { end, ..self.clone() }
    }

    /// The same, for who sees the list of the trash.
    pub fn of_trash(&self) -> Self {
        Self { shown_for: Purpose::Trash, ..self.clone() }
    }

    /// Where a picture is for who sees it now.
    pub fn show(&self, photo: &Photo, wanted: Wanted) -> String {
        if photo.is_open() && wanted != Wanted::Original {
            return self.address((photo.id, photo.picture.revision), &file_name(photo, wanted), &[]);
        }
        self.signed(photo, wanted, self.shown_for)
    }

    /// Where a format is of a photo that every visitor may see.
    pub fn open(&self, photo: PhotoId, revision: i64, format: FormatName) -> String {
        self.address((photo, revision), format.file_name(), &[])
    }

    /// Where it is to be saved from, for who was given it.
    pub fn save(&self, photo: &Photo, wanted: Wanted) -> String {
        self.signed(photo, wanted, Purpose::Save)
    }

    fn address(&self, (photo, revision): (PhotoId, i64), file: &str, query: &[String]) -> String {
        let mut query = query.to_vec();
        if revision > 1 {
            // The same name stands for other bytes than once.
            query.insert(0, format!("v={revision}"));
        }
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}/photos/{photo}/{file}{mark}{}", self.base, query.join("&"))
    }

    fn signed(&self, photo: &Photo, wanted: Wanted, purpose: Purpose) -> String {
        let hours = (self.clock.now().timestamp() / HOUR + 2) * HOUR;
        let expires = self.end.map_or(hours, |end| hours.min(end.timestamp()));
        let file = file_name(photo, wanted);
        let signature = self.signature(photo.id, &file, expires, purpose);
        let mut query = vec![format!("expires={expires}")];
        query.extend(purpose.parameter().map(str::to_owned));
        query.push(format!("signature={signature}"));
        self.address((photo.id, photo.picture.revision), &file, &query)
    }

    fn signature(&self, photo: PhotoId, file: &str, expires: i64, purpose: Purpose) -> String {
        let text = format!("{photo}/{file}/{expires}/{}", purpose.word());
        hex::encode(&self.hash.hash("photo address", &text)[..16])
    }

    /// What an address is for that the server made and that has not ended.
    pub fn verify(&self, photo: PhotoId, file: &str, signed: &Signed) -> Option<Purpose> {
        let purpose = Purpose::of(signed)?;
        let (expires, given) = (signed.expires.as_ref()?.parse::<i64>().ok()?, signed.signature.as_ref()?);
        let ends = DateTime::from_timestamp(expires, 0)?;
        let right = self.signature(photo, file, expires, purpose);
        let same: bool = right.as_bytes().ct_eq(given.as_bytes()).into();
        (same && ends > self.clock.now()).then_some(purpose)
    }
}

#[cfg(test)]
mod tests {
    use sharestack_content::memory::photo;
    use sharestack_kernel::clock::FakeClock;

    use super::*;

    fn parts(address: &str) -> (String, Signed) {
        let (path, query) = address.split_once('?').unwrap();
        let signed: Signed = serde_urlencoded::from_str(query).unwrap();
        (path.rsplit('/').next().unwrap().to_owned(), signed)
    }

    #[test]
    fn open_pictures_have_plain_addresses_and_others_signed_ones_that_end() {
        let clock = FakeClock::default();
        let links = PhotoLinks::new("https://cdn.example.com".to_owned(), &"secret".into(), Arc::new(clock.clone()));
        let mut one = photo(1);
        let thumb = Wanted::Format(FormatName::ThumbMedium);
        assert_eq!(links.show(&one, thumb), "https://cdn.example.com/photos/1/thumb_medium.jpg");
        one.picture.revision = 2;
        assert_eq!(links.show(&one, thumb), "https://cdn.example.com/photos/1/thumb_medium.jpg?v=2");
        for wanted in [Wanted::Original, thumb] {
            one.visibility = sharestack_content::model::Visibility::Private;
            let (file, signed) = parts(&links.show(&one, wanted));
            assert!(links.verify(one.id, &file, &signed).is_some());
            assert!(links.verify(PhotoId::new(2), &file, &signed).is_none());
            assert!(links.verify(one.id, "display.jpg", &signed).is_none());
            let saving = Signed { download: Some("1".to_owned()), ..signed.clone() };
            assert!(links.verify(one.id, &file, &saving).is_none());
            let trashed = Signed { trash: Some("1".to_owned()), ..signed.clone() };
            assert!(links.verify(one.id, &file, &trashed).is_none());
            let later = Signed { expires: Some("99999999999".to_owned()), ..signed.clone() };
            assert!(links.verify(one.id, &file, &later).is_none());
            assert!(links.verify(one.id, &file, &Signed::default()).is_none());
        }
        let (file, signed) = parts(&links.save(&one, Wanted::Original));
        assert_eq!(file, "original.jpg");
        assert_eq!(links.verify(one.id, &file, &signed), Some(Purpose::Save));
        let (thrown, put_away) = parts(&links.of_trash().show(&one, thumb));
        assert_eq!(links.verify(one.id, &thrown, &put_away), Some(Purpose::Trash));
        for other in [
            Signed { trash: None, ..put_away.clone() },
            Signed { trash: None, download: Some("1".to_owned()), ..put_away.clone() },
            Signed { download: Some("1".to_owned()), ..put_away.clone() },
        ] {
            assert_eq!(links.verify(one.id, &thrown, &other), None, "{other:?}");
        }
        let soon = links.until(Some(clock.now() + chrono::Duration::minutes(1)));
        let (_, short) = parts(&soon.save(&one, Wanted::Original));
        assert!(links.verify(one.id, &file, &short).is_some());
        clock.advance(chrono::Duration::minutes(1));
        assert!(links.verify(one.id, &file, &short).is_none() && links.verify(one.id, &file, &signed).is_some());
        clock.advance(chrono::Duration::hours(2));
        assert!(links.verify(one.id, &file, &signed).is_none());
    }

    #[test]
    fn names_stand_for_formats() {
        for format in FormatName::ALL {
            assert_eq!(wanted(format.file_name()), Some(Wanted::Format(format)));
        }
        assert_eq!(wanted("original.nef"), Some(Wanted::Original));
        for nothing in ["", "original", "original.", "thumb_small", "../display.jpg"] {
            assert_eq!(wanted(nothing), None, "{nothing}");
        }
    }
}
