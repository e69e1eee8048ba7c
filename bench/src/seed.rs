//! Fills an empty, migrated database by multi-row inserts. The counters that the product
//! keeps are set to what the product would have counted.

use std::fmt::Write;

use anyhow::{Result, anyhow};
use argon2::password_hash::PasswordHasher;

use crate::database::Database;
use crate::hashing;

/// Everybody's password.
pub const PASSWORD: &str = "correct horse 电池";
/// Users from 1 to this one may write articles.
pub const CREATORS: u32 = 64;
const TAGS: u32 = 20;
const SENTENCES: [&str; 4] = [
    "指数基金把一篮子公司的股票装进同一只基金里，费用低，也不必猜明天谁会上涨。",
    "长期投资最重要的是纪律：每个月固定的一天，投入固定的金额，无论市场涨跌。",
    "写作也是一种积累，今天的一段话，几年以后可能会成为一本书里最重要的一章。",
    "把复杂的问题拆成小块，一块一块地解决，再把答案重新拼起来，事情就清楚了。",
];

/// A user's name.
pub fn username(id: u32) -> String {
    format!("bench{id:05}")
}

/// About 2 KB of Chinese Markdown.
pub fn text(seed: u32) -> String {
    let mut text = format!("## 第 {seed} 篇\n\n");
    for part in 0..18_u32 {
        text.push_str(SENTENCES[((seed + part) % 4) as usize]);
        if part % 6 == 5 {
            text.push_str("\n\n");
        }
    }
    text
}

fn tags_of(article: u32) -> [u32; 3] {
    [article % TAGS + 1, (article + 7) % TAGS + 1, (article + 13) % TAGS + 1]
}

/// What `tag_list` holds.
pub fn tag_list(tags: &[u32]) -> String {
    let tags: Vec<_> = tags.iter().map(|id| format!(r#"{{"id":{id},"name":"标签{id}","slug":"标签{id}"}}"#)).collect();
    format!("[{}]", tags.join(","))
}

/// One minute after another, in months of 28 days.
fn time(minute: u32) -> String {
    let (day, month, year) = (minute / 1440 % 28 + 1, minute / 40_320 % 12 + 1, 2020 + minute / 483_840);
    format!("'{year}-{month:02}-{day:02}T{:02}:{:02}:00+00:00'", minute / 60 % 24, minute % 60)
}

/// Inserts rows, so many in one statement.
async fn insert(
    db: &Database,
    into: &str,
    rows: impl Iterator<Item = Result<String, std::fmt::Error>>,
    batch: usize,
) -> Result<()> {
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let values = rows.by_ref().take(batch).collect::<Result<Vec<_>, _>>()?;
        db.execute(format!("INSERT INTO {into} VALUES {}", values.join(","))).await?;
    }
    Ok(())
}

/// Users who may sign in; the first of them may write.
pub async fn people(db: &Database, users: u32) -> Result<()> {
    let hash = hashing::hasher()?.hash_password(PASSWORD.as_bytes()).map_err(|error| anyhow!("{error}"))?;
    let user = |id: u32| {
        let name = username(id);
        let at = time(id);
        Ok(format!(
            "({id},'{name}','{name}','{name}@example.com','{name}@example.com','{hash}','作者{id}',TRUE,TRUE,1,{at},{at})"
        ))
    };
    let into = "users (id,username,username_key,email,email_key,password_hash,display_name,is_active,is_verified,\
                version,created_at,updated_at)";
    insert(db, into, (1..=users).map(user), 500).await?;
    let held = |id: u32| Ok(format!("({id},{},{})", if id <= CREATORS { 5 } else { 4 }, time(id)));
    insert(db, "user_roles (user_id,role_id,granted_at)", (1..=users).map(held), 1000).await?;
    db.execute(format!("INSERT INTO sequences (name,next) VALUES ('users',{})", users + 1)).await
}

/// Fills the database.
pub async fn fill(db: &Database, articles: u32, users: u32) -> Result<()> {
    people(db, users).await?;
    let tag = |id: u32| Ok(format!("({id},'标签{id}','标签{id}','标签{id}')"));
    insert(db, "tags (id,name,name_key,slug)", (1..=TAGS).map(tag), 100).await?;

    let into = "articles (id,author_id,slug,title,status,access_level,format,summary,excerpt,teaser,cover,plan_ids,\
                tag_list,view_count,version,published_at,created_at,updated_at)";
    insert(db, into, (1..=articles).map(|id| article(id, users)), 200).await?;
    let body = |id: u32| {
        let text = text(id);
        let html: String = text.lines().filter(|line| !line.is_empty()).fold(String::new(), |mut html, line| {
            html.push_str("<p>");
            html.push_str(line);
            html.push_str("</p>\n");
            html
        });
        let preview: String = text.chars().take(200).collect();
        Ok(format!("({id},'{text}','{html}','<p>{preview}</p>')"))
    };
    insert(db, "article_bodies (article_id,source,html,preview)", (1..=articles).map(body), 100).await?;
    let tagged = |id: u32| {
        let mut rows = String::new();
        for (index, tag) in tags_of(id).into_iter().enumerate() {
            write!(rows, "{}({tag},{id})", if index == 0 { "" } else { "," })?;
        }
        Ok(rows)
    };
    insert(db, "article_tags (tag_id,article_id)", (1..=articles).map(tagged), 500).await?;
    count(db).await?;
    let next = [("articles", articles + 1), ("tags", TAGS + 1)];
    insert(db, "sequences (name,next)", next.iter().map(|(name, next)| Ok(format!("('{name}',{next})"))), 9).await?;
    if matches!(db, Database::Postgres(_)) {
        // What autovacuum would have done meanwhile.
        db.execute("VACUUM ANALYZE".to_owned()).await?;
    }
    Ok(())
}

fn article(id: u32, users: u32) -> Result<String, std::fmt::Error> {
    let mut row = format!("({id},{},'bench-{id}',", id % users + 1);
    let sentence = SENTENCES[(id % 4) as usize];
    let excerpt = format!("{sentence}{}", SENTENCES[((id + 1) % 4) as usize]);
    let at = time(id);
    write!(row, "'第 {id} 篇：从第一笔定投开始的长期投资','published','free','markdown','{sentence}','{excerpt}',")?;
    write!(row, "'{excerpt}','https://cdn.example.com/covers/{id}.jpg','[]','{}',", tag_list(&tags_of(id)))?;
    write!(row, "0,1,{at},{at},{at})")?;
    Ok(row)
}

/// The lengths of the lists that an article stands in.
async fn count(db: &Database) -> Result<()> {
    for (key, from) in [
        ("'published'", "articles"),
        ("'access:free'", "articles"),
        ("'author:' || author_id", "articles GROUP BY author_id"),
    ] {
        db.execute(format!("INSERT INTO article_counts (count_key,n) SELECT {key}, COUNT(*) FROM {from}")).await?;
    }
    let used = "SELECT COUNT(*) FROM article_tags WHERE tag_id = tags.id";
    db.execute(format!("UPDATE tags SET usage_count = ({used})")).await
}
