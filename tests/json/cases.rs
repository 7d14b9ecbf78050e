//! The table of replies, `tests/json/cases/*.txt`: a case is `== name`, the reply's lines, then `=> value` (or
//! `=> refused`), with `| repair, repair` where they matter. A value follows its schema in `schema => value`.

use madoguchi::json::parse;
use serde_json::{Value, json};

/// A reply and how a careful person reads it.
pub struct Case {
    pub name: String,
    pub reply: String,
    pub value: Option<Value>,
    pub repairs: Option<Vec<String>>,
}

/// All cases of the table.
pub fn cases() -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/json/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for block in text.split("\n== ").skip(1) {
            let (name, body) = block.split_once('\n').unwrap();
            let (reply, verdict) = body.rsplit_once("\n=> ").unwrap_or_else(|| panic!("{name} has no verdict"));
            let verdict = verdict.lines().next().unwrap();
            let named = |r: &str| r.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '_' | ',' | ' '));
            let (value, repairs) = match verdict.rsplit_once(" | ") {
                Some((v, r)) if named(r) => (v, Some(r.split(", ").map(str::to_owned).collect())),
                _ => (verdict, None),
            };
            let value = match value {
                "refused" => None,
                v => Some(serde_json::from_str(v).unwrap_or_else(|e| panic!("{name}: {e}"))),
            };
            cases.push(Case { name: name.to_owned(), reply: reply.to_owned(), value, repairs });
        }
    }
    cases
}

#[test]
fn every_reply_of_the_table_reads_as_a_careful_person_would_read_it() {
    let cases = cases();
    let mut wrong = Vec::new();
    for case in &cases {
        let got = parse(&case.reply).ok();
        if got.as_ref().map(|p| &p.value) != case.value.as_ref() {
            let wanted = case.value.as_ref().map_or("refused".to_owned(), Value::to_string);
            let got = got.map_or("refused".to_owned(), |p| p.value.to_string());
            wrong.push(format!("{}\n    {:?}\n    wanted {wanted}\n    got    {got}", case.name, case.reply));
        } else if let (Some(want), Some(got)) = (&case.repairs, &got) {
            let kinds: Vec<String> = got.repairs.iter().map(|r| json!(r.kind).as_str().unwrap().to_owned()).collect();
            if &kinds != want {
                wrong.push(format!("{}: repairs {kinds:?} in place of {want:?}", case.name));
            }
        }
    }
    println!("{} of {} replies read right", cases.len() - wrong.len(), cases.len());
    assert!(wrong.is_empty(), "{} of {} read wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Short replies that are one value take a way of their own; with much white space before them they do not.
#[test]
fn a_short_reply_reads_as_it_does_behind_much_white_space() {
    let read = |space: usize, reply: &str| {
        let parsed = parse(&format!("{}{reply}", " ".repeat(space))).ok()?;
        let repairs = parsed.repairs.iter().map(|r| (r.kind, r.at.saturating_sub(space)));
        Some((parsed.value, repairs.collect::<Vec<_>>()))
    };
    let mut compared = 0;
    for case in cases() {
        if case.reply.starts_with(['{', '[']) {
            assert_eq!(read(0, &case.reply), read(600, &case.reply), "{}", case.name);
            compared += 1;
        }
    }
    assert!(compared > 300, "{compared}");
}
