//! What users set for themselves.

use actix_web::web::Data;
use actix_web::{get, route};
use serde::{Deserialize, Serialize};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::patch::Patch;
use sharestack_users::model::{ConsentEntry, ConsentInput, Language, SettingsChange, TimeZone, parse_consents};
use sharestack_users::service::SettingsView;
use utoipa::ToSchema;

use crate::http::context::{RequestContext, timestamp};
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, IfMatch, Parse, set};
use crate::http::reply::version_tag;
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

/// What others may see of one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "show_email": false, "show_followers": true, "show_following": true, "searchable": true }))]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct PrivacySettings {
    /// The address, on the public profile.
    show_email: bool,
    show_followers: bool,
    show_following: bool,
    /// Whether a search finds one.
    searchable: bool,
}

/// What one is told by mail.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "email": true, "marketing": false }))]
pub struct NotificationSettings {
    /// What happens around one.
    email: bool,
    /// News of the product.
    marketing: bool,
}

/// One yes or no.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0190c3f2-7b1e-7c3a-9f10-3f2b8a6d4e21", "kind": "privacy_policy", "version": "2026-01", "granted": true,
    "at": "2026-01-15T10:30:00Z", "address": "203.0.113.7"
}))]
pub struct ConsentView {
    id: String,
    kind: &'static str,
    version: String,
    granted: bool,
    #[schema(format = DateTime)]
    at: String,
    /// Where it was said from.
    address: Option<String>,
}

impl From<ConsentEntry> for ConsentView {
    fn from(entry: ConsentEntry) -> Self {
        Self {
            id: entry.id.to_string(),
            kind: entry.consent.kind.as_str(),
            version: entry.consent.version,
            granted: entry.consent.granted,
            at: timestamp(entry.at),
            address: entry.address.map(|address| address.to_string()),
        }
    }
}

/// One's own settings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "language": "zh-CN", "time_zone": "Asia/Shanghai",
    "privacy": { "show_email": false, "show_followers": true, "show_following": true, "searchable": true },
    "notifications": { "email": true, "marketing": false },
    "consents": [{
        "id": "0190c3f2-7b1e-7c3a-9f10-3f2b8a6d4e21", "kind": "privacy_policy", "version": "2026-01", "granted": true,
        "at": "2026-01-15T10:30:00Z", "address": "203.0.113.7"
    }]
}))]
pub struct UserSettingsView {
    /// The language of messages and mails where a request names none (`Accept-Language`);
    /// `null` for that of the product.
    language: Option<&'static str>,
    /// A zone of the IANA database.
    time_zone: &'static str,
    privacy: PrivacySettings,
    notifications: NotificationSettings,
    /// The consent log, the newest first.
    consents: Vec<ConsentView>,
}

impl From<SettingsView> for UserSettingsView {
    fn from(view: SettingsView) -> Self {
        let SettingsView { settings, consents } = view;
        Self {
            language: settings.language.map(Language::as_str),
            time_zone: settings.time_zone.as_str(),
            privacy: PrivacySettings {
                show_email: settings.privacy.show_email,
                show_followers: settings.privacy.show_followers,
                show_following: settings.privacy.show_following,
                searchable: settings.privacy.searchable,
            },
            notifications: NotificationSettings {
                email: settings.notifications.email,
                marketing: settings.notifications.marketing,
            },
            consents: consents.into_iter().map(Into::into).collect(),
        }
    }
}

/// One's own settings and the consent log.
#[utoipa::path(
    tag = "User Management",
    responses(
        (status = 200, description = "The settings", body = Envelope<UserSettingsView>),
        (status = 304, description = "The caller knows already (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/users/me/settings")]
pub async fn read_settings(app: Data<App>, auth: Auth) -> Result<Reply<UserSettingsView>, ApiError> {
    Ok(reply(app.people.settings.find(auth.0.user_id).await?))
}

fn reply(view: SettingsView) -> Reply<UserSettingsView> {
    let version = view.settings.version();
    let view = UserSettingsView::from(view);
    let tag = version_tag(version, &view);
    Reply::ok(view).etag(tag)
}

/// What others may see: omitted flags stay.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({ "show_email": true }))]
pub struct PrivacyUpdate {
    #[serde(default)]
    #[schema(value_type = Option<bool>, nullable = false)]
    show_email: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>, nullable = false)]
    show_followers: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>, nullable = false)]
    show_following: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>, nullable = false)]
    searchable: Patch<bool>,
}

