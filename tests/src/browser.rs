//! A browser without a screen: keeps cookies, follows redirects, fills in forms.

use std::collections::BTreeMap;

use reqwest::header::{ACCEPT, COOKIE, SET_COOKIE};
use reqwest::{Method, Url};

use crate::client::{Answer, Client};

/// What a person navigates with.
const PAGE: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

/// A browser. Its clones share nothing.
#[derive(Debug, Clone)]
pub struct Browser {
    client: Client,
    cookies: BTreeMap<String, String>,
    /// What it says that it takes.
    pub accept: &'static str,
}

/// A page, and where it is.
#[derive(Debug, Clone)]
pub struct Page {
    pub url: Url,
    pub answer: Answer,
}

impl Page {
    /// Where it sends the browser.
    pub fn location(&self) -> Option<Url> {
        let there = (300..400).contains(&self.answer.status).then(|| self.answer.header("location"))?;
        self.url.join(there).ok()
    }

    /// A parameter of the address that it sends the browser to.
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameter(&self.location()?, name)
    }
}

/// A parameter of an address.
pub fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

impl Default for Browser {
    fn default() -> Self {
        Self { client: Client::new(""), cookies: BTreeMap::new(), accept: PAGE }
    }
}

impl Browser {
    /// A browser that has been nowhere.
    pub fn new() -> Self {
        Self::default()
    }

    /// A program in place of a person: it takes anything.
    pub fn plain() -> Self {
        Self { accept: "*/*", ..Self::default() }
    }

    /// From now on a person looks at what it shows.
    pub fn watched(&mut self) -> &mut Self {
        self.accept = PAGE;
        self
    }

    /// A cookie's value.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// Loses or gets a cookie.
    pub fn set_cookie(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.cookies.insert(name.to_owned(), value.to_owned()),
            None => self.cookies.remove(name),
        };
    }

    /// One request, with what it carries in a form, without following.
    pub async fn send(
        &mut self,
        method: Method,
        url: &Url,
        form: Option<&[(&str, &str)]>,
        bearer: Option<&str>,
    ) -> Page {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.client.request(method, url.as_str()).header(ACCEPT, self.accept);
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        if let Some(form) = form {
            request = request.form(form);
        }
        if let Some(token) = bearer {
            request = request.bearer_auth(token);
        }
        let answer = self.client.send(request).await;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').unwrap();
            self.set_cookie(name, (!value.is_empty()).then_some(value));
        }
        Page { url: url.clone(), answer }
    }

    /// One `GET`, without following.
    pub async fn visit(&mut self, url: &Url) -> Page {
        self.send(Method::GET, url, None, None).await
    }

    /// Follows redirects from a page until there are none, or until the next is at `stop`.
    pub async fn follow(&mut self, mut page: Page, stop: impl Fn(&Url) -> bool) -> Page {
        for _ in 0..20 {
            match page.location() {
                Some(next) if !stop(&next) => page = self.visit(&next).await,
                _ => return page,
            }
        }
        panic!("{} goes in circles", page.url);
    }
}
