//! Everything that the tables hold of one person: what is handed out to them, and what
//! becomes of it when they go. One list; a test holds every table of the schema against it.

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ConnectionTrait, DbErr, ExprTrait, QueryResult};
use serde_json::{Map, Value};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use sharestack_users::model::{Extract, HeldFile};
use sharestack_users::ports::PersonalRecords;
use sharestack_users::service::{AVATAR_SIZES, blob_key};
use uuid::Uuid;

use crate::connect::Store;
use crate::error::store_error;

/// How a column is read.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Number,
    Text,
    Time,
    Flag,
    Uuid,
    Json,
}
use Kind::{Flag, Json, Number, Text, Time, Uuid as Id};

/// Which rows of a table are a person's.
#[derive(Debug, Clone, Copy)]
enum Whose {
    /// Those with their id in this column.
    Column(&'static str),
    /// Those whose column is an id of a table whose rows are theirs by its own column.
    Through(&'static str, &'static str, &'static str),
    /// Those of an aggregate of this kind with their id.
    Aggregate(&'static str),
    /// Those that are about a target of this kind with their id.
    Target(&'static str),
}

impl Whose {
    fn condition(self, user: UserId) -> Expr {
        let theirs = |table: &'static str, column: &'static str, key: &'static str| {
            Query::select().column(key).from(table).and_where(Expr::col(column).eq(user.get())).to_owned()
        };
        match self {
            Self::Column(column) => Expr::col(column).eq(user.get()),
            Self::Through(column, table, owner) => Expr::col(column).in_subquery(theirs(table, owner, "id")),
            Self::Aggregate(kind) => {
                Expr::col("aggregate").eq(kind).and(Expr::col("aggregate_id").eq(user.get().to_string()))
            }
            Self::Target(kind) => {
                Expr::col("target_type").eq(kind).and(Expr::col("target_id").eq(user.get().to_string()))
            }
        }
    }
}

/// What becomes of the rows when the person goes.
#[derive(Debug, Clone, Copy)]
enum End {
    /// They go too.
    Gone,
    /// They stay: money must add up, or others need them. They name the person by a number
    /// that then says nothing.
    Kept,
    /// They stay without these.
    Blanked(&'static [&'static str]),
    /// The users domain does it, with the account itself.
    WithAccount,
}

/// What one table holds of people.
struct Holding {
    /// The name of the extract; `None` when the rows tell a person nothing about themselves
    /// that another extract does not, or hold secrets alone.
    extract: Option<&'static str>,
    table: &'static str,
    whose: Whose,
    columns: &'static [(&'static str, Kind)],
    end: End,
}

