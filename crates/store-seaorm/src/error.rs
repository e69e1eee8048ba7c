//! What a database's failure means: one table for constraints, one for conditions.

use sea_orm::{DbErr, RuntimeErr, SqlErr};
use sharestack_kernel::error::StoreError;

/// A unique constraint that a write met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Constraint {
    JobDedupeKey,
    UserEmail,
    Username,
    ExternalSubject,
    UsernameLook,
    RoleName,
    PasskeyCredential,
    ArticleSlug,
    PhotoSlug,
    PhotoFile,
    CategorySlug,
    TagName,
    TagSlug,
    LiveSubscription,
    OrderKey,
    PaymentTransaction,
    LedgerReference,
}

/// The one table: index name (PostgreSQL, MySQL), columns as SQLite names them, meaning.
const CONSTRAINTS: &[(&str, &str, Constraint)] = &[
    ("uq_articles_slug", "articles.slug", Constraint::ArticleSlug),
    ("uq_photos_slug", "photos.slug", Constraint::PhotoSlug),
    ("uq_photos_file_id", "photos.file_id", Constraint::PhotoFile),
    ("uq_categories_slug", "categories.kind, categories.slug", Constraint::CategorySlug),
    ("uq_tags_kind_name", "tags.kind, tags.name_key", Constraint::TagName),
    ("uq_tags_kind_slug", "tags.kind, tags.slug", Constraint::TagSlug),
    ("uq_jobs_dedupe_key", "jobs.dedupe_key", Constraint::JobDedupeKey),
    ("uq_users_email_key", "users.email_key", Constraint::UserEmail),
    (
        "uq_external_identities_subject",
        "external_identities.provider, external_identities.subject",
        Constraint::ExternalSubject,
    ),
    ("uq_passkeys_credential_key", "passkeys.credential_key", Constraint::PasskeyCredential),
    ("uq_users_username_key", "users.username_key", Constraint::Username),
    ("uq_users_username_look", "users.username_look", Constraint::UsernameLook),
    ("uq_roles_name", "roles.name", Constraint::RoleName),
    ("uq_subscriptions_live_key", "subscriptions.live_key", Constraint::LiveSubscription),
    ("uq_orders_held_key", "orders.buyer_id, orders.held_key", Constraint::OrderKey),
    ("uq_payments_transaction", "payments.channel, payments.channel_txn_id", Constraint::PaymentTransaction),
    ("uq_ledger_entries_reference", "ledger_entries.reference", Constraint::LedgerReference),
];

/// Which unique constraint the write met; `None` for another failure, or a constraint
/// that no port knows.
pub(crate) fn violated(error: &DbErr) -> Option<Constraint> {
    let Some(SqlErr::UniqueConstraintViolation(message)) = error.sql_err() else { return None };
    CONSTRAINTS
        .iter()
        .find(|(index, columns, _)| names(&message, index) || names(&message, columns))
        .map(|(_, _, constraint)| *constraint)
}

/// Whether `message` names `what` as a whole, not as the start of a longer name.
fn names(message: &str, what: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    message.match_indices(what).any(|(start, _)| {
        let before = message[..start].chars().next_back();
        let after = message[start + what.len()..].chars().next();
        !before.is_some_and(word) && !after.is_some_and(|c| word(c) || c == ',')
    })
}

/// Sorts a failure: may the work run again, is the database away, or is it a defect?
pub(crate) fn store_error(error: DbErr) -> StoreError {
    match condition(&error) {
        Condition::Transient => StoreError::Transient(Box::new(error)),
        Condition::Unavailable => StoreError::Unavailable(Box::new(error)),
        Condition::Other => StoreError::Internal(Box::new(error)),
    }
}

enum Condition {
    Transient,
    Unavailable,
    Other,
}

fn condition(error: &DbErr) -> Condition {
    let runtime = match error {
        DbErr::ConnectionAcquire(_) => return Condition::Unavailable,
        DbErr::Conn(runtime) | DbErr::Exec(runtime) | DbErr::Query(runtime) => runtime,
        _ => return Condition::Other,
    };
    let RuntimeErr::SqlxError(driver) = runtime else { return Condition::Other };
    match driver.as_ref() {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => Condition::Unavailable,
        sqlx::Error::Database(database) => by_code(database.as_ref()),
        _ => Condition::Other,
    }
}

fn by_code(error: &dyn sqlx::error::DatabaseError) -> Condition {
    if let Some(mysql) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return match mysql.number() {
            // Record changed since read (MariaDB), lock wait timeout, deadlock.
            1020 | 1205 | 1213 => Condition::Transient,
            // Too many connections, shutdown in progress, gone away.
            1040 | 1053 | 1927 | 2006 | 2013 => Condition::Unavailable,
            _ => Condition::Other,
        };
    }
    let code = error.code().unwrap_or_default();
    if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        // The primary code is the low byte of an extended one: 5 is busy, 6 is locked.
        return match code.parse::<u32>().map(|code| code & 0xff) {
            Ok(5 | 6) => Condition::Transient,
            Ok(10 | 13 | 14) => Condition::Unavailable,
            _ => Condition::Other,
        };
    }
    match code.as_ref() {
        // Serialization failure, deadlock, lock not available.
        "40001" | "40P01" | "55P03" => Condition::Transient,
        // Too many connections, shutdown or crash of the server, and class 08.
        "53300" | "57P01" | "57P02" | "57P03" => Condition::Unavailable,
        code if code.starts_with("08") => Condition::Unavailable,
        _ => Condition::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_constraint_is_named_as_a_whole() {
        assert!(names("UNIQUE constraint failed: users.email_key", "users.email_key"));
        assert!(names("violates unique constraint \"uq_users_email\"", "uq_users_email"));
        assert!(names("Duplicate entry 'x' for key 'uq_users_email'", "uq_users_email"));
        assert!(!names("UNIQUE constraint failed: users.email_key_2", "users.email_key"));
        assert!(!names("UNIQUE constraint failed: plans.id, plans.version", "plans.id"));
    }
}
