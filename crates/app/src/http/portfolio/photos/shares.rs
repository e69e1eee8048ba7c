//! Share links.

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, Responder, delete, get, post};
use serde::{Deserialize, Serialize};
use sharestack_content::model::{CategoryId, FormatName, PhotoId, ShareLinkId};
use sharestack_content::ports::PhotoView;
use sharestack_content::service::{CreateShareLink, SharedBy, SharedPhotos, Wanted};
use sharestack_kernel::field::{FieldErrors, Issue, length};
use sharestack_kernel::id::MAX_NUMERIC_ID;
use utoipa::ToSchema;

use super::requests::ids;
use super::views::PhotoItem;
use crate::http::background::to_the_end;
use crate::http::content::fields::time;
use crate::http::context::timestamp;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, PageQuery, Params, Parse, UuidId, option};
use crate::http::reply::{Envelope, NO_STORE, Paged, Reply, no_content};
use crate::wiring::{App, PhotoLinks, public_url};

/// Where the password of a link stands.
const PASSWORD: &str = "x-share-password";
/// How many photos a share link may name.
const MAX_SHARED: usize = 500;

/// A new share link: to photos, or to a category.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "photo_ids": [1, 2], "expires_at": "2030-01-01T00:00:00Z", "password": "外滩-1930", "allow_download": true,
    "hide_metadata": false
}))]
pub struct ShareLinkCreate {
    /// Photos of one's own, and such as everybody may see.
    #[schema(max_items = 500)]
    photo_ids: Option<Vec<i64>>,
    /// A category's id; it shows one's own photos in it, and what everybody may see.
    category: Option<i64>,
    /// When it ends; never when it is left out.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// 4 to 128 characters.
    #[schema(min_length = 4, max_length = 128)]
    password: Option<String>,
    /// Whether what it shows may be saved.
    allow_download: Option<bool>,
    /// Whether places, times, camera data and notes are left out.
    hide_metadata: Option<bool>,
}

impl Parse for ShareLinkCreate {
    type Output = CreateShareLink;

    fn parse(self) -> Result<CreateShareLink, FieldErrors> {
        let mut check = FieldErrors::new();
        let photos = ids(&mut check, "photo_ids", self.photo_ids.unwrap_or_default(), MAX_SHARED);
        let category = self.category.and_then(|id| check.range("category", id, 1, MAX_NUMERIC_ID - 1));
        if photos.is_empty() && category.is_none() && check.is_empty() {
            check.push("photo_ids", Issue::Required);
        }
        if !photos.is_empty() && category.is_some() {
            check.push("category", Issue::NotAllowed { allowed: Vec::new() });
        }
        let command = CreateShareLink {
            photos: photos.into_iter().map(PhotoId::new).collect(),
            category: category.map(CategoryId::new),
            expires_at: option(&mut check, "expires_at", self.expires_at, |text| time(&text)),
            password: option(&mut check, "password", self.password, |text| length(text, 4, 128)),
            allow_download: self.allow_download.unwrap_or_default(),
            hide_metadata: self.hide_metadata.unwrap_or_default(),
        };
        check.finish().map(|()| command)
    }
}

/// A share link. Its address is shown this once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10", "token": "5f2b9c0de1a84736b2f4c19a7d8e0f31",
    "url": "https://example.com/share/5f2b9c0de1a84736b2f4c19a7d8e0f31", "expires_at": "2030-01-01T00:00:00Z",
    "has_password": true, "allow_download": true, "hide_metadata": false, "created_at": "2026-01-15T10:30:00Z"
}))]
pub struct ShareLinkView {
    id: String,
    token: String,
    url: String,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    has_password: bool,
    allow_download: bool,
    hide_metadata: bool,
    #[schema(format = DateTime)]
    created_at: String,
}

impl ShareLinkView {
    fn new(shared: SharedBy, base: &str) -> Self {
        let SharedBy { link, token } = shared;
        Self {
            id: link.id.to_string(),
            url: format!("{base}/share/{token}"),
            token,
            expires_at: link.expires_at.map(timestamp),
            has_password: link.password_hash.is_some(),
            allow_download: link.allow_download,
            hide_metadata: link.hide_metadata,
            created_at: timestamp(link.created_at),
        }
    }
}

/// A photo that a share link shows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 1, "title": "城市夜景", "slug": "city-night-view-001",
    "download_url": "https://cdn.example.com/photos/1/original.jpg?expires=1768478400&download=1&signature=5f2b9c0de1a84736b2f4c19a7d8e0f31"
}))]
pub struct SharedPhoto {
    #[serde(flatten)]
    item: PhotoItem,
    /// Where it can be saved from; `null` when the link does not allow it.
    download_url: Option<String>,
}

