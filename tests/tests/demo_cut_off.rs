//! Demo content that was cut off in the middle, and what becomes of it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use sharestack_tests::Database;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::process::command;

use crate::operator::{run, stored, well};

/// What the database does not take, in the order of the demo: the program ends there, as if it
/// had been killed.
const ENDS: &[(&str, &str)] = &[
    ("INSERT ON audit_entries", "NEW.action = 'demo.begun'"),
    ("INSERT ON users", "NEW.username = 'admin'"),
    ("INSERT ON users", "NEW.username = 'lin'"),
    ("INSERT ON users", "NEW.username = 'wei'"),
    ("INSERT ON user_roles", "NEW.role_id = (SELECT id FROM roles WHERE name = 'creator')"),
    ("INSERT ON audit_entries", "NEW.target_id = 'accounts'"),
    ("INSERT ON plans", "1"),
    ("INSERT ON audit_entries", "NEW.target_id = 'articles/0'"),
    ("INSERT ON articles", "1"),
    ("UPDATE ON articles", "NEW.status = 'published' AND NEW.title = '胡同里的光'"),
    ("INSERT ON audit_entries", "NEW.target_id = 'articles/2'"),
    ("INSERT ON articles", "NEW.access_level = 'paid'"),
    ("INSERT ON audit_entries", "NEW.target_id = 'articles'"),
    ("INSERT ON categories", "NEW.slug = 'water'"),
    ("INSERT ON audit_entries", "NEW.target_id = 'categories/2'"),
    ("INSERT ON audit_entries", "NEW.target_id = 'categories'"),
    ("INSERT ON tags", "NEW.name = '长曝光'"),
    ("INSERT ON audit_entries", "NEW.target_id = 'tags/2'"),
    ("INSERT ON audit_entries", "NEW.target_id = 'tags'"),
    ("INSERT ON files", "1"),
    ("INSERT ON photos", "NEW.title = '雪后的胡同'"),
    ("INSERT ON audit_entries", "NEW.target_id = 'photos/2'"),
    ("INSERT ON audit_entries", "NEW.target_id = 'photos'"),
    ("INSERT ON timeline_events", "NEW.title LIKE '第一次%'"),
    ("INSERT ON audit_entries", "NEW.target_id = 'timeline/1'"),
    ("INSERT ON audit_entries", "NEW.target_id = 'timeline'"),
];

const NOT_EMPTY: &str = "no demo content was added";
const LEFT: &str = "the demo content is not whole and stays so";

/// Runs the demo up to where the database does not take something.
async fn cut_off(data: &Path, (what, when): (&str, &str)) {
    let end = format!("CREATE TRIGGER the_end BEFORE {what} WHEN {when} BEGIN SELECT RAISE(ABORT, 'the end'); END");
    stored(data, &end).await;
    let output = run(data, &["demo"], &[]);
    assert!(!output.status.success(), "{what} when {when}: the program goes on");
    stored(data, "DROP TRIGGER the_end").await;
}

/// An empty database, in which the demo is cut off there.
async fn begun(end: (&str, &str)) -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    well(&run(data.path(), &["migrate", "up"], &[]));
    cut_off(data.path(), end).await;
    data
}

fn demo(data: &Path) -> String {
    well(&run(data, &["demo"], &[]))
}

/// How much of everything there is.
async fn counts(data: &Path) -> Vec<(&'static str, i64)> {
    let mut counts = Vec::new();
    for what in [
        "users",
        "user_roles",
        "plans",
        "plan_prices",
        "articles",
        "articles WHERE status = 'published'",
        "article_tags",
        "categories",
        "tags",
        "tags WHERE usage_count > 0",
        "files",
        "photos",
        "photo_categories",
        "photo_tags",
        "timeline_events",
        "timeline_event_photos",
        "audit_entries",
    ] {
        counts.push((what, stored(data, &format!("SELECT COUNT(*) FROM {what}")).await));
    }
    counts
}

#[tokio::test]
async fn a_demo_that_is_cut_off_again_and_again_is_whole_in_the_end_and_has_nothing_twice() {
    let whole = tempfile::tempdir().unwrap();
    demo(whole.path());
    let data = tempfile::tempdir().unwrap();
    well(&run(data.path(), &["migrate", "up"], &[]));
    for end in ENDS {
        cut_off(data.path(), *end).await;
    }
    let told = demo(data.path());
    assert!(told.contains("admin / demo-admin-password (super admin)"), "{told}");
    assert!(told.contains("lin / demo-creator-password (creator)") && !told.contains(NOT_EMPTY), "{told}");
    assert_eq!(counts(data.path()).await, counts(whole.path()).await);
    let again = demo(data.path());
    assert!(again.contains(NOT_EMPTY), "{again}");
    assert_eq!(counts(data.path()).await, counts(whole.path()).await);
}

