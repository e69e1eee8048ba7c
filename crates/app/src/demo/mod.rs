//! Demo content for an empty database: what a newcomer sees after the first command.

mod portfolio;

use secrecy::SecretString;
use sharestack_billing::model::interval::Interval;
use sharestack_billing::model::plan::{Benefits, PlanContent, PlanDescription, PlanName, Terms, TrialDays};
use sharestack_content::model::{AccessLevel, Body, Format, PlanId, Summary, TagName, Title};
use sharestack_content::service::{CreateArticle, PublishArticle};
use sharestack_kernel::actor::{Actor, Credential};
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_kernel::money::{Currency, Money};
use sharestack_kernel::patch::Patch;
use sharestack_users::model::{BuiltInRole, LoginName, ProfileInput, RegistrationInput, UserView};
use sharestack_users::ports::AccountQueries as _;

use crate::config::{Config, ConfigError};
use crate::wiring::App;

/// Name and password of an account, which everybody can read here.
type Known = (&'static str, &'static str);

const ADMIN: Known = ("admin", "demo-admin-password");
const CREATOR: Known = ("lin", "demo-creator-password");
const READER: Known = ("wei", "demo-reader-password");

/// Title, summary, tags, access, text.
type Sample = (&'static str, &'static str, &'static [&'static str], AccessLevel, &'static str);

const ARTICLES: &[Sample] = &[
    ("欢迎来到 ShareStack", "从这里开始。", &["公告"], AccessLevel::Free, include_str!("../../assets/demo/welcome.md")),
    (
        "胡同里的光",
        "一个冬天的早晨，五条胡同。",
        &["摄影", "北京"],
        AccessLevel::Free,
        include_str!("../../assets/demo/hutong.md"),
    ),
    (
        "How I price a small newsletter",
        "Three numbers that matter.",
        &["business", "writing"],
        AccessLevel::Members,
        include_str!("../../assets/demo/pricing.md"),
    ),
    (
        "慢慢写一本书",
        "每天五百字，一年就是一本书。",
        &["写作", "生活"],
        AccessLevel::Paid,
        include_str!("../../assets/demo/book.md"),
    ),
];

/// Whether there may be demo content at all.
///
/// # Errors
/// In production.
pub fn permit(config: &Config) -> Result<(), ConfigError> {
    if config.is_production() {
        return Err(ConfigError::new("demo", "its accounts have known passwords: production refuses them"));
    }
    Ok(())
}

/// Fills an empty database; what to tell the newcomer, line by line. One that ever had an
/// account is left alone.
///
/// # Errors
/// When something cannot be written.
pub async fn fill(app: &App) -> anyhow::Result<Vec<String>> {
    // Who was deleted counts: demo accounts that somebody removed do not come back.
    if app.store.had_any().await? {
        let mut told = vec!["the database is not empty: no demo content was added".to_owned()];
        told.extend(accounts(app).await?);
        return Ok(told);
    }
    let admin = app.accounts.create_super_admin(registration(ADMIN, "管理员").parse()?).await?;
    let creator = app.accounts.register(registration(CREATOR, "林").parse()?).await?;
    app.accounts.register(registration(READER, "魏").parse()?).await?;
    let roles = ["user", "creator"].map(str::to_owned);
    let admin = actor(app, admin.id, BuiltInRole::SuperAdmin);
    app.accounts.grant_roles(&admin, creator.id, &roles, None).await?;
    let creator = actor(app, creator.id, BuiltInRole::Creator);
    let plan = app.billing.plans.create(&creator, plan()?).await?;
    for sample in ARTICLES {
        let id = app.content.authoring.create(&creator, article(sample, plan.id.get())?).await?;
        app.content.publishing.publish(&creator, &id.into(), PublishArticle::default()).await?;
    }
    portfolio::fill(app, &admin, &creator).await?;
    accounts(app).await
}

/// The demo's accounts as they are now: those that still have the demo's password.
async fn accounts(app: &App) -> anyhow::Result<Vec<String>> {
    let open = remaining(app).await?.into_iter().filter(|(.., is_open)| *is_open);
    let told = open.map(|((name, password), user, _)| {
        format!("demo account: {name} / {password} ({})", user.role().replace('_', " "))
    });
    Ok(told.collect())
}

