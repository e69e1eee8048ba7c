//! The users domain in another program: no actix, no HTTP, no other domain.
//!
//! [`Members`] is what such a program writes: it chooses an adapter for each port of
//! `sharestack-users`, and gives its own callers the four verbs they need.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use secrecy::{ExposeSecret, SecretString};
use sharestack_cache::{Caching, MemoryConfig};
use sharestack_identity::{Argon2Config, Argon2Hasher, HmacDeriver, Jwt, JwtAlgorithm, JwtConfig};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_kernel::random::SystemRandomness;
use sharestack_store_seaorm::{SequenceIds, Store, StoreConfig};
use sharestack_users::model::{Client, ProfileInput, RegistrationInput, SessionPolicy, UserView};
use sharestack_users::service::{
    AccountPorts, Accounts, CachedSessions, Login, SessionChecks, SessionPorts, Sessions, Tokens,
};

/// How long a session is believed without asking the database.
const SESSION_TTL: Duration = Duration::from_secs(30);

/// The members of a program.
pub struct Members {
    accounts: Accounts,
    sessions: Sessions,
    checks: SessionChecks,
}

impl Members {
    /// Opens the database at `url`, brings its schema up to date, and wires the domain.
    /// `secret` signs the access tokens: 32 bytes or more, the same at each start.
    ///
    /// # Errors
    /// When the database does not answer, or the secret is too short.
    pub async fn open(url: &str, secret: &SecretString) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let randomness = Arc::new(SystemRandomness);
        let store = Store::connect(&StoreConfig::new(url), clock.clone()).await?;
        store.migrate().await?;
        let store = Arc::new(store);
        let ids = Arc::new(SequenceIds::new(store.as_ref().clone()));
        let hasher = Arc::new(Argon2Hasher::try_new(Argon2Config::default())?);
        let tokens = Arc::new(Jwt::try_new(&JwtConfig::new(JwtAlgorithm::Hs256, secret.clone()), clock.clone())?);
        let caching = Caching::in_process(&MemoryConfig::default(), clock.clone(), randomness.clone());
        let cache = Arc::new(CachedSessions::new(caching.strict_cache, ids.clone(), SESSION_TTL));
        let accounts = Accounts::new(AccountPorts {
            store: store.clone(),
            queries: store.clone(),
            hasher: hasher.clone(),
            cache: cache.clone(),
            ids: ids.clone(),
            clock: clock.clone(),
        });
        let checks = SessionChecks::new(tokens.clone(), store.clone(), cache.clone(), clock.clone());
        let ports = SessionPorts {
            store: store.clone(),
            accounts: store.clone(),
            sessions: store,
            hasher,
            tokens,
            deriver: Arc::new(HmacDeriver::new(secret)),
            cache,
            ids,
            clock,
            randomness,
        };
        Ok(Self { accounts, sessions: Sessions::new(ports, SessionPolicy::default()), checks })
    }

    /// Makes an account. Every field that breaks a rule is named in the error.
    ///
    /// # Errors
    /// When a field breaks a rule, or the name or address is taken.
    pub async fn register(&self, username: &str, email: &str, password: &str) -> Result<UserView> {
        let input = RegistrationInput {
            username: Some(username.to_owned()),
            email: Some(email.to_owned()),
            password: Some(password.to_owned()),
            profile: ProfileInput::default(),
        };
        Ok(self.accounts.register(input.parse()?).await?)
    }

    /// Opens a session for a username or address and its password.
    ///
    /// # Errors
    /// When the pair is wrong.
    pub async fn login(&self, name: &str, password: &str) -> Result<Tokens> {
        let login = Login { name: name.to_owned(), password: password.into(), client: Client::default() };
        let signed_in = self.sessions.login(login).await?;
        signed_in.tokens().context("a second factor is asked for")
    }

    /// Who carries this access token now.
    ///
    /// # Errors
    /// When it is worth nothing, or its session has ended.
    pub async fn authenticate(&self, access_token: &str) -> Result<Actor> {
        Ok(self.checks.authenticate(access_token).await?)
    }

    /// Ends the session of an access token.
    ///
    /// # Errors
    /// When the token is worth nothing.
    pub async fn logout(&self, access_token: &str) -> Result<()> {
        let claims = self.checks.claims(access_token)?;
        Ok(self.sessions.logout(&claims, None).await?)
    }
}

/// One line of the little language that the program reads:
/// `register NAME EMAIL PASSWORD`, `login NAME PASSWORD`, `whoami TOKEN`, `logout TOKEN`.
///
/// # Errors
/// When the line is none of these, or what it asks for is refused.
pub async fn answer(members: &Members, line: &str) -> Result<String> {
    let mut words = line.splitn(4, ' ');
    let mut next = || words.next().context("a word is missing");
    Ok(match next()? {
        "register" => {
            let user = members.register(next()?, next()?, next()?).await?;
            format!("{} has the number {}", user.username, user.id)
        }
        "login" => members.login(next()?, next()?).await?.access_token.expose_secret().to_owned(),
        "whoami" => {
            let actor = members.authenticate(next()?).await?;
            format!("user {} with the role {}", actor.user_id, actor.role)
        }
        "logout" => {
            members.logout(next()?).await?;
            "bye".to_owned()
        }
        other => anyhow::bail!("no such verb: {other}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_without_http_registers_and_signs_in_its_members() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/members.db", directory.path().display());
        let members = Members::open(&url, &"a secret of at least thirty-two bytes".into()).await.unwrap();
        let say = async |line: &str| answer(&members, line).await;
        assert!(
            say("register lin lin@example.com correct-horse-battery").await.unwrap().starts_with("lin has the number")
        );
        let refused = say("register lin other@example.com correct-horse-battery").await.unwrap_err();
        assert_eq!(refused.to_string(), "username is taken");
        assert!(say("register x not-an-address short").await.unwrap_err().to_string().contains("email"));
        assert_eq!(say("login lin wrong-horse").await.unwrap_err().to_string(), "name or password is wrong");
        let token = say("login LIN@example.com correct-horse-battery").await.unwrap();
        assert!(say(&format!("whoami {token}")).await.unwrap().ends_with("with the role user"));
        assert_eq!(say(&format!("logout {token}")).await.unwrap(), "bye");
        assert!(say(&format!("whoami {token}")).await.is_err());
    }
}
