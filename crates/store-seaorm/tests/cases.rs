//! The cases of `sharestack-conformance`, once a database. A domain adds its list at the end.

/// Turns a list of cases into tests: `domain::port: [case, …]`, each given what
/// `support::Fixture::$domain` makes.
macro_rules! run {
    ($($domain:ident::$port:ident: [$($case:ident),* $(,)?]),* $(,)?) => {$(
        mod $port {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    if let Some(fixture) = super::DATABASE.fresh().await {
                        sharestack_conformance::$domain::$port::$case(fixture.$domain()).await;
                        fixture.remove().await;
                    }
                }
            )*
        }
    )*};
}

macro_rules! on {
    ($module:ident, $database:ident) => {
        mod $module {
            const DATABASE: crate::support::Database = crate::support::Database::$database;

            mod kernel {
                use super::DATABASE;
                sharestack_conformance::kernel_cases!(run);
            }
            mod platform {
                use super::DATABASE;
                sharestack_conformance::platform_cases!(run);
            }
            mod billing {
                use super::DATABASE;
                sharestack_conformance::billing_cases!(run);
            }
            mod content {
                use super::DATABASE;
                sharestack_conformance::content_cases!(run);
            }
            mod portfolio {
                use super::DATABASE;
                sharestack_conformance::portfolio_cases!(run);
            }
            mod photos {
                use super::DATABASE;
                sharestack_conformance::photos_cases!(run);
            }
            mod social {
                use super::DATABASE;
                sharestack_conformance::social_cases!(run);
            }
            mod taxonomy {
                use super::DATABASE;
                sharestack_conformance::taxonomy_cases!(run);
            }
            mod users {
                use super::DATABASE;
                sharestack_conformance::users_cases!(run);
                sharestack_conformance::users_code_cases!(run);
            }
        }
    };
}

on!(sqlite, Sqlite);
on!(postgres, Postgres);
on!(mariadb, MariaDb);
