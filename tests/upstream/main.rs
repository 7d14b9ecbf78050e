//! The upstream that misbehaves on demand, by hand: `npm run upstream -- port=9100 latency=80`.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

#[path = "mod.rs"]
mod upstream;

fn main() {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let record = !words.iter().any(|w| w == "no-record");
    words.retain(|w| w != "no-record");
    let port = words.iter().find_map(|w| w.strip_prefix("port=")?.parse().ok()).unwrap_or(9100);
    let upstream = upstream::Upstream::start_on(port, &words.join(" "), record);
    println!("listening on http://127.0.0.1:{}", upstream.port);
    println!("what it saw: GET /_/seen; another behaviour: PUT /_/behaviour; the words: tests/upstream/mod.rs");
    loop {
        std::thread::park();
    }
}
