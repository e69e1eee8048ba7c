//! Every case of the store's ports, on SQLite, PostgreSQL and MariaDB.

mod cases;
mod migrated;
mod migrations;
mod support;
