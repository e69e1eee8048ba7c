//! A tree of categories and who looks after it.

use serde_json::{Value, json};

use crate::client::Answer;
use crate::harness::{Account, Harness, Options};

/// A server, an admin who keeps the categories, and where they are.
pub struct Shelves {
    pub app: Harness,
    pub keeper: Account,
    categories: &'static str,
}

impl Shelves {
    /// Starts the server and makes the keeper, who is returned beside the super admin.
    pub async fn open(options: Options, categories: &'static str) -> (Self, Account) {
        let app = Harness::start(options).await;
        let admin = app.admin().await;
        let keeper = app.with_role(&admin, "keeper", "admin").await;
        (Self { app, keeper, categories }, admin)
    }

    /// Where something of the categories is: what follows their own address.
    pub fn place(&self, rest: impl std::fmt::Display) -> String {
        format!("{}/{rest}", self.categories)
    }

    pub async fn create(&self, body: &Value) -> Answer {
        self.app.post_as(&self.keeper.token, self.categories, body).await
    }

    /// Makes a category; its id.
    pub async fn made(&self, name: &str, parent: Option<i64>) -> i64 {
        let made = self.create(&json!({ "name": name, "parent_id": parent })).await.expect(201);
        made.data()["id"].as_i64().unwrap()
    }

    pub async fn edit(&self, id: i64, body: &Value) -> Answer {
        self.app.put_as(&self.keeper.token, &self.place(id), body).await
    }

    /// Deletes what follows the address of the categories.
    pub async fn delete(&self, rest: impl std::fmt::Display) -> Answer {
        self.app.delete_as(&self.keeper.token, &self.place(rest)).await
    }
}
