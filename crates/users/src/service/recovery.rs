use serde_json::json;
use sharestack_kernel::actor::Actor;
use sharestack_kernel::patch::Patch;
use sharestack_kernel::transact;

use super::claim::{Proving, Shown, prove_address};
use super::notice::{notice, of_new_password};
use super::sessions::Proof;
use super::verification::known;
use super::{AccountPorts, ContactProof, SendCode, Sessions, SignIn, Verification};
use crate::error::{CodeError, LoginError, ProofRefused, SendCodeError};
use crate::events::{self, RevokeReason};
use crate::model::{
    AccountChange, AuthMethod, Client, Code, Contact, EmailAddress, NewPassword, PhoneNumber, Purpose, UserView,
};

/// What a proof that an address is one's own is good for.
#[derive(Clone)]
pub struct Recovery {
    ports: AccountPorts,
    sessions: Sessions,
    verification: Verification,
}

impl Recovery {
    /// A service over these.
    pub const fn new(ports: AccountPorts, sessions: Sessions, verification: Verification) -> Self {
        Self { ports, sessions, verification }
    }

    /// What a proof of an address is written down with.
    fn proving<'a>(&'a self, language: &'a str) -> Proving<'a> {
        let ids = [(); 4].map(|()| self.ports.ids.uuid());
        Proving { ids, mailroom: self.verification.mailroom(), language, now: self.ports.clock.now() }
    }

    /// Opens a session for who was sent a code. A mailbox that was shown so to be theirs
    /// counts as verified; when it did not before, every other way in is removed, since
    /// whoever made the account with that address may be somebody else. A mail says what.
    ///
    /// # Errors
    /// When the code is wrong, or nobody has the address: the same; when too many wrong
    /// ones were tried; when the account is disabled.
    pub async fn login(
        &self,
        contact: Contact,
        code: Code,
        client: Client,
        language: &str,
    ) -> Result<SignIn, CodeError> {
        let ports = &self.ports;
        let (now, id, with) = (ports.clock.now(), ports.ids.uuid(), self.proving(language));
        let by_mail = matches!(contact, Contact::Email(_));
        let proof = ContactProof::Code(contact, code);
        let draft = self.sessions.draft(AuthMethod::Code, client);
        let taken = transact!(ports.store, |tx| {
            let contact = match self.verification.take(tx, &proof, Purpose::Login, now, id).await? {
                Ok(contact) => contact,
                Err(refused) => return Ok(Err(refused)),
            };
            let Some(user) = known(tx.contacts().find_holder(&contact).await?) else {
                return Ok(Err(self.verification.nobody()));
            };
            tx.accounts().hold(user).await?;
            let claimed = by_mail && prove_address(tx, user, Shown::Outside, &with).await?;
            // The code is used up whatever becomes of the session.
            let opened = match self.sessions.open(tx, user, &Proof::Other, &draft).await {
                Err(LoginError::Store(error)) => return Err(error.into()),
                opened => opened,
            };
            Ok::<_, CodeError>(Ok((user, claimed, opened)))
        })?;
        let (user, claimed, opened) = taken.map_err(refused("code"))?;
        if claimed {
            super::forget(&*ports.cache, user).await;
        }
        match opened {
            Ok(opened) => Ok(self.sessions.present(user, draft, opened).await?),
            // It went between the two.
            Err(LoginError::InvalidCredentials) => Err(refused("code")(self.verification.nobody())),
            Err(error) => {
                self.sessions.note_refused(user, AuthMethod::Code, &error).await;
                Err(error.into())
            }
        }
    }

