//! [`sharestack_billing::ports::ledger`].

use chrono::{Datelike, Duration, TimeZone, Utc};
use futures::future::join_all;
use sharestack_billing::model::id::{LedgerEntryId, PaymentId};
use sharestack_billing::model::ledger::{Account, BalancedEntry, LedgerEntry, Line, Posting};
use sharestack_billing::model::revenue::RevenuePeriod;
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::{Currency, Money};
use sharestack_kernel::transact;

use super::{CREATOR, PortError, READER, Subject, fen, step, uuid};

fn entry(subject: &Subject, entry: BalancedEntry) -> LedgerEntry {
    let (id, payment) = (LedgerEntryId::new(uuid(subject)), PaymentId::new(uuid(subject)));
    LedgerEntry::of_payment(id, payment, entry, subject.now())
}

fn sale(subject: &Subject, creator: UserId, gross: Money) -> LedgerEntry {
    entry(subject, BalancedEntry::sale("test", creator, gross, 1000).unwrap())
}

async fn post(subject: &Subject, entry: &LedgerEntry) -> Result<(), PortError> {
    step!(subject, PortError, |tx| Ok(tx.ledger().post(entry).await?))
}

/// MUST return `Taken` when the reference was posted before, and post nothing then.
pub async fn a_reference_is_posted_once(subject: Subject) {
    let first = sale(&subject, CREATOR, fen(1990));
    post(&subject, &first).await.unwrap();
    let mut twin = sale(&subject, CREATOR, fen(1990));
    twin.reference.clone_from(&first.reference);
    assert!(matches!(post(&subject, &twin).await, Err(PortError::Taken)));
    let balance = subject.ledger.trial_balance().await.unwrap();
    assert!(balance.is_zero());
    assert_eq!((balance.entries, balance.sums), (1, vec![(Currency::Cny, 0)]));
}

/// MUST be computed from the postings alone.
pub async fn revenue_is_the_sum_of_the_postings(subject: Subject) {
    let nothing = subject.ledger.revenue(CREATOR, Currency::Cny, RevenuePeriod::All, subject.now()).await.unwrap();
    assert_eq!((nothing.gross, nothing.net, nothing.pending, nothing.available), (0, 0, 0, 0));
    // The clock shows a January day: this is February.
    let year = subject.now().year();
    let february = Utc.with_ymd_and_hms(year, 2, 1, 0, 0, 0).unwrap();
    let mut old = sale(&subject, CREATOR, fen(1990));
    old.occurred_at = february - Duration::microseconds(1);
    let mut new = sale(&subject, CREATOR, fen(1000));
    new.occurred_at = february;
    let mut withdrawal = entry(
        &subject,
        BalancedEntry::try_new(vec![
            Posting { account: Account::CreatorPayable(CREATOR), line: Line::Withdrawal, amount: fen(500) },
            Posting { account: Account::ChannelClearing("test".to_owned()), line: Line::Withdrawal, amount: fen(-500) },
        ])
        .unwrap(),
    );
    withdrawal.occurred_at = february + Duration::days(1);
    let dollars = sale(&subject, CREATOR, Money::new(100, Currency::Usd));
    let stray = entry(&subject, BalancedEntry::suspense("test", fen(7)).unwrap());
    assert_eq!(subject.ledger.earned_currencies(CREATOR).await.unwrap(), []);
    for entry in [&old, &new, &withdrawal, &dollars, &stray, &sale(&subject, READER, fen(5000))] {
        post(&subject, entry).await.unwrap();
    }
    assert_eq!(subject.ledger.earned_currencies(CREATOR).await.unwrap(), [Currency::Cny, Currency::Usd]);
    assert_eq!(subject.ledger.earned_currencies(READER).await.unwrap(), [Currency::Cny]);
    let revenue = |currency, period: &str| {
        let (ledger, period) = (subject.ledger.clone(), RevenuePeriod::parse(period).unwrap());
        async move { ledger.revenue(CREATOR, currency, period, february).await.unwrap() }
    };
    let all = revenue(Currency::Cny, "all").await;
    assert_eq!((all.gross, all.fees, all.refunds, all.net, all.withdrawn), (2990, 299, 0, 2691, 500));
    assert_eq!((all.pending, all.available), (900, 1791 - 500));
    let january = revenue(Currency::Cny, &format!("{year}-01")).await;
    assert_eq!((january.gross, january.fees, january.net, january.withdrawn), (1990, 199, 1791, 0));
    assert_eq!((january.pending, january.available), (all.pending, all.available));
    assert_eq!(revenue(Currency::Cny, &format!("{year}-02")).await.gross, 1000);
    assert_eq!(revenue(Currency::Usd, "all").await.gross, 100);
    let balance = subject.ledger.trial_balance().await.unwrap();
    assert!(balance.is_zero());
    assert_eq!((balance.entries, balance.sums.len()), (6, 2));
}

/// Opening accounts that are not there yet, at once with others who do.
pub async fn rivals_open_an_account_once(subject: Subject) {
    let posts = (0..10).map(|_| {
        let subject = subject.clone();
        tokio::spawn(async move { post(&subject, &sale(&subject, CREATOR, fen(100))).await })
    });
    for done in join_all(posts).await {
        done.unwrap().unwrap();
    }
    let all = subject.ledger.revenue(CREATOR, Currency::Cny, RevenuePeriod::All, subject.now()).await.unwrap();
    assert_eq!((all.gross, all.fees), (1000, 100));
    assert!(subject.ledger.trial_balance().await.unwrap().is_zero());
}
