//! Who may read what, and why.

use chrono::{DateTime, Utc};
use sharestack_kernel::id::UserId;

use super::id::PlanId;
use super::subscription::SubscriptionState;

/// Whom an article is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccessLevel {
    /// Everybody.
    Free,
    /// Everybody who is signed in.
    Members,
    /// Subscribers.
    Paid,
}

impl AccessLevel {
    /// Every level.
    pub const ALL: [Self; 3] = [Self::Free, Self::Members, Self::Paid];

    /// Reads a name; `None` for any other text.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }

    /// The name in bodies and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Members => "members",
            Self::Paid => "paid",
        }
    }
}

/// What stands before an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Whose article it is.
    pub author_id: UserId,
    /// Whom it is for.
    pub level: AccessLevel,
    /// Which plans open a paid one; empty for every plan of the author.
    pub plan_ids: Vec<PlanId>,
}

/// A subscription as far as a gate looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// Whose plan it is.
    pub creator_id: UserId,
    /// Which plan.
    pub plan_id: PlanId,
    /// Where it stands, as stored.
    pub state: SubscriptionState,
    /// Whether it ends with its period.
    pub cancel_at_period_end: bool,
    /// When its paid time ends; none when it never does.
    pub period_end: Option<DateTime<Utc>>,
}

impl Holding {
    fn runs(&self, now: DateTime<Utc>) -> bool {
        self.state.is_running() && self.period_end.is_none_or(|end| end > now)
    }
}

/// Why an article is open or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It is for everybody.
    Free,
    /// The reader wrote it.
    Author,
    /// The reader may edit every article.
    Editor,
    /// The reader is signed in, and that is enough.
    Member,
    /// The reader's subscription is paid.
    Subscribed,
    /// The reader's subscription is in its trial.
    Trialing,
    /// The reader's subscription is canceled and paid until its end.
    CanceledActiveUntilEnd,
    /// Nobody is signed in.
    Anonymous,
    /// The reader has no subscription that opens it.
    NotSubscribed,
    /// The reader had one, which has ended.
    Expired,
}

impl Reason {
    /// The name in bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Author => "author",
            Self::Editor => "editor",
            Self::Member => "member",
            Self::Subscribed => "subscribed",
            Self::Trialing => "trialing",
            Self::CanceledActiveUntilEnd => "canceled_active_until_end",
            Self::Anonymous => "anonymous",
            Self::NotSubscribed => "not_subscribed",
            Self::Expired => "expired",
        }
    }

    /// Whether the article is open.
    pub const fn allows(self) -> bool {
        !matches!(self, Self::Anonymous | Self::NotSubscribed | Self::Expired)
    }
}

impl Gate {
    /// The decision that needs no look at subscriptions, when there is one.
    pub fn decide_alone(&self, reader: Option<UserId>) -> Option<Reason> {
        match (reader, self.level) {
            (_, AccessLevel::Free) => Some(Reason::Free),
            (None, _) => Some(Reason::Anonymous),
            (Some(reader), _) if reader == self.author_id => Some(Reason::Author),
            (Some(_), AccessLevel::Members) => Some(Reason::Member),
            (Some(_), AccessLevel::Paid) => None,
        }
    }