/// Rows that refer to others stand before them: they are removed in this order.
const HOLDINGS: &[Holding] = &[
    Holding {
        extract: Some("account"),
        table: "users",
        whose: Whose::Column("id"),
        columns: &[
            ("id", Number),
            ("username", Text),
            ("email", Text),
            ("display_name", Text),
            ("phone", Text),
            ("bio", Text),
            ("avatar_url", Text),
            ("is_active", Flag),
            ("is_verified", Flag),
            ("last_login_at", Time),
            ("created_at", Time),
            ("updated_at", Time),
        ],
        end: End::WithAccount,
    },
    Holding {
        extract: Some("roles"),
        table: "user_roles",
        whose: Whose::Column("user_id"),
        columns: &[("role_id", Number), ("granted_at", Time)],
        end: End::WithAccount,
    },
    Holding {
        extract: Some("settings"),
        table: "user_settings",
        whose: Whose::Column("user_id"),
        columns: &[
            ("language", Text),
            ("time_zone", Text),
            ("show_email", Flag),
            ("show_followers", Flag),
            ("show_following", Flag),
            ("searchable", Flag),
            ("notify_email", Flag),
            ("notify_marketing", Flag),
            ("updated_at", Time),
        ],
        end: End::WithAccount,
    },
    Holding {
        extract: Some("consents"),
        table: "consents",
        whose: Whose::Column("user_id"),
        columns: &[
            ("id", Id),
            ("kind", Text),
            ("version", Text),
            ("granted", Flag),
            ("given_at", Time),
            ("address", Text),
        ],
        end: End::WithAccount,
    },
    Holding {
        extract: None,
        table: "refresh_tokens",
        whose: Whose::Through("session_id", "sessions", "user_id"),
        columns: &[],
        end: End::Gone,
    },
    Holding {
        extract: Some("sessions"),
        table: "sessions",
        whose: Whose::Column("user_id"),
        columns: &[
            ("id", Id),
            ("method", Text),
            ("ip", Text),
            ("user_agent", Text),
            ("created_at", Time),
            ("last_used_at", Time),
            ("expires_at", Time),
            ("revoked_at", Time),
            ("revoked_reason", Text),
        ],
        end: End::Gone,
    },
    Holding {
        extract: Some("api_keys"),
        table: "api_keys",
        whose: Whose::Column("user_id"),
        columns: &[
            ("id", Id),
            ("name", Text),
            ("prefix", Text),
            ("scopes", Json),
            ("created_at", Time),
            ("expires_at", Time),
            ("last_used_at", Time),
        ],
        end: End::Gone,
    },
    Holding {
        extract: Some("authenticator_app"),
        table: "totp_factors",
        whose: Whose::Column("user_id"),
        columns: &[("created_at", Time), ("confirmed_at", Time), ("last_used_at", Time)],
        end: End::Gone,
    },
    Holding {
        extract: Some("recovery_codes"),
        table: "recovery_codes",
        whose: Whose::Column("user_id"),
        columns: &[("created_at", Time), ("used_at", Time)],
        end: End::Gone,
    },
    Holding { extract: None, table: "mfa_challenges", whose: Whose::Column("user_id"), columns: &[], end: End::Gone },
    Holding {
        extract: Some("linked_identities"),
        table: "external_identities",
        whose: Whose::Column("user_id"),
        columns: &[("provider", Text), ("subject", Text), ("email", Text), ("name", Text), ("linked_at", Time)],
        end: End::Gone,
    },
    Holding { extract: None, table: "oauth_states", whose: Whose::Column("user_id"), columns: &[], end: End::Gone },
    Holding { extract: None, table: "oauth_codes", whose: Whose::Column("user_id"), columns: &[], end: End::Gone },
    Holding {
        extract: Some("passkeys"),
        table: "passkeys",
        whose: Whose::Column("user_id"),
        columns: &[("id", Id), ("name", Text), ("created_at", Time), ("last_used_at", Time)],
        end: End::Gone,
    },
    Holding {
        extract: Some("proven_phones"),
        table: "user_phones",
        whose: Whose::Column("user_id"),
        columns: &[("number", Text), ("proven_at", Time)],
        end: End::Gone,
    },
    Holding {
        extract: Some("invitations"),
        table: "invitations",
        whose: Whose::Column("created_by"),
        columns: &[("id", Id), ("created_at", Time), ("expires_at", Time), ("used_at", Time)],
        end: End::Kept,
    },
    Holding {
        extract: Some("following"),
        table: "follows",
        whose: Whose::Column("from_id"),
        columns: &[("to_id", Number), ("created_at", Time)],
        end: End::Gone,
    },
    Holding {
        extract: Some("followers"),
        table: "follows",
        whose: Whose::Column("to_id"),
        columns: &[("from_id", Number), ("created_at", Time)],
        end: End::Gone,
    },
    Holding {
        extract: Some("blocks"),
        table: "user_blocks",
        whose: Whose::Column("from_id"),
        columns: &[("to_id", Number), ("created_at", Time)],
        end: End::Gone,
    },
    // Who was blocked is not told by whom.
    Holding { extract: None, table: "user_blocks", whose: Whose::Column("to_id"), columns: &[], end: End::Gone },
    // Who did what stays, as the law on security asks; from where goes.
    Holding {
        extract: Some("security_log"),
        table: "audit_entries",
        whose: Whose::Target("user"),
        columns: &[
            ("id", Id),
            ("occurred_at", Time),
            ("action", Text),
            ("result", Text),
            ("ip", Text),
            ("user_agent", Text),
            ("request_id", Text),
            ("details", Json),
        ],
        end: End::Blanked(&["ip", "user_agent"]),
    },
    Holding {
        extract: Some("data_requests"),
        table: "privacy_exports",
        whose: Whose::Column("user_id"),
        columns: &[("id", Id), ("state", Text), ("requested_at", Time), ("finished_at", Time)],
        end: End::Kept,
    },
    Holding {
        extract: Some("deletion"),
        table: "departures",
        whose: Whose::Column("user_id"),
        columns: &[("reason", Text), ("requested_at", Time), ("due_at", Time)],
        end: End::Gone,
    },
    Holding {
        extract: Some("activity"),
        table: "events",
        whose: Whose::Aggregate("user"),
        columns: &[("kind", Text), ("occurred_at", Time), ("payload", Json), ("origin", Json)],
        end: End::Blanked(&["origin"]),
    },
    Holding {
        extract: None,
        table: "article_tags",
        whose: Whose::Through("article_id", "articles", "author_id"),
        columns: &[],
        end: End::Gone,
    },
    Holding {
        extract: Some("article_drafts"),
        table: "article_drafts",
        whose: Whose::Through("article_id", "articles", "author_id"),
        columns: &[("article_id", Number), ("title", Text), ("summary", Text), ("source", Text), ("updated_at", Time)],
        end: End::Gone,
    },
    Holding {
        extract: Some("article_texts"),
        table: "article_bodies",
        whose: Whose::Through("article_id", "articles", "author_id"),
        columns: &[("article_id", Number), ("source", Text)],
        end: End::Gone,
    },
    Holding {
        extract: Some("articles"),
        table: "articles",
        whose: Whose::Column("author_id"),
        columns: &[
            ("id", Number),
            ("slug", Text),
            ("title", Text),
            ("status", Text),
            ("access_level", Text),
            ("format", Text),
            ("summary", Text),
            ("cover", Text),
            ("tag_list", Json),
            ("view_count", Number),
            ("published_at", Time),
            ("created_at", Time),
            ("updated_at", Time),
            ("deleted_at", Time),
        ],
        end: End::Gone,
    },
    Holding {
        extract: None,
        table: "upload_parts",
        whose: Whose::Through("upload_id", "uploads", "owner_id"),
        columns: &[],
        end: End::Gone,
    },
    Holding {
        extract: Some("unfinished_uploads"),
        table: "uploads",
        whose: Whose::Column("owner_id"),
        columns: &[("filename", Text), ("size", Number), ("received", Number), ("created_at", Time)],
        end: End::Gone,
    },
    Holding {
        extract: Some("files"),
        table: "files",
        whose: Whose::Column("owner_id"),
        columns: &[
            ("id", Number),
            ("original_filename", Text),
            ("size", Number),
            ("mime_type", Text),
            ("sha256", Text),
            ("status", Text),
            ("exif", Json),
            ("width", Number),
            ("height", Number),
            ("created_at", Time),
            ("updated_at", Time),
        ],
        end: End::Gone,
    },
    Holding { extract: None, table: "upload_usage", whose: Whose::Column("owner_id"), columns: &[], end: End::Gone },
    Holding {
        extract: Some("payments"),
        table: "payments",
        whose: Whose::Through("order_id", "orders", "buyer_id"),
        columns: &[
            ("id", Id),
            ("order_id", Number),
            ("channel", Text),
            ("channel_txn_id", Text),
            ("amount", Number),
            ("currency", Text),
            ("state", Text),
            ("created_at", Time),
            ("settled_at", Time),
        ],
        end: End::Kept,
    },
    Holding {
        extract: Some("orders"),
        table: "orders",
        whose: Whose::Column("buyer_id"),
        columns: &[
            ("id", Number),
            ("number", Text),
            ("seller_id", Number),
            ("subscription_id", Number),
            ("kind", Text),
            ("subject", Text),
            ("amount", Number),
            ("currency", Text),
            ("state", Text),
            ("channel", Text),
            ("paid_at", Time),
            ("closed_at", Time),
            ("created_at", Time),
        ],
        end: End::Kept,
    },
    Holding {
        extract: Some("subscriptions"),
        table: "subscriptions",
        whose: Whose::Column("subscriber_id"),
        columns: &[
            ("id", Number),
            ("creator_id", Number),
            ("plan_id", Number),
            ("state", Text),
            ("current_period_start", Time),
            ("current_period_end", Time),
            ("cancel_at_period_end", Flag),
            ("canceled_at", Time),
            ("cancel_reason", Text),
            ("ended_at", Time),
            ("created_at", Time),
        ],
        end: End::Blanked(&["cancel_reason"]),
    },
    Holding {
        extract: Some("plans"),
        table: "plans",
        whose: Whose::Column("creator_id"),
        columns: &[
            ("id", Number),
            ("name", Text),
            ("description", Text),
            ("benefits", Json),
            ("status", Text),
            ("created_at", Time),
        ],
        end: End::Kept,
    },
    Holding {
        extract: Some("plan_prices"),
        table: "plan_prices",
        whose: Whose::Through("plan_id", "plans", "creator_id"),
        columns: &[
            ("plan_id", Number),
            ("number", Number),
            ("amount", Number),
            ("currency", Text),
            ("period", Text),
            ("created_at", Time),
        ],
        end: End::Kept,
    },
    Holding {
        extract: Some("sales"),
        table: "orders",
        whose: Whose::Column("seller_id"),
        columns: &[
            ("id", Number),
            ("number", Text),
            ("plan_id", Number),
            ("amount", Number),
            ("currency", Text),
            ("state", Text),
            ("paid_at", Time),
        ],
        end: End::Kept,
    },
    Holding {
        extract: Some("photo_likes"),
        table: "photo_likes",
        whose: Whose::Column("user_id"),
        columns: &[("photo_id", Number), ("created_at", Time)],
        end: End::Gone,
    },
    Holding {
        extract: None,
        table: "share_link_photos",
        whose: Whose::Through("link_id", "share_links", "owner_id"),
        columns: &[],
        end: End::Gone,
    },
    Holding {
        extract: Some("share_links"),
        table: "share_links",
        whose: Whose::Column("owner_id"),
        columns: &[
            ("id", Id),
            ("allow_download", Flag),
            ("hide_metadata", Flag),
            ("expires_at", Time),
            ("created_at", Time),
        ],
        end: End::Gone,
    },
    // The photos domain removes them one by one, with their files.
    Holding {
        extract: Some("photos"),
        table: "photos",
        whose: Whose::Column("owner_id"),
        columns: &[
            ("id", Number),
            ("slug", Text),
            ("title", Text),
            ("description", Text),
            ("status", Text),
            ("visibility", Text),
            ("taken_at", Time),
            ("latitude", Number),
            ("longitude", Number),
            ("place_name", Text),
            ("country", Text),
            ("city", Text),
            ("camera", Text),
            ("lens", Text),
            ("iso", Number),
            ("aperture", Text),
            ("shutter_speed", Text),
            ("focal_length", Text),
            ("original_filename", Text),
            ("file_size", Number),
            ("metadata", Json),
            ("created_at", Time),
            ("updated_at", Time),
            ("published_at", Time),
            ("trashed_at", Time),
        ],
        end: End::Kept,
    },
];

