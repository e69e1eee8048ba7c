use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::json;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::message::{Mailroom, Message, Recipient};
use sharestack_kernel::prune::{BATCH, until_short};
use sharestack_kernel::random::Randomness;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;
use uuid::Uuid;

use crate::error::{CodeError, ProofRefused, SendCodeError};
use crate::events;
use crate::model::{
    Code, CodeHash, CodePolicy, CodeSubject, Contact, ProvenContact, Purpose, Verdict, VerificationToken,
};
use crate::ports::{CodeQueries, ContactQueries, Holder, KeyedHash, UsersTx};

/// What [`Verification`] works with.
#[derive(Clone)]
pub struct VerificationPorts {
    /// Transactions.
    pub store: Arc<dyn Begin<dyn UsersTx>>,
    /// Whose addresses are.
    pub contacts: Arc<dyn ContactQueries>,
    /// Codes, to prune.
    pub codes: Arc<dyn CodeQueries>,
    /// Hashes codes and addresses.
    pub hash: Arc<dyn KeyedHash>,
    /// Makes jobs of messages.
    pub mailroom: Arc<dyn Mailroom>,
    /// Draws ids.
    pub ids: Arc<dyn IdGenerator>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Draws codes and tokens.
    pub randomness: Arc<dyn Randomness>,
}

/// Somebody asks for a code.
#[derive(Debug, Clone)]
pub struct SendCode {
    /// Where it goes.
    pub contact: Contact,
    /// What for.
    pub purpose: Purpose,
    /// In which language: `en` or `zh-CN`.
    pub language: String,
    /// Who asks. A code that is of one user ([`Purpose::is_own`]) goes to them alone.
    pub by: Option<UserId>,
}

/// What who asked is told, whether or not anybody is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeSent {
    /// How long the code is good, in seconds.
    pub expires_in: i64,
    /// How long to wait before asking for another, in seconds.
    pub cooldown: i64,
}

/// What a right code was exchanged for.
#[derive(Debug)]
pub struct Verified {
    /// Good once, in place of a code.
    pub token: SecretString,
    /// How long, in seconds.
    pub expires_in: i64,
}

/// A proof that an address is one's own.
#[derive(Debug)]
pub enum ContactProof {
    /// A code that was sent there.
    Code(Contact, Code),
    /// What such a code was exchanged for. When the address is said too, it must be that one.
    Token(VerificationToken, Option<Contact>),
}

/// Sends codes and takes them. Whoever asks for one is told the same, in the same time,
/// whether or not an account has the address: the same rows are written, and who gets the
/// mail is seen by who gets it alone.
#[derive(Clone)]
pub struct Verification {
    ports: VerificationPorts,
    policy: CodePolicy,
}

impl Verification {
    /// A service over these ports.
    pub const fn new(ports: VerificationPorts, policy: CodePolicy) -> Self {
        Self { ports, policy }
    }

    /// How codes are.
    pub const fn policy(&self) -> &CodePolicy {
        &self.policy
    }

    /// Sends a code by a job.
    ///
    /// # Errors
    /// When one was sent a moment ago, or too many today.
    pub async fn send(&self, command: SendCode) -> Result<CodeSent, SendCodeError> {
        let SendCode { contact, purpose, language, by } = command;
        let ports = &self.ports;
        let holder = ports.contacts.find_by_contact(&contact).await?;
        let own = by.filter(|_| purpose.is_own());
        let subject = self.subject(purpose, &contact, own);
        let code = Code::draw(self.policy.length, ports.randomness.as_ref());
        let hash = self.hash(&subject, &code);
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        // Who is not who asks is nobody here.
        let reached = holder.filter(|holder| !purpose.is_own() || Some(holder.user_id) == own);
        let message = self.message(&contact, purpose, language, &code, reached, now);
        let job = ports.mailroom.job(ports.ids.uuid(), &message, now)?;
        let user = holder.map(|holder| holder.user_id);
        let event = events::code(event_id, events::CODE_SENT, &subject, (purpose, &contact), user, now);
        transact!(ports.store, |tx| {
            let held = tx.codes().hold(&subject).await?;
            let is_known = held.is_some();
            let mut state = held.unwrap_or_default();
            state.send(hash, now, &self.policy).map_err(SendCodeError::TooOften)?;
            if is_known {
                tx.codes().update(&subject, &state, now).await?;
            } else {
                tx.codes().insert(&subject, &state, now).await?;
            }
            tx.jobs().enqueue(&job).await?;
            tx.outbox().append(&event).await?;
            Ok::<_, SendCodeError>(())
        })?;
        Ok(CodeSent { expires_in: self.policy.ttl.num_seconds(), cooldown: self.policy.cooldown.num_seconds() })
    }

