//! Keys of programs.

use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use sharestack_kernel::actor::{Actor, Denied, OWN_READ, OWN_WRITE};

/// The header that carries a key.
pub const API_KEY: &str = "x-api-key";

/// Who holds the key of a request, as the rate limit found them.
pub struct KeyHolder(pub Actor);

/// The key of a request; `None` when there is no such header.
pub fn api_key(headers: &HeaderMap) -> Option<&str> {
    headers.get(API_KEY).map(|value| value.to_str().unwrap_or_default().trim())
}

/// Refuses a key that is for other things than the operation's.
///
/// Many operations ask for no permission, because they are about what is one's own. A key
/// may do those when it may do as its owner does (`own.read`, `own.write`); else it needs
/// a scope of the area that the path names, and more than `read` to change anything. What
/// the operation itself asks for it asks for all the same.
///
/// # Errors
/// [`Denied`] names what would be enough.
pub fn within_scopes(actor: &Actor, method: &Method, pattern: &str) -> Result<(), Denied> {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let own = if reads { OWN_READ } else { OWN_WRITE };
    let fits = |scope: &str| {
        let (area, action) = scope.split_once('.').unwrap_or((scope, ""));
        (reads || action != "read") && areas(pattern).any(|named| named == area)
    };
    if actor.may(own) || (!is_own(pattern) && actor.permissions.iter().any(|scope| fits(scope.as_str()))) {
        return Ok(());
    }
    Err(Denied { required: own, role: Some(actor.role.clone()) })
}

/// Whether the path is about who asks, whatever it names.
fn is_own(pattern: &str) -> bool {
    pattern.split('/').any(|part| part == "me" || part == "auth")
}

/// The areas that a path names: `/api/v1/articles/{id}/comments` → `article`, `comment`.
fn areas(pattern: &str) -> impl Iterator<Item = String> {
    let names = pattern.split('/').filter(|part| !part.is_empty() && !part.starts_with('{'));
    names.map(|name| {
        let name = name.replace('-', "_");
        match name.strip_suffix("ies") {
            Some(stem) => format!("{stem}y"),
            None => name.strip_suffix('s').map_or(name.clone(), str::to_owned),
        }
    })
}

#[cfg(test)]
mod tests {
    use sharestack_kernel::actor::Credential;
    use sharestack_kernel::id::UserId;
    use sharestack_kernel::permission::Permission;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_key_is_for_the_areas_of_its_scopes_or_for_all_that_is_its_owners() {
        let may = |scopes: &[&str], method: Method, pattern: &str| {
            let permissions = scopes.iter().map(|text| Permission::parse(text).unwrap()).collect();
            let credential = Credential::ApiKey(Uuid::nil());
            let actor = Actor { user_id: UserId::new(1), credential, role: "user".to_owned(), permissions };
            within_scopes(&actor, &method, pattern).is_ok()
        };
        let (articles, orders, me) = ("/api/v1/articles/{id}", "/api/v1/subscriptions/orders", "/api/v1/users/me");
        assert!(may(&["article.read"], Method::GET, articles));
        assert!(!may(&["article.read"], Method::DELETE, articles));
        assert!(may(&["article.update"], Method::PUT, articles));
        assert!(may(&["article.*"], Method::DELETE, articles));
        assert!(!may(&["photo.*"], Method::GET, articles));
        assert!(!may(&["article.*"], Method::POST, orders));
        assert!(may(&["category.create"], Method::POST, "/api/v1/categories"));
        assert!(may(&["own.write"], Method::POST, orders) && !may(&["own.read"], Method::POST, orders));
        assert!(
            may(&["own.read"], Method::GET, me) && may(&["own.*"], Method::PUT, me) && may(&["*"], Method::PUT, me)
        );
        assert!(!may(&["user.*"], Method::PUT, me) && !may(&["user.read"], Method::GET, me));
        assert!(may(&["user.update"], Method::PUT, "/api/v1/users/{user_id}"));
        assert!(!may(&[], Method::GET, articles));
    }
}
