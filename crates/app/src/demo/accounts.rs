//! The demo's accounts, whose passwords everybody can read here.

use secrecy::SecretString;
use sharestack_kernel::actor::{Actor, Credential};
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_kernel::patch::Patch;
use sharestack_users::error::RegisterError;
use sharestack_users::model::{BuiltInRole, LoginName, ProfileInput, RegistrationInput, UserView};
use sharestack_users::ports::AccountQueries as _;

use crate::wiring::App;

/// An account that everybody can sign in to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    name: &'static str,
    password: &'static str,
    display: &'static str,
}

const ADMIN: Known = Known { name: "admin", password: "demo-admin-password", display: "管理员" };
const CREATOR: Known = Known { name: "lin", password: "demo-creator-password", display: "林" };
const READER: Known = Known { name: "wei", password: "demo-reader-password", display: "魏" };

/// In the order in which they are made.
const ALL: [Known; 3] = [ADMIN, CREATOR, READER];

/// Who makes the demo's content.
pub struct Cast {
    pub admin: Actor,
    pub creator: Actor,
}

/// Makes the accounts that are missing; `false` when some are somebody's by now, or were removed,
/// and when there ever was another: known passwords do not come into somebody's database.
///
/// # Errors
/// When something cannot be written.
pub async fn make(app: &App) -> anyhow::Result<bool> {
    let there = remaining(app).await?;
    // Where one is missing before another that is there, somebody has removed it.
    let are_ours = there.iter().zip(ALL).all(|((known, _, is_open), ours)| *known == ours && *is_open);
    if !are_ours || app.store.count_ever().await? != there.len() as u64 {
        return Ok(false);
    }
    for known in ALL.into_iter().skip(there.len()) {
        let registration = registration(known).parse()?;
        let made = match known {
            ADMIN => app.accounts.create_super_admin(registration).await,
            _ => app.accounts.register(registration).await,
        };
        match made {
            Ok(_) => {}
            Err(RegisterError::UsernameTaken | RegisterError::EmailTaken) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    let Some(cast) = cast(app).await? else { return Ok(false) };
    let creator = app.accounts.find(cast.creator.user_id).await?;
    if creator.is_some_and(|creator| creator.roles == [BuiltInRole::User.name()]) {
        let roles = [BuiltInRole::User, BuiltInRole::Creator].map(|role| role.name().to_owned());
        app.accounts.grant_roles(&cast.admin, cast.creator.user_id, &roles, None).await?;
    }
    Ok(true)
}

/// Who makes the content; `None` when one of them is gone, or has another password.
///
/// # Errors
/// When the accounts cannot be read.
pub async fn cast(app: &App) -> anyhow::Result<Option<Cast>> {
    let there = remaining(app).await?;
    let find = |wanted: Known, role| {
        let found = there.iter().find(|(known, _, is_open)| *known == wanted && *is_open);
        found.map(|(_, user, _)| actor(app, user.id, role))
    };
    let (admin, creator) = (find(ADMIN, BuiltInRole::SuperAdmin), find(CREATOR, BuiltInRole::Creator));
    Ok(admin.zip(creator).map(|(admin, creator)| Cast { admin, creator }))
}

/// The demo's accounts as they are now: those that still have the demo's password.
///
/// # Errors
/// When the accounts cannot be read.
pub async fn open(app: &App) -> anyhow::Result<Vec<String>> {
    let open = remaining(app).await?.into_iter().filter(|(.., is_open)| *is_open);
    let told = open.map(|(Known { name, password, .. }, user, _)| {
        format!("demo account: {name} / {password} ({})", user.role().replace('_', " "))
    });
    Ok(told.collect())
}

/// Who has a name of the demo's accounts, and whether its password opens theirs.
async fn remaining(app: &App) -> anyhow::Result<Vec<(Known, UserView, bool)>> {
    let mut remaining = Vec::new();
    for known in ALL {
        let Some(login) = LoginName::parse(known.name) else { continue };
        let Some(found) = app.store.find_credentials(&login).await? else { continue };
        let Some(user) = app.accounts.find(found.user_id).await? else { continue };
        // What cannot be checked is not known.
        let fits = app.access.passwords.fits(user.id, &SecretString::from(known.password)).await;
        let is_open = fits.unwrap_or(false);
        remaining.push((known, user, is_open));
    }
    Ok(remaining)
}

/// What production is told of demo content in its database.
pub async fn left_in_production(app: &App) -> Option<String> {
    if !app.config.is_production() {
        return None;
    }
    let remaining = remaining(app).await.inspect_err(|error| tracing::debug!(%error, "demo accounts were not read"));
    let remaining = remaining.unwrap_or_default();
    let named = |is_meant: &dyn Fn(&(Known, UserView, bool)) -> bool| {
        let names: Vec<_> = remaining.iter().filter(|one| is_meant(one)).map(|(known, ..)| known.name).collect();
        names.join(", ")
    };
    let (open, all) =
        (named(&|(.., is_open)| *is_open), named(&|(known, user, is_open)| *is_open || user.email == address(*known)));
    if all.is_empty() {
        return None;
    }
    let known = if open.is_empty() { String::new() } else { format!("; anybody can sign in as {open}") };
    Some(format!(
        "the database holds demo content, with the accounts {all}{known}: delete them, or take another database"
    ))
}

/// The address of one of the demo's accounts.
fn address(known: Known) -> String {
    format!("{}@example.com", known.name)
}

fn registration(known: Known) -> RegistrationInput {
    RegistrationInput {
        username: Some(known.name.to_owned()),
        email: Some(address(known)),
        password: Some(known.password.to_owned()),
        profile: ProfileInput { display_name: Patch::Set(known.display.to_owned()), ..ProfileInput::default() },
    }
}

/// Somebody who acts without having signed in: no session of the demo stays behind.
fn actor(app: &App, user_id: UserId, role: BuiltInRole) -> Actor {
    let credential = Credential::Session { id: SessionId::new(app.ids.uuid()), proved_at: app.clock.now() };
    Actor { user_id, credential, role: role.name().to_owned(), permissions: role.role().permissions }
}