/// Tables that hold nothing of people.
#[cfg(test)]
pub(crate) const IMPERSONAL: &[(&str, &str)] = &[
    ("seaql_migrations", "the schema"),
    ("sequences", "numbers"),
    ("jobs", "names things by number, and is pruned"),
    ("idempotency_keys", "kept for a day"),
    ("verification_codes", "names addresses by a keyed hash"),
    ("verification_tokens", "kept for minutes"),
    ("relation_pairs", "locks, by number"),
    ("roles", "what roles there are"),
    ("role_permissions", "what roles may"),
    ("article_counts", "sums"),
    ("photo_counts", "sums"),
    ("category_trees", "locks"),
    ("categories", "what photos and articles are sorted by"),
    ("photo_categories", "photos: named by number"),
    ("photo_tags", "photos: named by number"),
    ("timeline_events", "what the site tells of itself"),
    ("timeline_event_photos", "photos: named by number"),
    ("tags", "words"),
    ("ledger_accounts", "money: named by number"),
    ("ledger_entries", "money: named by number"),
    ("ledger_postings", "money: named by number"),
    ("sandbox_payments", "the pretended channel's, which is not of production"),
];

fn read(row: &QueryResult, column: &str, kind: Kind) -> Result<Value, DbErr> {
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true).into();
    Ok(match kind {
        Number => row
            .try_get::<Option<i64>>("", column)
            .or_else(|_| row.try_get::<Option<i32>>("", column).map(|number| number.map(i64::from)))?
            .into(),
        Text => row.try_get::<Option<String>>("", column)?.into(),
        Time => row.try_get::<Option<DateTime<Utc>>>("", column)?.map_or(Value::Null, time),
        Flag => row.try_get::<Option<bool>>("", column)?.into(),
        Id => row.try_get::<Option<Uuid>>("", column)?.map(|id| id.to_string()).into(),
        Json => {
            let text = row.try_get::<Option<String>>("", column)?;
            text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
        }
    })
}

