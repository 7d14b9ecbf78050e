//! Reads replies with the project's reader and with its peers: `json-peers values FILE` prints each peer's values, `json-peers
//! time FILE` its nanoseconds for each reply, of one PEER alone if it is named. FILE is a JSON list of texts; a line of output is one peer's.

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
    let only = arguments.next();
    let peers: Vec<(&str, Reads)> =
        PEERS.into_iter().filter(|(name, _)| only.as_ref().is_none_or(|o| o == name)).collect();
    if what == "values" {
        for (name, read) in peers {
            let values: Vec<Value> = texts.iter().map(|t| serde_json::json!({ "value": read(t) })).collect();
            println!("{}", serde_json::json!({ "peer": name, "values": values }));
        }
        return;
    }
    let times: Vec<Vec<f64>> = texts.iter().map(|text| medians(text, &peers)).collect();
    for (i, (name, _)) in peers.iter().enumerate() {
        let ns: Vec<f64> = times.iter().map(|all| all[i]).collect();
        println!("{}", serde_json::json!({ "peer": name, "ns": ns }));
    }
}

/// Nanoseconds for one reading by each peer: the median of 15 runs of a third of a millisecond or so, the peers in turn,
/// so that what else the machine does falls on all of them.
fn medians(text: &str, peers: &[(&str, Reads)]) -> Vec<f64> {
    let time = |read: Reads, times: u64| {
        let began = Instant::now();
        for _ in 0..times {
            black_box(read(black_box(text)));
        }
        began.elapsed().as_nanos() as f64 / times as f64
    };
    let times: Vec<u64> = peers.iter().map(|(_, read)| (3e5 / time(*read, 3).max(50.0)) as u64 + 1).collect();
    let mut runs = vec![Vec::new(); peers.len()];
    for _ in 0..15 {
        for (i, (_, read)) in peers.iter().enumerate() {
            runs[i].push(time(*read, times[i]));
        }
    }
    let median = |mut all: Vec<f64>| {
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    runs.into_iter().map(median).collect()
}
