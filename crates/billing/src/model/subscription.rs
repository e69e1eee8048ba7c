//! A subscription: a state machine over paid periods.

use chrono::{DateTime, Duration, Utc};
use sharestack_kernel::field::{Issue, length};
use sharestack_kernel::id::UserId;
use thiserror::Error;

use super::id::{PlanId, PriceId, SubscriptionId};
use super::interval::Interval;
use super::plan::TrialDays;

/// Where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubscriptionState {
    /// Nothing is paid yet.
    Incomplete,
    /// It is read before it is paid.
    Trialing,
    /// It is paid for.
    Active,
    /// A renewal failed, and is tried again.
    PastDue,
    /// It rests.
    Paused,
    /// The subscriber ended it.
    Canceled,
    /// It ended by itself.
    Expired,
}

impl SubscriptionState {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Incomplete, Self::Trialing, Self::Active, Self::PastDue, Self::Paused, Self::Canceled, Self::Expired];

    /// Reads a name; `None` for any other text.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// The name in bodies and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Paused => "paused",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        }
    }

    /// Whether it has ended.
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Canceled | Self::Expired)
    }

    /// Whether it opens articles until its period ends.
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Trialing | Self::Active | Self::PastDue)
    }
}

/// Why a subscriber leaves: up to 500 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelReason(String);

impl CancelReason {
    /// Reads a reason; an empty one is none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Option<Self>, Issue> {
        let text = length(text.trim().to_owned(), 0, 500)?;
        Ok((!text.is_empty()).then_some(Self(text)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a subscription does not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TransitionError {
    /// Nothing is paid yet.
    #[error("subscription is not paid yet")]
    NotPaid,
    /// It has ended.
    #[error("subscription has ended")]
    Ended,
    /// It already ends with its period.
    #[error("subscription is already canceled at period end")]
    AlreadyCanceled,
    /// It is not about to end.
    #[error("subscription is not canceled")]
    NotCanceled,
    /// It has no period end: it was paid for ever.
    #[error("lifetime subscription has no period end")]
    Lifetime,
}

/// The two whose subscription it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// Who reads.
    Subscriber,
    /// Whose plan it is.
    Creator,
}

/// What a payment did to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    /// It opened.
    Activated,
    /// It runs longer.
    Renewed,
}

/// A reader's subscription to a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Who reads.
    pub subscriber_id: UserId,
    /// Whom the plan belongs to.
    pub creator_id: UserId,
    /// What was bought.
    pub plan_id: PlanId,
    /// The price version it runs at.
    pub price_id: PriceId,
    /// Where it stands. A period may have ended meanwhile: see [`Self::state_at`].
    pub state: SubscriptionState,
    /// What the ends of its periods are counted from.
    pub anchor_at: Option<DateTime<Utc>>,
    /// How many periods since then are paid.
    pub periods: u32,
    /// When the current period began.
    pub current_period_start: Option<DateTime<Utc>>,
    /// When the paid time ends; none when it never does, or has not begun.
    pub current_period_end: Option<DateTime<Utc>>,
    /// When the trial ends or ended, when there was one.
    pub trial_end: Option<DateTime<Utc>>,
    /// Whether it ends with the current period.
    pub cancel_at_period_end: bool,
    /// When the subscriber canceled, or the creator left.
    pub canceled_at: Option<DateTime<Utc>>,
    /// Why.
    pub cancel_reason: Option<CancelReason>,
    /// When access ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Counts changes, from 1.
    pub version: i64,
}

impl Subscription {
    /// A subscription for which nothing is paid yet.
    pub fn open(
        id: SubscriptionId,
        subscriber_id: UserId,
        creator_id: UserId,
        plan_id: PlanId,
        price_id: PriceId,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            subscriber_id,
            creator_id,
            plan_id,
            price_id,
            state: SubscriptionState::Incomplete,
            anchor_at: None,
            periods: 0,
            current_period_start: None,
            current_period_end: None,
            trial_end: None,
            cancel_at_period_end: false,
            canceled_at: None,
            cancel_reason: None,
            ended_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// What only one subscription at a time may have: its reader and its plan, until it ends.
    pub fn live_key(&self) -> Option<String> {
        (!self.state.has_ended()).then(|| Self::live_key_of(self.subscriber_id, self.plan_id))
    }

    /// The live key of a reader's subscription to a plan.
    pub fn live_key_of(subscriber: UserId, plan: PlanId) -> String {
        format!("{subscriber}:{plan}")
    }

    /// Whether its paid time is over at `now`.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.state.is_running() && self.current_period_end.is_some_and(|end| end <= now)
    }

    /// Where it stands at `now`, also when nobody has noted yet that its period ended.
    pub fn state_at(&self, now: DateTime<Utc>) -> SubscriptionState {
        match (self.is_over(now), self.cancel_at_period_end) {
            (true, true) => SubscriptionState::Canceled,
            (true, false) => SubscriptionState::Expired,
            (false, _) => self.state,
        }
    }

    /// Begins a trial.
    ///
    /// # Errors
    /// When it is not [`SubscriptionState::Incomplete`].
    pub fn start_trial(&mut self, days: TrialDays, now: DateTime<Utc>) -> Result<(), TransitionError> {
        if self.state != SubscriptionState::Incomplete {
            return Err(TransitionError::Ended);
        }
        let end = now + Duration::days(i64::from(days.get()));
        self.state = SubscriptionState::Trialing;
        self.current_period_start = Some(now);
        self.current_period_end = Some(end);
        self.trial_end = Some(end);
        self.updated_at = now;
        Ok(())
    }