    /// The decision for `reader`, who holds `holdings`, at `now`. Time alone decides
    /// whether a subscription has ended, not whether somebody noted it.
    pub fn decide(&self, reader: Option<UserId>, holdings: &[Holding], now: DateTime<Utc>) -> Reason {
        if let Some(reason) = self.decide_alone(reader) {
            return reason;
        }
        let opens = |holding: &&Holding| {
            holding.creator_id == self.author_id
                && holding.state != SubscriptionState::Incomplete
                && (self.plan_ids.is_empty() || self.plan_ids.contains(&holding.plan_id))
        };
        let strength = |reason: &Reason| match reason {
            Reason::Subscribed => 3,
            Reason::CanceledActiveUntilEnd => 2,
            Reason::Trialing => 1,
            _ => 0,
        };
        let reason = |holding: &Holding| match holding.state {
            _ if !holding.runs(now) => Reason::Expired,
            _ if holding.cancel_at_period_end => Reason::CanceledActiveUntilEnd,
            SubscriptionState::Trialing => Reason::Trialing,
            _ => Reason::Subscribed,
        };
        holdings.iter().filter(opens).map(reason).max_by_key(strength).unwrap_or(Reason::NotSubscribed)
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    const READER: UserId = UserId::new(1);
    const AUTHOR: UserId = UserId::new(2);
    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn gate(level: AccessLevel, plans: &[i64]) -> Gate {
        Gate { author_id: AUTHOR, level, plan_ids: plans.iter().copied().map(PlanId::new).collect() }
    }

    fn holding(plan: i64, state: SubscriptionState, seconds: i64) -> Holding {
        let period_end = Some(NOW + Duration::seconds(seconds));
        Holding { creator_id: AUTHOR, plan_id: PlanId::new(plan), state, cancel_at_period_end: false, period_end }
    }

    #[test]
    fn some_gates_need_no_subscription() {
        let decide = |level, reader| gate(level, &[]).decide(reader, &[], NOW);
        assert_eq!(decide(AccessLevel::Free, None), Reason::Free);
        assert_eq!(decide(AccessLevel::Members, None), Reason::Anonymous);
        assert_eq!(decide(AccessLevel::Members, Some(READER)), Reason::Member);
        assert_eq!(decide(AccessLevel::Paid, None), Reason::Anonymous);
        assert_eq!(decide(AccessLevel::Paid, Some(AUTHOR)), Reason::Author);
        assert_eq!(decide(AccessLevel::Paid, Some(READER)), Reason::NotSubscribed);
    }

    #[test]
    fn access_ends_exactly_with_the_period() {
        let decide = |seconds| {
            gate(AccessLevel::Paid, &[]).decide(Some(READER), &[holding(1, SubscriptionState::Active, seconds)], NOW)
        };
        assert_eq!((decide(1), decide(0)), (Reason::Subscribed, Reason::Expired));
    }

    #[test]
    fn only_the_named_plans_and_the_author_s_own_open() {
        let held = [holding(1, SubscriptionState::Active, 60)];
        assert_eq!(gate(AccessLevel::Paid, &[1, 2]).decide(Some(READER), &held, NOW), Reason::Subscribed);
        assert_eq!(gate(AccessLevel::Paid, &[2]).decide(Some(READER), &held, NOW), Reason::NotSubscribed);
        let foreign = [Holding { creator_id: UserId::new(9), ..held[0] }];
        assert_eq!(gate(AccessLevel::Paid, &[]).decide(Some(READER), &foreign, NOW), Reason::NotSubscribed);
    }

    #[test]
    fn the_best_holding_decides() {
        let canceled = Holding { cancel_at_period_end: true, ..holding(1, SubscriptionState::Active, 60) };
        let held = [holding(1, SubscriptionState::Expired, -60), holding(1, SubscriptionState::Trialing, 60), canceled];
        let paid = gate(AccessLevel::Paid, &[]);
        assert_eq!(paid.decide(Some(READER), &held, NOW), Reason::CanceledActiveUntilEnd);
        assert_eq!(paid.decide(Some(READER), &held[..2], NOW), Reason::Trialing);
        assert_eq!(paid.decide(Some(READER), &held[..1], NOW), Reason::Expired);
        let incomplete = Holding { period_end: None, ..holding(1, SubscriptionState::Incomplete, 0) };
        assert_eq!(paid.decide(Some(READER), &[incomplete], NOW), Reason::NotSubscribed);
        let ended_now = holding(1, SubscriptionState::Canceled, 60);
        assert_eq!(paid.decide(Some(READER), &[ended_now], NOW), Reason::Expired);
    }
}
