//! A reply without an object or a list: one literal, one number, or a text in a fence.

use super::chars::space;
use super::types::{Parsed, ReadAs, Repair, RepairKind};
use super::{scalar, strict};

/// A whole reply that is one literal or number, perhaps in a fence; or a string in a fence.
pub(super) fn lone_scalar(text: &str, begin: usize) -> Option<Parsed> {
    let trimmed = text.trim_matches(space);
    let (inner, fenced) = match trimmed.strip_prefix("```") {
        Some(fenced) => (fenced.trim_end_matches('`').split_once('\n')?.1.trim_matches(space), true),
        None => (trimmed, false),
    };
    if let Ok(valid) = strict::whole(inner) {
        let repairs = vec![Repair::new(RepairKind::Surroundings, begin)];
        return (fenced || !valid.value.is_string()).then_some(Parsed {
            value: valid.value,
            read_as: ReadAs::Repaired,
            repairs,
        });
    }
    if !scalar::whole(inner) {
        return None;
    }
    let (value, kind) = scalar::read(inner, false);
    let at = text.find(inner).unwrap_or(0) + begin;
    Some(Parsed {
        value,
        read_as: ReadAs::Repaired,
        repairs: vec![Repair::new(kind.unwrap_or(RepairKind::Literal), at)],
    })
}
