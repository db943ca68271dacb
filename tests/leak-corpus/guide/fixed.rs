//! The service of docs/LEAKTEST.md after the fix: its requests end with its handler.

use std::time::Duration;

use axum::http::StatusCode;

/// Asks another service, which answers slowly.
async fn ask(service: &'static str) -> String {
    tokio::time::sleep(Duration::from_secs(60)).await;
    format!("{service}: ok\n")
}

async fn report() -> Result<String, StatusCode> {
    let mut calls = tokio::task::JoinSet::new();
    for service in ["prices", "stock", "reviews"] {
        calls.spawn(ask(service));
    }
    let answers = async move {
        let mut text = String::new();
        while let Some(answer) = calls.join_next().await {
            text += &answer.map_err(|_| StatusCode::BAD_GATEWAY)?;
        }
        Ok(text)
    };
    let in_time = tokio::time::timeout(Duration::from_millis(50), answers).await;
    in_time.unwrap_or(Err(StatusCode::GATEWAY_TIMEOUT))
}

#[path = "client.rs"]
mod client;

#[highwater_leaktest::test]
#[tokio::test]
async fn a_slow_report_times_out() {
    let answer = client::get(report).await;
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
}
