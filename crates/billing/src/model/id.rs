//! The ids of billing.

use sharestack_kernel::{numeric_id, uuid_id};

numeric_id!(
    /// A subscription plan.
    PlanId,
    "plans"
);
numeric_id!(
    /// One version of a plan's price.
    PriceId,
    "plan_prices"
);
numeric_id!(
    /// A reader's subscription to a plan.
    SubscriptionId,
    "subscriptions"
);
numeric_id!(
    /// An order: what somebody agreed to pay for.
    OrderId,
    "orders"
);
uuid_id!(
    /// One attempt to pay an order, and what came of it.
    PaymentId
);
uuid_id!(
    /// One balanced transaction of the ledger.
    LedgerEntryId
);