/// What a share link shows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "photos": [], "expires_at": "2026-02-14T10:30:00Z", "allow_download": true, "hide_metadata": false
}))]
pub struct SharedView {
    photos: Vec<SharedPhoto>,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    allow_download: bool,
    hide_metadata: bool,
}

impl SharedView {
    /// What a link shows, and what it gives away of it; `downloads` says whether visitors may
    /// save what everybody sees.
    pub fn new(shared: SharedPhotos, links: &PhotoLinks, downloads: bool) -> Self {
        let link = shared.link;
        let links = &links.until(link.expires_at);
        let photo = |view: PhotoView| {
            let original = link.gives_original(&view.photo);
            let wanted = if original { Wanted::Original } else { Wanted::Format(FormatName::Display) };
            let given = link.allow_download && (downloads || view.photo.owner_id == link.owner_id);
            let download_url = given.then(|| links.save(&view.photo, wanted));
            SharedPhoto { download_url, item: PhotoItem::new(view, links) }
        };
        Self {
            photos: shared.page.items.into_iter().map(photo).collect(),
            expires_at: link.expires_at.map(timestamp),
            allow_download: link.allow_download,
            hide_metadata: link.hide_metadata,
        }
    }
}

/// Makes a link that shows photos of one's own to whoever has it. It needs `photo.read`.
///
/// A key that shares what is its owner's needs `own.write` or `photo.update`, too.
#[utoipa::path(
    tag = "Photos",
    extensions(
        ("x-required-permission" = json!("photo.read")),
        ("x-cache-control" = json!("no-store")),
    ),
    request_body = ShareLinkCreate,
    responses((status = 201, description = "The link", body = Envelope<ShareLinkView>)),
)]
#[post("/api/v1/photos/share-links")]
pub async fn create_share_link(
    app: Data<App>,
    auth: Auth,
    body: Body<ShareLinkCreate>,
) -> Result<impl Responder, ApiError> {
    let shared = app.photos.sharing.create(&auth.0, body.0).await?;
    let view = ShareLinkView::new(shared, &public_url(&app.config));
    let reply = Reply::created(view).message("Share link created", "分享链接已创建");
    Ok(reply.customize().insert_header(NO_STORE))
}

/// Ends a link of one's own: it opens nothing any more, at once. Addresses of pictures and of
/// originals that it gave before hold until the end that stands in them as `expires`, for two
/// hours at the most.
#[utoipa::path(
    tag = "Photos",
    params(("link_id" = String, Path, description = "The link's id", example = "019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10")),
    responses((status = 204, description = "The link opens nothing any more")),
)]
#[delete("/api/v1/photos/share-links/{link_id}")]
pub async fn revoke_share_link(app: Data<App>, auth: Auth, path: Path<String>) -> Result<HttpResponse, ApiError> {
    let id = ShareLinkId::new(UuidId::parse("share_link", &path)?);
    app.photos.sharing.revoke(&auth.0, id).await?;
    Ok(no_content())
}

/// What a share link shows.
#[utoipa::path(
    tag = "Photos",
    extensions(("x-cache-control" = json!("private, no-store"))),
    security(()),
    params(
        ("token" = String, Path, description = "The link's token", example = "5f2b9c0de1a84736b2f4c19a7d8e0f31"),
        ("X-Share-Password" = Option<String>, Header, description = "The link's password, if it has one"),
        PageQuery,
    ),
    responses(
        (status = 200, description = "One page of its photos", body = Paged<SharedView>),
        (status = 401, description = "It has a password, which is missing or another"),
        (status = 410, description = "Its time is over"),
        (status = 429, description = "Too many passwords were tried"),
    ),
)]
#[get("/share/{token}")]
pub async fn open_share_link(
    request: HttpRequest,
    app: Data<App>,
    path: Path<String>,
    page: Params<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    // People write passwords in any script: the bytes are UTF-8.
    let given = request.headers().get(PASSWORD).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let (work, token) = (app.clone(), path.into_inner());
    // Who hangs up before the answer would try passwords without being counted.
    let shared = to_the_end(async move {
        let shared = work.photos.sharing.open(&token, given.as_deref(), page.0).await?;
        Ok::<_, ApiError>(shared)
    })
    .await?;
    let (asked, total) = (shared.page.request, shared.page.total);
    let reply = Reply::ok(SharedView::new(shared, &app.photos.links, app.photos.downloads)).paged(asked, total);
    let mut response = reply.respond_to(&request);
    // It is for who has the token, and for no cache between and no search engine.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
        .headers_mut()
        .insert(header::HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
    Ok(response)
}