#[async_trait]
impl PersonalRecords for Store {
    async fn collect(&self, user: UserId) -> Result<Vec<Extract>, StoreError> {
        let mut extracts = Vec::new();
        for holding in HOLDINGS {
            let Some(name) = holding.extract else { continue };
            let select = Query::select()
                .columns(holding.columns.iter().map(|(column, _)| *column))
                .from(holding.table)
                .and_where(holding.whose.condition(user))
                .to_owned();
            let rows = self.read().query_all(&select).await.map_err(store_error)?;
            let record = |row: &QueryResult| {
                let fields =
                    holding.columns.iter().map(|(column, kind)| Ok(((*column).to_owned(), read(row, column, *kind)?)));
                fields.collect::<Result<Map<_, _>, DbErr>>().map(Value::Object)
            };
            let records = rows.iter().map(record).collect::<Result<_, _>>().map_err(store_error)?;
            extracts.push(Extract { name, records });
        }
        Ok(extracts)
    }

    async fn list_files(&self, user: UserId) -> Result<Vec<HeldFile>, StoreError> {
        let picture =
            Query::select().column("avatar_file").from("users").and_where(Expr::col("id").eq(user.get())).to_owned();
        let row = self.read().query_one(&picture).await.map_err(store_error)?;
        let file = row.map(|row| row.try_get::<Option<String>>("", "avatar_file")).transpose().map_err(store_error)?;
        let mut held = self.held_files(user).await?;
        if let Some(file) = file.flatten() {
            let key = blob_key(&file, AVATAR_SIZES[0])?.to_string();
            held.push(HeldFile { key, name: "avatar.webp".to_owned() });
        }
        Ok(held)
    }

