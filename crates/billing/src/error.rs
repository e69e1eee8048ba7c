//! Why an operation of billing was refused.

use serde_json::{Value, json};
use sharestack_kernel::actor::Denied;
use sharestack_kernel::carries_store;
use sharestack_kernel::error::{Category, Classified, Details, StoreError};
use sharestack_kernel::field::{FieldErrors, Issue};
use thiserror::Error;

use crate::model::id::{OrderId, PlanId, SubscriptionId};
use crate::model::ledger::EntryError;
use crate::model::subscription::TransitionError;
use crate::ports::channel::{ChannelError, NotificationError};
use crate::ports::{InsertError, UpdateError};

fn missing(resource: &'static str, id: impl Into<Value>) -> Details {
    Details::Missing { resource, id: id.into() }
}

pub(crate) fn broken(error: EntryError) -> StoreError {
    StoreError::corrupt(error)
}

/// Why a plan was not made or changed.
#[derive(Debug, Error)]
pub enum PlanError {
    /// The caller has not the right.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such plan.
    #[error("plan not found")]
    NotFound(PlanId),
    /// It is archived.
    #[error("plan is archived")]
    Archived,
    /// It has not the version that the caller named.
    #[error("plan has another version")]
    Stale,
    /// Another edit came between.
    #[error("plan is being changed by another request")]
    Contended,
    /// A field breaks a rule that only the stored plan shows.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for PlanError {
    fn category(&self) -> Category {
        match self {
            Self::Denied(error) => error.category(),
            Self::NotFound(_) => Category::NotFound,
            Self::Archived | Self::Contended => Category::Conflict,
            Self::Stale => Category::Stale,
            Self::Invalid(error) => error.category(),
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Denied(error) => error.details(),
            Self::NotFound(id) => missing("plan", id.get()),
            Self::Invalid(error) => error.details(),
            _ => Details::None,
        }
    }
}

impl From<UpdateError> for PlanError {
    fn from(error: UpdateError) -> Self {
        match error {
            UpdateError::Stale => Self::Contended,
            UpdateError::Store(error) => Self::Store(error),
        }
    }
}

