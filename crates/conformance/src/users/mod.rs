//! What every adapter of the users ports must pass, over an empty store.
//!
//! An adapter's tests hand [`crate::users_cases`] a macro that turns the list into tests.

pub mod account;
pub mod api_key;
pub mod code;
pub mod directory;
pub mod edit;
pub mod external;
pub mod factor;
pub mod invitation;
pub mod oauth;
pub mod passkey;
pub mod privacy;
pub mod role;
pub mod role_catalog;
pub mod session;
pub mod session_cache;
pub mod settings;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use sharestack_kernel::event::EventLog;
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;
use sharestack_users::error::InsertAccountError;
use sharestack_users::model::{
    AuthMethod, BuiltInRole, Client, EmailAddress, NewAccount, NewRefreshToken, NewSession, PasswordHash, Profile,
    RefreshSecret, TokenHash, Username,
};
use sharestack_users::ports::{
    AccountQueries, ApiKeyQueries, CodeQueries, ContactQueries, Directory, ExternalIdentityQueries, FactorQueries,
    InvitationQueries, OAuthFlowQueries, PasskeyQueries, PrivacyQueries, RoleQueries, SessionQueries, SettingsQueries,
    UsersTx,
};
use uuid::Uuid;

/// An empty store.
#[derive(Clone)]
pub struct Subject {
    /// Transactions.
    pub store: Arc<dyn Begin<dyn UsersTx>>,
    /// Accounts, to read.
    pub accounts: Arc<dyn AccountQueries>,
    /// Sessions, to read.
    pub sessions: Arc<dyn SessionQueries>,
    /// Linked identities, to read.
    pub identities: Arc<dyn ExternalIdentityQueries>,
    /// Logins under way, to look at.
    pub flows: Arc<dyn OAuthFlowQueries>,
    /// Users, for lists and profiles.
    pub directory: Arc<dyn Directory>,
    /// Roles, to read.
    pub roles: Arc<dyn RoleQueries>,
    /// Settings, to read.
    pub settings: Arc<dyn SettingsQueries>,
    /// What the relay works on.
    pub events: Arc<dyn EventLog>,
    /// Second factors, to read.
    pub factors: Arc<dyn FactorQueries>,
    /// Passkeys, to read.
    pub passkeys: Arc<dyn PasskeyQueries>,
    /// API keys, to read.
    pub keys: Arc<dyn ApiKeyQueries>,
    /// Codes, to prune.
    pub codes: Arc<dyn CodeQueries>,
    /// Invitations, to read.
    pub invitations: Arc<dyn InvitationQueries>,
    /// Whose addresses are.
    pub contacts: Arc<dyn ContactQueries>,
    /// Copies of personal data and wishes to go, to read.
    pub privacy: Arc<dyn PrivacyQueries>,
    /// Makes an account inactive, as no port does yet.
    pub disable: Disable,
}

/// Makes an account inactive.
pub type Disable = Arc<dyn Fn(UserId) -> BoxFuture<'static, ()> + Send + Sync>;

impl Subject {
    /// The subject of an adapter that implements all ports in one type.
    pub fn over<S>(store: &S, disable: Disable) -> Self
    where
        S: Begin<dyn UsersTx>
            + AccountQueries
            + SessionQueries
            + ApiKeyQueries
            + FactorQueries
            + ExternalIdentityQueries
            + OAuthFlowQueries
            + Directory
            + RoleQueries
            + SettingsQueries
            + PasskeyQueries
            + EventLog
            + CodeQueries
            + ContactQueries
            + InvitationQueries
            + PrivacyQueries
            + Clone
            + 'static,
    {
        let store = Arc::new(store.clone());
        Self {
            store: store.clone(),
            accounts: store.clone(),
            sessions: store.clone(),
            keys: store.clone(),
            factors: store.clone(),
            identities: store.clone(),
            flows: store.clone(),
            directory: store.clone(),
            roles: store.clone(),
            settings: store.clone(),
            events: store.clone(),
            codes: store.clone(),
            invitations: store.clone(),
            passkeys: store.clone(),
            contacts: store.clone(),
            privacy: store,
            disable,
        }
    }
}

