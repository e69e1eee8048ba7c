//! Where operations are listed: once for a thread that answers them, and once for the
//! document, which no thread of answers needs.

use actix_web::dev::HttpServiceFactory;
use actix_web::web::ServiceConfig;
use utoipa::openapi::OpenApi;
use utoipa_actix_web::OpenApiFactory;

/// What operations register with.
pub struct Registry<'a> {
    config: &'a mut ServiceConfig,
    document: Option<&'a mut OpenApi>,
}

impl<'a> Registry<'a> {
    /// To answer. What an operation says of itself is not even looked at: that takes
    /// megabytes, and each thread would do it anew.
    pub const fn answering(config: &'a mut ServiceConfig) -> Self {
        Self { config, document: None }
    }

    /// To describe the operations in `document`.
    pub const fn describing(config: &'a mut ServiceConfig, document: &'a mut OpenApi) -> Self {
        Self { config, document: Some(document) }
    }

    /// Adds an operation.
    pub fn service(&mut self, operation: impl HttpServiceFactory + OpenApiFactory + 'static) -> &mut Self {
        if let Some(document) = &mut self.document {
            document.paths.merge(operation.paths());
            let mut schemas = Vec::new();
            operation.schemas(&mut schemas);
            document.components.get_or_insert_default().schemas.extend(schemas);
        }
        self.config.service(operation);
        self
    }
}
