use std::sync::Arc;

use sharestack_kernel::clock::Clock;
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::message::Mailroom;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use super::notice::tell_of_no_second_factor;
use crate::error::FactorError;
use crate::events;
use crate::ports::UsersTx;

/// Takes second factors away from who has lost them: for whoever runs the product, who has
/// seen by other means who it is. A service of its own, that no request has at hand.
#[derive(Clone)]
pub struct FactorReset {
    store: Arc<dyn Begin<dyn UsersTx>>,
    mailroom: Arc<dyn Mailroom>,
    ids: Arc<dyn IdGenerator>,
    clock: Arc<dyn Clock>,
}

impl FactorReset {
    /// The service over its ports.
    pub fn new(
        store: Arc<dyn Begin<dyn UsersTx>>,
        mailroom: Arc<dyn Mailroom>,
        ids: Arc<dyn IdGenerator>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, mailroom, ids, clock }
    }

    /// Removes a user's app and recovery codes: the next login asks for the first proof
    /// alone. Sessions and passkeys stay. A mail tells the user, in the language of their
    /// settings, or else in `language`: whoever asked for it may have been somebody else.
    ///
    /// # Errors
    /// When there is no such user, or nothing to remove.
    pub async fn reset(&self, user: UserId, language: &str) -> Result<(), FactorError> {
        let (now, event_id, notice_id) = (self.clock.now(), self.ids.uuid(), self.ids.uuid());
        transact!(self.store, |tx| {
            let record = tx.edits().hold_record(user).await?.ok_or(FactorError::NoSuchUser(user))?;
            if !tx.factors().delete_totp(user).await? {
                return Err(FactorError::NotEnrolled);
            }
            tell_of_no_second_factor(tx, &*self.mailroom, notice_id, (user, &record, language), now).await?;
            Ok(tx.outbox().append(&events::mfa_reset(event_id, user, now)).await?)
        })
    }
}