/// What one is told by mail: omitted flags stay.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({ "marketing": false }))]
pub struct NotificationUpdate {
    #[serde(default)]
    #[schema(value_type = Option<bool>, nullable = false)]
    email: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>, nullable = false)]
    marketing: Patch<bool>,
}

/// A yes or no to a version of a text.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "kind": "privacy_policy", "version": "2026-01", "granted": true }))]
pub struct ConsentCreate {
    /// `terms`, `privacy_policy`, `marketing`, `cookies` or `cross_border_transfer`.
    #[schema(required = true, nullable = false)]
    kind: Option<String>,
    #[schema(required = true, nullable = false, min_length = 1, max_length = 50)]
    version: Option<String>,
    #[schema(required = true, nullable = false)]
    granted: Option<bool>,
}

/// What shall change of one's own settings: omitted fields stay.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "language": "zh-CN", "time_zone": "Asia/Shanghai", "privacy": { "show_email": true },
    "consents": [{ "kind": "privacy_policy", "version": "2026-01", "granted": true }]
}))]
pub struct SettingsUpdate {
    /// `en`, `zh-CN`, or `null` for that of the product.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    language: Patch<String>,
    /// A zone of the IANA database.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    time_zone: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<PrivacyUpdate>, nullable = false)]
    privacy: Patch<PrivacyUpdate>,
    #[serde(default)]
    #[schema(value_type = Option<NotificationUpdate>, nullable = false)]
    notifications: Patch<NotificationUpdate>,
    /// Added to the consent log; nothing in it ever changes.
    #[serde(default)]
    #[schema(max_items = 20)]
    consents: Vec<ConsentCreate>,
}

impl Parse for SettingsUpdate {
    type Output = SettingsChange;

    fn parse(self) -> Result<SettingsChange, FieldErrors> {
        let mut check = FieldErrors::new();
        let language = match self.language {
            Patch::Set(text) => check.check("language", Language::parse(&text)).map_or(Patch::Keep, Patch::Set),
            Patch::Clear => Patch::Clear,
            Patch::Keep => Patch::Keep,
        };
        let time_zone = set(&mut check, "time_zone", self.time_zone, |text| TimeZone::parse(&text));
        let privacy = set(&mut check, "privacy", self.privacy, Ok).unwrap_or_default();
        let notifications = set(&mut check, "notifications", self.notifications, Ok).unwrap_or_default();
        let mut flag = |name: &str, value: Patch<bool>| set(&mut check, name, value, Ok::<bool, Issue>);
        let change = SettingsChange {
            language,
            time_zone,
            show_email: flag("privacy.show_email", privacy.show_email),
            show_followers: flag("privacy.show_followers", privacy.show_followers),
            show_following: flag("privacy.show_following", privacy.show_following),
            searchable: flag("privacy.searchable", privacy.searchable),
            email: flag("notifications.email", notifications.email),
            marketing: flag("notifications.marketing", notifications.marketing),
            consents: Vec::new(),
            if_version: None,
        };
        let input = |one: ConsentCreate| ConsentInput { kind: one.kind, version: one.version, granted: one.granted };
        let consents = parse_consents(&mut check, self.consents.into_iter().map(input).collect());
        check.finish().map(|()| SettingsChange { consents, ..change })
    }
}

/// Changes one's own settings; each consent is added to the log, with time and address.
#[utoipa::path(
    method(put, patch),
    path = "/api/v1/users/me/settings",
    tag = "User Management",
    params(("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on")),
    request_body = SettingsUpdate,
    responses(
        (status = 200, description = "The settings", body = Envelope<UserSettingsView>),
        (status = 412, description = "The settings were changed since `If-Match`"),
    ),
)]
#[route("/api/v1/users/me/settings", method = "PUT", method = "PATCH")]
pub async fn update_settings(
    app: Data<App>,
    auth: Auth,
    context: RequestContext,
    precondition: IfMatch,
    body: Body<SettingsUpdate>,
) -> Result<Reply<UserSettingsView>, ApiError> {
    let change = SettingsChange { if_version: precondition.0, ..body.0 };
    let view = app.people.settings.update(auth.0.user_id, change, Some(context.client_ip)).await?;
    app.languages.forget(auth.0.user_id);
    Ok(reply(view).message("Settings updated", "设置已更新"))
}