    async fn erase(&self, user: UserId, _at: DateTime<Utc>) -> Result<(), StoreError> {
        transact!(self.own(), |tx| {
            for holding in HOLDINGS {
                let theirs = holding.whose.condition(user);
                match holding.end {
                    End::Kept | End::WithAccount => {}
                    End::Gone => {
                        let delete = Query::delete().from_table(holding.table).and_where(theirs).to_owned();
                        tx.conn().execute(&delete).await.map_err(store_error)?;
                    }
                    End::Blanked(columns) => {
                        let mut update = Query::update().table(holding.table).and_where(theirs).to_owned();
                        for column in columns {
                            update.value(*column, Expr::null());
                        }
                        tx.conn().execute(&update).await.map_err(store_error)?;
                    }
                }
            }
            Ok::<_, StoreError>(())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use sharestack_kernel::clock::SystemClock;

    use super::*;
    use crate::config::StoreConfig;

    #[tokio::test]
    async fn every_table_of_the_schema_is_held_against_the_list() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/schema.db", directory.path().display());
        let store = Store::connect(&StoreConfig::new(url), Arc::new(SystemClock)).await.unwrap();
        store.migrate().await.unwrap();
        let tables = Query::select()
            .column("name")
            .from("sqlite_master")
            .and_where(Expr::col("type").eq("table"))
            .and_where(Expr::col("name").not_like("sqlite_%"))
            .to_owned();
        let rows = store.read().query_all(&tables).await.unwrap();
        let found: BTreeSet<String> = rows.iter().map(|row| row.try_get("", "name").unwrap()).collect();
        let impersonal = IMPERSONAL.iter().map(|(table, _)| *table);
        let listed: BTreeSet<String> =
            HOLDINGS.iter().map(|holding| holding.table).chain(impersonal).map(str::to_owned).collect();
        assert_eq!(found, listed, "say in HOLDINGS or IMPERSONAL what a table holds of people");
        // Every column that is named is there, and every end can be done.
        store.collect(UserId::new(1)).await.unwrap();
        PersonalRecords::erase(&store, UserId::new(1), DateTime::UNIX_EPOCH).await.unwrap();
    }
}
