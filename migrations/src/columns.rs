//! Column types that mean the same on all three databases.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The longest text that MySQL can index under `utf8mb4` in every row format we allow.
pub const KEY_LENGTH: u32 = 255;

/// A table whose text compares byte by byte: no database's collation decides what is equal.
pub fn table(manager: &SchemaManager<'_>, name: &'static str) -> TableCreateStatement {
    let mut table = Table::create().table(name).to_owned();
    if manager.get_database_backend() == DbBackend::MySql {
        table.engine("InnoDB").character_set("utf8mb4").collate("utf8mb4_bin");
    }
    table
}

/// A 64-bit number, not null.
pub fn big(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().to_owned()
}

/// A drawn numeric id: the primary key.
pub fn id() -> ColumnDef {
    big("id").primary_key().to_owned()
}

/// A UUID, not null: native on PostgreSQL, 16 bytes elsewhere.
pub fn uuid(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).uuid().not_null().to_owned()
}

/// A short text, not null, that an index may cover.
pub fn key(name: &'static str, length: u32) -> ColumnDef {
    ColumnDef::new(name).string_len(length).not_null().to_owned()
}

/// A text of any length, not null.
pub fn text(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    match manager.get_database_backend() {
        DbBackend::MySql => column.custom("LONGTEXT"),
        _ => column.text(),
    };
    column.not_null().to_owned()
}

/// A time in UTC to the microsecond, not null. MySQL's `TIMESTAMP` ends in 2038 and drops
/// fractions, hence `DATETIME(6)`.
pub fn time(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    match manager.get_database_backend() {
        DbBackend::MySql => column.custom("DATETIME(6)"),
        _ => column.timestamp_with_time_zone(),
    };
    column.not_null().to_owned()
}

/// A truth value, not null.
pub fn flag(name: &'static str, default: bool) -> ColumnDef {
    ColumnDef::new(name).boolean().not_null().default(default).to_owned()
}

/// A 32-bit number, not null.
pub fn int(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).integer().not_null().to_owned()
}

/// The same column, nullable.
pub fn nullable(mut column: ColumnDef) -> ColumnDef {
    column.null().to_owned()
}

/// An index over columns of one table.
pub fn index(name: &'static str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table).to_owned();
    for column in columns {
        index.col(*column);
    }
    index
}

/// A unique index over columns of one table.
pub fn unique(name: &'static str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    index(name, table, columns).unique().to_owned()
}

/// A foreign key from `table.column` to `parent.id`, which keeps the parent from going.
pub fn reference(
    name: &'static str,
    table: &'static str,
    column: &'static str,
    parent: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(name)
        .from(table, column)
        .to(parent, "id")
        .on_delete(ForeignKeyAction::Restrict)
        .to_owned()
}
