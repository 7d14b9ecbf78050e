//! Reads replies with the project's reader and with its peers: `json-peers values FILE` prints each peer's values, `json-peers
//! time FILE` its nanoseconds for each reply. FILE is a JSON list of texts; a line of output is one peer's.

use std::hint::black_box;
use std::time::Instant;

use json_peers::json;
use serde_json::Value;

type Reads = fn(&str) -> Option<Value>;

const PEERS: [(&str, Reads); 5] = [
    ("madoguchi", |text| json::parse(text).ok().map(|p| p.value)),
    ("serde_json", |text| serde_json::from_str(text).ok()),
    ("jsonrepair-rs", |text| jsonrepair_rs::jsonrepair_value(text).ok()),
    ("llm_json", |text| llm_json::loads(text, &llm_json::RepairOptions::default()).ok()),
    ("partial-json-fixer", |text| {
        let fixed = partial_json_fixer::fix_json_parse(text).ok()?.to_string();
        serde_json::from_str(&fixed).ok()
    }),
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let file = arguments.next().expect("a file of texts");
    let texts: Vec<String> =
        serde_json::from_str(&std::fs::read_to_string(file).expect("the file")).expect("a list of texts");
    for (name, read) in PEERS {
        if what == "values" {
            let values: Vec<Value> = texts.iter().map(|t| serde_json::json!({ "value": read(t) })).collect();
            println!("{}", serde_json::json!({ "peer": name, "values": values }));
        } else {
            let times: Vec<f64> = texts.iter().map(|t| median(t, read)).collect();
            println!("{}", serde_json::json!({ "peer": name, "ns": times }));
        }
    }
}

/// Nanoseconds for one reading: the median of 15 runs, each of a millisecond or so.
fn median(text: &str, read: Reads) -> f64 {
    let began = Instant::now();
    black_box(read(black_box(text)));
    let once = began.elapsed().as_nanos().clamp(100, 1_000_000_000) as u64;
    let times = (1_000_000 / once).clamp(1, 20_000);
    let mut runs: Vec<f64> = (0..15)
        .map(|_| {
            let began = Instant::now();
            for _ in 0..times {
                black_box(read(black_box(text)));
            }
            began.elapsed().as_nanos() as f64 / times as f64
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    runs[7]
}
