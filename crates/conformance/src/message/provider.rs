//! [`sharestack_kernel::message::MailSender`] with a provider behind it.

use sharestack_kernel::message::{OutgoingMail, SendError};
use uuid::Uuid;

use super::Subject;

fn mail(to: &str) -> OutgoingMail {
    OutgoingMail::try_new(Uuid::from_u128(1), to, "subject", "text", None).unwrap()
}

/// MUST fail as permanent when the provider refuses the recipient for good; MUST name no
/// address in the reason.
pub async fn a_refused_recipient_is_refused_for_good(subject: Subject) {
    let error = subject.sender.send(&mail("refused@example.com")).await.unwrap_err();
    assert!(matches!(error, SendError::Permanent(_)), "{error:?}");
    assert!(!error.to_string().contains("refused@"), "{error}");
}

/// MUST fail as temporary when it is busy; MUST name no address in the reason.
pub async fn a_busy_provider_is_asked_again(subject: Subject) {
    let error = subject.sender.send(&mail("busy@example.com")).await.unwrap_err();
    assert!(matches!(error, SendError::Temporary(_)), "{error:?}");
    assert!(!error.to_string().contains("busy@"), "{error}");
}

/// MUST fail as temporary when it is away.
pub async fn a_provider_that_is_away_is_asked_again(subject: Subject) {
    let away = subject.away.expect("an adapter with a provider can be tried without it");
    let error = away.send(&mail("lin@example.com")).await.unwrap_err();
    assert!(matches!(error, SendError::Temporary(_)), "{error:?}");
}

/// One bad address does not spoil the connection for the next.
pub async fn a_refusal_does_not_end_what_comes_after_it(subject: Subject) {
    for to in ["lin@example.com", "refused@example.com", "busy@example.com", "wei@example.com"] {
        drop(subject.sender.send(&mail(to)).await);
    }
    let to: Vec<_> = (subject.inbox)().await.into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, ["lin@example.com", "wei@example.com"]);
}
