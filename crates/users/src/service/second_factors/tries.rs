//! How often second proofs are tried.

use std::time::Duration;

use sharestack_kernel::cache::Limit;
use sharestack_kernel::error::Throttle;
use sharestack_kernel::id::UserId;

use super::SecondFactors;
use crate::error::FactorError;

impl SecondFactors {
    /// Notes a wrong proof of a user: who has their session may be somebody else, who tries to
    /// take the second factor away.
    pub(super) async fn noting<T>(
        &self,
        user: UserId,
        tried: impl Future<Output = Result<T, FactorError>>,
    ) -> Result<T, FactorError> {
        let tried = tried.await;
        if let Err(FactorError::Wrong(field)) = &tried {
            self.failures.proof_failed(user, field).await;
        }
        tried
    }

    /// Counts a try of an account; when there were too many, how long to wait.
    pub(super) async fn count(&self, budget: &str) -> Result<(), Throttle> {
        let limit = self.hourly();
        match self.ports.limiter.hit(budget, limit).await {
            Ok(decision) if !decision.allowed => {
                Err(Throttle::new(limit.limit.into(), limit.window, decision.reset_at, self.ports.clock.now()))
            }
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "try of a second factor not counted");
                Ok(())
            }
        }
    }

    pub(super) async fn clear(&self, budget: &str) {
        if let Err(error) = self.ports.limiter.forget(budget, self.hourly()).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "tries of a second factor not cleared");
        }
    }

    const fn hourly(&self) -> Limit {
        Limit { limit: self.policy.hourly, window: Duration::from_hours(1) }
    }
}
