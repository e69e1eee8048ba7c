//! A plan: what a creator sells, at a price that has versions.

use chrono::{DateTime, Utc};
use sharestack_kernel::field::{FieldErrors, Issue, length};
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::Money;

use super::id::{PlanId, PriceId};
use super::interval::Interval;

/// The highest price of one period, in minor units.
pub const MAX_PRICE: i64 = 100_000_000;
/// The longest trial, in days.
pub const MAX_TRIAL_DAYS: i64 = 90;

/// A plan's name: 1 to 100 characters, without space around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanName(String);

impl PlanName {
    /// Reads a name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        length(text.trim().to_owned(), 1, 100).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a plan says of itself: 1 to 2000 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanDescription(String);

impl PlanDescription {
    /// Reads a description; an empty one is none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Option<Self>, Issue> {
        let text = length(text.trim().to_owned(), 0, 2000)?;
        Ok((!text.is_empty()).then_some(Self(text)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a subscriber gets: up to 20 lines of 1 to 200 characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Benefits(Vec<String>);

impl Benefits {
    /// Reads the lines; `field` is what the errors call the list.
    ///
    /// # Errors
    /// Every line that breaks a rule.
    pub fn parse(field: &str, lines: Vec<String>) -> Result<Self, FieldErrors> {
        let mut check = FieldErrors::new();
        if lines.len() > 20 {
            check.push(field, Issue::TooLong { max: 20 });
        }
        let mut kept = Vec::new();
        for (index, line) in lines.into_iter().take(20).enumerate() {
            kept.extend(check.length(&format!("{field}[{index}]"), line.trim().to_owned(), 1, 200));
        }
        check.finish()?;
        Ok(Self(kept))
    }

    /// The lines.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

/// How many days a new subscriber reads before paying: 0 to 90.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrialDays(u16);

impl TrialDays {
    /// Reads a number of days.
    ///
    /// # Errors
    /// When it is out of range.
    pub fn parse(days: i64) -> Result<Self, Issue> {
        match u16::try_from(days) {
            Ok(days) if i64::from(days) <= MAX_TRIAL_DAYS => Ok(Self(days)),
            _ => Err(Issue::OutOfRange { min: 0, max: MAX_TRIAL_DAYS }),
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// What is paid, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    price: Money,
    interval: Interval,
}

impl Terms {
    /// A price of 1 to [`MAX_PRICE`] minor units for one `interval`.
    ///
    /// # Errors
    /// When the price is out of range.
    pub fn try_new(price: Money, interval: Interval) -> Result<Self, Issue> {
        if !(1..=MAX_PRICE).contains(&price.amount()) {
            return Err(Issue::OutOfRange { min: 1, max: MAX_PRICE });
        }
        Ok(Self { price, interval })
    }

    /// What one period costs.
    pub const fn price(self) -> Money {
        self.price
    }

    /// How long one period is.
    pub const fn interval(self) -> Interval {
        self.interval
    }
}

/// One version of a plan's price. It never changes; those who bought at it keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Its id.
    pub id: PriceId,
    /// Which version of the plan's price it is, from 1.
    pub number: u32,
    /// What is paid, and for how long.
    pub terms: Terms,
    /// Since when it is offered.
    pub created_at: DateTime<Utc>,
}

/// Whether a plan is still sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlanStatus {
    /// It can be bought.
    Active,
    /// It is no longer sold; running subscriptions go on.
    Archived,
}

impl PlanStatus {
    /// Every status.
    pub const ALL: [Self; 2] = [Self::Active, Self::Archived];

    /// Reads a name; `None` for any other text.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// The name in bodies and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
        }
    }
}

/// What a creator sells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// Who sells it.
    pub creator_id: UserId,
    /// Its name.
    pub name: PlanName,
    /// What it says of itself.
    pub description: Option<PlanDescription>,
    /// What a subscriber gets.
    pub benefits: Benefits,
    /// Whether it is still sold.
    pub status: PlanStatus,
    /// How long a first-time subscriber reads before paying.
    pub trial_days: TrialDays,
    /// The price that a new subscriber pays.
    pub price: Price,
    /// Counts edits, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
}

/// What a plan starts with, or becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanContent {
    /// Its name.
    pub name: PlanName,
    /// What it says of itself.
    pub description: Option<PlanDescription>,
    /// What a subscriber gets.
    pub benefits: Benefits,
    /// How long a first-time subscriber reads before paying.
    pub trial_days: TrialDays,
    /// What is paid, and for how long.
    pub terms: Terms,
}

impl Plan {
    /// A new plan that can be bought at once.
    pub fn create(id: PlanId, price: PriceId, creator_id: UserId, content: PlanContent, now: DateTime<Utc>) -> Self {
        let PlanContent { name, description, benefits, trial_days, terms } = content;
        let price = Price { id: price, number: 1, terms, created_at: now };
        let status = PlanStatus::Active;
        Self {
            id,
            creator_id,
            name,
            description,
            benefits,
            status,
            trial_days,
            price,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// What it is now, as a start for an edit.
    pub fn content(&self) -> PlanContent {
        PlanContent {
            name: self.name.clone(),
            description: self.description.clone(),
            benefits: self.benefits.clone(),
            trial_days: self.trial_days,
            terms: self.price.terms,
        }
    }

    /// Takes new content; returns whether other terms made a new version of the price.
    pub fn edit(&mut self, content: PlanContent, next_price: PriceId, now: DateTime<Utc>) -> bool {
        let repriced = content.terms != self.price.terms;
        if repriced {
            self.price = Price { id: next_price, number: self.price.number + 1, terms: content.terms, created_at: now };
        }
        self.name = content.name;
        self.description = content.description;
        self.benefits = content.benefits;
        self.trial_days = content.trial_days;
        self.updated_at = now;
        repriced
    }

    /// Takes it off sale; returns whether it was on sale.
    pub fn archive(&mut self, now: DateTime<Utc>) -> bool {
        let was_active = self.status == PlanStatus::Active;
        if was_active {
            self.status = PlanStatus::Archived;
            self.updated_at = now;
        }
        was_active
    }
}

#[cfg(test)]
mod tests {
    use sharestack_kernel::money::Currency;

    use super::*;

    fn terms(amount: i64) -> Result<Terms, Issue> {
        Terms::try_new(Money::new(amount, Currency::Cny), Interval::Month)
    }

    fn plan() -> Plan {
        let content = PlanContent {
            name: PlanName::parse(" 会员 ").unwrap(),
            description: None,
            benefits: Benefits::default(),
            trial_days: TrialDays::default(),
            terms: terms(1990).unwrap(),
        };
        Plan::create(PlanId::new(1), PriceId::new(1), UserId::new(1), content, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn other_terms_make_a_new_price_and_the_same_terms_do_not() {
        let mut plan = plan();
        let mut content = plan.content();
        assert!(!plan.edit(content.clone(), PriceId::new(2), DateTime::UNIX_EPOCH));
        content.terms = terms(2990).unwrap();
        assert!(plan.edit(content, PriceId::new(2), DateTime::UNIX_EPOCH));
        assert_eq!((plan.price.id, plan.price.number), (PriceId::new(2), 2));
    }

    #[test]
    fn a_plan_is_archived_once() {
        let mut plan = plan();
        assert!(plan.archive(DateTime::UNIX_EPOCH));
        assert!(!plan.archive(DateTime::UNIX_EPOCH));
    }

    #[test]
    fn bounds_are_kept() {
        assert_eq!(plan().name.as_str(), "会员");
        assert!(terms(0).is_err() && terms(-5).is_err() && terms(MAX_PRICE + 1).is_err() && terms(MAX_PRICE).is_ok());
        assert!(TrialDays::parse(90).is_ok() && TrialDays::parse(91).is_err() && TrialDays::parse(-1).is_err());
        assert_eq!(PlanName::parse("  "), Err(Issue::Required));
        assert!(PlanDescription::parse(&"x".repeat(2001)).is_err());
        let errors = Benefits::parse("benefits", vec!["ok".to_owned(), String::new(), "x".repeat(201)]).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["benefits[1]", "benefits[2]"]);
        assert!(Benefits::parse("benefits", vec!["x".to_owned(); 21]).is_err());
    }
}
