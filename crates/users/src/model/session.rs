use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use sharestack_kernel::actor::{Actor, Credential};
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_kernel::permission::PermissionSet;

use super::TokenHash;

/// How long things last.
#[derive(Debug, Clone, Copy)]
pub struct SessionPolicy {
    /// An access token.
    pub access_ttl: Duration,
    /// A refresh token, and with it a session that nobody uses.
    pub refresh_ttl: Duration,
    /// How long a used refresh token still gets its successor.
    pub grace: Duration,
    /// How long the second of two proofs may follow the first.
    pub second_factor_ttl: Duration,
    /// Whether a code by mail will do as the second proof. Who has the mailbox can set a new
    /// password by it: then the mailbox alone opens the account.
    pub second_factor_by_mail: bool,
}

impl Default for SessionPolicy {
    /// 30 minutes, 7 days, 10 seconds, 5 minutes, not by mail.
    fn default() -> Self {
        Self {
            access_ttl: Duration::minutes(30),
            refresh_ttl: Duration::days(7),
            grace: Duration::seconds(10),
            second_factor_ttl: Duration::minutes(5),
            second_factor_by_mail: false,
        }
    }
}

/// What somebody signs in from, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Client {
    /// The network address.
    pub ip: Option<String>,
    /// What the program calls itself.
    pub user_agent: Option<String>,
}

impl Client {
    /// Keeps as much of each as a store has room for.
    pub fn new(ip: Option<String>, user_agent: Option<&str>) -> Self {
        let clean = |text: &str| text.chars().filter(|c| !c.is_control()).take(255).collect();
        Self { ip: ip.filter(|ip| ip.len() <= 45), user_agent: user_agent.map(clean) }
    }

    /// Whom the address stands for: one IPv4 address, or the /64 that one IPv6 subscriber has.
    pub fn network(&self) -> String {
        let address = self.ip.as_deref().and_then(|ip| ip.parse().ok());
        address.map_or_else(|| "unknown".to_owned(), |address| network(address).to_string())
    }
}

/// Whose address it is: an IPv6 subscriber has 64 bits of them to choose from.
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

/// By what somebody proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthMethod {
    /// The account's password.
    Password,
    /// A code that was sent to the account's address.
    Code,
    /// Another service that the account is linked to.
    OAuth,
    /// A passkey whose device verified its user.
    Passkey,
}

impl AuthMethod {
    /// Every method.
    pub const ALL: [Self; 4] = [Self::Password, Self::Code, Self::OAuth, Self::Passkey];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code => "code",
            Self::OAuth => "oauth",
            Self::Passkey => "passkey",
        }
    }

    /// Whether an account that asks for a second proof asks for it after this one. A
    /// passkey is two in one: the device, and what its user did to open it.
    pub const fn wants_second_factor(self) -> bool {
        !matches!(self, Self::Passkey)
    }

    /// The method of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}

/// A session to be inserted.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// How it was opened.
    pub method: AuthMethod,
    /// Where it was opened from.
    pub client: Client,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it ends, if it is not refreshed.
    pub expires_at: DateTime<Utc>,
}

/// A refresh token to be inserted.
#[derive(Debug, Clone)]
pub struct NewRefreshToken {
    /// What is kept of it.
    pub hash: TokenHash,
    /// The session it continues: its family.
    pub session_id: SessionId,
    /// When it was given out.
    pub issued_at: DateTime<Utc>,
    /// After this it is refused.
    pub expires_at: DateTime<Utc>,
}

/// A refresh token as a store holds it, with what its session and user are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRefreshToken {
    /// The session it continues.
    pub session_id: SessionId,
    /// Whose session that is.
    pub user_id: UserId,
    /// After this it is refused.
    pub expires_at: DateTime<Utc>,
    /// When it was exchanged for its successor.
    pub used_at: Option<DateTime<Utc>>,
    /// Whether the session was ended.
    pub session_revoked: bool,
    /// Whether the account may be used.
    pub user_active: bool,
}

