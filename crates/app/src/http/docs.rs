//! The API document, and the pages that show it. Everything they load is in the binary.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpResponse, get};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Flow, HttpAuthScheme, HttpBuilder, OAuth2, Password, Scopes, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Info, License, OpenApi, OpenApiBuilder, SecurityRequirement, Server};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::error::ApiError;
use super::registry::Registry;
use super::routes;
use crate::wiring::App;

const REDOC: &str = include_str!("../../assets/redoc.standalone.js");
const REDOC_PAGE: &str = include_str!("../../assets/redoc.html");

/// The whole document, from the routes themselves.
pub fn document() -> OpenApi {
    let mut document = frame();
    actix_web::App::new().configure(|config| routes::register(&mut Registry::describing(config, &mut document)));
    super::docs_errors::complete(document)
}

/// What no route says: title, tags, how one signs in.
fn frame() -> OpenApi {
    let info = Info::builder()
        .title("ShareStack")
        .version("1.0.0")
        .description(Some(include_str!("../../assets/api.md")))
        .license(Some(License::new("Apache-2.0")))
        .build();
    let tags = [
        ("General", "Health, figures, documents"),
        ("Authentication", "Registration, login, tokens"),
        ("Verification Codes", "Codes by mail and SMS"),
        ("User Management", "Profiles and roles"),
        ("Articles", "Writing, publishing, reading"),
        ("Photos", "The portfolio: photos made, shown, shared"),
        ("Categories", "The tree that photos are sorted into"),
        ("Tags", "What photos are known by: groups, cloud, suggestions, trends"),
        ("Timeline", "What was photographed when, and what happened beside"),
        ("Uploads", "Files of photos: sent, worked on, removed"),
        ("Social", "Follows, blocks, people in figures"),
        ("Subscriptions", "Plans, subscriptions, orders, payments, revenue"),
        ("Audit", "What was done, by whom, from where"),
        ("Cache", "Cache administration"),
    ];
    let tags = tags.map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build());
    let mut document = OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new("/")]))
        .tags(Some(tags))
        .security(Some([
            SecurityRequirement::new("bearer", [""; 0]),
            SecurityRequirement::new("password", [""; 0]),
            SecurityRequirement::new("api_key", [""; 0]),
        ]))
        .build();
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let login = Flow::Password(Password::new("/api/v1/auth/token", Scopes::new()));
    components.add_security_scheme("password", SecurityScheme::OAuth2(OAuth2::new([login])));
    let key = ApiKeyValue::with_description("X-API-Key", "A key of `POST /api/v1/auth/api-keys`, in place of a token");
    components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(key)));
    let operator = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The operator's token")).build();
    components.add_security_scheme("operator", SecurityScheme::Http(operator));
    let signature = ApiKey::Header(ApiKeyValue::new("X-Sandbox-Signature"));
    components.add_security_scheme("channel_signature", SecurityScheme::ApiKey(signature));
    document
}

/// This document.
#[utoipa::path(
    tag = "General",
    extensions(("x-cache-control" = json!("no-cache"))),
    security(()),
    responses((status = 200, description = "The OpenAPI 3.1 document", body = serde_json::Value, example = json!({ "openapi": "3.1.0", "info": { "title": "ShareStack", "version": "1.0.0" } }))),
)]
#[get("/openapi.json")]
pub async fn openapi_json(app: Data<App>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(app.document.clone())
}

/// Where the pages are, and what they load.
pub const PAGES: &[&str] = &["/docs", "/docs/", "/docs/{asset}", "/redoc", "/redoc/", "/redoc/{asset}"];

/// The page that tries operations out, under our name. What it loads is below `/docs/`,
/// however the page itself is asked for.
async fn swagger() -> Result<HttpResponse, ApiError> {
    let page = utoipa_swagger_ui::serve("index.html", Arc::default())
        .map_err(|error| ApiError::internal(error.to_string()))?;
    let page = page.ok_or_else(|| ApiError::internal("the page of the documents is missing"))?;
    let page = String::from_utf8_lossy(&page.bytes)
        .replace("<title>Swagger UI</title>", "<title>ShareStack API</title>")
        .replace("<head>", "<head>\n    <base href=\"/docs/\" />");
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page))
}

/// The pages.
pub fn pages(config: &mut ServiceConfig) {
    let rest = SwaggerUi::new("/docs/{_:.*}")
        .config(Config::from("/openapi.json").persist_authorization(true).try_it_out_enabled(true).filter(true));
    config
        .route("/docs", web::get().to(swagger))
        .route("/docs/", web::get().to(swagger))
        .route("/docs/index.html", web::get().to(swagger))
        .route("/redoc/", web::get().to(|| async { web::Redirect::to("/redoc") }))
        .service(rest)
        .route(
            "/redoc",
            web::get().to(|| async { HttpResponse::Ok().content_type("text/html; charset=utf-8").body(REDOC_PAGE) }),
        )
        .route(
            "/redoc/redoc.standalone.js",
            web::get().to(|| async {
                HttpResponse::Ok()
                    .content_type("text/javascript; charset=utf-8")
                    .insert_header((header::CACHE_CONTROL, "public, max-age=86400"))
                    .body(REDOC)
            }),
        );
}
