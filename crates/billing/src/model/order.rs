//! An order: what somebody agreed to pay for, and whether they did.

use chrono::{DateTime, Duration, Utc};
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::Money;
use thiserror::Error;
use uuid::Uuid;

use super::id::{OrderId, PlanId, PriceId, SubscriptionId};
use super::interval::Interval;

/// The number under which a payment channel knows an order: 32 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OrderNumber(String);

impl OrderNumber {
    /// The number made from a UUID.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid.simple().to_string())
    }

    /// Reads 1 to 32 letters, digits, `-` or `_`; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let valid = (1..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        valid.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an order buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderKind {
    /// The first period of a subscription.
    Subscription,
    /// A further period.
    Renewal,
    /// A trial, for nothing.
    Trial,
}

impl OrderKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Subscription, Self::Renewal, Self::Trial];

    /// Reads a name; `None` for any other text.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The name in bodies and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscription => "subscription",
            Self::Renewal => "renewal",
            Self::Trial => "trial",
        }
    }
}

/// Where the payer stands: what the channel shows depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scene {
    /// A code on a screen, scanned with a phone.
    Native,
    /// A mobile browser.
    H5,
    /// Inside the channel's own app.
    Jsapi,
    /// The product's own app.
    App,
    /// A desktop browser.
    Web,
}

impl Scene {
    /// Every scene.
    pub const ALL: [Self; 5] = [Self::Native, Self::H5, Self::Jsapi, Self::App, Self::Web];

    /// Reads a name; `None` for any other text.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scene| scene.as_str() == name)
    }

    /// The name in bodies and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::H5 => "h5",
            Self::Jsapi => "jsapi",
            Self::App => "app",
            Self::Web => "web",
        }
    }
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderState {
    /// The channel does not know it yet.
    Created,
    /// The channel waits for the payer.
    Paying,
    /// It is paid.
    Paid,
    /// The payer's attempt failed.
    Failed,
    /// It was given up.
    Closed,
    /// A refund is on its way.
    Refunding,
    /// A part was given back.
    PartiallyRefunded,
    /// All was given back.
    Refunded,
}

impl OrderState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Created,
        Self::Paying,
        Self::Paid,
        Self::Failed,
        Self::Closed,
        Self::Refunding,
        Self::PartiallyRefunded,
        Self::Refunded,
    ];

    /// Reads a name; `None` for any other text.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// The name in bodies and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Paying => "paying",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Closed => "closed",
            Self::Refunding => "refunding",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
        }
    }

    /// Whether a payment is still expected.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Created | Self::Paying)
    }

    /// Whether it is neither paid nor given up: an attempt that failed is not the last.
    pub const fn is_unpaid(self) -> bool {
        self.is_open() || matches!(self, Self::Failed)
    }

    /// Whether money came for it.
    pub const fn was_paid(self) -> bool {
        matches!(self, Self::Paid | Self::Refunding | Self::PartiallyRefunded | Self::Refunded)
    }
}

/// An order does not go from where it stands to where it was asked to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("order is {}", .0.as_str())]
pub struct WrongOrderState(pub OrderState);

/// What somebody agreed to pay for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// The number under which a payment channel knows it.
    pub number: OrderNumber,
    /// Who pays.
    pub buyer_id: UserId,
    /// Whose plan it is.
    pub seller_id: UserId,
    /// What it buys.
    pub kind: OrderKind,
    /// For which subscription.
    pub subscription_id: SubscriptionId,
    /// Of which plan.
    pub plan_id: PlanId,
    /// At which price version.
    pub price_id: PriceId,
    /// What is to be paid.
    pub total: Money,
    /// For how long.
    pub interval: Interval,
    /// What the channel shows to the payer.
    pub subject: String,
    /// Where it stands.
    pub state: OrderState,
    /// Which channel takes the money.
    pub channel: String,
    /// Where the payer stands.
    pub scene: Scene,
    /// The key under which the buyer asked for it: for a day the same key is the same order.
    pub idempotency_key: String,
    /// What was asked for under that key.
    pub fingerprint: String,
    /// When it is given up unless it is paid.
    pub expires_at: DateTime<Utc>,
    /// When it was paid.
    pub paid_at: Option<DateTime<Utc>>,
    /// When it was given up.
    pub closed_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Counts changes, from 1.
    pub version: i64,
}

impl Order {
    /// How long the same key is the same order.
    pub const KEY_LIFETIME: Duration = Duration::hours(24);

    /// Whether its key still stands for it at `now`.
    pub fn remembers_key(&self, now: DateTime<Utc>) -> bool {
        now < self.created_at + Self::KEY_LIFETIME
    }

    /// Whether its buyer can pay it at `now`, for the first time or after a failure.
    pub fn is_payable(&self, now: DateTime<Utc>) -> bool {
        self.state.is_unpaid() && now < self.expires_at
    }

    /// Notes that the channel waits for the payer.
    ///
    /// # Errors
    /// When no payment is expected any more.
    pub fn await_payment(&mut self, now: DateTime<Utc>) -> Result<(), WrongOrderState> {
        if !self.state.is_open() {
            return Err(WrongOrderState(self.state));
        }
        self.state = OrderState::Paying;
        self.updated_at = now;
        Ok(())
    }

