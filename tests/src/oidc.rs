//! A real `OpenID` provider, started for a test, and the way through its pages.

use std::process::Stdio;

use reqwest::{Method, Url};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::browser::{Browser, Page};
use crate::harness::Options;

/// The provider. It ends with its owner.
pub struct OidcServer {
    pub issuer: String,
    _child: Child,
}

impl OidcServer {
    /// Fetches it if that was never done, and starts it.
    pub async fn start() -> Self {
        let script = sharestack_conformance::workspace().join("scripts/oidc-provider.sh");
        let ready = Command::new(script).stderr(Stdio::inherit()).output().await.unwrap();
        assert!(ready.status.success(), "scripts/oidc-provider.sh failed");
        let directory = String::from_utf8(ready.stdout).unwrap();
        let mut child = Command::new("node")
            .arg("server.mjs")
            .current_dir(directory.trim())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let issuer = lines.next_line().await.unwrap().expect("it prints its issuer");
        // It says more, and dies of a pipe that nobody reads.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { issuer, _child: child }
    }

    /// Configures it under a name.
    pub fn configure(&self, options: Options, name: &str) -> Options {
        let prefix = format!("SHARESTACK__OAUTH__PROVIDERS__{}__", name.to_uppercase());
        options
            .with(&format!("{prefix}KIND"), "oidc")
            .with(&format!("{prefix}DISPLAY"), "The Provider")
            .with(&format!("{prefix}ISSUER"), &*self.issuer)
            .with(&format!("{prefix}CLIENT_ID"), "sharestack")
            .with(&format!("{prefix}CLIENT_SECRET"), "the secret of sharestack & its %tests")
    }

    /// Goes through login and consent as `name`, and stops before the way back.
    pub async fn sign_in(&self, browser: &mut Browser, page: Page, name: &str) -> Page {
        let page = self.to_form(browser, page).await;
        // It knows this browser from before.
        if page.location().is_some() {
            return page;
        }
        let form = [("prompt", "login"), ("login", name), ("password", "any")];
        let page = browser.send(Method::POST, &page.url, Some(&form), None).await;
        let page = self.to_form(browser, page).await;
        let page = browser.send(Method::POST, &page.url, Some(&[("prompt", "consent")]), None).await;
        self.to_form(browser, page).await
    }

    /// Says no on the first page, and stops before the way back.
    pub async fn cancel(&self, browser: &mut Browser, page: Page) -> Page {
        let page = self.to_form(browser, page).await;
        let abort = page.url.join(&format!("{}/abort", page.url.path())).unwrap();
        let page = browser.visit(&abort).await;
        self.to_form(browser, page).await
    }

    async fn to_form(&self, browser: &mut Browser, page: Page) -> Page {
        let issuer = Url::parse(&self.issuer).unwrap();
        browser.follow(page, |next| next.origin() != issuer.origin()).await
    }
}