/// Hands the list of all cases to a macro.
#[macro_export]
macro_rules! users_cases {
    ($run:ident) => {
        $run! {
            users::account: [
                an_inserted_account_is_found_by_each_of_its_names,
                an_account_without_a_profile_is_kept_so,
                users_asked_for_at_once_are_each_their_own,
                a_taken_address_is_refused,
                a_taken_username_is_refused,
                names_are_compared_byte_by_byte,
                of_rivals_for_an_address_one_gets_it,
                of_rivals_for_a_username_one_gets_it,
                a_refused_account_leaves_nothing,
                a_login_is_noted_and_a_new_hash_kept,
                another_hash_of_the_same_password_is_no_edit,
                a_set_password_replaces_the_old_one,
                holding_an_account_makes_others_wait,
                events_of_a_held_account_stand_in_the_order_of_commits,
                what_is_not_there_is_not_found
            ],
            users::factor: [
                a_secret_reads_back_and_replaces_the_one_before,
                a_confirmed_secret_says_when_and_by_which_step,
                a_step_is_taken_once_and_never_backwards,
                of_rivals_for_a_step_one_takes_it,
                who_holds_the_account_sees_the_secret_that_was_put_before,
                a_removed_secret_takes_its_recovery_codes_along,
                a_recovery_code_is_taken_once_and_by_its_user_only,
                of_rivals_for_a_recovery_code_one_takes_it,
                new_recovery_codes_replace_the_old,
                a_challenge_reads_back_and_counts_its_tries,
                of_rivals_for_a_challenge_one_sees_it_unused,
                pruning_challenges_keeps_what_is_not_old
            ],
            users::external: [
                a_linked_identity_is_found_by_its_subject_and_by_its_user,
                a_subject_is_linked_once_a_provider,
                of_rivals_for_a_subject_one_links_it,
                what_the_provider_tells_is_kept,
                only_its_user_unlinks_an_identity,
                all_identities_of_a_user_are_unlinked,
                ways_in_are_counted,
                of_two_that_unlink_at_once_one_stays
            ],
            users::oauth: [
                a_login_comes_back_as_it_went_out,
                a_login_that_links_knows_whose_it_is,
                a_login_comes_back_once_of_any_number_of_rivals,
                another_browser_leaves_a_login_alone,
                a_code_is_taken_once_of_any_number_of_rivals,
                a_rolled_back_taking_leaves_the_login,
                pruning_forgets_what_never_came_back
            ],
            users::directory: [
                the_list_is_filtered_and_counted,
                the_list_is_searched_as_the_text_stands,
                exact_names_come_first_then_beginnings,
                who_is_not_to_be_found_is_not,
                a_profile_shows_what_its_owner_shows,
                digits_are_an_id_first,
                holders_come_in_pages
            ],
            users::edit: [
                what_a_change_names_is_changed,
                what_a_change_keeps_stays,
                a_taken_name_is_refused_to_a_change,
                a_name_that_looks_like_anothers_is_taken,
                of_rivals_for_a_look_one_gets_it,
                holding_a_record_makes_others_wait,
                a_deleted_account_is_found_by_nobody,
                an_erased_account_says_nothing_of_its_owner,
                who_was_deleted_and_erased_was_there,
                every_edit_gives_another_version
            ],
            users::role_catalog: [
                built_in_roles_are_listed_highest_first,
                a_made_role_is_found_and_can_be_held,
                a_taken_role_name_is_refused,
                a_role_keeps_what_is_not_changed,
                a_role_that_is_changed_is_another_version,
                a_role_that_is_held_is_not_deleted
            ],
            users::settings: [
                settings_are_kept_as_they_are,
                the_consent_log_only_grows
            ],
            users::passkey: [
                a_passkey_reads_back,
                a_taken_key_is_refused,
                of_rivals_for_a_key_one_gets_it,
                a_used_passkey_says_when,
                a_passkey_is_removed_by_its_owner_only,
                all_passkeys_of_a_user_are_removed,
                a_passkey_is_a_way_in,
                holding_a_passkey_makes_others_wait
            ],
            users::privacy: [
                a_copy_reads_back_in_each_state,
                a_copy_moves_on_once_and_in_its_order,
                of_rivals_that_end_a_copy_one_does,
                the_latest_copy_is_the_one_that_was_asked_for_last,
                overdue_copies_are_listed_by_their_ids,
                a_wish_to_go_is_noted_and_forgotten_once,
                of_rivals_with_a_wish_to_go_one_notes_it
            ],
            users::role: [
                every_built_in_role_is_there,
                unknown_names_are_left_out,
                replacing_roles_gives_and_takes,
                roles_come_highest_first,
                permissions_are_the_union_over_the_roles,
                only_active_holders_are_counted,
                two_cannot_both_remove_the_last_super_admin
            ],
            users::session: [
                an_open_session_is_found_with_its_rights,
                a_revoked_session_is_not_found,
                a_session_of_an_inactive_user_is_not_found,
                a_session_is_revoked_once_and_by_its_user_only,
                a_change_of_roles_shows_at_once,
                an_unknown_token_is_not_found,
                a_used_token_says_when,
                a_held_token_knows_of_its_session,
                of_rivals_for_a_token_one_sees_it_unused,
                a_rolled_back_rotation_leaves_the_token_unused,
                pruning_keeps_what_is_not_old,
                all_open_sessions_but_one_end_at_once,
                open_sessions_are_listed_the_last_seen_first,
                a_session_is_seen_once_a_minute,
                a_proof_is_noted_in_an_open_session_of_its_user_only
            ],
            users::api_key: [
                a_key_is_found_with_its_owners_rights,
                a_key_of_an_inactive_owner_is_not_found,
                a_key_is_deleted_by_its_owner_only,
                all_keys_of_a_user_are_deleted_and_no_others,
                keys_are_listed_the_newest_first,
                a_use_is_noted_once_a_minute
            ]
        }
    };
}

