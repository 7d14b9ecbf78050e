//! A rush for the benches: so many people a second, each on a connection of their own, who never slow down for a server that does.
//!
//! `spike KIND ADDRESS RATE SECONDS AFTER_RATE AFTER_SECONDS [HEADER...]`; KIND is `chat` (shoppers at `/chat`, with visitors' tokens signed
//! with the secret in `VISITOR_SECRET`) or `completions`. Prints what became of them as JSON, second by second.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a program for the terminal; what goes wrong in it must stop the bench"
)]

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use madoguchi::admission::visitor;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest that anybody stays, in seconds.
const PATIENCE: u64 = 60;
/// After a connection that broke, or an instance that did, a person asks again with the same id, as the widget does; in ms.
const AGAIN_MS: u64 = 1_000;

/// What became of one person.
struct Person {
    /// When they came, in seconds from the start.
    came: f64,
    /// How long until they heard anything, in milliseconds.
    notice_ms: Option<f64>,
    /// How long until an answer began, in milliseconds.
    answer_ms: Option<f64>,
    /// The rung of the answer, or what they got instead.
    end: String,
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = text.split_once(&format!("\"{name}\":\""))?.1;
    Some(rest.split_once('"')?.0)
}

/// What is in the reply so far: whether anything was said, whether the answer began, and the end if it has come.
fn heard(chat: bool, text: &str) -> (bool, bool, Option<String>) {
    let status = text.get(9..12).unwrap_or("none");
    if !text.contains("\r\n\r\n") {
        return (false, false, None);
    }
    if status != "200" {
        return (true, false, Some(format!("status {status}")));
    }
    if !chat {
        let whole = text.contains("\"choices\"") && (text.contains("\"usage\"") || text.ends_with("0\r\n\r\n"));
        return (whole, whole, whole.then(|| "full".to_owned()));
    }
    let end = if let Some((_, done)) = text.split_once("event: done") {
        field(done, "rung").map(str::to_owned)
    } else {
        text.contains("event: error").then(|| "error".to_owned())
    };
    (text.contains("event: "), text.contains("event: delta"), end)
}

/// One connection: what was heard in it, and its end; none where it broke.
async fn hear(host: &str, request: &str, chat: bool, person: &mut Person, began: Instant) -> Option<String> {
    let ms = || Some(began.elapsed().as_secs_f64() * 1000.0);
    let mut socket = TcpStream::connect(host).await.ok()?;
    socket.write_all(request.as_bytes()).await.ok()?;
    let mut bytes = Vec::new();
    loop {
        socket.read_buf(&mut bytes).await.ok().filter(|n| *n > 0)?;
        let (noticed, answered, end) = heard(chat, &String::from_utf8_lossy(&bytes));
        if end.as_deref() == Some("status 500") {
            return None;
        }
        if noticed && person.notice_ms.is_none() {
            person.notice_ms = ms();
        }
        if answered && person.answer_ms.is_none() {
            person.answer_ms = ms();
        }
        if end.is_some() {
            return end;
        }
    }
}

async fn talk(host: &str, request: &str, chat: bool, came: f64) -> Person {
    let mut person = Person { came, notice_ms: None, answer_ms: None, end: String::new() };
    let began = Instant::now();
    loop {
        if let Some(end) = hear(host, request, chat, &mut person, began).await {
            return Person { end, ..person };
        }
        tokio::time::sleep(Duration::from_millis(AGAIN_MS)).await;
    }
}

