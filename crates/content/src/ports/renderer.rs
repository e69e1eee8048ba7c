//! Where texts are rendered.

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use thiserror::Error;

use crate::model::{Body, Text, TooDeep};

/// Why a text was not rendered.
#[derive(Debug, Error)]
pub enum RenderError {
    /// Its elements stand in each other too deep.
    #[error(transparent)]
    TooDeep(#[from] TooDeep),
    /// There is no room for it now.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Renders texts where that keeps nobody else waiting: a long one takes a second.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Renderer: Send + Sync {
    /// What [`Text::of`] makes of a body.
    async fn render(&self, body: Body) -> Result<Text, RenderError>;
}
