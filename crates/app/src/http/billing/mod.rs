//! Plans, subscriptions, orders, payments, revenue.

pub mod access;
mod fields;
pub mod orders;
pub mod payments;
pub mod plans;
mod requests;
pub mod revenue;
pub mod subscriptions;
mod views;

pub(super) use views::RevenueSummary;

use crate::http::registry::Registry;

/// Registers the domain's operations. Literal segments come before `{id}`.
pub fn register(config: &mut Registry<'_>) {
    config
        .service(plans::list_plans)
        .service(plans::create_plan)
        .service(plans::find_plan)
        .service(plans::update_plan)
        .service(plans::archive_plan)
        .service(access::decide_access)
        .service(orders::find_order)
        .service(payments::show_sandbox_payment)
        .service(payments::click_sandbox_payment)
        .service(payments::notify_sandbox)
        .service(revenue::summarize_revenue)
        .service(subscriptions::list_my_subscriptions)
        .service(subscriptions::subscribe)
        .service(subscriptions::cancel_subscription)
        .service(subscriptions::resume_subscription)
        .service(subscriptions::renew_subscription)
        .service(subscriptions::find_subscription);
}
