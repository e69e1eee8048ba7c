use chrono::Duration;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;

use super::{AccountPorts, Accounts, ContactProof, Invited, Verification};
use crate::error::{ProofRefused, RegisterError};
use crate::events;
use crate::model::{
    BuiltInRole, Contact, EmailAddress, InvitationId, InvitationToken, NewInvitation, Purpose, Registration,
    RegistrationMode, UserView,
};

/// What somebody brings along who registers.
#[derive(Debug, Default)]
pub struct Credential {
    /// A proof that the address is theirs; a code counts for the address of the registration.
    pub proof: Option<RegistrationProof>,
    /// An invitation, as it was typed.
    pub invitation: Option<String>,
}

/// A proof that the address of a registration is one's own.
#[derive(Debug)]
pub enum RegistrationProof {
    /// A code that was sent there.
    Code(crate::model::Code),
    /// What such a code was exchanged for.
    Token(crate::model::VerificationToken),
}

/// Makes accounts for who may have one.
#[derive(Clone)]
pub struct Registrations {
    accounts: Accounts,
    ports: AccountPorts,
    verification: Verification,
    mode: RegistrationMode,
}

impl Registrations {
    /// A service in this mode.
    pub const fn new(
        accounts: Accounts,
        ports: AccountPorts,
        verification: Verification,
        mode: RegistrationMode,
    ) -> Self {
        Self { accounts, ports, verification, mode }
    }

    /// Makes an account with the role `user`. Whatever is brought along must be good, also
    /// where it is not asked for; a proven address counts as verified.
    ///
    /// # Errors
    /// When the name or the address is taken, and when a proof or an invitation is missing
    /// or worth nothing.
    pub async fn register(&self, registration: Registration, with: Credential) -> Result<UserView, RegisterError> {
        let mut check = FieldErrors::new();
        if self.mode == RegistrationMode::Code && with.proof.is_none() {
            check.push("verification_code", Issue::Required);
        }
        if self.mode == RegistrationMode::Invitation && with.invitation.is_none() {
            check.push("invite_code", Issue::Required);
        }
        let invitation = with.invitation.map(|text| InvitationToken::parse(&text).ok_or_else(worthless));
        let invitation = invitation.and_then(|token| check.check("invite_code", token));
        check.finish()?;
        let contact = Contact::Email(registration.email.clone());
        let (proof, field) = match with.proof {
            None => (None, ""),
            Some(RegistrationProof::Code(code)) => (Some(ContactProof::Code(contact, code)), "verification_code"),
            Some(RegistrationProof::Token(token)) => {
                (Some(ContactProof::Token(token, Some(contact))), "verification_token")
            }
        };
        let email = registration.email.clone();
        let new = self.accounts.prepare(registration, &[BuiltInRole::User], proof.is_some()).await?;
        let (now, event_id, used_id) = (new.created_at(), self.ports.ids.uuid(), self.ports.ids.uuid());
        let done = transact!(self.ports.store, |tx| {
            if let Some(proof) = &proof
                && let Err(refused) = self.verification.take(tx, proof, Purpose::Register, now, event_id).await?
            {
                return Ok(Err(refused));
            }
            Accounts::insert(tx, &new).await?;
            if let Some(token) = &invitation {
                let used = tx.invitations().redeem(token.hash(), &email, new.id(), now).await?;
                let used = used.ok_or_else(|| FieldErrors::of("invite_code", worthless()))?;
                let event = events::about_invitation(used_id, events::INVITATION_USED, used, Some(new.id()), now);
                tx.outbox().append(&event).await?;
            }
            Ok::<Result<(), ProofRefused>, RegisterError>(Ok(()))
        })?;
        done.map_err(|refused| RegisterError::Proof { refused, field })?;
        Ok(new.view())
    }

    /// Makes an invitation, for one address or for whoever has it.
    ///
    /// # Errors
    /// The store's.
    pub async fn invite(
        &self,
        by: Option<UserId>,
        email: Option<EmailAddress>,
        ttl: Duration,
    ) -> Result<Invited, StoreError> {
        let token = InvitationToken::new(self.verification.randomness().token());
        let now = self.ports.clock.now();
        let invitation = NewInvitation {
            id: InvitationId::new(self.ports.ids.uuid()),
            hash: token.hash(),
            email,
            created_by: by,
            created_at: now,
            expires_at: now + ttl,
        };
        let event = events::invited(&invitation, self.ports.ids.uuid());
        transact!(self.ports.store, |tx| {
            tx.invitations().insert(&invitation).await?;
            tx.outbox().append(&event).await?;
            Ok::<_, StoreError>(())
        })?;
        Ok(Invited { view: invitation.into(), token: token.text() })
    }
}

const fn worthless() -> Issue {
    Issue::NotAllowed { allowed: Vec::new() }
}