/// Hands the list of the cases about codes, invitations and proven addresses to a macro.
#[macro_export]
macro_rules! users_code_cases {
    ($run:ident) => {
        $run! {
            users::code: [
                what_is_remembered_reads_back,
                rivals_see_what_the_one_before_them_left,
                a_proven_address_is_taken_once,
                a_proven_address_outlives_what_is_undone_but_not_its_time,
                pruning_forgets_what_is_old_alone,
                an_address_is_found_with_its_holder,
                a_number_belongs_to_who_proved_it_last,
                a_number_that_is_no_longer_shown_is_nobodys,
                a_number_that_is_forgotten_is_nobodys,
                any_sequence_of_sends_tries_and_waits_agrees_with_the_rule
            ],
            users::invitation: [
                an_invitation_is_redeemed_once,
                an_invitation_is_for_its_address_and_time,
                a_revoked_invitation_lets_nobody_in,
                of_who_redeems_and_who_revokes_one_succeeds,
                invitations_are_listed_by_what_became_of_them
            ]
        }
    };
}

/// When the cases take place.
fn now() -> DateTime<Utc> {
    crate::far_ahead()
}

fn account(id: i64, username: &str, email: &str) -> NewAccount {
    NewAccount {
        id: UserId::new(id),
        username: Username::parse(username).unwrap(),
        email: EmailAddress::parse(email).unwrap(),
        password_hash: PasswordHash::new(format!("hash of {id}")),
        profile: Profile::default(),
        is_verified: false,
        created_at: now(),
    }
}

async fn insert(subject: &Subject, account: &NewAccount) -> Result<(), InsertAccountError> {
    transact!(subject.store, |tx| { tx.accounts().insert(account).await })
}

/// An account called `user` and its id, for the cases of other domains.
pub async fn register(store: &dyn Begin<dyn UsersTx>, id: UserId) {
    let new = account(id.get(), &format!("user{id}"), &format!("user{id}@example.com"));
    let done: Result<(), InsertAccountError> = transact!(store, |tx| { tx.accounts().insert(&new).await });
    done.unwrap();
}

/// A user with these roles.
async fn user(subject: &Subject, id: i64, roles: &[BuiltInRole]) -> UserId {
    let account = account(id, &format!("user{id}"), &format!("user{id}@example.com"));
    insert(subject, &account).await.unwrap();
    grant(subject, account.id, roles).await;
    account.id
}

async fn grant(subject: &Subject, user: UserId, roles: &[BuiltInRole]) {
    let ids: Vec<_> = roles.iter().map(|role| role.id()).collect();
    let done: Result<(), InsertAccountError> = transact!(subject.store, |tx| {
        tx.roles().hold().await?;
        tx.roles().replace(user, &ids, Some(user), now()).await?;
        Ok(())
    });
    done.unwrap();
}

fn session(user_id: UserId, number: u128) -> NewSession {
    NewSession {
        id: SessionId::new(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | number)),
        user_id,
        method: AuthMethod::Password,
        client: Client::new(Some("2001:db8::1".to_owned()), Some("测试/1.0")),
        created_at: now(),
        expires_at: now() + chrono::Duration::days(7),
    }
}

fn hash(number: u8) -> TokenHash {
    RefreshSecret::new([number; 32]).hash()
}

fn token(session: &NewSession, number: u8) -> NewRefreshToken {
    NewRefreshToken {
        hash: hash(number),
        session_id: session.id,
        issued_at: session.created_at,
        expires_at: session.expires_at,
    }
}

/// Opens a session with one refresh token.
async fn open(subject: &Subject, session: &NewSession, token: &NewRefreshToken) {
    let done: Result<(), InsertAccountError> = transact!(subject.store, |tx| {
        tx.sessions().insert(session).await?;
        tx.sessions().insert_refresh_token(token).await?;
        Ok(())
    });
    done.unwrap();
}