    /// Takes a paid period of `interval` at the price version `price_id`.
    ///
    /// A running subscription gets the period behind what is paid already; any other one
    /// begins at `now`, also when it had ended: money that came late still opens it. A
    /// cancellation stands when the order (of `ordered_at`) is older than it.
    ///
    /// # Errors
    /// [`TransitionError::Lifetime`] when it runs for ever already.
    pub fn pay_period(
        &mut self,
        price_id: PriceId,
        interval: Interval,
        ordered_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Extension, TransitionError> {
        let runs = self.state.is_running() && !self.is_over(now);
        if runs && self.current_period_end.is_none() {
            return Err(TransitionError::Lifetime);
        }
        let (anchor, periods) = match (runs, self.anchor_at, self.current_period_end) {
            (true, Some(anchor), _) if price_id == self.price_id => (anchor, self.periods + 1),
            (true, _, Some(end)) => (end, 1),
            _ => (now, 1),
        };
        if !runs {
            self.current_period_start = Some(now);
        }
        self.anchor_at = Some(anchor);
        self.periods = periods;
        self.current_period_end = interval.end_after(anchor, periods);
        self.price_id = price_id;
        self.state = SubscriptionState::Active;
        let was_canceled_since = runs && self.canceled_at.is_some_and(|at| at >= ordered_at);
        if !was_canceled_since {
            self.cancel_at_period_end = false;
            self.canceled_at = None;
            self.cancel_reason = None;
        }
        self.ended_at = None;
        self.updated_at = now;
        Ok(if runs { Extension::Renewed } else { Extension::Activated })
    }

    /// Ends it with its period.
    ///
    /// # Errors
    /// When it does not run, ends so already, or has no period end.
    pub fn cancel_at_end(&mut self, reason: Option<CancelReason>, now: DateTime<Utc>) -> Result<(), TransitionError> {
        self.check_runs(now)?;
        if self.cancel_at_period_end {
            return Err(TransitionError::AlreadyCanceled);
        }
        if self.current_period_end.is_none() {
            return Err(TransitionError::Lifetime);
        }
        self.cancel_at_period_end = true;
        self.note_cancel(reason, now);
        Ok(())
    }

    /// Ends it now.
    ///
    /// # Errors
    /// When it does not run.
    pub fn cancel_now(&mut self, reason: Option<CancelReason>, now: DateTime<Utc>) -> Result<(), TransitionError> {
        self.check_runs(now)?;
        self.state = SubscriptionState::Canceled;
        self.cancel_at_period_end = false;
        self.ended_at = Some(now);
        self.note_cancel(reason, now);
        Ok(())
    }

    /// Winds it up because one of the two has left; returns whether that changed it.
    ///
    /// Without its reader it ends now. Without its creator it ends with the paid period, or
    /// now where no period would end it. What was never paid is given up.
    pub fn part(&mut self, left: Party, now: DateTime<Utc>) -> bool {
        if self.expire(now) || self.abandon(now) {
            return true;
        }
        match left {
            Party::Subscriber => self.cancel_now(None, now).is_ok(),
            Party::Creator => match self.cancel_at_end(None, now) {
                Err(TransitionError::Lifetime) => self.cancel_now(None, now).is_ok(),
                done => done.is_ok(),
            },
        }
    }

    fn note_cancel(&mut self, reason: Option<CancelReason>, now: DateTime<Utc>) {
        self.canceled_at = Some(now);
        if reason.is_some() {
            self.cancel_reason = reason;
        }
        self.updated_at = now;
    }

    /// Takes back a cancellation at period end.
    ///
    /// # Errors
    /// When it does not run or was not canceled.
    pub fn resume(&mut self, now: DateTime<Utc>) -> Result<(), TransitionError> {
        self.check_runs(now)?;
        if !self.cancel_at_period_end {
            return Err(TransitionError::NotCanceled);
        }
        self.cancel_at_period_end = false;
        self.canceled_at = None;
        self.cancel_reason = None;
        self.updated_at = now;
        Ok(())
    }

    /// Whether a further period can be bought at `now`.
    ///
    /// # Errors
    /// When it does not run, or runs for ever.
    pub fn check_renewable(&self, now: DateTime<Utc>) -> Result<(), TransitionError> {
        self.check_runs(now)?;
        if self.current_period_end.is_none() {
            return Err(TransitionError::Lifetime);
        }
        Ok(())
    }

    fn check_runs(&self, now: DateTime<Utc>) -> Result<(), TransitionError> {
        match self.state_at(now) {
            SubscriptionState::Incomplete => Err(TransitionError::NotPaid),
            state if state.has_ended() => Err(TransitionError::Ended),
            _ => Ok(()),
        }
    }

    /// Notes that its paid time is over; returns whether that was new.
    pub fn expire(&mut self, now: DateTime<Utc>) -> bool {
        let over = self.is_over(now);
        if over {
            self.state = self.state_at(now);
            self.ended_at = self.current_period_end;
            self.updated_at = now;
        }
        over
    }

    /// Gives up a subscription that was never paid; returns whether it was one.
    pub fn abandon(&mut self, now: DateTime<Utc>) -> bool {
        let open = self.state == SubscriptionState::Incomplete;
        if open {
            self.state = SubscriptionState::Expired;
            self.ended_at = Some(now);
            self.updated_at = now;
        }
        open
    }
}

#[cfg(test)]
mod tests;
