use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::SecondsFormat;
use serde_json::{Value, json};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::message::{MailSender, OutgoingMail, OutgoingSms, SendError, SmsSender};

use crate::error::ConfigError;

/// Keeps each message as a JSON file that only its owner reads. For development: nothing
/// leaves the machine.
pub struct FileOutbox {
    directory: PathBuf,
    clock: Arc<dyn Clock>,
}

impl FileOutbox {
    /// An outbox in this directory, which is made when it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn try_new(directory: PathBuf, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.map_err(ConfigError::Outbox)?;
        Ok(Self { directory, clock })
    }

    /// Whole or not at all; a message that is sent again takes the place of its first copy.
    async fn keep(&self, id: uuid::Uuid, mut content: Value) -> Result<(), SendError> {
        content["written_at"] = json!(self.clock.now().to_rfc3339_opts(SecondsFormat::AutoSi, true));
        let path = self.directory.join(format!("{id}.json"));
        let text = format!("{content:#}\n");
        let shown = path.display().to_string();
        let written = tokio::task::spawn_blocking(move || write(&path, &text)).await;
        match written {
            Ok(Ok(())) => {
                tracing::info!(file = shown, "message is in the outbox");
                Ok(())
            }
            Ok(Err(_)) | Err(_) => Err(SendError::Temporary("the outbox cannot be written".to_owned())),
        }
    }
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(draft, path)
}

#[async_trait]
impl MailSender for FileOutbox {
    async fn send(&self, mail: &OutgoingMail) -> Result<(), SendError> {
        let content = json!({
            "id": mail.id(), "channel": "mail", "to": mail.to(), "subject": mail.subject(), "text": mail.text(),
            "html": mail.html(),
        });
        self.keep(mail.id(), content).await
    }
}

#[async_trait]
impl SmsSender for FileOutbox {
    async fn send(&self, sms: &OutgoingSms) -> Result<(), SendError> {
        let content = json!({ "id": sms.id, "channel": "sms", "to": sms.to, "text": sms.text });
        self.keep(sms.id, content).await
    }
}