/// Who has a name of the demo's accounts, and whether its password opens theirs.
async fn remaining(app: &App) -> anyhow::Result<Vec<(Known, UserView, bool)>> {
    let mut remaining = Vec::new();
    for known in [ADMIN, CREATOR, READER] {
        let (name, password) = known;
        let Some(login) = LoginName::parse(name) else { continue };
        let Some(found) = app.store.find_credentials(&login).await? else { continue };
        let Some(user) = app.accounts.find(found.user_id).await? else { continue };
        // What cannot be checked is not known.
        let fits = app.access.passwords.fits(user.id, &SecretString::from(password)).await;
        let is_open = fits.unwrap_or(false);
        remaining.push((known, user, is_open));
    }
    Ok(remaining)
}

/// What production is told of demo content in its database.
pub async fn left_in_production(app: &App) -> Option<String> {
    if !app.config.is_production() {
        return None;
    }
    let remaining = remaining(app).await.inspect_err(|error| tracing::debug!(%error, "demo accounts were not read"));
    let remaining = remaining.unwrap_or_default();
    let named = |is_meant: &dyn Fn(&(Known, UserView, bool)) -> bool| {
        let names: Vec<_> = remaining.iter().filter(|one| is_meant(one)).map(|((name, _), ..)| *name).collect();
        names.join(", ")
    };
    let (open, all) =
        (named(&|(.., is_open)| *is_open), named(&|(known, user, is_open)| *is_open || user.email == address(*known)));
    if all.is_empty() {
        return None;
    }
    let known = if open.is_empty() { String::new() } else { format!("; anybody can sign in as {open}") };
    Some(format!(
        "the database holds demo content, with the accounts {all}{known}: delete them, or take another database"
    ))
}

/// The address of one of the demo's accounts.
fn address((name, _): Known) -> String {
    format!("{name}@example.com")
}

fn registration((name, password): Known, display: &str) -> RegistrationInput {
    RegistrationInput {
        username: Some(name.to_owned()),
        email: Some(address((name, password))),
        password: Some(password.to_owned()),
        profile: ProfileInput { display_name: Patch::Set(display.to_owned()), ..ProfileInput::default() },
    }
}

/// Somebody who acts without having signed in: no session of the demo stays behind.
fn actor(app: &App, user_id: UserId, role: BuiltInRole) -> Actor {
    let credential = Credential::Session { id: SessionId::new(app.ids.uuid()), proved_at: app.clock.now() };
    Actor { user_id, credential, role: role.name().to_owned(), permissions: role.role().permissions }
}

fn plan() -> anyhow::Result<PlanContent> {
    let rule = |issue| anyhow::anyhow!("demo plan: {issue:?}");
    let price = Money::new(1990, Currency::Cny);
    Ok(PlanContent {
        name: PlanName::parse("月度会员").map_err(rule)?,
        description: PlanDescription::parse("读到全部文章，每周一篇。").map_err(rule)?,
        benefits: Benefits::parse("benefits", vec!["全部付费文章".to_owned(), "每月一次答疑".to_owned()])?,
        terms: Terms::try_new(price, Interval::Month).map_err(rule)?,
        trial_days: TrialDays::default(),
    })
}

fn article((title, summary, tags, access, text): &Sample, plan: i64) -> anyhow::Result<CreateArticle> {
    let rule = |issue| anyhow::anyhow!("demo article {title}: {issue:?}");
    Ok(CreateArticle {
        title: Title::parse((*title).to_owned()).map_err(rule)?,
        body: Body::parse(Format::Markdown, (*text).to_owned()).map_err(rule)?,
        summary: Some(Summary::parse((*summary).to_owned()).map_err(rule)?),
        cover: None,
        category: None,
        tags: tags.iter().map(|tag| TagName::parse(tag)).collect::<Result<_, _>>().map_err(rule)?,
        access_level: *access,
        plan_ids: if *access == AccessLevel::Paid { vec![PlanId::new(plan)] } else { Vec::new() },
        price: None,
        slug: None,
        seo_title: None,
        seo_description: None,
    })
}
