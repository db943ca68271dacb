//! The service of docs/LEAKTEST.md with the leak: its handler asks three others, and forgets the slow ones.

use std::time::Duration;

use axum::http::StatusCode;

/// Asks another service, which answers slowly.
async fn ask(service: &'static str) -> String {
    tokio::time::sleep(Duration::from_secs(60)).await;
    format!("{service}: ok\n")
}

async fn report() -> Result<String, StatusCode> {
    let calls = ["prices", "stock", "reviews"].map(|service| {
        tokio::spawn(ask(service)) // here
    });
    let answers = async {
        let mut text = String::new();
        for call in calls {
            text += &call.await.map_err(|_| StatusCode::BAD_GATEWAY)?;
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
