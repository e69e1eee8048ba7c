use std::net::IpAddr;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict, Order, Query};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::field::Issue;
use sharestack_kernel::id::UserId;
use sharestack_users::model::{
    Consent, ConsentEntry, ConsentKind, Language, NotificationPreferences, Privacy, TimeZone, UserSettings,
};
use sharestack_users::ports::{SettingsQueries, SettingsRepository};
use uuid::Uuid;

use crate::connect::Store;
use crate::error::store_error;
use crate::tx::SeaTx;

const COLUMNS: [&str; 8] = [
    "language",
    "time_zone",
    "show_email",
    "show_followers",
    "show_following",
    "searchable",
    "notify_email",
    "notify_marketing",
];

#[expect(clippy::struct_excessive_bools, reason = "a row of switches")]
#[derive(FromQueryResult)]
struct Row {
    language: Option<String>,
    time_zone: String,
    show_email: bool,
    show_followers: bool,
    show_following: bool,
    searchable: bool,
    notify_email: bool,
    notify_marketing: bool,
}

fn known<T>(value: Result<T, Issue>) -> Result<T, StoreError> {
    value.map_err(|issue| StoreError::corrupt(format!("a setting is {}", issue.code())))
}

async fn find(conn: &impl ConnectionTrait, user: UserId) -> Result<UserSettings, StoreError> {
    let select = Query::select()
        .columns(COLUMNS)
        .from("user_settings")
        .and_where(Expr::col("user_id").eq(user.get()))
        .to_owned();
    let Some(row) = conn.query_one(&select).await.map_err(store_error)? else { return Ok(UserSettings::default()) };
    let row = Row::from_query_result(&row, "").map_err(store_error)?;
    Ok(UserSettings {
        language: known(row.language.as_deref().map(Language::parse).transpose())?,
        // A zone that a later database of zones has no more is none to fail for.
        time_zone: TimeZone::parse(&row.time_zone).unwrap_or_default(),
        privacy: Privacy {
            show_email: row.show_email,
            show_followers: row.show_followers,
            show_following: row.show_following,
            searchable: row.searchable,
        },
        notifications: NotificationPreferences { email: row.notify_email, marketing: row.notify_marketing },
    })
}

#[async_trait]
impl SettingsRepository for SeaTx {
    async fn find(&mut self, user: UserId) -> Result<UserSettings, StoreError> {
        find(self.conn(), user).await
    }

    async fn save(&mut self, user: UserId, settings: &UserSettings, at: DateTime<Utc>) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table("user_settings")
            .columns(["user_id", "updated_at"].into_iter().chain(COLUMNS))
            .values_panic([
                user.get().into(),
                at.into(),
                settings.language.map(Language::as_str).into(),
                settings.time_zone.as_str().into(),
                settings.privacy.show_email.into(),
                settings.privacy.show_followers.into(),
                settings.privacy.show_following.into(),
                settings.privacy.searchable.into(),
                settings.notifications.email.into(),
                settings.notifications.marketing.into(),
            ])
            .on_conflict(
                OnConflict::column("user_id").update_columns(["updated_at"].into_iter().chain(COLUMNS)).to_owned(),
            )
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn append_consent(&mut self, entry: &ConsentEntry) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table("consents")
            .columns(["id", "user_id", "kind", "version", "granted", "given_at", "address"])
            .values_panic([
                entry.id.into(),
                entry.user_id.get().into(),
                entry.consent.kind.as_str().into(),
                entry.consent.version.as_str().into(),
                entry.consent.granted.into(),
                entry.at.into(),
                entry.address.map(|address| address.to_string()).into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }
}

#[derive(FromQueryResult)]
struct ConsentRow {
    id: Uuid,
    kind: String,
    version: String,
    granted: bool,
    given_at: DateTime<Utc>,
    address: Option<String>,
}

#[async_trait]
impl SettingsQueries for Store {
    async fn find_settings(&self, user: UserId) -> Result<UserSettings, StoreError> {
        find(self.read(), user).await
    }

    async fn list_consents(&self, user: UserId, limit: u64) -> Result<Vec<ConsentEntry>, StoreError> {
        let select = Query::select()
            .columns(["id", "kind", "version", "granted", "given_at", "address"])
            .from("consents")
            .and_where(Expr::col("user_id").eq(user.get()))
            .order_by("given_at", Order::Desc)
            .order_by("id", Order::Desc)
            .limit(limit)
            .to_owned();
        let rows = self.read().query_all(&select).await.map_err(store_error)?;
        let entry = |row| {
            let row = ConsentRow::from_query_result(row, "").map_err(store_error)?;
            let address = row.address.map(|text| text.parse::<IpAddr>()).transpose().map_err(StoreError::corrupt)?;
            let consent =
                Consent { kind: known(ConsentKind::parse(&row.kind))?, version: row.version, granted: row.granted };
            Ok(ConsentEntry { id: row.id, user_id: user, consent, at: row.given_at, address })
        };
        rows.iter().map(entry).collect()
    }
}