    /// Notes that it is paid. Money that comes after a failure, or after the order was
    /// given up, is money.
    ///
    /// # Errors
    /// When it was paid before.
    pub fn pay(&mut self, paid_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), WrongOrderState> {
        if self.state.was_paid() {
            return Err(WrongOrderState(self.state));
        }
        self.state = OrderState::Paid;
        self.paid_at = Some(paid_at.min(now));
        self.closed_at = None;
        self.updated_at = now;
        Ok(())
    }

    /// Notes that the payer's attempt failed.
    ///
    /// # Errors
    /// When no payment was expected: a failure that is told after the success is old news.
    pub fn fail(&mut self, now: DateTime<Utc>) -> Result<(), WrongOrderState> {
        if !self.state.is_open() {
            return Err(WrongOrderState(self.state));
        }
        self.state = OrderState::Failed;
        self.updated_at = now;
        Ok(())
    }

    /// Gives it up.
    ///
    /// # Errors
    /// When it is paid or closed.
    pub fn close(&mut self, now: DateTime<Utc>) -> Result<(), WrongOrderState> {
        if !self.state.is_unpaid() {
            return Err(WrongOrderState(self.state));
        }
        self.state = OrderState::Closed;
        self.closed_at = Some(now);
        self.updated_at = now;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sharestack_kernel::money::Currency;

    use super::*;

    fn order(state: OrderState) -> Order {
        let now = DateTime::UNIX_EPOCH;
        Order {
            id: OrderId::new(1),
            number: OrderNumber::from_uuid(Uuid::nil()),
            buyer_id: UserId::new(1),
            seller_id: UserId::new(2),
            kind: OrderKind::Subscription,
            subscription_id: SubscriptionId::new(1),
            plan_id: PlanId::new(1),
            price_id: PriceId::new(1),
            total: Money::new(1990, Currency::Cny),
            interval: Interval::Month,
            subject: "x".to_owned(),
            state,
            channel: "sandbox".to_owned(),
            scene: Scene::Web,
            idempotency_key: "k".to_owned(),
            fingerprint: String::new(),
            expires_at: now,
            paid_at: None,
            closed_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    #[test]
    fn every_transition_is_known() {
        use OrderState::{Closed, Created, Failed, Paid, Paying};
        let now = DateTime::UNIX_EPOCH;
        for from in OrderState::ALL {
            let after = |go: fn(&mut Order, DateTime<Utc>) -> Result<(), WrongOrderState>| {
                let mut order = order(from);
                go(&mut order, now).map(|()| order.state).map_err(|WrongOrderState(state)| state)
            };
            let open = matches!(from, Created | Paying);
            let unpaid = open || matches!(from, Failed | Closed);
            assert_eq!(after(Order::await_payment), if open { Ok(Paying) } else { Err(from) });
            assert_eq!(after(Order::fail), if open { Ok(Failed) } else { Err(from) });
            assert_eq!(after(Order::close), if open || from == Failed { Ok(Closed) } else { Err(from) });
            assert_eq!(after(|order, now| order.pay(now, now)), if unpaid { Ok(Paid) } else { Err(from) });
        }
    }

    #[test]
    fn an_unpaid_order_is_payable_until_it_is_given_up() {
        let now = DateTime::UNIX_EPOCH;
        for state in OrderState::ALL {
            let unpaid = matches!(state, OrderState::Created | OrderState::Paying | OrderState::Failed);
            let order = Order { expires_at: now + Duration::hours(2), ..order(state) };
            assert_eq!(order.is_payable(now), unpaid, "{state:?}");
            assert!(!order.is_payable(order.expires_at), "{state:?}");
        }
    }

    #[test]
    fn a_key_stands_for_its_order_for_a_day() {
        let order = order(OrderState::Paid);
        let day = Duration::hours(24);
        assert!(order.remembers_key(order.created_at + day - Duration::microseconds(1)));
        assert!(!order.remembers_key(order.created_at + day));
    }

    #[test]
    fn order_numbers_suit_every_channel() {
        let number = OrderNumber::from_uuid(Uuid::from_u128(7));
        assert_eq!(number.as_str().len(), 32);
        assert_eq!(OrderNumber::parse(number.as_str()), Some(number));
        assert!(["", "a b", "<script>", &"x".repeat(33)].into_iter().all(|text| OrderNumber::parse(text).is_none()));
    }

    proptest! {
        #[test]
        fn an_order_is_paid_at_most_once(steps in prop::collection::vec(0_u8..4, 0..40)) {
            let mut order = order(OrderState::Created);
            let mut paid = 0;
            for step in steps {
                let now = DateTime::UNIX_EPOCH;
                match step {
                    0 => drop(order.await_payment(now)),
                    1 => drop(order.fail(now)),
                    2 => drop(order.close(now)),
                    _ => paid += u32::from(order.pay(now, now).is_ok()),
                }
                prop_assert_eq!(order.state == OrderState::Paid, paid == 1);
                prop_assert!(paid <= 1);
                prop_assert_eq!(order.paid_at.is_some(), paid == 1);
                prop_assert_eq!(order.closed_at.is_some(), order.state == OrderState::Closed);
            }
        }
    }
}
