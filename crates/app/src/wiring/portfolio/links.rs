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
    /// What only the server makes.
    pub signature: Option<String>,
}

/// Makes and checks the addresses of pictures.
#[derive(Clone)]
pub struct PhotoLinks {
    base: String,
    hash: Arc<HmacKeyedHash>,
    clock: Arc<dyn Clock>,
    end: Option<DateTime<Utc>>,
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
        Self { base, hash: Arc::new(HmacKeyedHash::new(secret)), clock, end: None }
    }

    /// The same, whose signed addresses end then at the latest.
    pub fn until(&self, end: Option<DateTime<Utc>>) -> Self {
        Self { end, ..self.clone() }
    }

    /// Where a picture is for who sees it now.
    pub fn show(&self, photo: &Photo, wanted: Wanted) -> String {
        if photo.is_open() && wanted != Wanted::Original {
            return self.address((photo.id, photo.picture.revision), &file_name(photo, wanted), &[]);
        }
        self.signed(photo, wanted, false)
    }

    /// Where a format is of a photo that every visitor may see.
    pub fn open(&self, photo: PhotoId, revision: i64, format: FormatName) -> String {
        self.address((photo, revision), format.file_name(), &[])
    }

    /// Where it is to be saved from, for who was given it.
    pub fn save(&self, photo: &Photo, wanted: Wanted) -> String {
        self.signed(photo, wanted, true)
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

    fn signed(&self, photo: &Photo, wanted: Wanted, download: bool) -> String {
        let hours = (self.clock.now().timestamp() / HOUR + 2) * HOUR;
        let expires = self.end.map_or(hours, |end| hours.min(end.timestamp()));
        let file = file_name(photo, wanted);
        let signature = self.signature(photo.id, &file, expires, download);
        let mut query = vec![format!("expires={expires}")];
        if download {
            query.push("download=1".to_owned());
        }
        query.push(format!("signature={signature}"));
        self.address((photo.id, photo.picture.revision), &file, &query)
    }

    fn signature(&self, photo: PhotoId, file: &str, expires: i64, download: bool) -> String {
        let text = format!("{photo}/{file}/{expires}/{download}");
        hex::encode(&self.hash.hash("photo address", &text)[..16])
    }

    /// Whether the server made this address and it has not ended; until when it lasts.
    pub fn verify(&self, photo: PhotoId, file: &str, signed: &Signed) -> Option<DateTime<Utc>> {
        let (expires, given) = (signed.expires.as_ref()?.parse::<i64>().ok()?, signed.signature.as_ref()?);
        let ends = DateTime::from_timestamp(expires, 0)?;
        let right = self.signature(photo, file, expires, signed.download.is_some());
        let same: bool = right.as_bytes().ct_eq(given.as_bytes()).into();
        (same && ends > self.clock.now()).then_some(ends)
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
            let later = Signed { expires: Some("99999999999".to_owned()), ..signed.clone() };
            assert!(links.verify(one.id, &file, &later).is_none());
            assert!(links.verify(one.id, &file, &Signed::default()).is_none());
        }
        let (file, signed) = parts(&links.save(&one, Wanted::Original));
        assert_eq!(file, "original.jpg");
        assert!(links.verify(one.id, &file, &signed).is_some());
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
