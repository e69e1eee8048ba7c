//! Who goes while there is business: nothing more is sold, no money is lost, and the account
//! is erased all the same.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_billing::model::id::LedgerEntryId;
use sharestack_billing::model::ledger::{Account as Book, BalancedEntry, LedgerEntry, Line, Posting};
use sharestack_billing::ports::InsertError;
use sharestack_billing::ports::ledger::LedgerQueries as _;
use sharestack_billing::ports::tx::BillingTx;
use sharestack_kernel::clock::{Clock as _, SystemClock};
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::{Currency, Money};
use sharestack_kernel::random::uuid_v7;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;
use sharestack_tests::money::{monthly_plan, notify, subscribe, success};
use sharestack_tests::{Account, Answer, Database, Harness, Options, until};

const SUBSCRIPTIONS: &str = "/api/v1/subscriptions";
const PRICE: i64 = 1990;

/// A creator with a plan, and readers.
struct Shop {
    app: Harness,
    database: Database,
    admin: Account,
    creator: Account,
    plan: i64,
}

impl Shop {
    /// Deleted accounts are erased after so many days.
    async fn open(database: Database, purge_after_days: u32) -> Self {
        let options = Options::on(database)
            .with("SHARESTACK__ACCOUNTS__PURGE_AFTER_DAYS", purge_after_days.to_string())
            .with("SHARESTACK__PRIVACY__COOLING_OFF_DAYS", "0");
        let app = Harness::start(options).await;
        let admin = app.admin().await;
        let creator = app.with_role(&admin, "linxiaohong", "creator").await;
        let plan = monthly_plan(&app, &creator.token).await;
        Self { app, database, admin, creator, plan }
    }

    async fn order(&self, reader: &Account, plan: i64, key: &str) -> Value {
        subscribe(&self.app, &reader.token, plan, key).await.expect(201).data().clone()
    }

    /// Subscribes and pays; what was bought.
    async fn buy(&self, reader: &Account, plan: i64, transaction: &str) -> Value {
        let bought = self.order(reader, plan, transaction).await;
        notify(&self.app, &success(&bought["order"], transaction)).await.expect(200);
        bought
    }

    async fn renew(&self, reader: &Account, bought: &Value, key: &str) -> Answer {
        let path = format!("{SUBSCRIPTIONS}/{}/renew", bought["subscription"]["id"]);
        self.app.post_once(&reader.token, &path, key, &json!({ "channel": "sandbox" })).await
    }

    async fn click(&self, order: &Value) -> Answer {
        let url = order["pay_data"]["pay_url"].as_str().unwrap();
        self.app.send(self.app.request(Method::POST, url).form(&[("result", "success")])).await
    }

    /// Whether a row of these is there once.
    async fn has(&self, rows: &str) -> bool {
        self.app.count(&format!("SELECT COUNT(*) FROM {rows}")).await == 1
    }

    async fn order_is(&self, order: &Value, state: &str) -> bool {
        self.has(&format!("orders WHERE id = {} AND state = '{state}'", order["id"])).await
    }

    /// Writes to the books what no route writes.
    async fn post(&self, reference: &str, postings: [(Book, i64); 2]) {
        let posting = |(account, amount)| {
            let amount = Money::new(amount, Currency::Cny);
            Posting { account, line: Line::Withdrawal, amount }
        };
        let entry = LedgerEntry {
            id: LedgerEntryId::new(uuid_v7()),
            kind: "test",
            reference: reference.to_owned(),
            entry: BalancedEntry::try_new(postings.map(posting).to_vec()).unwrap(),
            occurred_at: SystemClock.now(),
        };
        let store = self.app.store().await;
        let billing: Arc<dyn Begin<dyn BillingTx>> = Arc::new(store.clone());
        let posted: Result<(), InsertError> = transact!(billing, |tx| { tx.ledger().post(&entry).await });
        posted.unwrap();
        store.close().await;
    }

    /// Pays out what the creator earned.
    async fn pay_out(&self, amount: i64) {
        let creator = Book::CreatorPayable(UserId::new(self.creator.id));
        self.post("payout", [(creator, amount), (Book::ChannelClearing("sandbox".to_owned()), -amount)]).await;
    }

