//! The sockets: HTTP/1.1 with keep-alive, and every way of breaking it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::State;
use super::behaviour::{self, Behaviour, decode};
use super::reply;
use super::seen::{CallSeen, Seen};

/// One call in so many is of the tail.
const IN_TAIL: usize = 25;

pub async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(serve(socket, state.clone()));
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

fn reset(socket: TcpStream) {
    let _ = socket.set_zero_linger();
}

struct Head {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    length: usize,
    chunked: bool,
}

impl Head {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

async fn more(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    (socket.read_buf(buffer).await.ok()? > 0).then_some(())
}

async fn read_head(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Head> {
    loop {
        let mut slots = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut slots);
        if let httparse::Status::Complete(used) = parsed.parse(buffer).ok()? {
            let headers: Vec<(String, String)> = parsed
                .headers
                .iter()
                .map(|h| (h.name.to_owned(), String::from_utf8_lossy(h.value).into_owned()))
                .collect();
            let mut head = Head {
                method: parsed.method?.to_owned(),
                path: parsed.path?.to_owned(),
                headers,
                length: 0,
                chunked: false,
            };
            head.length = head.header("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
            head.chunked = head.header("transfer-encoding").is_some_and(|t| t.contains("chunked"));
            buffer.drain(..used);
            return Some(head);
        }
        more(socket, buffer).await?;
    }
}

async fn read_body(socket: &mut TcpStream, buffer: &mut Vec<u8>, head: &Head) -> Option<Vec<u8>> {
    if !head.chunked {
        while buffer.len() < head.length {
            more(socket, buffer).await?;
        }
        return Some(buffer.drain(..head.length).collect());
    }
    let mut body = Vec::new();
    loop {
        let Some(httparse::Status::Complete((used, size))) = httparse::parse_chunk_size(buffer).ok() else {
            more(socket, buffer).await?;
            continue;
        };
        let end = used + size as usize + 2;
        while buffer.len() < end {
            more(socket, buffer).await?;
        }
        body.extend_from_slice(&buffer[used..end - 2]);
        buffer.drain(..end);
        if size == 0 {
            return Some(body);
        }
    }
}

async fn serve(mut socket: TcpStream, state: Arc<State>) {
    let _ = socket.set_nodelay(true);
    let mut buffer = Vec::with_capacity(4096);
    if state.default.lock().unwrap().has("refuse") {
        return;
    }
    loop {
        let Some(head) = read_head(&mut socket, &mut buffer).await else { return };
        let Some(body) = read_body(&mut socket, &mut buffer, &head).await else { return };
        let end = if head.method == "GET" && head.path.ends_with("/v1/models") {
            write(&mut socket, 200, &[], "application/json", &reply::models()).await.map(|()| socket)
        } else if head.path.starts_with("/_/") && !head.path.ends_with("/chat/completions") {
            let body = control(&state, &head, &body);
            write(&mut socket, body.0, &[], "application/json", &body.1).await.map(|()| socket)
        } else {
            call(socket, &state, head, body).await
        };
        match end {
            Some(again) => socket = again,
            None => return,
        }
    }
}

fn control(state: &State, head: &Head, body: &[u8]) -> (u64, Vec<u8>) {
    match (head.method.as_str(), head.path.as_str()) {
        ("GET", "/_/seen") => (200, state.seen.lock().unwrap().to_json().to_string().into_bytes()),
        ("POST", "/_/reset") => {
            *state.seen.lock().unwrap() = Seen::default();
            (200, b"{}".to_vec())
        }
        ("PUT", "/_/behaviour") => match Behaviour::default().with(&String::from_utf8_lossy(body)) {
            Ok(behaviour) => {
                *state.default.lock().unwrap() = behaviour;
                (200, b"{}".to_vec())
            }
            Err(fault) => (400, reply::error(400, &fault)),
        },
        _ => (404, reply::error(404, "use GET /_/seen, POST /_/reset or PUT /_/behaviour")),
    }
}

async fn write(
    socket: &mut TcpStream,
    status: u64,
    headers: &[(String, String)],
    kind: &str,
    body: &[u8],
) -> Option<()> {
    let mut out =
        format!("HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n", body.len()).into_bytes();
    for (name, value) in headers {
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    socket.write_all(&out).await.ok()
}

/// tokio's timers are a millisecond or two late; a host of 80 ms is one of 80, so the last of a wait is a thread's sleep.
async fn pause(wait: Duration) {
    const LATE: Duration = Duration::from_millis(3);
    let end = Instant::now() + wait;
    tokio::time::sleep(wait.saturating_sub(LATE)).await;
    let rest = move || std::thread::sleep(end.saturating_duration_since(Instant::now()));
    let _ = tokio::task::spawn_blocking(rest).await;
}

/// Waits, noticing a caller that goes away.
async fn wait(socket: &mut TcpStream, ms: u64) -> Option<()> {
    if ms == 0 {
        return Some(());
    }
    let mut byte = [0];
    tokio::select! {
        () = pause(Duration::from_millis(ms)) => Some(()),
        // A caller that waits sends nothing more: anything else is its end.
        _ = socket.peek(&mut byte) => None,
    }
}

/// Tells the record how a call ended, whichever way it does.
struct InFlight<'a> {
    state: &'a State,
    invocation: String,
    waiting: bool,
    whole: bool,
}

impl InFlight<'_> {
    fn headers_sent(&mut self) {
        if std::mem::take(&mut self.waiting) {
            self.state.seen.lock().unwrap().headers_sent(&self.invocation);
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.headers_sent();
        let mut seen = self.state.seen.lock().unwrap();
        seen.in_flight = seen.in_flight.saturating_sub(1);
        if self.whole {
            seen.answered += 1;
        } else {
            seen.aborted += 1;
        }
        self.state.changed.notify_all();
    }
}

async fn call(mut socket: TcpStream, state: &State, head: Head, body: Vec<u8>) -> Option<TcpStream> {
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let message = reply::last_message(&request);
    let in_path = head.path.strip_prefix("/_/").and_then(|p| p.split('/').next()).map(decode).unwrap_or_default();
    let in_message =
        message.split_once("[[").and_then(|(_, rest)| rest.split_once("]]")).map_or("", |(words, _)| words);
    let in_model = behaviour::in_model(request["model"].as_str().unwrap_or_default());
    let default = state.default.lock().unwrap().clone();
    let told = default.with(&in_path).and_then(|b| b.with(&in_model)).and_then(|b| b.with(in_message));
    let behaviour = match told {
        Ok(behaviour) => behaviour.hearing(head.header("authorization").unwrap_or_default()),
        Err(fault) => {
            return write(&mut socket, 400, &[], "application/json", &reply::error(400, &fault)).await.map(|()| socket);
        }
    };
    if !head.path.ends_with("/chat/completions") || head.method != "POST" {
        return write(&mut socket, 404, &[], "application/json", &reply::error(404, "no such address"))
            .await
            .map(|()| socket);
    }
    let invocation = head.header("x-madoguchi-invocation").unwrap_or("none").to_owned();
    let (behaviour, full, tail) = {
        let mut seen = state.seen.lock().unwrap();
        let now = now_ms();
        seen.arrive(&invocation, now);
        state.changed.notify_all();
        if state.record {
            seen.keep(CallSeen {
                path: head.path.clone(),
                headers: head.headers.clone(),
                body: String::from_utf8_lossy(&body).into_owned(),
                at_ms: now,
            });
        }
        let count = seen.by_message.entry((in_model, message)).or_default();
        *count += 1;
        let behaviour = behaviour.at(*count);
        let window = behaviour.number("window").unwrap_or(1000);
        // What was refused cost the host nothing, and takes nothing of its rate.
        let recent = seen.taken.iter().rev().take_while(|at| **at + window > now).count() as u64;
        let full = behaviour.number("rate").is_some_and(|n| recent >= n)
            || behaviour.number("concurrency").is_some_and(|n| seen.in_flight as u64 > n);
        if full {
            seen.refused += 1;
        } else {
            seen.taken.push(now);
        }
        let tail = behaviour.number("tail").filter(|_| seen.total.is_multiple_of(IN_TAIL)).unwrap_or(0);
        (behaviour, full, tail)
    };
    let mut flight = InFlight { state, invocation, waiting: true, whole: false };
    if behaviour.has("reset") || behaviour.has("refuse") {
        flight.whole = true;
        if behaviour.has("reset") {
            reset(socket);
        }
        return None;
    }
    let jitter = behaviour
        .number("jitter")
        .map_or(0, |j| (u64::from(UNIX_EPOCH.elapsed().unwrap().subsec_nanos()) / 1000) % (j + 1));
    if !full {
        wait(&mut socket, behaviour.number("latency").unwrap_or(0) + jitter + tail).await?;
    }
    let status = if full { 429 } else { behaviour.number("status").unwrap_or(200) };
    if status != 200 {
        let mut headers = Vec::new();
        for name in ["retry-after", "retry-after-ms"] {
            if let Some(text) = behaviour.text(name) {
                let date = || httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(1));
                headers.push((name.to_owned(), if text == "date" { date() } else { text.to_owned() }));
            }
        }
        if let Some(text) = behaviour.text("should-retry") {
            headers.push(("x-should-retry".into(), text.into()));
        }
        let body = if behaviour.has("html") {
            reply::plain(&behaviour, &request).0
        } else {
            reply::error(status, &behaviour.complaint("as it was told to"))
        };
        flight.headers_sent();
        write(&mut socket, status, &headers, "application/json", &body).await?;
        flight.whole = true;
        return Some(socket);
    }
    respond(socket, flight, &behaviour, &request).await
}

async fn respond(
    mut socket: TcpStream,
    mut flight: InFlight<'_>,
    behaviour: &Behaviour,
    request: &Value,
) -> Option<TcpStream> {
    let streamed = request["stream"] == true;
    flight.headers_sent();
    if behaviour.has("endless") {
        let kind = if streamed { "text/event-stream" } else { "application/json" };
        let head = format!("HTTP/1.1 200 x\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n");
        socket.write_all(head.as_bytes()).await.ok()?;
        loop {
            socket.write_all(b"400\r\n").await.ok()?;
            socket.write_all(&[b' '; 1024]).await.ok()?;
            socket.write_all(b"\r\n").await.ok()?;
        }
    }
    let (pieces, kind) = if streamed {
        (reply::events(behaviour, request), if behaviour.has("html") { "text/html" } else { "text/event-stream" })
    } else {
        let (body, kind) = reply::plain(behaviour, request);
        (vec![body], kind)
    };
    let length: usize = pieces.iter().map(Vec::len).sum();
    let cut = behaviour.number("cut").or(behaviour.number("reset-body")).map(|n| n as usize);
    let plain = cut.is_none() && !streamed && !behaviour.has("silence");
    if plain {
        write(&mut socket, 200, &[], kind, &pieces.concat()).await?;
        flight.whole = true;
        return Some(socket);
    }
    let head = format!("HTTP/1.1 200 x\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n");
    socket.write_all(head.as_bytes()).await.ok()?;
    if let Some(cut) = cut {
        let body = pieces.concat();
        socket.write_all(&body[..cut.min(body.len())]).await.ok()?;
        flight.whole = true;
        if behaviour.has("reset-body") {
            reset(socket);
        }
        return None;
    }
    if let Some(ms) = behaviour.number("silence") {
        let body = pieces.concat();
        let (first, rest) = body.split_at(body.len() / 2);
        socket.write_all(first).await.ok()?;
        wait(&mut socket, ms).await?;
        socket.write_all(rest).await.ok()?;
    } else {
        for piece in pieces {
            socket.write_all(&piece).await.ok()?;
        }
    }
    flight.whole = true;
    Some(socket)
}
