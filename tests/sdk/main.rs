//! OpenAI's own SDKs, unmodified, against the Worker on the real engine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    dead_code,
    reason = "what goes wrong in a test must stop it; each file of tests uses a part of what they share"
)]

#[path = "../worker/serve.rs"]
mod serve;
#[path = "../upstream/mod.rs"]
mod upstream;

use std::process::Command;

fn run(program: &str, args: &[&str]) {
    let upstream = upstream::Upstream::start("");
    let url = upstream.url();
    let worker = serve::Worker::start(&[
        ("UPSTREAM_BASE_URL", url.as_str()),
        ("UPSTREAM_OPEN", "true"),
        ("UPSTREAM_RPM", "0"),
        ("RETRIES", "0"),
        ("FIRST_BYTE_MS", "2000"),
    ]);
    let ended = Command::new(program)
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("MADOGUCHI_URL", format!("http://127.0.0.1:{}/v1", worker.port))
        .env("MADOGUCHI_KEY", serve::KEY)
        .env("UPSTREAM_RECORD", format!("http://127.0.0.1:{}/_/seen", upstream.port))
        .status()
        .expect(program);
    assert!(ended.success(), "{program} {args:?} failed");
}

#[test]
fn node() {
    run("node", &["--test", "tests/sdk/node/openai.test.mjs"]);
}

#[test]
fn python() {
    // `npm test` makes the environment with OpenAI's package and names its Python here.
    let Ok(python) = std::env::var("MADOGUCHI_PYTHON") else {
        println!("skipped: no Python with OpenAI's package; `npm test -- sdk-python` makes one");
        return;
    };
    run(&python, &["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/sdk/python"]);
}
