//! Bounds: work in proportion to the text whatever the text, shown by counting steps, and the depth.

use madoguchi::json::{MAX_DEPTH, Wanted, parse, parse_counting_steps};
use serde_json::Value;

#[test]
fn the_work_is_linear_whatever_the_text() {
    let parts = [
        "[",
        "{",
        "\"",
        "'",
        "{\"a\":",
        "[\"",
        "```",
        "{'",
        "\\",
        "「",
        "{\"a\": \"x\" ",
        "[1,",
        "}",
        "{a ",
        "```json\n{",
        ",\"",
        "\"\n",
        "[x] ",
        "{\"a\" \"b\"}",
        "<think>",
        "</think>",
        "/*",
        "{\"a\":1}",
        "{a:b}",
        "{\"",
        "[(",
        "\"\"\"",
        "{x} ",
        "...",
        "[ \"a\" b \"",
        "{\"a\": b \"",
        "#",
        "{#\n",
        "[`",
        "{“",
        "[<!--",
        "◁think▷",
        "\" , ",
        "{ /*",
    ];
    for part in parts {
        let steps = |n: usize| parse_counting_steps(&part.repeat(n)).1 as f64 / (part.len() * n) as f64;
        let (small, large) = (steps(500), steps(8000));
        assert!(large < small * 3.0 + 20.0, "{part:?}: {small} steps a byte became {large}");
        assert!(large < 400.0, "{part:?}: {large} steps a byte");
    }
}

#[test]
fn large_hostile_texts_cost_no_more_steps_a_byte_than_small_ones() {
    type OfLength = fn(usize) -> String;
    let texts: [(&str, OfLength); 10] = [
        ("a bare word and spaces", |n| format!("[True, Fa{}", " ".repeat(n))),
        ("open brackets", |n| "[".repeat(n)),
        ("open braces and keys", |n| "{\"a\":".repeat(n / 5)),
        ("quotes", |n| "\"".repeat(n)),
        ("quotes after a bracket", |n| format!("[{}", "\"".repeat(n))),
        ("nested fences that are not closed", |n| "```json\n> ```\n~~~\n{".repeat(n / 21)),
        ("alternating faults", |n| format!("[{}", "{a: 'b\" , \"c' \"d\": tru, ,]".repeat(n / 26))),
        ("brackets crossed", |n| "[{".repeat(n / 4) + &"]}".repeat(n / 4)),
        ("small broken objects", |n| "x {\"a\":1]} ".repeat(n / 12)),
        ("spaces and brackets", |n| " ".repeat(n / 2) + &"[x] ".repeat(n / 8)),
    ];
    for (name, text) in texts {
        let steps = |n: usize| parse_counting_steps(&text(n)).1 as f64 / n as f64;
        let (small, large) = (steps(4_000), steps(if name == "quotes" { 1_000_000 } else { 200_000 }));
        println!("{name:36} {small:7.2} steps a byte at 4 kB, {large:7.2} at 200 kB or more");
        assert!(large < small * 1.5 + 10.0 && large < 300.0, "{name}: {small} steps a byte became {large}");
    }
    parse(&"[".repeat(200_000)).unwrap_err();
}

#[test]
fn what_is_nested_too_deep_is_refused_with_its_place() {
    let nested = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    assert!(parse(&nested(MAX_DEPTH)).is_ok());
    assert!(serde_json::from_str::<Value>(&nested(MAX_DEPTH)).is_ok());
    assert!(serde_json::from_str::<Value>(&nested(MAX_DEPTH + 1)).is_err());
    let fault = parse(&nested(MAX_DEPTH + 1)).unwrap_err();
    assert_eq!((fault.wanted, fault.offset), (Wanted::Shallower, MAX_DEPTH));
    assert!(parse(&format!("{{'a': {}", "[".repeat(MAX_DEPTH))).is_err());
    assert!(parse(&format!("{{'a': {}", "[".repeat(MAX_DEPTH - 1))).is_ok());
}
