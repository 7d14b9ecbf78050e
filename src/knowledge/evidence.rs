//! What speaks for a passage and against it, and what it comes to: the chance that the passage answers.
//!
//! Two regressions over questions of several shops give the weights: in the first a question's passages compete with each other and
//! with "nothing answers", which tells the best; the second tells from the best whether anything answers.
//! `cargo run --example knowledge -- --fit` fits them anew.

use super::question::Part;

/// What a unit of the question found in a passage.
#[derive(Debug, Clone, Copy, Default)]
pub struct Found {
    /// The passage's place.
    pub passage: u32,
    /// How well the term that met it best does.
    pub strength: f32,
    /// That, weighed by where and how often the terms stand.
    pub value: f32,
    /// The places in the passage that hold it, a bit each.
    pub sentences: u16,
    /// How well the term does that met it best in the title.
    pub title: f32,
    /// The same in a heading of the passage.
    pub headed: f32,
}

/// A unit of the question, with what it is worth in this shop and where it was found.
#[derive(Debug)]
pub struct Weighed {
    /// What it tells in this shop.
    pub weight: f32,
    /// What it is to the question.
    pub part: Part,
    /// What it tells in any shop.
    pub anywhere: f32,
    /// How well it does where it does best.
    pub best: f32,
    /// Where it stands, by passage.
    pub found: Vec<Found>,
}

/// A kind of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What stands even for a passage that has nothing else.
    Base,
    /// The part of the question's weight that the passage holds, weighed by where and how often.
    Total,
    /// The part that it holds at all.
    Covered,
    /// The part that one of its sentences and the title hold.
    Closest,
    /// The weight that it holds, and not as a part: a question of few words proves little.
    Held,
    /// What the question is about, in the title.
    Titled,
    /// What the question is about, in a heading of the passage and not in the title.
    Headed,
    /// Goods that the question names, in the title.
    Wares,
    /// The weightiest of what the question is about that stands on other pages and not here.
    Lacking,
    /// The part of the question's pairs of characters that it has, the rarer the more.
    Written,
    /// What the question is about and the lexicon knows, in no page of the shop's.
    Nowhere,
    /// Goods that no page of the shop's has, in a question that names others that one has.
    Aside,
    /// Names in the question that no page of the shop's has.
    Unnamed,
    /// What the question is about and the lexicon does not know, in no page of the shop's.
    Strange,
    /// What the question is about, on other pages and not here.
    Elsewhere,
    /// How far the question is from being about anything.
    Vague,
    /// What it holds in the very word of the question.
    Literal,
    /// How near what one of its sentences speaks of is to what the question does.
    Near,
    /// How near what it speaks of as a whole is to that.
    Akin,
    /// How long the question is: of one that tells a story no page holds as large a part.
    Long,
    /// How long the passage is: a long one holds some of any question.
    Wordy,
    /// How few pages the shop has: where there are few, none holds a question's words by chance.
    Few,
    /// A question in Japanese, which is cut into other units than one in English.
    Japanese,
    /// A page in another language, where one in the question's own bears on it.
    Foreign,
    /// A page in another language, where none in the question's own does.
    ForeignAlone,
}

/// How many kinds there are.
pub const KINDS: usize = 25;

/// What a kind adds to the log-odds that this passage answers, were it known that one does.
const ODDS: [f32; KINDS] = [
    -8.06, 4.18, 2.28, 3.74, 0.19, 2.89, 1.50, -0.81, 0.15, 3.87, -1.12, 0.44, -3.50, -0.26, 0.10, 1.10, -0.20, 3.85,
    1.55, 0.0, 0.0, 0.0, 0.0, -3.26, -0.64,
];

/// What a kind, in the best passage, adds to the log-odds that any answers. Shops that the vocabulary was least written for have more of a
/// say in it: a page of theirs answers with a smaller part of the question in it, and still comes first. What few pages add is where most
/// questions of the small shops that were tuned on are told right.
const BAR: [f32; KINDS] = [
    -1.56, 2.05, 3.55, 0.51, -0.15, 1.35, 0.46, -0.30, 0.01, 1.24, -1.00, -0.88, -1.92, -0.28, -0.31, -0.23, 0.33, 0.0,
    0.0, 4.68, -0.66, 0.60, -0.13, 0.0, 0.0,
];

/// How much there is of each kind.
#[derive(Debug, Clone, Copy)]
pub struct Evidence(pub [f32; KINDS]);

impl Evidence {
    /// How much there is of one kind.
    pub fn get(&self, kind: Kind) -> f32 {
        self.0.get(kind as usize).copied().unwrap_or_default()
    }

    /// Sets one kind.
    pub fn set(&mut self, kind: Kind, value: f32) {
        if let Some(slot) = self.0.get_mut(kind as usize) {
            *slot = value;
        }
    }

    fn times(&self, weights: &[f32; KINDS]) -> f32 {
        self.0.iter().zip(weights).map(|(amount, weight)| amount * weight).sum()
    }

    fn odds(&self) -> f32 {
        self.times(&ODDS)
    }
}

