//! What ships, beside the numbers that are promised.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use sharestack_billing::service::BillingPolicy;
use sharestack_content::model::{Day, Period, UploadLimits};
use sharestack_content::service::VIEW_WINDOW;
use sharestack_kernel::page::{DEFAULT_LIMIT, MAX_LIMIT};
use sharestack_users::model::{CodePolicy, NewPassword, SessionPolicy, Username};

use super::Config;
use crate::server::{GRACE, TURN};

fn shipped() -> Config {
    Config::load(Path::new("does-not-exist"), &BTreeMap::new()).unwrap()
}

#[test]
fn settings_are_what_is_promised() {
    let shipped = serde_json::to_value(shipped()).unwrap();
    for (setting, promised) in [
        ("server/host", json!("0.0.0.0")),
        ("server/port", json!(8000)),
        ("server/max_request_size", json!(10_485_760)),
        ("jwt/algorithm", json!("HS256")),
        ("jwt/access_token_expire_minutes", json!(30)),
        ("jwt/refresh_token_expire_days", json!(7)),
        ("auth/recent_login_minutes", json!(60)),
        ("verification/code_length", json!(6)),
        ("verification/code_expire_minutes", json!(10)),
        ("verification/code_max_attempts", json!(3)),
        ("verification/code_cooldown_seconds", json!(60)),
        ("verification/code_max_daily_sends", json!(10)),
        ("rate_limit/enabled", json!(true)),
        ("rate_limit/times", json!(100)),
        ("rate_limit/seconds", json!(60)),
        ("rate_limit/auth_per_minute", json!(5)),
        ("rate_limit/upload_per_minute", json!(10)),
        ("rate_limit/search_per_minute", json!(60)),
        ("rate_limit/general_per_hour", json!(1000)),
        ("rate_limit/admin_per_hour", json!(500)),
        ("upload/max_file_size", json!(52_428_800)),
        ("upload/max_files", json!(50)),
        ("upload/chunk_size", json!(1_048_576)),
        ("media/quality_jpg", json!(85)),
        ("media/quality_webp", json!(80)),
        ("media/max_width", json!(1920)),
        ("media/max_height", json!(1080)),
        ("media/thumb_small", json!(300)),
        ("media/max_pixels", json!(120_000_000)),
        ("media/max_memory_mib", json!(768)),
        ("media/watermark_enabled", json!(false)),
        ("payments/platform_fee_basis_points", json!(0)),
        ("payments/settlement_delay_days", json!(3)),
        ("mail/smtp_port", json!(587)),
        ("mail/smtp_use_tls", json!(true)),
        ("cors/origins", json!(["http://localhost:3000", "http://localhost:8080"])),
        ("cors/allow_credentials", json!(true)),
        ("cors/allow_methods", json!(["*"])),
        ("cors/allow_headers", json!(["*"])),
        ("localization/default_language", json!("en")),
    ] {
        let value = shipped.pointer(&format!("/{setting}"));
        assert_eq!(value, Some(&promised), "{setting}");
    }
    let types = shipped["upload"]["allowed_types"].as_array().unwrap();
    for owed in ["image/jpeg", "image/png", "image/x-adobe-dng", "image/x-nikon-nef", "image/heic"] {
        assert!(types.contains(&Value::from(owed)), "{owed}");
    }
}

#[test]
fn rules_of_the_code_are_what_is_promised() {
    let config = shipped();
    let billing = BillingPolicy::new("https://example.org");
    assert_eq!(billing.platform_fee_basis_points, config.payments.platform_fee_basis_points);
    assert_eq!(billing.settlement_delay, TimeDelta::days(i64::from(config.payments.settlement_delay_days)));
    let uploads = UploadLimits::default();
    assert_eq!((uploads.max_file_size, uploads.max_files), (config.upload.max_file_size, config.upload.max_files));
    assert_eq!(uploads.chunk_size, config.upload.chunk_size);
    let codes = CodePolicy::default();
    assert_eq!((codes.ttl, codes.cooldown), (TimeDelta::minutes(10), TimeDelta::seconds(60)));
    assert_eq!((codes.length, codes.max_attempts, codes.max_daily_sends), (6, 3, 10));
    let sessions = SessionPolicy::default();
    assert_eq!((sessions.access_ttl, sessions.refresh_ttl), (TimeDelta::minutes(30), TimeDelta::days(7)));
    assert_eq!(sessions.grace, TimeDelta::seconds(10));
    assert_eq!((DEFAULT_LIMIT, MAX_LIMIT), (20, 100));
    assert_eq!(VIEW_WINDOW.as_secs(), 30 * 60);
    assert_eq!(Period::default().as_str(), "30d");
    let score = |uses: &[(Day, i64)]| Period::default().score(uses, Day(20_000));
    assert_eq!(score(&[(Day(20_000), 8), (Day(19_993), 1)]).to_string(), "8.5", "a use of a week ago counts half");
    assert_eq!(score(&[(Day(20_000), 11)]).to_string(), "10");
    for (length, taken) in [(7, false), (8, true), (128, true), (129, false)] {
        assert_eq!(NewPassword::handed_over(&"x".repeat(length)).is_ok(), taken, "a password of {length}");
    }
    for (length, taken) in [(2, false), (3, true), (50, true), (51, false)] {
        assert_eq!(Username::parse(&"x".repeat(length)).is_ok(), taken, "a name of {length}");
    }
}

#[test]
fn a_server_ends_within_ten_seconds_whatever_it_is_at() {
    let longest = Duration::from_secs(shipped().server.shutdown_timeout_seconds) + TURN * 2 + GRACE;
    assert!(longest < Duration::from_secs(10), "{longest:?}");
}
