//! [`sharestack_kernel::message::MailSender`].

use futures::future::join_all;
use sharestack_kernel::message::OutgoingMail;
use uuid::Uuid;

use super::Subject;

fn mail(number: u128, subject: &str, text: &str, html: Option<&str>) -> OutgoingMail {
    let html = html.map(str::to_owned);
    OutgoingMail::try_new(Uuid::from_u128(number), "lin.wei+tag@example.com", subject, text, html).unwrap()
}

/// Lines end as they like on their way.
fn lines(text: &str) -> Vec<String> {
    text.trim_end().lines().map(str::to_owned).collect()
}

/// MUST deliver address, subject, text and HTML as they are.
pub async fn a_mail_arrives_as_it_is(subject: Subject) {
    let text = "Your code is 012345\n\nA line.\n.\n..\nFrom the start = of a line, and a very long one: ".to_owned()
        + &"word ".repeat(300);
    let sent = mail(1, "012345 is your code", text.trim_end(), Some("<p>012345 &amp; <b>more</b></p>"));
    subject.sender.send(&sent).await.unwrap();
    let [got] = &(subject.inbox)().await[..] else { panic!("one mail") };
    assert_eq!((got.to.as_str(), got.subject.as_str()), ("lin.wei+tag@example.com", "012345 is your code"));
    assert_eq!(lines(&got.text), lines(sent.text()));
    assert_eq!(got.html.as_deref().map(lines), sent.html().map(lines));
    assert!(got.message_id.contains(&sent.id().to_string()));
}

/// The text alone is a mail too.
pub async fn a_mail_without_html_arrives(subject: Subject) {
    subject.sender.send(&mail(1, "plain", "only text", None)).await.unwrap();
    let [got] = &(subject.inbox)().await[..] else { panic!("one mail") };
    assert_eq!((lines(&got.text), &got.html), (vec!["only text".to_owned()], &None));
}

/// MUST deliver them in every script.
pub async fn every_script_arrives(subject: Subject) {
    let title = "您的验证码：０１２３ 😀 größe ".to_owned() + &"很长的标题".repeat(20);
    let sent = mail(1, title.trim(), "请在十分钟内使用。\n\nΓειά σου, שלום", Some("<p>请在十分钟内使用 😀</p>"));
    subject.sender.send(&sent).await.unwrap();
    let [got] = &(subject.inbox)().await[..] else { panic!("one mail") };
    assert_eq!(got.subject, sent.subject());
    assert_eq!(lines(&got.text), lines(sent.text()));
    assert_eq!(got.html.as_deref().map(lines), sent.html().map(lines));
}

/// MUST let nothing of them become a header of its own.
pub async fn nothing_of_the_content_becomes_a_header(subject: Subject) {
    let text = "\r\nBcc: victim@example.com\r\nX-Evil: 1\r\n\r\n.\r\nMAIL FROM:<x@example.com>\r\n";
    let sent = mail(1, "Bcc: victim@example.com =?utf-8?q?=0D=0ABcc:_x?=", text, Some(text));
    subject.sender.send(&sent).await.unwrap();
    let got = (subject.inbox)().await;
    let [got] = &got[..] else { panic!("one mail, not {got:?}") };
    assert_eq!(got.to, sent.to());
    for header in ["bcc", "cc", "x-evil"] {
        assert!(!got.headers.iter().any(|name| name == header), "{:?}", got.headers);
    }
    assert!(got.text.contains("X-Evil: 1"));
}

/// MUST give a mail that is sent again the same message id.
pub async fn a_mail_sent_again_has_the_same_message_id(subject: Subject) {
    for number in [1, 1, 2] {
        subject.sender.send(&mail(number, "again", "text", None)).await.unwrap();
    }
    let mut ids: Vec<_> = (subject.inbox)().await.into_iter().map(|mail| mail.message_id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 2, "{ids:?}");
}

/// However many are sent at once.
pub async fn many_mails_at_once_all_arrive(subject: Subject) {
    let mails: Vec<_> = (1..=20).map(|n| mail(n, &format!("mail {n}"), "text", None)).collect();
    for result in join_all(mails.iter().map(|mail| subject.sender.send(mail))).await {
        result.unwrap();
    }
    let mut subjects: Vec<_> = (subject.inbox)().await.into_iter().map(|mail| mail.subject).collect();
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!(subjects.len(), 20);
}
