//! What everybody may see of people.

use actix_web::get;
use actix_web::web::{Data, Path};
use serde::Deserialize;
use sharestack_kernel::field::FieldErrors;
use sharestack_kernel::page::PageRequest;
use sharestack_users::model::{SearchText, UserRef};

use super::people_views::PublicUser;
use crate::http::error::ApiError;
use crate::http::extract::{MaybeAuth, Params, Parse, parse_page};
use crate::http::reply::{Envelope, Paged, Reply};
use crate::wiring::App;

/// Who is looked for.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UserSearchQuery {
    /// A text at the beginning of a username or name, or, from three letters on (one
    /// Chinese character), inside it.
    #[param(required = true, min_length = 1, max_length = 100, example = "林")]
    q: Option<String>,
    /// The page's number, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1, example = 1)]
    page: Option<String>,
    /// How many items a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20, example = 20)]
    limit: Option<String>,
}

impl Parse for UserSearchQuery {
    type Output = (SearchText, PageRequest);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let page = parse_page(&mut check, self.page.as_deref(), self.limit.as_deref());
        let text = check.required("q", self.q).and_then(|text| check.check("q", SearchText::parse(&text)));
        match text {
            Some(text) if check.is_empty() => Ok((text, page)),
            _ => Err(check),
        }
    }
}

/// People by their username or name: exact names first, then beginnings.
///
/// Accounts that may not be used are not found, nor who does not want to be.
#[utoipa::path(
    tag = "User Management",
    security((), ("bearer" = [])),
    params(UserSearchQuery),
    responses((status = 200, description = "One page of public profiles", body = Paged<Vec<PublicUser>>)),
)]
#[get("/api/v1/users/search")]
pub async fn search_users(
    app: Data<App>,
    _auth: MaybeAuth,
    query: Params<UserSearchQuery>,
) -> Result<Reply<Vec<PublicUser>>, ApiError> {
    let (text, page) = query.0;
    let page = app.people.profiles.search(&text, page).await?;
    Ok(Reply::page(page.map(PublicUser::from)))
}

/// The public profile of a user, by id or username.
#[utoipa::path(
    tag = "User Management",
    security((), ("bearer" = [])),
    params(("user_id" = String, Path, description = "An id or a username; digits are an id when somebody has it", example = "linxiaohong")),
    responses(
        (status = 200, description = "The public profile", body = Envelope<PublicUser>),
        (status = 304, description = "The caller knows already (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/users/{user_id}/profile")]
pub async fn public_profile(
    app: Data<App>,
    auth: MaybeAuth,
    path: Path<String>,
) -> Result<Reply<PublicUser>, ApiError> {
    let missing = || ApiError::not_found("user", path.as_str());
    let user = UserRef::parse(&path).ok_or_else(missing)?;
    let profile = app.people.profiles.find(&user).await?.ok_or_else(missing)?;
    let Some(viewer) = auth.0 else { return Ok(Reply::ok(PublicUser::from(profile)).tagged()) };
    let relation = app.social.lists.relation(viewer.user_id, profile.id).await?;
    Ok(Reply::ok(PublicUser::from(profile).seen(relation)).tagged())
}
