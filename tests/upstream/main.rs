//! The upstream that misbehaves on demand, by hand: `npm run upstream -- port=9100 latency=80`; `--help` tells the words.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

#[path = "mod.rs"]
mod upstream;

use upstream::behaviour::{self, Behaviour};

fn help() -> String {
    format!(
        "An OpenAI-compatible upstream that misbehaves on demand.

  npm run upstream -- [port=9100] [no-record] [WORD...]

WORDs on the command line are every call's behaviour. A call has its own, without a restart, by its model's name
(model \"status=503+times=2\" or \"gpt-4.1+latency=500\"; GET /v1/models has one for each word), by its base path
(/_/status=503/v1) or within its last message ([[status=503]]); later words win.
PUT /_/behaviour sets every call's anew, GET /_/seen tells what came, POST /_/reset forgets it.

{}",
        behaviour::words()
    )
}

fn main() {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|w| w == "--help" || w == "-h") {
        print!("{}", help());
        return;
    }
    let record = !words.iter().any(|w| w == "no-record");
    let port = words.iter().find_map(|w| w.strip_prefix("port=")?.parse().ok()).unwrap_or(9100);
    words.retain(|w| w != "no-record" && *w != format!("port={port}"));
    let words = words.join(" ");
    if let Err(fault) = Behaviour::default().with(&words) {
        eprint!("{fault}");
        std::process::exit(2);
    }
    let upstream = upstream::Upstream::start_on(port, &words, record);
    println!("listening on http://127.0.0.1:{}", upstream.port);
    println!("faults by the model's name: GET /v1/models lists them; all else: --help");
    loop {
        std::thread::park();
    }
}
