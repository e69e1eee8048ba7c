//! Messages in the jobs table, sealed: whoever reads the table finds neither addresses nor codes.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sharestack_kernel::job::NewJob;
use sharestack_kernel::message::{Mailroom, Message};
use sharestack_kernel::seal::{BrokenSeal, SealFailed, Sealer};
use uuid::Uuid;

use crate::job::KIND;

/// Messages are filled up to a multiple of this, so that their size does not tell who gets them.
const BLOCK: usize = 512;

/// How often a message is tried. With the pauses between, a provider may be away for more
/// than a day before what says that a password was changed needs a person. What is worth
/// nothing by then, such as a code, says so itself.
const ATTEMPTS: u32 = 36;

/// Makes sealed jobs of messages, each sealed for its own job.
pub struct SealedMailroom {
    sealer: Arc<dyn Sealer>,
}

impl SealedMailroom {
    /// A mailroom that seals with this.
    pub const fn new(sealer: Arc<dyn Sealer>) -> Self {
        Self { sealer }
    }

    /// Reads the payload of a job again.
    ///
    /// # Errors
    /// When it was sealed with another key or for another job.
    pub fn open(&self, id: Uuid, payload: &Value) -> Result<Message, BrokenSeal> {
        let sealed = payload["sealed"].as_str().ok_or(BrokenSeal)?;
        let plain = self.sealer.open(&context(id), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| BrokenSeal)
    }
}

fn context(id: Uuid) -> String {
    format!("message:{id}")
}

impl Mailroom for SealedMailroom {
    fn job(&self, id: Uuid, message: &Message, run_at: DateTime<Utc>) -> Result<NewJob, SealFailed> {
        let mut bytes = json!(message).to_string().into_bytes();
        // Blanks behind JSON are nothing.
        bytes.resize(bytes.len().next_multiple_of(BLOCK), b' ');
        let sealed = self.sealer.seal(&context(id), &bytes)?;
        let job = NewJob::new(id, KIND, json!({ "sealed": sealed }), run_at);
        Ok(NewJob { max_attempts: ATTEMPTS, ..job })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sharestack_kernel::clock::{Clock, FakeClock};
    use sharestack_kernel::job::backoff;
    use sharestack_kernel::message::Recipient;
    use sharestack_kernel::seal::OpenSeal;

    use super::*;

    fn message(to: Recipient) -> Message {
        Message {
            to,
            template: "verification_code".to_owned(),
            language: "en".to_owned(),
            data: json!({ "code": "123456" }),
            valid_until: Some(FakeClock::default().now()),
        }
    }

    #[test]
    fn a_sealed_message_reads_back_for_its_own_job_only() {
        let (room, id) = (SealedMailroom::new(Arc::new(OpenSeal::default())), Uuid::from_u128(7));
        let message = message(Recipient::Mail("lin@example.com".to_owned()));
        let job = room.job(id, &message, FakeClock::default().now()).unwrap();
        assert_eq!((job.id, job.kind.as_str()), (id, KIND));
        assert_eq!(room.open(id, &job.payload), Ok(message));
        assert_eq!(room.open(Uuid::from_u128(8), &job.payload), Err(BrokenSeal));
        for broken in [json!({}), json!({ "sealed": "" }), json!({ "sealed": 1 }), json!({ "sealed": "!" })] {
            assert_eq!(room.open(id, &broken), Err(BrokenSeal));
        }
    }

    /// Longer than providers are away, and shorter than dead letters are kept.
    #[test]
    fn a_provider_may_be_away_for_a_day() {
        let room = SealedMailroom::new(Arc::new(OpenSeal::default()));
        let to = Recipient::Mail("lin@example.com".to_owned());
        let job = room.job(Uuid::nil(), &message(to), FakeClock::default().now()).unwrap();
        let away: Duration = (1..job.max_attempts).map(backoff).sum();
        assert!((24..48).contains(&(away.as_secs() / 3600)), "{away:?}");
    }

    #[test]
    fn nothing_tells_whether_anybody_gets_a_message() {
        let room = SealedMailroom::new(Arc::new(OpenSeal::default()));
        let job = |to| room.job(Uuid::nil(), &message(to), FakeClock::default().now()).unwrap();
        let [mail, nobody] = [Recipient::Mail("lin@example.com".to_owned()), Recipient::Nobody].map(job);
        assert_eq!(mail.payload.to_string().len(), nobody.payload.to_string().len());
        assert_eq!((mail.kind, mail.max_attempts, mail.priority), (nobody.kind, nobody.max_attempts, nobody.priority));
        assert!(!mail.payload.to_string().contains("lin@"));
    }
}
