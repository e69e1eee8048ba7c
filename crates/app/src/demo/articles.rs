//! The demo's articles, and the plan that opens one of them.

use sharestack_billing::model::id::PlanId;
use sharestack_billing::model::interval::Interval;
use sharestack_billing::model::plan::{Benefits, PlanContent, PlanDescription, PlanName, Terms, TrialDays};
use sharestack_billing::ports::plan::PlanFilter;
use sharestack_content::model::{AccessLevel, Body, Format, PlanId as Named, Status, Summary, TagName, Title};
use sharestack_content::ports::{ArticleCard, ArticleFilter};
use sharestack_content::service::{CreateArticle, PublishArticle};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::money::{Currency, Money};
use sharestack_kernel::page::PageRequest;

use super::Steps;
use crate::wiring::App;

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

/// The step in which the plan is made; those of the articles follow.
const PLAN: usize = 0;

/// Makes the plan and the articles that are left to be made, and publishes what waits for it.
///
/// # Errors
/// When something cannot be written.
pub async fn make(steps: Steps<'_>, creator: &Actor) -> anyhow::Result<()> {
    let app = steps.app;
    let mut plan_id = find_plan(app, creator).await?;
    if !steps.is_done(PLAN).await? {
        if plan_id.is_none() {
            plan_id = Some(app.billing.plans.create(creator, plan()?).await?.id);
        }
        steps.done(PLAN).await?;
    }
    for (step, sample) in (PLAN + 1..).zip(ARTICLES) {
        if steps.is_done(step).await? {
            continue;
        }
        let found = find_article(app, creator, sample.0).await?;
        // One that nobody has touched since it was written was to be published.
        let waits = found.as_ref().is_none_or(|card| card.status == Status::Draft && card.version == 1);
        let id = match found {
            Some(card) => card.id,
            None => app.content.authoring.create(creator, article(sample, plan_id)?).await?,
        };
        if waits {
            app.content.publishing.publish(creator, &id.into(), PublishArticle::default()).await?;
        }
        steps.done(step).await?;
    }
    Ok(())
}

async fn find_plan(app: &App, creator: &Actor) -> anyhow::Result<Option<PlanId>> {
    let name = plan()?.name;
    let own = Some(creator.user_id);
    let filter = PlanFilter { creator_id: own, status: None, viewer: own };
    let found = app.billing.plan_queries.list(filter, PageRequest::default()).await?;
    Ok(found.items.into_iter().map(|view| view.plan).find(|plan| plan.name == name).map(|plan| plan.id))
}

async fn find_article(app: &App, creator: &Actor, title: &str) -> anyhow::Result<Option<ArticleCard>> {
    let filter = ArticleFilter {
        statuses: Status::ALL.to_vec(),
        author: Some(creator.user_id),
        hidden_category: true,
        search: Some(title.to_owned()),
        ..ArticleFilter::default()
    };
    let found = app.content.ports.queries.list(&filter, PageRequest::default()).await?;
    Ok(found.items.into_iter().find(|card| card.title == title))
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

/// An article; each plan of its author opens it where the demo's is gone or has another name.
fn article((title, summary, tags, access, text): &Sample, plan: Option<PlanId>) -> anyhow::Result<CreateArticle> {
    let rule = |issue| anyhow::anyhow!("demo article {title}: {issue:?}");
    let plan = plan.filter(|_| *access == AccessLevel::Paid);
    Ok(CreateArticle {
        title: Title::parse((*title).to_owned()).map_err(rule)?,
        body: Body::parse(Format::Markdown, (*text).to_owned()).map_err(rule)?,
        summary: Some(Summary::parse((*summary).to_owned()).map_err(rule)?),
        cover: None,
        category: None,
        tags: tags.iter().map(|tag| TagName::parse(tag)).collect::<Result<_, _>>().map_err(rule)?,
        access_level: *access,
        plan_ids: plan.map(|plan| Named::new(plan.get())).into_iter().collect(),
        price: None,
        slug: None,
        seo_title: None,
        seo_description: None,
    })
}