    /// Sets a new password for who was sent a code, ends every session and deletes every
    /// API key: whoever was in made them, and only a mailbox was shown. The mailbox counts
    /// as verified; when it did not before, every other way in is removed too. Its owner is
    /// told.
    ///
    /// # Errors
    /// When the proof is wrong, or nobody has the address: the same.
    pub async fn reset_password(
        &self,
        proof: ContactProof,
        password: &NewPassword,
        language: &str,
    ) -> Result<(), CodeError> {
        let ports = &self.ports;
        // Before the proof is looked at: it takes as long when that is wrong.
        let hash = ports.hasher.hash(password.password()).await?;
        let (now, ids, reason) = (ports.clock.now(), [(); 2].map(|()| ports.ids.uuid()), RevokeReason::PasswordReset);
        let (job_id, with) = (ports.ids.uuid(), self.proving(language));
        let field = field_of(&proof);
        let taken = transact!(ports.store, |tx| {
            let contact = match self.verification.take(tx, &proof, Purpose::Reset, now, ids[0]).await? {
                Ok(contact) => contact,
                Err(refused) => return Ok(Err(refused)),
            };
            let Some(user) = known(tx.contacts().find_holder(&contact).await?) else {
                return Ok(Err(self.verification.nobody()));
            };
            let record = tx.edits().hold_record(user).await?.ok_or(CodeError::NoSuchUser(user))?;
            tx.accounts().set_password(user, &hash, now).await?;
            let ended = tx.sessions().revoke_all(user, None, reason.as_str(), now).await?;
            let keys = tx.api_keys().delete_all(user).await?;
            tx.outbox().append(&events::password_reset(ids[1], user, ended, keys, now)).await?;
            if matches!(contact, Contact::Email(_)) {
                prove_address(tx, user, Shown::ByReset, &with).await?;
            }
            let told = (record.username.as_str(), record.email.as_str(), language);
            if let Some(notice) = of_new_password(self.verification.mailroom(), job_id, told, now)? {
                tx.jobs().enqueue(&notice).await?;
            }
            Ok::<_, CodeError>(Ok(user))
        })?;
        let user = taken.map_err(refused(field))?;
        super::forget(&*ports.cache, user).await;
        Ok(())
    }

    /// Notes that a user's own address is theirs. Who shows that without being signed in may
    /// be another than who made the account: every way in of before is removed then.
    ///
    /// # Errors
    /// When the proof is wrong, or nobody has the address, or not the actor: the same; when
    /// the actor is a program with a key.
    pub async fn verify_email(
        &self,
        proof: ContactProof,
        actor: Option<&Actor>,
        language: &str,
    ) -> Result<(), CodeError> {
        if let Some(actor) = actor {
            actor.require_session()?;
        }
        let (user, shown) = (actor.map(|actor| actor.user_id), actor.map_or(Shown::Outside, |_| Shown::InSession));
        let ports = &self.ports;
        let (now, id, with) = (ports.clock.now(), ports.ids.uuid(), self.proving(language));
        let field = field_of(&proof);
        let taken = transact!(ports.store, |tx| {
            let contact = match self.verification.take(tx, &proof, Purpose::Register, now, id).await? {
                Ok(contact) => contact,
                Err(refused) => return Ok(Err(refused)),
            };
            let holder = known(tx.contacts().find_holder(&contact).await?);
            // A number proves no address.
            let holder = holder.filter(|_| matches!(contact, Contact::Email(_)));
            let Some(holder) = holder.filter(|holder| user.is_none_or(|user| user == *holder)) else {
                return Ok(Err(self.verification.nobody()));
            };
            tx.accounts().hold(holder).await?;
            prove_address(tx, holder, shown, &with).await?;
            Ok::<_, CodeError>(Ok(holder))
        })?;
        let holder = taken.map_err(refused(field))?;
        if shown == Shown::Outside {
            super::forget(&*ports.cache, holder).await;
        }
        Ok(())
    }

    /// Sends the code with which a user takes another address.
    ///
    /// # Errors
    /// When one was sent a moment ago, or too many today.
    pub async fn begin_email_change(
        &self,
        email: &EmailAddress,
        language: &str,
    ) -> Result<super::CodeSent, SendCodeError> {
        let contact = Contact::Email(email.clone());
        let command = SendCode { contact, purpose: Purpose::ChangeEmail, language: language.to_owned(), by: None };
        self.verification.send(command).await
    }

