use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::Duration;
use serde_json::{Value, json};
use sharestack_kernel::clock::FakeClock;

use super::*;

const SECRET: &str = "a secret of at least thirty-two bytes";

fn jwt(clock: &FakeClock) -> Jwt {
    let config = JwtConfig::new(JwtAlgorithm::Hs256, SECRET.into());
    Jwt::try_new(&config, Arc::new(clock.clone())).unwrap()
}

fn ed_pem() -> String {
    let pair = Ed25519KeyPair::generate().unwrap();
    let der = pair.to_pkcs8v1().unwrap();
    let lines = STANDARD.encode(AsRef::<[u8]>::as_ref(&der));
    format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n")
}

fn ed_jwt(pem: &str, clock: &FakeClock) -> Jwt {
    Jwt::try_new(&JwtConfig::new(JwtAlgorithm::EdDsa, pem.into()), Arc::new(clock.clone())).unwrap()
}

fn claims(clock: &FakeClock) -> Claims {
    let now = clock.now();
    Claims {
        user_id: UserId::new(42),
        session_id: SessionId::new(Uuid::from_u128(7)),
        issued_at: now,
        expires_at: now + Duration::minutes(30),
    }
}

fn payload(clock: &FakeClock) -> Value {
    let now = clock.now().timestamp();
    json!({
        "sub": "42", "sid": Uuid::from_u128(7), "iss": "sharestack", "aud": "sharestack",
        "iat": now, "nbf": now, "exp": now + 60,
    })
}

/// Signs whatever a payload says with the right key.
fn signed(payload: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), payload, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

#[test]
fn a_token_reads_back() {
    let clock = FakeClock::default();
    let issued = claims(&clock);
    let hs = jwt(&clock);
    assert_eq!(hs.verify(&hs.issue(&issued).unwrap()), Ok(issued.clone()));
    let ed = ed_jwt(&ed_pem(), &clock);
    assert_eq!(ed.verify(&ed.issue(&issued).unwrap()), Ok(issued));
}

#[test]
fn a_token_expires_to_the_second() {
    let clock = FakeClock::default();
    let jwt = jwt(&clock);
    let token = jwt.issue(&claims(&clock)).unwrap();
    clock.advance(Duration::seconds(1799));
    assert!(jwt.verify(&token).is_ok());
    clock.advance(Duration::seconds(1));
    assert_eq!(jwt.verify(&token), Err(TokenError::Expired));
}

/// Whoever goes on to another node right after a login is signed in there, too.
#[test]
fn a_fresh_token_is_good_where_the_clock_is_a_little_behind_or_ahead() {
    let here = FakeClock::default();
    let pem = ed_pem();
    let nodes: [&dyn Fn(&FakeClock) -> Jwt; 2] = [&jwt, &|clock| ed_jwt(&pem, clock)];
    for node in nodes {
        let token = node(&here).issue(&claims(&here)).unwrap();
        for (behind, good) in [(0, true), (1, true), (30, true), (31, false), (-1799, true), (-1800, false)] {
            let there = node(&FakeClock::at(here.now() - Duration::seconds(behind)));
            assert_eq!(there.verify(&token).is_ok(), good, "{behind} s behind");
        }
    }
}

#[test]
fn no_algorithm_is_invalid() {
    let clock = FakeClock::default();
    let body = URL_SAFE_NO_PAD.encode(payload(&clock).to_string());
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": alg, "typ": "JWT" }).to_string());
        for token in [format!("{header}.{body}."), format!("{header}.{body}"), format!("{header}.{body}.AAAA")] {
            assert_eq!(jwt(&clock).verify(&token), Err(TokenError::Invalid), "{alg}");
        }
    }
}

#[test]
fn another_key_is_invalid() {
    let clock = FakeClock::default();
    for key in ["another secret of at least 32 bytes!", ""] {
        let token = encode(&Header::new(Algorithm::HS256), &payload(&clock), &EncodingKey::from_secret(key.as_bytes()));
        assert_eq!(jwt(&clock).verify(&token.unwrap()), Err(TokenError::Invalid));
    }
    let (here, elsewhere) = (ed_jwt(&ed_pem(), &clock), ed_jwt(&ed_pem(), &clock));
    assert_eq!(here.verify(&elsewhere.issue(&claims(&clock)).unwrap()), Err(TokenError::Invalid));
}

