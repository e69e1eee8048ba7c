use std::sync::Arc;

use async_trait::async_trait;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::job::{ClaimedJob, Hopeless, JobError, JobHandler};
use sharestack_kernel::message::{MailSender, Message, OutgoingMail, OutgoingSms, Recipient, SendError, SmsSender};

use crate::mailroom::SealedMailroom;
use crate::templates::Templates;

/// The kind of the jobs that send a message.
pub const KIND: &str = "message.send";

/// Writes and sends the messages that a [`SealedMailroom`] made jobs of. A failure is tried
/// again with growing pauses; what is refused for good, or as often as a job may be tried,
/// is a dead letter.
pub struct SendMessages {
    mailroom: Arc<SealedMailroom>,
    templates: Templates,
    mail: Arc<dyn MailSender>,
    sms: Arc<dyn SmsSender>,
    clock: Arc<dyn Clock>,
}

impl SendMessages {
    /// A handler with these senders.
    pub fn new(
        mailroom: Arc<SealedMailroom>,
        mail: Arc<dyn MailSender>,
        sms: Arc<dyn SmsSender>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { mailroom, templates: Templates::new(), mail, sms, clock }
    }

    async fn send(&self, job: &ClaimedJob, message: &Message) -> Result<(), JobError> {
        let Message { to, template, language, data, .. } = message;
        match to {
            Recipient::Nobody => Ok(()),
            Recipient::Mail(to) => {
                let written = self.templates.mail(template, language, data).map_err(hopeless)?;
                let mail = OutgoingMail::try_new(job.id, to, written.subject, written.text, Some(written.html));
                self.mail.send(&mail.map_err(hopeless)?).await.map_err(failed)
            }
            Recipient::Sms(to) => {
                let text = self.templates.sms(template, language, data).map_err(hopeless)?;
                let (to, language) = (to.clone(), language.clone());
                let parameters = data.get("sms").cloned().unwrap_or_default();
                let sms = OutgoingSms { id: job.id, to, text, language, parameters };
                self.sms.send(&sms).await.map_err(failed)
            }
        }
    }
}

fn hopeless(error: impl std::error::Error) -> JobError {
    Hopeless(error.to_string()).into()
}

fn failed(error: SendError) -> JobError {
    match error {
        SendError::Temporary(_) => error.into(),
        SendError::Permanent(_) => hopeless(error),
    }
}

#[async_trait]
impl JobHandler for SendMessages {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn concurrency(&self) -> usize {
        8
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        let message = self.mailroom.open(job.id, &job.payload).map_err(hopeless)?;
        if message.valid_until.is_some_and(|end| end <= self.clock.now()) {
            tracing::info!(template = message.template, "message came too late and is not sent");
            return Ok(());
        }
        self.send(job, &message).await
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use serde_json::json;
    use sharestack_kernel::clock::FakeClock;
    use sharestack_kernel::message::Mailroom;
    use sharestack_kernel::seal::OpenSeal;
    use uuid::Uuid;

    use super::*;
    use crate::memory::MemoryOutbox;

    struct World {
        mailroom: Arc<SealedMailroom>,
        outbox: Arc<MemoryOutbox>,
        clock: FakeClock,
        handler: SendMessages,
    }

    impl World {
        fn new() -> Self {
            let mailroom = Arc::new(SealedMailroom::new(Arc::new(OpenSeal::default())));
            let (outbox, clock) = (Arc::new(MemoryOutbox::default()), FakeClock::default());
            let handler = SendMessages::new(mailroom.clone(), outbox.clone(), outbox.clone(), Arc::new(clock.clone()));
            Self { mailroom, outbox, clock, handler }
        }

        fn job(&self, to: Recipient, template: &str) -> ClaimedJob {
            let message = Message {
                to,
                template: template.to_owned(),
                language: "zh-CN".to_owned(),
                data: json!({ "code": "012345", "minutes": 10, "purpose": "login", "sms": { "code": "012345" } }),
                valid_until: Some(self.clock.now() + Duration::minutes(10)),
            };
            let job = self.mailroom.job(Uuid::from_u128(1), &message, self.clock.now()).unwrap();
            ClaimedJob { id: job.id, kind: job.kind, payload: job.payload, attempt: 1, max_attempts: 10, lost: 0 }
        }
    }

    fn lin() -> Recipient {
        Recipient::Mail("lin@example.com".to_owned())
    }

    #[tokio::test]
    async fn a_mail_is_written_and_sent() {
        let world = World::new();
        world.handler.run(&world.job(lin(), "verification_code")).await.unwrap();
        let [mail] = &world.outbox.mails()[..] else { panic!("one mail") };
        assert_eq!((mail.id(), mail.to()), (Uuid::from_u128(1), "lin@example.com"));
        assert!(mail.text().contains("012345") && mail.html().unwrap().contains("012345"));
    }

    #[tokio::test]
    async fn a_text_message_is_written_and_sent() {
        let world = World::new();
        let job = world.job(Recipient::Sms("+8613800138000".to_owned()), "verification_code");
        world.handler.run(&job).await.unwrap();
        let [sms] = &world.outbox.sms()[..] else { panic!("one message") };
        assert_eq!((sms.to.as_str(), &sms.parameters), ("+8613800138000", &json!({ "code": "012345" })));
        assert!(sms.text.contains("012345"));
    }

    #[tokio::test]
    async fn nobody_gets_nothing_and_what_is_late_is_not_sent() {
        let world = World::new();
        world.handler.run(&world.job(Recipient::Nobody, "verification_code")).await.unwrap();
        let job = world.job(lin(), "verification_code");
        world.clock.advance(Duration::minutes(10));
        world.handler.run(&job).await.unwrap();
        assert!(world.outbox.mails().is_empty());
    }

    #[tokio::test]
    async fn a_failure_is_tried_again_unless_it_is_for_good() {
        let world = World::new();
        let job = world.job(lin(), "verification_code");
        world.outbox.fail_next(SendError::Temporary("smtp 451".to_owned()));
        let error = world.handler.run(&job).await.unwrap_err();
        assert!(!error.is::<Hopeless>() && error.to_string().contains("451"));
        world.outbox.fail_next(SendError::Permanent("smtp 550".to_owned()));
        assert!(world.handler.run(&job).await.unwrap_err().is::<Hopeless>());
        assert!(world.handler.run(&world.job(lin(), "no_such_template")).await.unwrap_err().is::<Hopeless>());
        let foreign = ClaimedJob { id: Uuid::nil(), ..job.clone() };
        assert!(world.handler.run(&foreign).await.unwrap_err().is::<Hopeless>());
        world.handler.run(&job).await.unwrap();
        assert_eq!(world.outbox.mails().len(), 1);
    }
}
