//! Where a request comes from: what the audit log wants to know of every act.
//!
//! It travels with the task that serves the request, beside and not through every
//! signature between the edge and the event: [`within`] sets it for a future,
//! [`Origin::current`] reads it.

use std::cell::RefCell;

use serde::{Deserialize, Serialize};

use crate::ambient;

/// Where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The client's network address, behind trusted hops.
    pub ip: Option<String>,
    /// What the client's program calls itself.
    pub user_agent: Option<String>,
    /// The request's id, as the answer carries it.
    pub request_id: Option<String>,
}

thread_local! {
    static CURRENT: RefCell<Option<Origin>> = const { RefCell::new(None) };
}

impl Origin {
    /// The origin of the request that is being served; `None` in work of the system's own.
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }
}

/// Runs `work` as part of a request from `origin`. What it spawns is not part of it.
pub async fn within<F: Future>(origin: Origin, work: F) -> F::Output {
    ambient::within(&CURRENT, Some(origin), work).await
}

/// The id of the request that is being served: what a job is told of who asked for it.
pub fn request_id() -> Option<String> {
    Origin::current().and_then(|origin| origin.request_id)
}

/// Runs a job's work for the request of this id, so that what comes of it is found by the id.
/// From where it was asked is not told: the job acts, and not the caller.
pub async fn on_behalf_of<F: Future>(request_id: Option<String>, work: F) -> F::Output {
    let origin = request_id.map(|id| Origin { ip: None, user_agent: None, request_id: Some(id) });
    ambient::within(&CURRENT, origin, work).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(ip: &str) -> Origin {
        Origin { ip: Some(ip.to_owned()), user_agent: None, request_id: None }
    }

    #[tokio::test]
    async fn each_of_two_interleaved_requests_sees_its_own_origin() {
        let serve = |ip: &'static str| {
            within(origin(ip), async move {
                for _ in 0..3 {
                    assert_eq!(Origin::current(), Some(origin(ip)));
                    tokio::task::yield_now().await;
                }
            })
        };
        assert_eq!(Origin::current(), None);
        tokio::join!(serve("192.0.2.1"), serve("192.0.2.2"));
        assert_eq!(Origin::current(), None);
    }

    #[tokio::test]
    async fn a_job_acts_for_a_request_and_not_from_its_place() {
        let asked = Origin { request_id: Some("req_1".to_owned()), ..origin("192.0.2.1") };
        let told = within(asked, async { request_id() }).await;
        let seen = on_behalf_of(told, async { Origin::current() }).await.unwrap();
        assert_eq!((seen.ip, seen.request_id.as_deref()), (None, Some("req_1")));
        assert_eq!(on_behalf_of(request_id(), async { Origin::current() }).await, None);
    }
}
