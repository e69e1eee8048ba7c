//! The schema, one file a change, up and down, on SQLite, PostgreSQL and MySQL.
//!
//! To add a change: write `m000N_what.rs` with a `Migration` as the others do, build its
//! columns with [`columns`], and list it in [`Migrator`]. A change that has landed is
//! never edited. On MySQL and SQLite a migration is not one transaction: keep it small.

pub mod columns;
mod leaving;
mod m0001_platform;
mod m0002_users;
mod m0003_content;
mod m0004_billing;
mod m0005_origin;
mod m0007_order_ends;
mod m0008_social;
mod m0009_event_attempts;
mod m0010_codes;
mod m0012_accounts;
mod m0013_settings;
mod m0014_audit;
mod m0015_api_keys;
mod m0016_factors;
mod m0017_passkeys;
mod m0018_external_identities;
mod m0019_privacy;
mod m0020_photos;
mod m0021_uploads;
mod m0022_processing;
mod m0023_taxonomy;
mod m0030_creators_own_plans;
mod m0031_sign_up;
mod m0032_deep_categories;
mod m0033_photos_of_a_year;
mod m0034_byte_order;
mod m0040_lost_workers;
mod m0041_used_tags;
mod m0042_tag_days;
mod m0043_said_of_photos;
mod m0044_counted_tag_days;
mod m0045_no_tag_sums;
mod m0046_said_before;
mod m0047_category_listings;
mod m0048_teasers;
mod m0049_tag_names;
mod m0050_sort_keys;

use sea_orm_migration::prelude::*;

/// Every change, in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_platform::Migration),
            Box::new(m0002_users::Migration),
            Box::new(m0003_content::Migration),
            Box::new(m0004_billing::Migration),
            Box::new(m0005_origin::Migration),
            Box::new(m0007_order_ends::Migration),
            Box::new(m0008_social::Migration),
            Box::new(m0009_event_attempts::Migration),
            Box::new(m0010_codes::Migration),
            Box::new(m0012_accounts::Migration),
            Box::new(m0013_settings::Migration),
            Box::new(m0014_audit::Migration),
            Box::new(m0015_api_keys::Migration),
            Box::new(m0016_factors::Migration),
            Box::new(m0017_passkeys::Migration),
            Box::new(m0018_external_identities::Migration),
            Box::new(m0019_privacy::Migration),
            Box::new(m0020_photos::Migration),
            Box::new(m0021_uploads::Migration),
            Box::new(m0022_processing::Migration),
            Box::new(m0023_taxonomy::Migration),
            Box::new(m0030_creators_own_plans::Migration),
            Box::new(m0031_sign_up::Migration),
            Box::new(m0032_deep_categories::Migration),
            Box::new(m0033_photos_of_a_year::Migration),
            Box::new(m0034_byte_order::Migration),
            Box::new(m0040_lost_workers::Migration),
            Box::new(m0041_used_tags::Migration),
            Box::new(m0042_tag_days::Migration),
            Box::new(m0043_said_of_photos::Migration),
            Box::new(m0044_counted_tag_days::Migration),
            Box::new(m0045_no_tag_sums::Migration),
            Box::new(m0046_said_before::Migration),
            Box::new(m0047_category_listings::Migration),
            Box::new(m0048_teasers::Migration),
            Box::new(m0049_tag_names::Migration),
            Box::new(m0050_sort_keys::Migration),
        ]
    }
}
