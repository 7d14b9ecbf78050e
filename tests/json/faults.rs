//! One fault in a valid text: read back to the value or refused, never silently to something of another shape.

use madoguchi::json::{ReadAs, RepairKind, parse};
use serde_json::Value;

use crate::generate::{CLASSES, Expected, Random, Style, fault, text, value};

/// Values of the same shape: the same keys in the same objects, lists of the same length, leaves of the same type.
fn same_shape(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same_shape(v, w)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(v, w)| same_shape(v, w)),
        _ => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

/// What is left of a value that was cut off: nothing that it did not have.
fn part_of(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(a), Value::Object(b)) => a.iter().all(|(k, v)| b.get(k).is_some_and(|w| part_of(v, w))),
        (Value::Array(a), Value::Array(b)) => a.len() <= b.len() && a.iter().zip(b).all(|(v, w)| part_of(v, w)),
        (Value::String(a), Value::String(b)) => b.starts_with(a.as_str()),
        (Value::Number(a), Value::Number(b)) => b.to_string().starts_with(&a.to_string()),
        _ => part == whole,
    }
}

/// Repairs that say where the structure was mended.
const STRUCTURE: [RepairKind; 5] =
    [RepairKind::CutOff, RepairKind::Bracket, RepairKind::Quote, RepairKind::InnerQuote, RepairKind::Comma];

/// Faults after which the text does not say what was meant (where the missing bracket stood, whether a text ended): it
/// may be read to another shape, but then the place is told among the repairs.
const OPEN: [&str; 5] = [
    "a closing quote missing",
    "an opening quote missing",
    "a key's closing quote missing",
    "a closing bracket missing",
    "a closing bracket twice",
];

#[derive(Default, Clone)]
struct Count {
    right: usize,
    shape: usize,
    refused: usize,
    told: usize,
    wrong: Vec<String>,
}

#[test]
fn one_fault_is_read_back_or_refused() {
    let rounds: u64 = std::env::var("MADOGUCHI_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_500);
    let mut counts = vec![Count::default(); CLASSES.len()];
    for round in 0..rounds {
        let mut random = Random::new(round);
        let value = value(&mut random);
        let style = [Style::Compact, Style::Spaced, Style::Pretty][random.below(3)];
        let (text, tokens) = text(&value, style);
        for (class, count) in CLASSES.iter().zip(&mut counts) {
            let Some((broken, expected)) = fault(class, &text, &tokens, style, &mut random) else { continue };
            let Ok(parsed) = parse(&broken) else {
                count.refused += 1;
                continue;
            };
            let told = parsed.repairs.iter().any(|r| STRUCTURE.contains(&r.kind));
            let silent = parsed.read_as == ReadAs::Strict && broken != text;
            let wanted = if let Expected::Value(other) = &expected { other } else { &value };
            let right = &parsed.value == wanted || matches!(expected, Expected::Part) && part_of(&parsed.value, &value);
            if right && !silent {
                count.right += 1;
            } else if !silent && same_shape(&parsed.value, &value) {
                count.shape += 1;
            } else if !silent && told && OPEN.contains(class) {
                count.told += 1;
            } else {
                count.wrong.push(format!("{class}\n    {broken}\n    wanted {value}\n    got    {}", parsed.value));
            }
        }
    }
    println!("{:40} right shape refused told wrong", "class");
    for (class, c) in CLASSES.iter().zip(&counts) {
        println!("{class:40} {:5} {:5} {:7} {:4} {:5}", c.right, c.shape, c.refused, c.told, c.wrong.len());
    }
    for (class, c) in CLASSES.iter().zip(&counts) {
        let all = c.right + c.shape + c.refused + c.told + c.wrong.len();
        let floor = if !OPEN.contains(class) { all } else { all * 7 / 10 };
        assert!(c.right >= floor, "{class}: {} of {all} read back to the value", c.right);
    }
    let wrong: Vec<&String> = counts.iter().flat_map(|c| c.wrong.iter().take(2)).collect();
    let all: usize = counts.iter().map(|c| c.wrong.len()).sum();
    assert!(
        all == 0,
        "{all} read as another shape, among them:\n{}",
        wrong.iter().map(|s| s.as_str()).collect::<Vec<_>>().join("\n")
    );
}
