//! Registration, login, tokens; who one is; roles.

pub mod admin;
pub mod api_keys;
pub mod auth;
pub mod avatar;
pub mod codes;
mod device;
pub mod directory;
pub mod identities;
pub mod invitations;
pub mod me;
pub mod mfa;
pub mod oauth;
#[cfg(feature = "passkeys")]
pub mod passkeys;
pub mod passwords;
mod people_views;
pub mod privacy;
pub mod recovery;
pub mod roles;
pub mod sessions;
pub mod settings;
pub mod third_party;
mod views;

use crate::http::registry::Registry;

/// Registers the domain's operations.
pub fn register(config: &mut Registry<'_>) {
    config
        .service(auth::register)
        .service(auth::login)
        .service(oauth::token)
        .service(auth::refresh)
        .service(auth::logout)
        .service(sessions::list_own_sessions)
        .service(sessions::end_own_session)
        .service(sessions::logout_all)
        .service(sessions::list_user_sessions)
        .service(sessions::end_user_session)
        .service(passwords::change_password)
        .service(passwords::reauthenticate)
        .service(api_keys::list_api_keys)
        .service(api_keys::create_api_key)
        .service(api_keys::delete_api_key)
        .service(mfa::list)
        .service(mfa::enrol)
        .service(mfa::confirm)
        .service(mfa::remove)
        .service(mfa::verify)
        .service(mfa::renew_recovery_codes)
        .service(invitations::list_invitations)
        .service(invitations::create_invitation)
        .service(invitations::revoke_invitation)
        .service(codes::send)
        .service(codes::verify_code)
        .service(codes::config)
        .service(recovery::login_with_code)
        .service(recovery::forgot)
        .service(recovery::reset)
        .service(recovery::verify_email)
        .service(recovery::change_email)
        .service(recovery::verify_phone)
        .service(me::profile)
        .service(me::auth_me)
        .service(me::permissions)
        .service(me::me)
        .service(third_party::providers)
        .service(third_party::authorize)
        .service(third_party::callback)
        .service(third_party::callback_form)
        .service(third_party::exchange)
        .service(identities::linked_identities)
        .service(identities::unlink)
        .service(me::update_me)
        .service(privacy::request_export)
        .service(privacy::find_export)
        .service(privacy::download_export)
        .service(privacy::leave)
        .service(privacy::find_departure)
        .service(privacy::stay)
        .service(avatar::set_avatar)
        .service(avatar::remove_avatar)
        .service(avatar::read_avatar)
        .service(settings::read_settings)
        .service(settings::update_settings)
        .service(directory::search_users)
        .service(directory::public_profile)
        .service(admin::list_users)
        .service(admin::create_user)
        .service(admin::activate_user)
        .service(admin::deactivate_user)
        .service(roles::list_roles)
        .service(roles::read_role)
        .service(roles::create_role)
        .service(roles::update_role)
        .service(roles::delete_role)
        .service(roles::grant_roles)
        // Last: their one segment takes all that no other route has taken.
        .service(admin::read_user)
        .service(admin::update_user)
        .service(admin::delete_user);
    #[cfg(feature = "passkeys")]
    config
        .service(passkeys::registration_options)
        .service(passkeys::register_passkey)
        .service(passkeys::remove_passkey)
        .service(passkeys::login_options)
        .service(passkeys::login_with_passkey);
}