fn request(host: &str, path: &str, headers: &str, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, url, rate, seconds, after_rate, after_seconds, headers @ ..] = &words[..] else {
        panic!("spike KIND ADDRESS RATE SECONDS AFTER_RATE AFTER_SECONDS [HEADER...]")
    };
    let number = |text: &String| text.parse::<f64>().expect("a number");
    let (rate, seconds, after_rate, after_seconds) =
        (number(rate), number(seconds), number(after_rate), number(after_seconds));
    let headers: String = headers.iter().map(|h| format!("{h}\r\n")).collect();
    let host = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let chat = kind == "chat";
    let secrets = [std::env::var("VISITOR_SECRET").unwrap_or_default()];
    let expires = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64 + 1_800_000;
    // Whoever came in an earlier run is somebody else.
    let first: usize = std::env::var("SPIKE_FIRST").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    // Everybody asks of something of their own, so that no answer can be shared.
    let question = |n: usize| format!("注文番号{:06}の送料と、届くまでの日数を教えてください", 100_000 + n);
    let times = (0..(rate * seconds) as usize).map(|n| n as f64 / rate);
    let times = times.chain((0..(after_rate * after_seconds) as usize).map(|n| seconds + n as f64 / after_rate));
    let requests: Vec<(f64, Rc<str>)> = times
        .enumerate()
        .map(|(n, at)| {
            let n = first + n;
            let text = if chat {
                let token = visitor::issue(&secrets, &format!("{n:032x}"), &format!("http://{host}"), expires).unwrap();
                let headers = format!("authorization: Bearer {token}\r\n{headers}");
                request(&host, "/chat", &headers, &json!({"message": question(n), "id": "m1"}))
            } else {
                let messages = json!([{"role": "user", "content": question(n)}]);
                let body = json!({"model": "gpt-4.1", "messages": messages});
                request(&host, "/v1/chat/completions", &format!("authorization: Bearer bench\r\n{headers}"), &body)
            };
            (at, text.into())
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let local = tokio::task::LocalSet::new();
    let people: Vec<Person> = local.block_on(&runtime, async {
        let began = Instant::now();
        let mut tasks = Vec::new();
        for (at, request) in requests {
            tokio::time::sleep_until((began + Duration::from_secs_f64(at)).into()).await;
            let host = host.clone();
            tasks.push(tokio::task::spawn_local(async move {
                let talk = talk(&host, &request, chat, at);
                tokio::time::timeout(Duration::from_secs(PATIENCE), talk).await.unwrap_or(Person {
                    came: at,
                    notice_ms: None,
                    answer_ms: None,
                    end: "no answer in a minute".into(),
                })
            }));
        }
        let mut people = Vec::new();
        for task in tasks {
            people.push(task.await.expect("a person's end"));
        }
        people
    });
    // What an answer takes with nobody else about.
    let usual_ms = std::env::var("SPIKE_USUAL_MS").ok().and_then(|ms| ms.parse().ok()).unwrap_or(0.0);
    tell(&people, seconds, usual_ms);
}

fn tell(people: &[Person], seconds: f64, usual_ms: f64) {
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    let mut by_second: BTreeMap<u64, BTreeMap<&str, usize>> = BTreeMap::new();
    for person in people {
        *ends.entry(&person.end).or_default() += 1;
        *by_second.entry(person.came as u64).or_default().entry(&person.end).or_default() += 1;
    }
    let quantile = |mut times: Vec<f64>, part: f64| {
        times.sort_unstable_by(f64::total_cmp);
        times.get(((times.len().max(1) - 1) as f64 * part) as usize).copied()
    };
    // Whoever heard nothing counts as having waited for as long as anybody stays.
    let notices: Vec<f64> = people.iter().map(|p| p.notice_ms.unwrap_or(PATIENCE as f64 * 1000.0)).collect();
    let normal = |p: &Person| p.end == "full" && p.answer_ms.is_some_and(|ms| ms < usual_ms + 1_000.0);
    // How long an answer took those who came when the rush was over, second by second.
    let mut after: BTreeMap<u64, f64> = BTreeMap::new();
    for person in people.iter().filter(|p| p.came >= seconds) {
        let slowest = after.entry((person.came - seconds) as u64).or_default();
        *slowest = slowest.max(person.answer_ms.unwrap_or(PATIENCE as f64 * 1000.0));
    }
    let late = people.iter().filter(|p| p.came >= seconds && !normal(p)).map(|p| p.came - seconds);
    println!(
        "{}",
        json!({
            "people": people.len(), "ends": ends, "by_second": by_second.values().collect::<Vec<_>>(),
            "answer_median_ms": quantile(people.iter().filter_map(|p| p.answer_ms).collect(), 0.5), "notice_median_ms": quantile(notices.clone(), 0.5), "notice_p99_ms": quantile(notices, 0.99),
            "slowest_after_ms": after.values().collect::<Vec<_>>(), "normal_after_s": late.fold(0.0, f64::max),
        })
    );
}
