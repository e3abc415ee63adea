//! axum on tokio's multi-thread runtime: a task may act on another thread than the one that read its request.
use axum::{Router, extract::Query, routing::get};
use std::{collections::HashMap, env, time::Duration};
use tokio::{net::TcpListener, process::Command, time::sleep};

type Parameters = Query<HashMap<String, String>>;

fn nonce(parameters: &Parameters) -> String {
    parameters.get("nonce").cloned().unwrap_or_default()
}

async fn delay() {
    let ms = env::var("DELAY_MS").ok().and_then(|ms| ms.parse().ok()).unwrap_or(10);
    sleep(Duration::from_millis(ms)).await;
}

async fn exec(parameters: Parameters) -> String {
    let nonce = nonce(&parameters);
    delay().await;
    match Command::new("sh").args(["-c", "id", &nonce]).output().await {
        Ok(out) => format!("{nonce}\n{}", String::from_utf8_lossy(&out.stdout)),
        Err(error) => format!("sh: {error}"),
    }
}

async fn harmless(parameters: Parameters) -> String {
    delay().await;
    nonce(&parameters) + "\n"
}

#[tokio::main(flavor = "multi_thread", worker_threads = 4)]
async fn main() -> std::io::Result<()> {
    let app = Router::new().route("/exec", get(exec).post(exec)).route("/harmless", get(harmless));
    let port = env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    axum::serve(TcpListener::bind(format!("127.0.0.1:{port}")).await?, app).await
}