    async fn delete(&self, account: &Account) {
        self.app.delete_as(&self.admin.token, &format!("/api/v1/users/{}", account.id)).await.expect(204);
    }

    async fn is_erased(&self, account: &Account) {
        let noted = format!("audit_entries WHERE action = 'user.erased' AND target_id = '{}'", account.id);
        until("the account is erased", async || self.has(&noted).await).await;
        let named = format!("SELECT COUNT(*) FROM users WHERE username = '{}'", account.username);
        assert_eq!(self.app.count(&named).await, 0);
        // Nothing tries again.
        let waiting = "SELECT COUNT(*) FROM jobs WHERE kind = 'user.purge' AND state <> 'done'";
        until("the job is done", async || self.app.count(waiting).await == 0).await;
        assert!(self.has("jobs WHERE kind = 'user.purge'").await);
    }

    /// Whether the books sum to zero, and this much came through the channel.
    async fn books_balance(&self, payments: i64) {
        let store = self.app.store().await;
        let balance = store.trial_balance().await.unwrap();
        store.close().await;
        assert!(balance.is_zero(), "{balance:?} on {:?}", self.database);
        let came = "SELECT COUNT(*) FROM ledger_postings WHERE account_code = 'channel_clearing:sandbox:CNY' \
                    AND amount = 1990";
        assert_eq!(self.app.count(came).await, payments);
        let recorded = "SELECT COUNT(*) FROM payments WHERE state IN ('succeeded', 'surplus', 'suspicious')";
        assert_eq!(self.app.count(recorded).await, payments);
    }
}

