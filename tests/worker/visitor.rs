//! A visitor of the counter as the tests play one: a shop with one page, a session, questions, and the events that are heard.

use std::io::{BufRead, BufReader};
use std::time::Instant;

use serde_json::{Value, json};

use crate::serve::{Reply, Worker};
use crate::upstream::Upstream;

pub const SECRET: &str = "a secret of the tests";
pub const KIND: (&str, &str) = ("content-type", "application/json");

pub fn start(upstream: &Upstream, more: &[(&str, &str)]) -> Worker {
    let worker = empty(upstream, more);
    // One passage: with more, the model would be asked to weigh them, and the tests count its calls.
    let page = json!({"title": "Shipping 送料", "content": "Shipping to Hokkaido takes three days. 北海道への送料は660円です。"});
    let bearer = format!("Bearer {}", crate::serve::KEY);
    let headers = [("authorization", bearer.as_str()), KIND];
    assert!(worker.request("PUT", "/v1/knowledge/shipping", &headers, page.to_string().into_bytes()).status < 300);
    worker
}

/// A shop with no documents.
pub fn empty(upstream: &Upstream, more: &[(&str, &str)]) -> Worker {
    let url = upstream.url();
    let mut variables =
        vec![("UPSTREAM_BASE_URL", url.as_str()), ("UPSTREAM_OPEN", "true"), ("VISITOR_SECRET", SECRET)];
    variables.extend_from_slice(more);
    Worker::start(&variables)
}

/// What the page answers.
pub const QUESTION: &str = "北海道への送料はいくらですか";

/// A visitor of a Worker.
pub struct Visitor<'a> {
    pub worker: &'a Worker,
    pub bearer: String,
}

/// One event as heard.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: String,
    pub name: String,
    pub data: Value,
    pub at: Instant,
}

impl<'a> Visitor<'a> {
    pub fn new(worker: &'a Worker) -> Self {
        let reply = worker.request("POST", "/chat/session", &[KIND], b"{\"locale\":\"ja\"}".to_vec());
        assert_eq!(reply.status, 200, "{reply:?}");
        Self::with(worker, reply.json()["token"].as_str().unwrap())
    }

    pub fn with(worker: &'a Worker, token: &str) -> Self {
        Self { worker, bearer: format!("Bearer {token}") }
    }

    pub fn token(&self) -> &str {
        self.bearer.strip_prefix("Bearer ").unwrap()
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.worker.request("POST", path, &[("authorization", &self.bearer), KIND], body.to_string().into_bytes())
    }

    pub fn history(&self) -> Vec<Value> {
        let reply = self.worker.request("GET", "/chat/history", &[("authorization", &self.bearer)], Vec::new());
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["messages"].as_array().unwrap().clone()
    }

    /// Asks and hears at most so many events, then drops the connection.
    pub fn ask(&self, id: &str, message: &str, last: Option<&str>, most: usize) -> Vec<Event> {
        let (status, events) = self.hear(id, message, last, most).unwrap();
        assert_eq!(status, 200);
        events
    }

    /// The same where the connection may break and the instance too: nothing is heard then.
    pub fn try_ask(&self, id: &str, message: &str, last: Option<&str>, most: usize) -> Vec<Event> {
        self.hear(id, message, last, most).map_or(Vec::new(), |(_, events)| events)
    }

    fn hear(&self, id: &str, message: &str, last: Option<&str>, most: usize) -> Result<(u16, Vec<Event>), ureq::Error> {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut request = agent
            .post(format!("http://127.0.0.1:{}/chat", self.worker.port))
            .header("authorization", &self.bearer)
            .header(KIND.0, KIND.1);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send(json!({"message": message, "id": id}).to_string())?;
        let status = response.status().as_u16();
        let mut lines = BufReader::new(response.into_body().into_reader()).lines();
        let mut events = Vec::new();
        while events.len() < most {
            let block: Vec<String> = lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            if block.is_empty() {
                break;
            }
            let field = |name: &str| block.iter().find_map(|l| l.strip_prefix(name)).map(str::to_owned);
            if let (Some(id), Some(name), Some(data)) = (field("id: "), field("event: "), field("data: ")) {
                events.push(Event { id, name, data: serde_json::from_str(&data).unwrap(), at: Instant::now() });
            }
        }
        Ok((status, events))
    }
}

pub fn text(events: &[Event]) -> String {
    events.iter().filter(|e| e.name == "delta").map(|e| e.data["text"].as_str().unwrap()).collect()
}

pub fn count(events: &[Event], name: &str) -> usize {
    events.iter().filter(|e| e.name == name).count()
}
