//! The built Worker on bare workerd, started for a test and ended with it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

pub const KEY: &str = "test-key";

/// A running Worker.
pub struct Worker {
    child: Child,
    pub port: u16,
    /// Ports of other isolates on the same objects, where `ISOLATES` asks for them.
    pub others: Vec<u16>,
}

/// A reply as a caller sees it.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e} in {:?}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// The error of the contract's envelope, whose every field must be there.
    pub fn error(&self) -> Value {
        let error = self.json()["error"].clone();
        for field in ["message", "type", "code", "request_id"] {
            assert!(error[field].is_string(), "no {field} in {self:?}");
        }
        assert!(error.get("param").is_some(), "no param in {self:?}");
        assert_eq!(Some(error["request_id"].as_str().unwrap()), self.header("x-request-id"));
        if [429, 503].contains(&self.status) && self.header("x-should-retry").is_none() {
            assert!(self.header("retry-after").is_some_and(|s| s.parse::<u64>().is_ok_and(|s| s > 0)), "{self:?}");
        }
        error
    }
}

impl Worker {
    /// Starts with variables beside the test key.
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new("node");
        command.arg("scripts/serve.mjs").current_dir(env!("CARGO_MANIFEST_DIR"));
        command.env("PORT", "0").env("MADOGUCHI_BUILT", "1").env("API_KEYS", format!("other-key, {KEY}"));
        command.env("TELL_INVOCATION", "true");
        command.envs(variables.iter().copied()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("node scripts/serve.mjs");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout"));
        let mut others = Vec::new();
        let port = loop {
            let mut line = String::new();
            assert!(
                lines.read_line(&mut line).expect("output") > 0,
                "the Worker did not start: run npm test, which builds it"
            );
            if let Some(address) = line.trim().strip_prefix("listening on http://127.0.0.1:") {
                break address.parse().expect("port");
            }
            if let Some(address) = line.trim().strip_prefix("another isolate on http://127.0.0.1:") {
                others.push(address.parse().expect("port"));
            }
        };
        std::thread::spawn(move || std::io::copy(&mut lines.by_ref(), &mut std::io::sink()));
        Self { child, port, others }
    }

    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
        self.request_at(self.port, method, path, headers, body)
    }

    /// A request to the isolate of that port.
    pub fn request_at(&self, port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(std::time::Duration::from_secs(60)))
            .build()
            .into();
        let mut request = ureq::http::Request::builder().method(method).uri(format!("http://127.0.0.1:{port}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = agent.run(request.body(body).expect("request")).expect("a reply");
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string().expect("a body");
        Reply { status: response.status().as_u16(), headers: response.headers().clone(), text }
    }

    /// Posts a body with the key.
    pub fn post_bytes(&self, path: &str, body: &[u8]) -> Reply {
        let bearer = format!("Bearer {KEY}");
        self.request("POST", path, &[("authorization", &bearer), ("content-type", "application/json")], body.to_vec())
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_bytes(path, body.to_string().as_bytes())
    }

    /// Posts and reads lines of JSON.
    pub fn post_lines(&self, path: &str, body: &Value) -> Vec<Value> {
        let bearer = format!("Bearer {KEY}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("accept", "application/x-ndjson"),
        ];
        let reply = self.request("POST", path, &headers, body.to_string().into_bytes());
        reply.text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e} in {l:?}"))).collect()
    }
}

impl Worker {
    /// Ends it in the middle of what it does, as a machine that fails would.
    pub fn fail(mut self) {
        self.signal("-TERM");
        self.signal("-INT");
        let _ = self.child.wait();
    }

    fn signal(&self, signal: &str) {
        // A plain kill would leave workerd behind: serve.mjs ends it when asked to end, and at once when asked twice.
        let _ = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal("-TERM");
            let _ = self.child.wait();
        }
    }
}