async fn a_creator_goes(database: Database) {
    let shop = Shop::open(database, 0).await;
    let (wang, zhang) = (shop.app.account("wangxiaoming").await, shop.app.account("zhangsan").await);
    let paid = shop.buy(&wang, shop.plan, "paid").await;
    let renewal = shop.renew(&wang, &paid, "renewal").await.expect(201).data().clone();
    let body = json!({ "name": "试读", "price": 990, "interval": "month", "trial_days": 7 });
    let trial = shop.app.post_as(&shop.creator.token, &format!("{SUBSCRIPTIONS}/plans"), &body).await.expect(201);
    let trial = shop.order(&wang, trial.data()["id"].as_i64().unwrap(), "trial").await;
    let unpaid = shop.order(&zhang, shop.plan, "unpaid").await;
    // Who is owed money stays.
    let path = format!("/api/v1/users/{}", shop.creator.id);
    shop.app.delete_as(&shop.admin.token, &path).await.refused(409, "RESOURCE_CONFLICT");
    shop.pay_out(PRICE).await;
    shop.delete(&shop.creator).await;

    // Nobody needs to have heard of it.
    shop.renew(&wang, &paid, "again").await.refused(409, "RESOURCE_CONFLICT");
    for order in [&renewal, &unpaid["order"]] {
        until("the order is closed", async || shop.order_is(order, "closed").await).await;
    }
    let told = "SELECT COUNT(*) FROM sandbox_payments WHERE closed_at IS NOT NULL";
    until("the channel knows", async || shop.app.count(told).await == 2).await;
    for order in [&renewal, &unpaid["order"]] {
        assert_eq!(shop.click(order).await.status, 409);
    }
    for bought in [&paid, &trial] {
        let path = format!("{SUBSCRIPTIONS}/{}", bought["subscription"]["id"]);
        let seen = async || shop.app.get_as(&wang.token, &path).await.expect(200).data().clone();
        until("its end is set", async || seen().await["cancel_at_period_end"] == true).await;
        let seen = seen().await;
        assert!(seen["status"] == "active" || seen["status"] == "trialing", "{seen}");
        shop.app.post_as(&wang.token, &format!("{path}/resume"), &json!({})).await.refused(409, "RESOURCE_CONFLICT");
    }
    let id = &unpaid["subscription"]["id"];
    assert!(shop.has(&format!("subscriptions WHERE id = {id} AND state = 'expired'")).await);
    let told = |kind: &str| format!("SELECT COUNT(*) FROM events WHERE kind = '{kind}'");
    assert_eq!(shop.app.count(&told("subscription.canceled_scheduled")).await, 2);
    assert_eq!(shop.app.count("SELECT COUNT(*) FROM plans WHERE status <> 'archived'").await, 0);

    // Money that was on its way belongs to who paid it.
    for _ in 0..2 {
        notify(&shop.app, &success(&renewal, "late")).await.expect(200);
    }
    assert!(shop.has("payments WHERE state = 'surplus' AND channel_txn_id = 'late'").await);
    assert!(
        shop.has(&format!("ledger_postings WHERE account_code = 'suspense:sandbox:CNY' AND amount = -{PRICE}")).await
    );
    assert!(shop.order_is(&renewal, "closed").await);
    shop.books_balance(2).await;
    shop.is_erased(&shop.creator).await;
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creator_goes_on_every_database() {
    for database in Database::all() {
        a_creator_goes(database).await;
    }
}

async fn a_reader_goes(database: Database) {
    let shop = Shop::open(database, 0).await;
    let (wang, zhang) = (shop.app.account("wangxiaoming").await, shop.app.account("zhangsan").await);
    let paid = shop.buy(&wang, shop.plan, "paid").await;
    let renewal = shop.renew(&wang, &paid, "renewal").await.expect(201).data().clone();
    let other = monthly_plan(&shop.app, &shop.creator.token).await;
    let unpaid = shop.order(&wang, other, "unpaid").await;
    let of_zhang = shop.order(&zhang, shop.plan, "zhang").await;
    shop.delete(&wang).await;

    for order in [&renewal, &unpaid["order"]] {
        until("the order is closed", async || shop.order_is(order, "closed").await).await;
    }
    for (bought, state) in [(&paid, "canceled"), (&unpaid, "expired")] {
        let ended = format!("subscriptions WHERE id = {} AND state = '{state}'", bought["subscription"]["id"]);
        assert!(shop.has(&ended).await, "{ended}");
    }
    let told = "SELECT COUNT(*) FROM sandbox_payments WHERE closed_at IS NOT NULL";
    until("the channel knows", async || shop.app.count(told).await == 2).await;
    for order in [&renewal, &unpaid["order"]] {
        assert_eq!(shop.click(order).await.status, 409);
    }
    // What comes all the same opens nothing for nobody.
    for (order, transaction) in [(&renewal, "late-1"), (&unpaid["order"], "late-2")] {
        notify(&shop.app, &success(order, transaction)).await.expect(200);
        assert!(shop.order_is(order, "closed").await);
    }
    let live = format!("SELECT COUNT(*) FROM subscriptions WHERE subscriber_id = {} AND live_key IS NOT NULL", wang.id);
    assert_eq!(shop.app.count(&live).await, 0);
    let owed = "SELECT COUNT(*) FROM ledger_postings WHERE account_code = 'suspense:sandbox:CNY' AND amount = -1990";
    assert_eq!(shop.app.count(owed).await, 2);
    // Others are as they were.
    notify(&shop.app, &success(&of_zhang["order"], "zhang")).await.expect(200);
    assert!(shop.order_is(&of_zhang["order"], "paid").await);
    shop.books_balance(4).await;
    shop.is_erased(&wang).await;
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_goes_on_every_database() {
    for database in Database::all() {
        a_reader_goes(database).await;
    }
}

async fn what_came_while_a_creator_went_holds_up_nothing(database: Database) {
    let shop = Shop::open(database, 1).await;
    shop.delete(&shop.creator).await;
    // A sale that was being written when the account ended.
    let creator = Book::CreatorPayable(UserId::new(shop.creator.id));
    let late = PRICE - 1;
    shop.post("race", [(Book::ChannelClearing("sandbox".to_owned()), late), (creator, -late)]).await;
    let store = shop.app.store().await;
    store.execute_raw("UPDATE jobs SET run_at = created_at WHERE kind = 'user.purge'").await.unwrap();
    store.close().await;
    shop.is_erased(&shop.creator).await;
    assert!(shop.has(&format!("ledger_postings WHERE account_code = 'unclaimed:CNY' AND amount = -{late}")).await);
    let own = format!("ledger_postings WHERE account_code = 'creator_payable:{}:CNY'", shop.creator.id);
    assert!(shop.has(&format!("{own} AND amount = {late}")).await);
    shop.books_balance(0).await;
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_while_a_creator_went_holds_up_nothing_on_any_database() {
    for database in Database::all() {
        what_came_while_a_creator_went_holds_up_nothing(database).await;
    }
}
