//! The ports of the social crate.

mod relation;

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::Outbox;
use sharestack_kernel::tx::Begin;
use sharestack_social::ports::{RelationRepository, SocialTx};

use crate::connect::Store;
use crate::tx::SeaTx;

#[async_trait]
impl Begin<dyn SocialTx> for Store {
    async fn begin(&self) -> Result<Box<dyn SocialTx>, StoreError> {
        Ok(Box::new(self.begin_tx().await?))
    }
}

impl SocialTx for SeaTx {
    fn relations(&mut self) -> &mut dyn RelationRepository {
        self
    }

    fn outbox(&mut self) -> &mut dyn Outbox {
        self
    }
}
