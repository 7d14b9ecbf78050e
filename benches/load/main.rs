//! A light load for the benches: keep-alive connections that ask one after another.
//!
//! `load ADDRESS CONNECTIONS SECONDS BODY [HEADER...]` prints requests a second, the median and the 99th percentile in milliseconds, and replies that were not 200, as JSON.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a program for the terminal; what goes wrong in it must stop the bench"
)]

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The bytes of one reply at the buffer's start, and its status; none while more must come.
fn reply(buffer: &[u8]) -> Option<(usize, u16)> {
    let mut slots = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Response::new(&mut slots);
    let httparse::Status::Complete(head) = parsed.parse(buffer).expect("a reply of HTTP") else { return None };
    let status = parsed.code.expect("a status");
    let header = |name: &str| parsed.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value);
    if let Some(length) = header("content-length") {
        let length: usize = std::str::from_utf8(length).unwrap().parse().expect("a length");
        return (buffer.len() >= head + length).then_some((head + length, status));
    }
    let mut at = head;
    loop {
        let httparse::Status::Complete((used, size)) = httparse::parse_chunk_size(&buffer[at..]).expect("a chunk")
        else {
            return None;
        };
        at += used + size as usize + 2;
        if buffer.len() < at {
            return None;
        }
        if size == 0 {
            return Some((at, status));
        }
    }
}

async fn connection(address: String, request: Rc<[u8]>, until: Instant) -> (Vec<Duration>, usize) {
    let mut socket = TcpStream::connect(&address).await.expect("a connection");
    socket.set_nodelay(true).expect("no delay");
    let (mut times, mut bad, mut buffer) = (Vec::new(), 0, Vec::with_capacity(16 << 10));
    while Instant::now() < until {
        let began = Instant::now();
        socket.write_all(&request).await.expect("written");
        let (used, status) = loop {
            if let Some(whole) = reply(&buffer) {
                break whole;
            }
            assert!(socket.read_buf(&mut buffer).await.expect("read") > 0, "the server closed the connection");
        };
        buffer.drain(..used);
        times.push(began.elapsed());
        bad += usize::from(status != 200);
    }
    (times, bad)
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [url, connections, seconds, body, headers @ ..] = &words[..] else {
        panic!("load ADDRESS CONNECTIONS SECONDS BODY [HEADER...]")
    };
    let headers: String = headers.iter().map(|h| format!("{h}\r\n")).collect();
    let (host, path) = url.trim_start_matches("http://").split_once('/').expect("an address with a path");
    let request: Rc<[u8]> = format!(
        "POST /{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer bench\r\ncontent-type: application/json\r\n\
         {headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
    .into();
    let (connections, seconds): (usize, f64) = (connections.parse().unwrap(), seconds.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let local = tokio::task::LocalSet::new();
    let (mut times, bad) = local.block_on(&runtime, async {
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        let tasks: Vec<_> = (0..connections)
            .map(|_| tokio::task::spawn_local(connection(host.to_owned(), request.clone(), until)))
            .collect();
        let (mut times, mut bad) = (Vec::new(), 0);
        for task in tasks {
            let (more, worse) = task.await.expect("a connection's end");
            times.extend(more);
            bad += worse;
        }
        (times, bad)
    });
    times.sort_unstable();
    let ms = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
    println!(
        "{}",
        serde_json::json!({
            "rate": times.len() as f64 / seconds, "median_ms": ms(0.5), "p99_ms": ms(0.99), "bad": bad,
        })
    );
}