#[test]
fn another_algorithm_is_invalid_even_with_the_right_key() {
    let clock = FakeClock::default();
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let token = encode(&Header::new(algorithm), &payload(&clock), &key).unwrap();
        assert_eq!(jwt(&clock).verify(&token), Err(TokenError::Invalid));
    }
}

#[test]
fn the_public_key_is_no_hmac_secret() {
    let clock = FakeClock::default();
    let pem = ed_pem();
    let ed = ed_jwt(&pem, &clock);
    let (encoding, _) = ed25519(&pem).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(encoding.as_bytes()).unwrap();
    let key = EncodingKey::from_secret(pair.public_key().as_ref());
    let token = encode(&Header::new(Algorithm::HS256), &payload(&clock), &key).unwrap();
    assert_eq!(ed.verify(&token), Err(TokenError::Invalid));
}

#[test]
fn a_stripped_or_changed_token_is_invalid() {
    let clock = FakeClock::default();
    let jwt = jwt(&clock);
    let token = jwt.issue(&claims(&clock)).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let [header, _, signature] = parts[..] else { panic!("three parts") };
    let mut other = payload(&clock);
    other["sub"] = json!("1");
    let other = URL_SAFE_NO_PAD.encode(other.to_string());
    for forged in [
        format!("{header}.{}", parts[1]),
        format!("{header}.{}.", parts[1]),
        format!("{header}.{other}.{signature}"),
        format!("{token}."),
        format!("{token}x"),
        String::new(),
        "..".to_owned(),
        "名.字.号".to_owned(),
    ] {
        assert_eq!(jwt.verify(&forged), Err(TokenError::Invalid), "{forged}");
    }
}

#[test]
fn wrong_or_missing_claims_are_invalid() {
    let clock = FakeClock::default();
    let jwt = jwt(&clock);
    assert!(jwt.verify(&signed(&payload(&clock))).is_ok());
    for name in ["exp", "nbf", "iat", "iss", "aud", "sub", "sid"] {
        let mut without = payload(&clock);
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(jwt.verify(&signed(&without)), Err(TokenError::Invalid), "without {name}");
    }
    let now = clock.now().timestamp();
    for (name, value) in [
        ("iss", json!("somebody")),
        ("aud", json!("somebody")),
        ("nbf", json!(now + 1)),
        ("exp", json!("never")),
        ("exp", json!(i64::MAX)),
        ("exp", Value::Null),
        ("sub", json!("root")),
        ("sub", json!("")),
        ("sid", json!("x")),
    ] {
        let mut wrong = payload(&clock);
        wrong[name] = value;
        assert_eq!(jwt.verify(&signed(&wrong)), Err(TokenError::Invalid), "{name}");
    }
    let mut old = payload(&clock);
    old["exp"] = json!(now);
    assert_eq!(jwt.verify(&signed(&old)), Err(TokenError::Expired));
}

#[test]
fn an_expired_token_of_another_key_is_invalid_not_expired() {
    let clock = FakeClock::default();
    let mut old = payload(&clock);
    old["exp"] = json!(1);
    let token = encode(&Header::new(Algorithm::HS256), &old, &EncodingKey::from_secret(b"other")).unwrap();
    assert_eq!(jwt(&clock).verify(&token), Err(TokenError::Invalid));
}

#[test]
fn a_megabyte_is_refused_unread() {
    let clock = FakeClock::default();
    let mut fat = payload(&clock);
    fat["pad"] = json!("x".repeat(1 << 20));
    assert_eq!(jwt(&clock).verify(&signed(&fat)), Err(TokenError::Invalid));
}

#[test]
fn keys_that_do_not_fit_are_refused() {
    let clock = Arc::new(FakeClock::default());
    for (algorithm, key) in [(JwtAlgorithm::EdDsa, SECRET), (JwtAlgorithm::EdDsa, ""), (JwtAlgorithm::Hs256, "")] {
        assert!(Jwt::try_new(&JwtConfig::new(algorithm, key.into()), clock.clone()).is_err());
    }
    assert!("RS256".parse::<JwtAlgorithm>().is_err() && "none".parse::<JwtAlgorithm>().is_err());
}