    /// Sends a code, and tells nobody whether it did.
    ///
    /// # Errors
    /// The store's.
    pub async fn send_in_silence(&self, command: SendCode) -> Result<(), SendCodeError> {
        match self.send(command).await {
            Ok(_) | Err(SendCodeError::TooOften(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Exchanges a right code for a token.
    ///
    /// # Errors
    /// When the code is wrong or too old, or too many wrong ones were tried.
    pub async fn verify(&self, contact: Contact, purpose: Purpose, code: Code) -> Result<Verified, CodeError> {
        let ports = &self.ports;
        let token = VerificationToken::new(ports.randomness.token());
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        let expires_at = now + self.policy.token_ttl;
        let proven = ProvenContact { hash: token.hash(), purpose, contact: contact.clone(), expires_at };
        let proof = ContactProof::Code(contact, code);
        let done = transact!(ports.store, |tx| {
            let done = self.take(tx, &proof, purpose, now, event_id).await?;
            if done.is_ok() {
                tx.codes().insert_proven(&proven).await?;
            }
            Ok::<_, CodeError>(done)
        })?;
        done.map_err(|refused| CodeError::Proof { refused, field: "code" })?;
        Ok(Verified { token: token.text(), expires_in: self.policy.token_ttl.num_seconds() })
    }

    /// Takes a proof, once, inside a transaction that does what it was given for. A refusal
    /// is for the transaction to commit: it counts.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn take(
        &self,
        tx: &mut dyn UsersTx,
        proof: &ContactProof,
        purpose: Purpose,
        now: DateTime<Utc>,
        event_id: Uuid,
    ) -> Result<Result<Contact, ProofRefused>, StoreError> {
        let (contact, code) = match proof {
            ContactProof::Code(contact, code) => (contact, code),
            ContactProof::Token(token, said) => {
                let proven = tx.codes().take_proven(token.hash(), now).await?;
                let proven = proven.filter(|proven| proven.purpose == purpose).map(|proven| proven.contact);
                let fits = |proven: &Contact| said.as_ref().is_none_or(|said| said.key() == proven.key());
                return Ok(proven.filter(fits).ok_or(ProofRefused::Token));
            }
        };
        self.take_code(tx, &self.subject(purpose, contact, None), (purpose, contact, code), now, event_id).await
    }

    /// Takes a code that is of `user` alone ([`Purpose::is_own`]). Its tries are their own:
    /// nobody else can use them up.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn take_own(
        &self,
        tx: &mut dyn UsersTx,
        (purpose, contact, code): (Purpose, &Contact, &Code),
        user: UserId,
        now: DateTime<Utc>,
        event_id: Uuid,
    ) -> Result<Result<(), ProofRefused>, StoreError> {
        let subject = self.subject(purpose, contact, Some(user));
        if let Err(refused) = self.take_code(tx, &subject, (purpose, contact, code), now, event_id).await? {
            return Ok(Err(refused));
        }
        // The address may have gone to somebody else since.
        let holder = known(tx.contacts().find_holder(contact).await?);
        Ok(if holder == Some(user) { Ok(()) } else { Err(self.nobody()) })
    }

    async fn take_code(
        &self,
        tx: &mut dyn UsersTx,
        subject: &CodeSubject,
        (purpose, contact, code): (Purpose, &Contact, &Code),
        now: DateTime<Utc>,
        event_id: Uuid,
    ) -> Result<Result<Contact, ProofRefused>, StoreError> {
        let claimed = self.hash(subject, code);
        let held = tx.codes().hold(subject).await?;
        let known = held.is_some();
        let mut state = held.unwrap_or_default();
        let verdict = state.verify(claimed, now, &self.policy);
        let kind = if verdict == Verdict::Right { events::CODE_ACCEPTED } else { events::CODE_REFUSED };
        // What nobody ever asked for is not worth a row.
        if known {
            tx.codes().update(subject, &state, now).await?;
            let user = tx.contacts().find_holder(contact).await?.map(|holder| holder.user_id);
            tx.outbox().append(&events::code(event_id, kind, subject, (purpose, contact), user, now)).await?;
        }
        Ok(match verdict {
            Verdict::Right => Ok(contact.clone()),
            Verdict::Wrong { attempts_left } => Err(ProofRefused::Code { attempts_left }),
            Verdict::Exhausted(throttle) => Err(ProofRefused::Exhausted(throttle)),
        })
    }

    /// Forgets what nothing depends on any more; returns how many. Called now and then.
    ///
    /// # Errors
    /// The store's.
    pub async fn prune(&self) -> Result<u64, StoreError> {
        // Nothing of it is older than the day in which sends are counted, or the window of tries.
        let kept = crate::model::CODE_DAY.max(self.policy.attempt_window).max(self.policy.ttl);
        let before = self.ports.clock.now() - kept;
        until_short(|| self.ports.codes.prune_codes(before, BATCH)).await
    }

    /// What makes jobs of messages.
    pub(super) fn mailroom(&self) -> &dyn Mailroom {
        self.ports.mailroom.as_ref()
    }

    /// What is said of a right code for an address that nobody has: nobody was sent it, so
    /// it was guessed.
    pub(super) const fn nobody(&self) -> ProofRefused {
        ProofRefused::Code { attempts_left: self.policy.max_attempts }
    }

    pub(super) fn randomness(&self) -> &dyn Randomness {
        self.ports.randomness.as_ref()
    }

    /// What an address is known by for a purpose, and for one user alone when it is `own`.
    fn subject(&self, purpose: Purpose, contact: &Contact, own: Option<UserId>) -> CodeSubject {
        let own = own.map_or_else(String::new, |user| format!(":{user}"));
        CodeSubject::new(self.ports.hash.hash(&format!("contact:{}{own}", purpose.as_str()), contact.key()))
    }

    fn hash(&self, subject: &CodeSubject, code: &Code) -> CodeHash {
        CodeHash::new(self.ports.hash.hash(&format!("code:{}", subject.as_str()), code.expose()))
    }

    /// What is sent: the code, to who may use it; a word to who has the address already; or
    /// nothing, in a message as long as any.
    fn message(
        &self,
        contact: &Contact,
        purpose: Purpose,
        language: String,
        code: &Code,
        holder: Option<Holder>,
        now: DateTime<Utc>,
    ) -> Message {
        let minutes = self.policy.ttl.num_minutes();
        let taken = match purpose {
            Purpose::Register => holder.is_some_and(|holder| holder.is_verified),
            Purpose::ChangeEmail => holder.is_some(),
            Purpose::Login | Purpose::Reset | Purpose::Reauthenticate | Purpose::SecondFactor => false,
        };
        let needs_holder = purpose.is_own() || matches!(purpose, Purpose::Login | Purpose::Reset);
        let nowhere = matches!(contact, Contact::Email(email) if email.is_placeholder());
        let useless = nowhere || (needs_holder && holder.is_none());
        // There is no text message for who has the number already: the code does no harm,
        // since whoever reads it there is its owner.
        let by_mail = matches!(contact, Contact::Email(_));
        let template = if taken && by_mail { "already_registered" } else { "verification_code" };
        let to = if useless { Recipient::Nobody } else { contact.recipient() };
        let data = json!({
            "code": code.expose(), "minutes": minutes, "purpose": purpose.as_str(), "sms": { "code": code.expose() },
        });
        let data = if template == "already_registered" { json!({ "purpose": purpose.as_str() }) } else { data };
        Message { to, template: template.to_owned(), language, data, valid_until: Some(now + self.policy.ttl) }
    }
}

/// The user who must be there.
pub(super) fn known(holder: Option<Holder>) -> Option<UserId> {
    holder.map(|holder| holder.user_id)
}