/// Why nothing was ordered.
#[derive(Debug, Error)]
pub enum CheckoutError {
    /// There is no such plan.
    #[error("plan not found")]
    PlanNotFound(PlanId),
    /// There is no such subscription of the caller's.
    #[error("subscription not found")]
    SubscriptionNotFound(SubscriptionId),
    /// The plan is no longer sold.
    #[error("plan is archived")]
    PlanArchived,
    /// The plan is the caller's own.
    #[error("creators cannot subscribe to their own plan")]
    OwnPlan,
    /// The caller has a running subscription to the plan.
    #[error("subscription to this plan is already active")]
    AlreadySubscribed(SubscriptionId),
    /// Nobody would write for the money any more.
    #[error("creator of the plan has left")]
    CreatorLeft,
    /// The subscription cannot be renewed.
    #[error(transparent)]
    Transition(#[from] TransitionError),
    /// No such channel is switched on.
    #[error("payment channel is not enabled")]
    UnknownChannel {
        /// Those that are.
        enabled: Vec<&'static str>,
    },
    /// There is no such coupon.
    #[error("coupon is not valid")]
    InvalidCoupon,
    /// The key was used for another request.
    #[error("idempotency key was used for another request")]
    KeyReused,
    /// Rivals changed the same things again and again.
    #[error("subscription is being changed by another request")]
    Contended,
    /// The channel failed. The order stands; asking again with the same key goes on.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for CheckoutError {
    fn category(&self) -> Category {
        match self {
            Self::PlanNotFound(_) | Self::SubscriptionNotFound(_) => Category::NotFound,
            Self::PlanArchived
            | Self::AlreadySubscribed(_)
            | Self::CreatorLeft
            | Self::Transition(_)
            | Self::Contended => Category::Conflict,
            Self::OwnPlan | Self::InvalidCoupon | Self::KeyReused => Category::Unprocessable,
            Self::UnknownChannel { .. } => Category::Invalid,
            Self::Channel(error) => error.category(),
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Channel(error) => error.code(),
            _ => None,
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::PlanNotFound(id) => missing("plan", id.get()),
            Self::SubscriptionNotFound(id) => missing("subscription", id.get()),
            Self::AlreadySubscribed(id) => Details::Object(json!({ "subscription_id": id })),
            Self::UnknownChannel { enabled } => {
                Details::Fields(FieldErrors::of("channel", Issue::not_allowed(enabled)))
            }
            _ => Details::None,
        }
    }
}

/// A rival was first, at whatever constraint it showed: the work starts over.
pub(crate) trait Raced: Sized {
    /// The error that says so.
    const RACED: Self;
}

impl Raced for CheckoutError {
    const RACED: Self = Self::Contended;
}

macro_rules! from_repositories {
    ($($error:ty),+) => {$(
        impl From<InsertError> for $error {
            fn from(error: InsertError) -> Self {
                match error {
                    InsertError::Taken => <Self as Raced>::RACED,
                    InsertError::Store(error) => Self::Store(error),
                }
            }
        }

        impl From<UpdateError> for $error {
            fn from(error: UpdateError) -> Self {
                match error {
                    UpdateError::Stale => <Self as Raced>::RACED,
                    UpdateError::Store(error) => Self::Store(error),
                }
            }
        }
    )+};
}

from_repositories!(CheckoutError, SettleError, SubscriptionError);

/// Why a notification had no effect.
#[derive(Debug, Error)]
pub enum SettleError {
    /// No such channel is switched on.
    #[error("payment channel is not enabled")]
    UnknownChannel(String),
    /// It is not believed.
    #[error(transparent)]
    Notification(#[from] NotificationError),
    /// The channel was asked, and failed.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// Rivals changed the same order again and again; the channel will tell it again.
    #[error("order is being changed by another request")]
    Contended,
    /// The store failed; the channel will tell it again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Raced for SettleError {
    const RACED: Self = Self::Contended;
}

impl From<EntryError> for SettleError {
    fn from(error: EntryError) -> Self {
        Self::Store(broken(error))
    }
}

impl Classified for SettleError {
    fn category(&self) -> Category {
        match self {
            Self::UnknownChannel(_) => Category::NotFound,
            Self::Notification(error) => error.category(),
            Self::Channel(error) => error.category(),
            Self::Contended => Category::Unavailable,
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Channel(error) => error.code(),
            _ => None,
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::UnknownChannel(name) => missing("payment_channel", name.clone()),
            _ => Details::None,
        }
    }
}

/// Why a subscription was not found or changed.
#[derive(Debug, Error)]
pub enum SubscriptionError {
    /// There is no such subscription, or not for this caller.
    #[error("subscription not found")]
    NotFound(SubscriptionId),
    /// It does not go there from where it stands.
    #[error(transparent)]
    Transition(#[from] TransitionError),
    /// It ends because its creator is no longer there.
    #[error("creator of the plan has left")]
    CreatorLeft,
    /// Rivals changed it at the same time.
    #[error("subscription is being changed by another request")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Raced for SubscriptionError {
    const RACED: Self = Self::Contended;
}

impl Classified for SubscriptionError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::Transition(_) | Self::CreatorLeft | Self::Contended => Category::Conflict,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::NotFound(id) => missing("subscription", id.get()),
            _ => Details::None,
        }
    }
}

/// Why an order was not shown.
#[derive(Debug, Error)]
pub enum OrderError {
    /// There is no such order, or not for this caller.
    #[error("order not found")]
    NotFound(OrderId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for OrderError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::NotFound(id) => missing("order", id.get()),
            Self::Store(_) => Details::None,
        }
    }
}

/// Why no decision about an article was made.
#[derive(Debug, Error)]
pub enum AccessError {
    /// There is no such article, or not for this caller.
    #[error("article not found")]
    ArticleNotFound(i64),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for AccessError {
    fn category(&self) -> Category {
        match self {
            Self::ArticleNotFound(_) => Category::NotFound,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::ArticleNotFound(id) => missing("article", *id),
            Self::Store(_) => Details::None,
        }
    }
}

carries_store!(PlanError, CheckoutError, SettleError, SubscriptionError, OrderError, AccessError);