#[tokio::test]
async fn runs_of_the_demo_at_once_make_it_once() {
    let whole = tempfile::tempdir().unwrap();
    demo(whole.path());
    let data = begun(ENDS[0]).await;
    let run = || command(data.path(), &["demo"], &[].into()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let runs: Vec<_> = (0..3).map(|_| run().unwrap()).collect();
    let told: Vec<_> = runs.into_iter().map(|run| well(&run.wait_with_output().unwrap())).collect();
    assert_eq!(told.iter().filter(|told| told.contains(NOT_EMPTY)).count(), 2, "{told:?}");
    assert!(told.iter().all(|told| told.contains("lin / demo-creator-password (creator)")), "{told:?}");
    assert_eq!(counts(data.path()).await, counts(whole.path()).await);
}

#[tokio::test]
async fn one_connection_is_enough_for_runs_of_the_demo_at_once() {
    for database in Database::all() {
        let (data, fresh) = (tempfile::tempdir().unwrap(), database.fresh().await);
        let mut variables = BTreeMap::from([("SHARESTACK__DATABASE__MAX_CONNECTIONS".to_owned(), "1".to_owned())]);
        if !fresh.url.is_empty() {
            variables.insert("DATABASE_URL".to_owned(), fresh.url.clone());
        }
        let run = || command(data.path(), &["demo"], &variables).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let runs = [run().unwrap(), run().unwrap()];
        let told = runs.map(|run| well(&run.wait_with_output().unwrap()));
        assert_eq!(told.iter().filter(|told| told.contains(NOT_EMPTY)).count(), 1, "{database:?} {told:?}");
    }
}

#[tokio::test]
async fn what_people_change_and_delete_of_a_demo_stays_so_whether_or_not_it_is_whole() {
    let half = begun(("INSERT ON audit_entries", "NEW.target_id = 'timeline'")).await;
    let whole = tempfile::tempdir().unwrap();
    demo(whole.path());
    for data in [half.path(), whole.path()] {
        for change in [
            "UPDATE articles SET deleted_at = updated_at WHERE title = '胡同里的光'",
            "UPDATE articles SET title = 'mine' WHERE title = '慢慢写一本书'",
            "UPDATE photos SET trashed_at = updated_at WHERE title = '西湖晚照'",
            "UPDATE categories SET slug = 'mine' WHERE slug = 'street'",
            "UPDATE plans SET name = 'mine'",
        ] {
            assert_eq!(stored(data, change).await, 1, "{change}");
        }
        let before = counts(data).await;
        demo(data);
        let now = counts(data).await;
        // In the log stands what was left to be done.
        let but_log = |all: &[(&'static str, i64)]| all.split_last().unwrap().1.to_vec();
        assert_eq!(but_log(&now), but_log(&before));
        let kept = "SELECT COUNT(*) FROM articles WHERE title IN ('胡同里的光', '慢慢写一本书') AND deleted_at IS NULL";
        assert_eq!(stored(data, kept).await, 0);
    }
}

/// Also of the part that was begun.
#[tokio::test]
async fn what_people_change_and_delete_of_a_part_that_is_cut_off_stays_so() {
    for (end, changes, gone, table, all) in [
        (
            ("INSERT ON articles", "NEW.access_level = 'paid'"),
            &[
                "UPDATE articles SET title = 'mine' WHERE title = '欢迎来到 ShareStack'",
                "UPDATE articles SET deleted_at = updated_at WHERE title = '胡同里的光'",
            ][..],
            "articles WHERE title IN ('欢迎来到 ShareStack', '胡同里的光') AND deleted_at IS NULL",
            "articles",
            4,
        ),
        (
            ("INSERT ON articles", "NEW.access_level = 'paid'"),
            &["UPDATE plans SET name = 'mine'"],
            "plans WHERE name <> 'mine'",
            "plans",
            1,
        ),
        (
            ("INSERT ON categories", "NEW.slug = 'water'"),
            &["UPDATE categories SET slug = 'mine' WHERE slug = 'landscape'"],
            "categories WHERE slug = 'landscape'",
            "categories",
            6,
        ),
        (
            ("INSERT ON photos", "NEW.title = '雪后的胡同'"),
            &["UPDATE photos SET title = 'mine' WHERE title = '外滩的日落'"],
            "photos WHERE title = '外滩的日落'",
            "photos",
            6,
        ),
        (
            ("INSERT ON timeline_events", "NEW.title LIKE '第一次%'"),
            &["UPDATE timeline_events SET title = 'mine' WHERE title = '挪威之行'"],
            "timeline_events WHERE title = '挪威之行'",
            "timeline_events",
            2,
        ),
    ] {
        let data = begun(end).await;
        for change in changes {
            assert_eq!(stored(data.path(), change).await, 1, "{change}");
        }
        let told = demo(data.path());
        assert!(!told.contains(LEFT) && !told.contains(NOT_EMPTY), "{changes:?}: {told}");
        assert_eq!(stored(data.path(), &format!("SELECT COUNT(*) FROM {gone}")).await, 0, "{changes:?}");
        assert_eq!(stored(data.path(), &format!("SELECT COUNT(*) FROM {table}")).await, all, "{changes:?}");
    }
}

/// Makes a super admin of the house's own.
fn somebody(data: &Path, name: &str) {
    let email = format!("{name}@example.org");
    let arguments = ["admin", "create", "--username", name, "--email", &email, "--password-stdin"];
    let mut program = command(data, &arguments, &[].into());
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{name}");
}

/// Known passwords do not come into a database that is somebody's by now.
#[tokio::test]
async fn a_demo_whose_accounts_are_somebodys_by_now_is_left_as_it_is() {
    let nothing = ("INSERT ON users", "NEW.username = 'admin'");
    let admin_alone = ("INSERT ON users", "NEW.username = 'lin'");
    let no_reader = ("INSERT ON users", "NEW.username = 'wei'");
    let accounts_alone = ("INSERT ON plans", "1");
    let (no_change, deleted) = ("", "UPDATE users SET deleted_at = updated_at WHERE username = 'admin'");
    let other_password = "UPDATE users SET password_hash = '!' WHERE username = 'lin'";
    for (what, end, name, change, users) in [
        ("somebody came first", nothing, Some("boss"), no_change, 1),
        ("somebody came before the creator", admin_alone, Some("boss"), no_change, 2),
        ("somebody came before the reader", no_reader, Some("boss"), no_change, 3),
        ("somebody has a name of theirs", admin_alone, Some("lin"), no_change, 2),
        ("the admin was deleted", admin_alone, None, deleted, 1),
        ("the admin was deleted later", accounts_alone, None, deleted, 3),
        ("the creator has another password", accounts_alone, None, other_password, 3),
    ] {
        let data = begun(end).await;
        if let Some(name) = name {
            somebody(data.path(), name);
        }
        if !change.is_empty() {
            assert_eq!(stored(data.path(), change).await, 1, "{what}");
        }
        for _ in 0..2 {
            let told = demo(data.path());
            assert!(told.contains(LEFT), "{what}: {told}");
            assert_eq!(stored(data.path(), "SELECT COUNT(*) FROM users").await, users, "{what}");
            assert_eq!(stored(data.path(), "SELECT COUNT(*) FROM articles").await, 0, "{what}");
        }
    }
}

/// People may come in between, and nothing of theirs is touched.
#[tokio::test]
async fn a_demo_goes_on_beside_what_people_made_meanwhile() {
    let data = begun(("INSERT ON categories", "NEW.slug = 'mountains'")).await;
    somebody(data.path(), "boss");
    let theirs = "UPDATE categories SET name = 'Mine', description = 'mine' WHERE slug = 'landscape'";
    assert_eq!(stored(data.path(), theirs).await, 1);
    let told = demo(data.path());
    assert!(!told.contains(LEFT) && !told.contains(NOT_EMPTY), "{told}");
    let kept = "SELECT COUNT(*) FROM categories WHERE slug = 'landscape' AND name = 'Mine' AND description = 'mine'";
    assert_eq!(stored(data.path(), kept).await, 1);
    assert_eq!(stored(data.path(), "SELECT COUNT(*) FROM categories").await, 6);
    assert_eq!(stored(data.path(), "SELECT COUNT(*) FROM photos").await, 6);
    assert_eq!(stored(data.path(), "SELECT COUNT(*) FROM users").await, 4);
}
