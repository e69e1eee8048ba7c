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

    /// All that is wrong with a new category, or with an edit of this one, is told at once.
    pub async fn refuse_what_is_wrong(&self, id: i64) {
        for (slug, parent, colour) in [("../x", 0, "red"), ("a b", -1, "#12345")] {
            let wrong = json!({
                "name": "城".repeat(10_000), "slug": slug, "description": "长".repeat(501), "parent_id": parent,
                "color": colour, "icon": "<svg>", "sort_order": 9_000_000_000_i64, "seo_title": "长".repeat(201),
                "seo_description": "长".repeat(501)
            });
            for refused in [self.create(&wrong).await, self.edit(id, &wrong).await] {
                assert_eq!(
                    refused.broken_fields(),
                    [
                        "name TOO_LONG",
                        "slug INVALID_FORMAT",
                        "description TOO_LONG",
                        "parent_id OUT_OF_RANGE",
                        "color INVALID_FORMAT",
                        "icon INVALID_FORMAT",
                        "sort_order OUT_OF_RANGE",
                        "seo_title TOO_LONG",
                        "seo_description TOO_LONG"
                    ]
                );
            }
        }
        for (body, code) in [
            (json!({}), "name REQUIRED"),
            (json!({ "name": " " }), "name REQUIRED"),
            (json!({ "name": "x", "parent_id": 999 }), "parent_id NOT_ALLOWED"),
        ] {
            assert_eq!(self.create(&body).await.broken_fields(), [code], "{body}");
        }
        assert_eq!(self.edit(id, &json!({ "name": null })).await.broken_fields(), ["name REQUIRED"]);
        for body in [json!({ "name": 1 }), json!({ "name": "x", "parent_id": "1" }), json!([])] {
            self.create(&body).await.refused(422, "UNPROCESSABLE_ENTITY");
        }
    }
}
