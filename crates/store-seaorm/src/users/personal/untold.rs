//! What nobody is handed out, and why.

/// Tables that hold nothing of people.
pub(super) const IMPERSONAL: &[(&str, &str)] = &[
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
    ("timeline_events", "what the site tells of itself"),
    ("timeline_event_photos", "photos: named by number"),
    ("tags", "words"),
    ("tag_days", "sums"),
    ("ledger_accounts", "money: named by number"),
    ("ledger_entries", "money: named by number"),
    ("ledger_postings", "money: named by number"),
    ("sandbox_payments", "the pretended channel's, which is not of production"),
];

/// Tables of which nobody is handed a row, though they name them.
pub(super) const UNTOLD_TABLES: &[(&str, &str)] = &[
    ("refresh_tokens", "secrets; the sessions are told"),
    ("mfa_challenges", "logins under way, for minutes"),
    ("oauth_states", "logins under way, for minutes"),
    ("oauth_codes", "logins under way, for minutes"),
    ("article_tags", "told with each article"),
    ("category_listings", "worked out from where photos are placed, which is told"),
    ("upload_parts", "where the bytes of an unfinished upload lie"),
    ("upload_usage", "the sum of the files"),
];

const SECRET: &str = "a secret, or what one is checked against";
const DERIVED: &str = "worked out from what is told";
const MACHINERY: &str = "how the work of the product goes";
const OTHERS: &str = "tells of somebody else";

/// Columns that an extract leaves out.
pub(super) const UNTOLD: &[(&str, &[&str], &str)] = &[
    ("account", &["username_key", "email_key", "username_look", "display_key"], DERIVED),
    ("account", &["password_hash"], SECRET),
    ("account", &["version"], MACHINERY),
    ("account", &["avatar_file"], "the file is in the copy"),
    ("account", &["deleted_at", "erased_at"], "set when nobody is left to ask"),
    ("roles", &["granted_by"], OTHERS),
    ("api_keys", &["hash"], SECRET),
    ("authenticator_app", &["sealed_secret", "last_step"], SECRET),
    ("recovery_codes", &["hash"], SECRET),
    ("passkeys", &["handle", "credential_key", "credential_id", "credential"], SECRET),
    ("invitations", &["hash"], SECRET),
    ("invitations", &["used_by"], OTHERS),
    ("data_requests", &["file"], "where the copy lies"),
    ("security_log", &["actor_id"], OTHERS),
    ("activity", &["actor_id"], OTHERS),
    ("activity", &["position", "id", "available_at", "claimed_by", "claimed_until"], MACHINERY),
    ("activity", &["delivered_at", "attempts", "last_error"], MACHINERY),
    ("article_drafts", &["excerpt", "teaser", "html", "preview"], DERIVED),
    ("article_texts", &["html", "preview"], DERIVED),
    ("articles", &["excerpt", "teaser"], DERIVED),
    ("articles", &["version"], MACHINERY),
    ("unfinished_uploads", &["chunk_size", "holder", "held_until"], MACHINERY),
    ("files", &["blob_key"], "the file is in the copy"),
    ("files", &["placeholder", "derivatives"], DERIVED),
    ("files", &["progress", "current_step", "steps", "started_at", "processed_at"], MACHINERY),
    ("share_links", &["token_hash", "password_hash"], SECRET),
    ("photo_tags", &["listed", "used_on", "shown_at", "title", "sort_order"], DERIVED),
    ("photo_categories", &["listed", "shown_at", "title", "sort_order"], DERIVED),
    ("photos", &["listed", "taken_year", "taken_month", "shown_at", "placeholder", "formats"], DERIVED),
    ("photos", &["revision", "version"], MACHINERY),
    ("payments", &["pay_data"], SECRET),
    ("orders", &["idempotency_key", "held_key", "fingerprint", "synced_at", "version"], MACHINERY),
    ("subscriptions", &["live_key"], DERIVED),
    ("subscriptions", &["version"], MACHINERY),
    ("plans", &["version"], MACHINERY),
    ("sales", &["buyer_id", "subscription_id", "channel", "scene", "expires_at", "updated_at"], OTHERS),
    ("sales", &["idempotency_key", "held_key", "fingerprint", "synced_at", "version"], MACHINERY),
];