/// What a presented refresh token is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// It is exchanged for its successor.
    Fresh,
    /// It was exchanged a moment ago, by a rival that lost or won a race: the same
    /// successor again.
    Grace,
    /// It was exchanged long ago: somebody has a copy, and the family ends.
    Reused,
    /// Its time is over.
    Expired,
    /// Its session has ended.
    Revoked,
}

impl StoredRefreshToken {
    /// Decides at `now`, when a used token has `grace`.
    pub fn present(&self, now: DateTime<Utc>, grace: Duration) -> Presented {
        if self.session_revoked || !self.user_active {
            return Presented::Revoked;
        }
        match self.used_at {
            // The rival's time may be later than ours: it was drawn before the row was held.
            Some(used_at) if now - used_at <= grace => Presented::Grace,
            Some(_) => Presented::Reused,
            None if now >= self.expires_at => Presented::Expired,
            None => Presented::Fresh,
        }
    }
}

/// An open session, as its user and administrators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// The session.
    pub id: SessionId,
    /// How it was opened.
    pub method: AuthMethod,
    /// Where it was opened from.
    pub client: Client,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When somebody last came with it, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// When its user last proved who they are.
    pub proved_at: DateTime<Utc>,
    /// When it ends, if it is not refreshed.
    pub expires_at: DateTime<Utc>,
}

/// An open session, with what its user may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// The session.
    pub session_id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The names of the user's roles, the highest first.
    pub roles: Vec<String>,
    /// What the roles together grant.
    pub permissions: PermissionSet,
    /// When its user last proved who they are.
    pub proved_at: DateTime<Utc>,
    /// When it ends, if it is not refreshed.
    pub expires_at: DateTime<Utc>,
}

impl From<SessionView> for Actor {
    fn from(view: SessionView) -> Self {
        Self {
            user_id: view.user_id,
            credential: Credential::Session { id: view.session_id, proved_at: view.proved_at },
            role: view.roles.into_iter().next().unwrap_or_default(),
            permissions: view.permissions,
        }
    }
}

#[cfg(test)]
mod tests {
    use sharestack_kernel::clock::{Clock, FakeClock};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_a_token_is_worth() {
        let now = FakeClock::default().now();
        let fresh = StoredRefreshToken {
            session_id: SessionId::new(Uuid::nil()),
            user_id: UserId::new(1),
            expires_at: now + Duration::days(7),
            used_at: None,
            session_revoked: false,
            user_active: true,
        };
        let present = |token: &StoredRefreshToken| token.present(now, Duration::seconds(10));
        let used = |ago| StoredRefreshToken { used_at: Some(now - Duration::milliseconds(ago)), ..fresh.clone() };
        assert_eq!(present(&fresh), Presented::Fresh);
        assert_eq!(present(&used(10_000)), Presented::Grace);
        assert_eq!(present(&used(-50)), Presented::Grace);
        assert_eq!(present(&used(10_001)), Presented::Reused);
        assert_eq!(present(&StoredRefreshToken { expires_at: now, ..fresh.clone() }), Presented::Expired);
        assert_eq!(present(&StoredRefreshToken { session_revoked: true, ..used(1) }), Presented::Revoked);
        assert_eq!(present(&StoredRefreshToken { user_active: false, ..fresh }), Presented::Revoked);
    }

    #[test]
    fn a_client_is_kept_short() {
        let client = Client::new(Some("x".repeat(46)), Some(&"名\n".repeat(300)));
        assert_eq!(client.ip, None);
        assert_eq!(client.user_agent.map(|text| text.chars().count()), Some(255));
    }

    #[test]
    fn a_method_is_read_by_its_name() {
        for method in AuthMethod::ALL {
            assert_eq!(AuthMethod::parse(method.as_str()), Some(method));
        }
        assert_eq!(AuthMethod::parse("guess"), None);
    }
}
