//! Mail and text messages: SMTP, SendGrid, an SMS gateway, and a file outbox.