    /// The same for an address that already waits: that a code was sent a moment ago is no
    /// reason to refuse what else was asked for.
    ///
    /// # Errors
    /// The store's.
    pub async fn offer_email_change(&self, email: &EmailAddress, language: &str) -> Result<(), SendCodeError> {
        match self.begin_email_change(email, language).await {
            Ok(_) | Err(SendCodeError::TooOften(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes another address for who was sent a code there. The old one is told.
    ///
    /// # Errors
    /// When the proof is wrong, another account has the address, or the actor is a program
    /// with a key.
    pub async fn change_email(
        &self,
        actor: &Actor,
        email: EmailAddress,
        proof: ContactProof,
        language: &str,
    ) -> Result<UserView, CodeError> {
        actor.require_session()?;
        let (ports, user) = (&self.ports, actor.user_id);
        let before = ports.queries.find_by_id(user).await?.ok_or(CodeError::NoSuchUser(user))?;
        let (now, ids) = (ports.clock.now(), [ports.ids.uuid(), ports.ids.uuid()]);
        let data = json!({ "username": before.username, "new_email": email.as_str() });
        let notice = match EmailAddress::parse(&before.email) {
            Ok(old) if old.key() != email.key() && !old.is_placeholder() => {
                let (mailroom, id) = (self.verification.mailroom(), ports.ids.uuid());
                Some(notice(mailroom, id, (&old, language), "email_changed", data, now)?)
            }
            _ => None,
        };
        let change = AccountChange {
            email: Some(email),
            pending_email: Patch::Clear,
            is_verified: Some(true),
            ..AccountChange::default()
        };
        let field = field_of(&proof);
        let taken = transact!(ports.store, |tx| {
            if let Err(refused) = self.verification.take(tx, &proof, Purpose::ChangeEmail, now, ids[0]).await? {
                return Ok(Err(refused));
            }
            tx.accounts().hold(user).await?.ok_or(CodeError::NoSuchUser(user))?;
            tx.edits().change(user, &change, now).await?;
            if let Some(notice) = &notice {
                tx.jobs().enqueue(notice).await?;
            }
            tx.outbox().append(&events::account(ids[1], events::EMAIL_CHANGED, user, Some(user), now)).await?;
            Ok::<Result<(), ProofRefused>, CodeError>(Ok(()))
        })?;
        taken.map_err(refused(field))?;
        super::forget(&*ports.cache, user).await;
        ports.queries.find_by_id(user).await?.ok_or(CodeError::NoSuchUser(user))
    }

    /// Notes that a number is the user's, who can then sign in by it. It is taken from who
    /// had proven it before.
    ///
    /// # Errors
    /// When the code is wrong, too many wrong ones were tried, or the actor is a program with
    /// a key.
    pub async fn verify_phone(&self, actor: &Actor, phone: PhoneNumber, code: Code) -> Result<UserView, CodeError> {
        actor.require_session()?;
        let (ports, user) = (&self.ports, actor.user_id);
        let (now, ids) = (ports.clock.now(), [ports.ids.uuid(), ports.ids.uuid()]);
        let proof = ContactProof::Code(Contact::Phone(phone.clone()), code);
        let taken = transact!(ports.store, |tx| {
            if let Err(refused) = self.verification.take(tx, &proof, Purpose::Register, now, ids[0]).await? {
                return Ok(Err(refused));
            }
            tx.accounts().hold(user).await?.ok_or(CodeError::NoSuchUser(user))?;
            tx.contacts().set_phone(user, &phone, now).await?;
            tx.outbox().append(&events::proven(ids[1], events::PHONE_VERIFIED, user, now)).await?;
            Ok::<Result<(), ProofRefused>, CodeError>(Ok(()))
        })?;
        taken.map_err(refused("code"))?;
        ports.queries.find_by_id(user).await?.ok_or(CodeError::NoSuchUser(user))
    }
}

const fn field_of(proof: &ContactProof) -> &'static str {
    match proof {
        ContactProof::Code(..) => "code",
        ContactProof::Token(..) => "token",
    }
}

fn refused(field: &'static str) -> impl Fn(ProofRefused) -> CodeError {
    move |refused| CodeError::Proof { refused, field }
}
