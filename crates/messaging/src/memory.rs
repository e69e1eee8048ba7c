use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sharestack_kernel::message::{MailSender, OutgoingMail, OutgoingSms, SendError, SmsSender};

/// Keeps messages in memory, and fails when it is told to. For tests.
#[derive(Default)]
pub struct MemoryOutbox(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    mails: Vec<OutgoingMail>,
    sms: Vec<OutgoingSms>,
    failures: VecDeque<SendError>,
}

impl MemoryOutbox {
    /// Every mail that was taken.
    pub fn mails(&self) -> Vec<OutgoingMail> {
        self.kept().mails.clone()
    }

    /// Every text message that was taken.
    pub fn sms(&self) -> Vec<OutgoingSms> {
        self.kept().sms.clone()
    }

    /// Fails the next message so.
    pub fn fail_next(&self, error: SendError) {
        self.kept().failures.push_back(error);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl MailSender for MemoryOutbox {
    async fn send(&self, mail: &OutgoingMail) -> Result<(), SendError> {
        let mut kept = self.kept();
        if let Some(failure) = kept.failures.pop_front() {
            return Err(failure);
        }
        kept.mails.push(mail.clone());
        Ok(())
    }
}

#[async_trait]
impl SmsSender for MemoryOutbox {
    async fn send(&self, sms: &OutgoingSms) -> Result<(), SendError> {
        let mut kept = self.kept();
        if let Some(failure) = kept.failures.pop_front() {
            return Err(failure);
        }
        kept.sms.push(sms.clone());
        Ok(())
    }
}
