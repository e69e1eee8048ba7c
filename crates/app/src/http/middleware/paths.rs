//! One way of writing a path: routes, limits, and what is kept go by it.

use actix_web::dev::ServiceRequest;
use actix_web::http::Uri;

/// Rewrites the path of a request: `/v1/…` is `/api/v1/…`, from one registration, and what
/// need not be escaped is not, and the rest in capitals (RFC 3986, §6.2.2). Else `/%61uth/` would be the route to the
/// router, which reads it so, and another to whoever asks for its pattern.
pub fn canonical(request: &mut ServiceRequest) {
    let uri = request.head().uri.clone();
    let Some(path) = rewritten(uri.path()) else { return };
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let Ok(whole) = format!("{path}{query}").parse() else { return };
    let mut parts = uri.into_parts();
    parts.path_and_query = Some(whole);
    let Ok(uri) = Uri::from_parts(parts) else { return };
    request.match_info_mut().get_mut().update(&uri);
    request.head_mut().uri = uri;
}

/// The path as it is known; `None` when it was written so.
fn rewritten(path: &str) -> Option<String> {
    let plain = plain(path);
    if plain == "/v1" || plain.starts_with("/v1/") {
        return Some(format!("/api{plain}"));
    }
    (plain != path).then_some(plain)
}

fn plain(path: &str) -> String {
    let mut parts = path.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = byte.filter(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte)) {
            plain.push(byte.into());
            plain.push_str(&part[2..]);
        } else {
            let digits = if byte.is_some() { 2 } else { 0 };
            plain.push('%');
            plain.push_str(&part[..digits].to_ascii_uppercase());
            plain.push_str(&part[digits..]);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_in_one_way() {
        for (path, known) in [
            ("/v1/users/me", "/api/v1/users/me"),
            ("/v1", "/api/v1"),
            ("/%761/users", "/api/v1/users"),
            ("/api/v1/%61uth/%6Cogin", "/api/v1/auth/login"),
            ("/api/v1/api%2dkeys/%7e", "/api/v1/api-keys/~"),
            ("/a%2fb/%e7%94%b5", "/a%2Fb/%E7%94%B5"),
        ] {
            assert_eq!(rewritten(path).as_deref(), Some(known), "{path}");
        }
        for path in ["/", "/v10", "/api/v1/x", "/a%2Fb", "/a%2561uth", "/%", "/%4", "/%zz", "/%+1", "/%E7%94%B5", "/电"]
        {
            assert_eq!(rewritten(path), None, "{path}");
        }
    }
}
