//! Who may read what.

use actix_web::get;
use actix_web::web::Data;
use serde::Deserialize;
use sharestack_kernel::field::{FieldErrors, Issue};

use super::fields::{id, option};
use super::views::AccessDecision;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Params, Parse};
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

/// About which article.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AccessQuery {
    /// The article's id.
    #[param(value_type = i64, required = true, minimum = 1, example = 7)]
    article_id: Option<String>,
}

impl Parse for AccessQuery {
    type Output = i64;

    fn parse(self) -> Result<i64, FieldErrors> {
        let mut check = FieldErrors::new();
        let text = check.required("article_id", self.article_id);
        let article = option(&mut check, "article_id", text, |text| id(&text));
        check.finish()?;
        article.ok_or_else(|| FieldErrors::of("article_id", Issue::Required))
    }
}

/// Whether the caller may read an article, why, and which plans would open it.
#[utoipa::path(
    tag = "Subscriptions",
    params(AccessQuery),
    responses(
        (status = 200, description = "The decision", body = Envelope<AccessDecision>),
        (status = 404, description = "There is no such article"),
    ),
)]
#[get("/api/v1/subscriptions/access")]
pub async fn decide_access(
    app: Data<App>,
    auth: Auth,
    query: Params<AccessQuery>,
) -> Result<Reply<AccessDecision>, ApiError> {
    let edits = auth.0.may("article.update");
    let decision = app.billing.access.decide(Some(auth.0.user_id), edits, query.0).await?;
    Ok(Reply::ok(AccessDecision::new(query.0, &decision)))
}