/// The chance of each that it answers: the best has what the bar gives it, the others as much less as they are worse.
pub fn chances(found: &[(u32, Evidence)]) -> Vec<(u32, f64)> {
    let odds: Vec<f32> = found.iter().map(|(_, e)| e.odds()).collect();
    let best = found.iter().zip(&odds).max_by(|a, b| a.1.total_cmp(b.1));
    let raised = best.map_or(0.0, |((_, best), odds)| best.times(&BAR) - odds);
    let chance = |odds: &f32| f64::from(1.0 / (1.0 + (-(odds + raised)).exp()));
    found.iter().zip(&odds).map(|((id, _), odds)| (*id, chance(odds))).collect()
}

/// A page in another language gives way to one in the question's that bears on it, and to no other.
pub fn give_way(found: &mut [(u32, Evidence)]) {
    let given = found.iter().any(|(_, e)| e.get(Kind::Foreign) == 0.0 && e.times(&BAR) >= 0.0);
    if !given {
        for (_, evidence) in found.iter_mut().filter(|(_, e)| e.get(Kind::Foreign) > 0.0) {
            evidence.set(Kind::Foreign, 0.0);
            evidence.set(Kind::ForeignAlone, 1.0);
        }
    }
}

/// The weight of a question that says enough to be answered.
const SAYS_ENOUGH: f32 = 0.6;

/// How well another word of the same meaning does.
pub const SYNONYM: f32 = 0.88;

/// What speaks for and against one passage, were it in the question's language.
pub fn weigh(id: u32, sentences: u8, total: f32, written: f32, units: &[Weighed]) -> Evidence {
    let held: Vec<(&Weighed, Option<&Found>)> = units
        .iter()
        .map(|unit| {
            let at = unit.found.binary_search_by_key(&id, |f| f.passage).ok();
            (unit, at.and_then(|at| unit.found.get(at)))
        })
        .collect();
    let all: f32 = units.iter().map(|unit| unit.weight).sum::<f32>().max(f32::MIN_POSITIVE);
    // A question that says next to nothing is not answered by whoever says that too.
    let said: f32 = units.iter().map(|unit| unit.anywhere).sum();
    let all = all / (said / SAYS_ENOUGH).clamp(0.01, 1.0);
    let strength = |found: &Option<&Found>| found.map_or(0.0, |f| f.strength);
    let covered: f32 = held.iter().map(|(unit, found)| unit.weight * strength(found)).sum();
    let closest = (0..sentences.max(1))
        .map(|sentence| {
            let bit = 1_u16 << sentence.min(15);
            let there = |f: &&&Found| f.title > 0.0 || f.sentences & bit != 0;
            held.iter()
                .map(|(unit, found)| unit.weight * found.as_ref().filter(there).map_or(0.0, |f| f.strength))
                .sum()
        })
        .fold(0.0, f32::max);
    let literal: f32 = held.iter().filter(|(_, f)| strength(f) > 0.95).map(|(unit, _)| unit.weight).sum();
    let (mut nowhere, mut unnamed, mut strange) = (0.0, 0.0, 0.0);
    let (mut elsewhere, mut titled, mut wares, mut about) = (0.0, 0.0, 0.0, 0.0_f32);
    let (mut headed, mut lacking) = (0.0, 0.0_f32);
    let mut aside = 0.0;
    // A shopper names what was spilt or rubbed on the goods, too; what is asked about is what the shop has.
    let sold = held.iter().any(|(unit, _)| unit.part == Part::Goods && unit.best > 0.5);
    for (unit, found) in held.iter().filter(|(unit, _)| unit.part != Part::Manner) {
        about += unit.anywhere;
        // What is met nowhere better than by a distant relation is as good as nowhere.
        let missed = unit.weight * (1.0 - unit.best / SYNONYM).max(0.0);
        match unit.part {
            Part::Name => unnamed += missed,
            Part::Goods if sold => aside += missed,
            Part::Strange => strange += missed,
            Part::Manner | Part::Topic | Part::Goods => nowhere += missed,
        }
        if !unit.found.is_empty() {
            let lacks = unit.weight * (1.0 - strength(found));
            elsewhere += lacks;
            lacking = lacking.max(lacks);
        }
        headed += unit.weight * found.map_or(0.0, |f| (f.headed - f.title).max(0.0));
        let sum = if unit.part == Part::Goods { &mut wares } else { &mut titled };
        *sum += unit.weight * found.map_or(0.0, |f| f.title);
    }
    let mut evidence = Evidence([0.0; KINDS]);
    for (kind, amount) in [
        (Kind::Base, 1.0),
        (Kind::Total, total / all),
        (Kind::Covered, covered / all),
        (Kind::Closest, closest / all),
        (Kind::Held, total.min(3.0)),
        (Kind::Titled, titled.min(2.0)),
        (Kind::Headed, headed.min(2.0)),
        (Kind::Wares, wares.min(2.0)),
        (Kind::Lacking, lacking),
        (Kind::Written, written),
        (Kind::Nowhere, nowhere.min(2.0)),
        (Kind::Aside, aside.min(2.0)),
        (Kind::Unnamed, unnamed.min(2.0)),
        (Kind::Strange, strange.min(2.0)),
        (Kind::Elsewhere, elsewhere.min(3.0)),
        (Kind::Vague, (1.0 - about).max(0.0)),
        (Kind::Literal, literal.min(2.0)),
    ] {
        evidence.set(kind, amount);
    }
    evidence
}
