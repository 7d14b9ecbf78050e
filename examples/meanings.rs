//! Makes `src/knowledge/meanings.bin`: what each concept of the search's vocabulary means, from a table of word vectors.
//!
//! `cargo run --release --example meanings -- VOCAB` reads the folder `vocab` of spaCy's model ja_ginza (a wheel of that name; MIT), whose
//! vectors are chiVe's (Manabe et al., 2019; Apache-2.0), in the order of how common their words are. A concept lies in the middle of its
//! words in Japanese. The dimensions are cut to those in which concepts differ most (principal components), turned at random so that each
//! holds as much, and written in four bits.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

#[allow(dead_code, reason = "the vocabulary's reader uses it")]
#[path = "../src/decimal.rs"]
mod decimal;
#[allow(dead_code, reason = "the search and the build use the rest of it")]
#[path = "../src/knowledge"]
mod knowledge {
    pub mod english;
    pub mod lexicon {
        pub mod layout;
        pub mod reader;
        pub mod senses;
        pub mod sounds;
        pub mod writer;
    }
    pub mod normal;
}

use knowledge::lexicon::layout::{self, DIMENSIONS, MEANING};
use knowledge::lexicon::{reader, senses};

/// Dimensions of the table's vectors.
const WIDE: usize = 300;
type Vector = [f64; WIDE];

fn main() {
    let folder = std::env::args().nth(1).expect("the folder `vocab` of ja_ginza");
    let table = Table::read(Path::new(&folder));
    let source = |name: &str| fs::read_to_string(format!("src/knowledge/{name}")).unwrap();
    let mut words: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for line in source("lexicon.txt").lines() {
        for group in reader::groups(line) {
            for concept in reader::concepts(&group.names) {
                let written = group.words.iter().map(|w| reader::written(w).trim_start_matches(['*', '9']).to_owned());
                words.entry(reader::key(concept)).or_default().extend(written);
            }
        }
    }
    for (japanese, english) in senses::senses(&source("everyday.txt")) {
        let line = reader::line_of(japanese, english);
        words.entry(reader::key(&line)).or_default().extend(japanese.split(", ").map(str::to_owned));
    }

    let mut known: HashMap<&str, (Vector, f64)> = HashMap::new();
    for word in words.values().flatten().filter(|w| !w.is_ascii()) {
        if let Some(found) = table.find(word) {
            known.insert(word, found);
        }
    }
    let all: Vec<Vector> = known.values().map(|(vector, _)| *vector).collect();
    let middle = mean(&all);
    let mut concepts: Vec<(u64, Vector, f64)> = Vec::new();
    for (key, words) in &words {
        let found: Vec<&(Vector, f64)> = words.iter().filter_map(|w| known.get(w.as_str())).collect();
        if found.is_empty() {
            continue;
        }
        let vectors: Vec<Vector> = found.iter().map(|(vector, _)| unit(&less(vector, &middle))).collect();
        let rare = found.iter().map(|(_, rare)| rare).sum::<f64>() / found.len() as f64;
        concepts.push((*key, unit(&mean(&vectors)), rare));
    }
    let all: Vec<Vector> = concepts.iter().map(|(_, vector, _)| *vector).collect();
    let middle = mean(&all);
    concepts.iter_mut().for_each(|(_, vector, _)| *vector = less(vector, &middle));
    let basis = basis(&concepts.iter().map(|(_, vector, _)| *vector).collect::<Vec<_>>());

    let mut file = Vec::new();
    for (key, vector, rare) in &concepts {
        let cut: Vec<f64> = basis.iter().map(|axis| dot(axis, vector)).collect();
        let length = cut.iter().map(|x| x * x).sum::<f64>().sqrt();
        let step = |at: usize| ((cut[at] / length / STEP).round().clamp(-7.0, 7.0) + 8.0) as u8;
        let mut packed = [0; MEANING];
        packed[0] = (16.0 * rare).round().clamp(1.0, 255.0) as u8;
        (0..DIMENSIONS / 2).for_each(|at| packed[1 + at] = step(2 * at) | step(2 * at + 1) << 4);
        file.extend(key.to_le_bytes());
        file.extend(packed);
    }
    fs::write("src/knowledge/meanings.bin", &file).unwrap();
    println!("{} of {} concepts, {} words, {} bytes", concepts.len(), words.len(), known.len(), file.len());
}

/// A step of four bits, of a direction's dimension: of these, which are spread evenly, a fifteenth covers nearly all.
const STEP: f64 = 0.45 / 8.0;

/// How a dictionary writes the end of a word of each row of [`layout::ROWS`].
const ENDINGS: [&str; layout::ROWS.len()] = ["", "く", "ぐ", "す", "つ", "ぬ", "ぶ", "む", "る", "う", "い"];

/// Word vectors by the hash of the word.
struct Table {
    rows: HashMap<u64, u64>,
    vectors: Vec<f32>,
}

impl Table {
    fn read(folder: &Path) -> Table {
        let bytes = fs::read(folder.join("vectors")).unwrap();
        // A header whose length stands in two bytes after the magic and the version (NumPy's format 1).
        let from = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let vectors = bytes[from..].as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let packed = fs::read(folder.join("key2row")).unwrap();
        let mut at = 0;
        let count = number(&packed, &mut at);
        let rows = (0..count).map(|_| (number(&packed, &mut at), number(&packed, &mut at))).collect();
        Table { rows, vectors }
    }

    fn row(&self, word: &str) -> Option<usize> {
        self.rows.get(&murmur(word.as_bytes())).map(|row| *row as usize)
    }

    /// A vector, and how rare its word is.
    fn at(&self, row: usize) -> (Vector, f64) {
        let vector: Vec<f64> = self.vectors[row * WIDE..][..WIDE].iter().map(|x| f64::from(*x)).collect();
        (unit(vector[..].try_into().unwrap()), (row as f64 + 20.0).ln() - 2.0)
    }

    /// A word's own vector, or that of its parts.
    fn find(&self, written: &str) -> Option<(Vector, f64)> {
        let forms = match reader::inflected(written) {
            (word, 0) => vec![word.to_owned(), format!("{word}る")],
            (stem, row) => vec![format!("{stem}{}", ENDINGS[usize::from(row)])],
        };
        if let Some(row) = forms.iter().find_map(|form| self.row(form)) {
            return Some(self.at(row));
        }
        let parts: Vec<(Vector, f64)> = self.parts(&forms[0]).into_iter().map(|row| self.at(row)).collect();
        let rarest = parts.iter().map(|(_, rare)| *rare).reduce(f64::max)?;
        let sum = parts.iter().fold([0.0; WIDE], |sum, (v, rare)| add(&sum, v, *rare));
        Some((unit(&sum), rarest))
    }

    /// The fewest words that a word is put together from, as rows.
    fn parts(&self, word: &str) -> Vec<usize> {
        let chars: Vec<char> = word.chars().collect();
        // Of each place the cost of the way to it, where its last part begins, and that part's row.
        let mut best: Vec<(f64, usize, Option<usize>)> = vec![(f64::INFINITY, 0, None); chars.len() + 1];
        best[0].0 = 0.0;
        for to in 1..=chars.len() {
            for from in to.saturating_sub(8)..to {
                let part: String = chars[from..to].iter().collect();
                let kana = chars[from..to].iter().all(|c| ('ぁ'..='ん').contains(c));
                // A kana or two hold other words together.
                let (row, cost) = match self.row(&part) {
                    Some(row) if !kana || to - from > 2 => (Some(row), 1.0),
                    _ if kana && to - from <= 2 => (None, 0.7),
                    _ if to - from == 1 => (None, 3.0),
                    _ => continue,
                };
                if best[from].0 + cost < best[to].0 {
                    best[to] = (best[from].0 + cost, from, row);
                }
            }
        }
        let mut rows = Vec::new();
        let mut at = chars.len();
        while at > 0 {
            rows.extend(best[at].2);
            at = best[at].1;
        }
        rows
    }
}

/// A number of MessagePack's, or the count of a map.
fn number(packed: &[u8], at: &mut usize) -> u64 {
    let kind = packed[*at];
    *at += 1;
    let bytes = match kind {
        0..=0x7f => return u64::from(kind),
        0x80..=0x8f => return u64::from(kind & 15),
        0xcc => 1,
        0xcd | 0xde => 2,
        0xce | 0xdf => 4,
        0xcf => 8,
        _ => unreachable!("no number: {kind:x}"),
    };
    *at += bytes;
    packed[*at - bytes..*at].iter().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// MurmurHash2 (64 bits, A) with the seed 1, by which spaCy knows its words.
fn murmur(bytes: &[u8]) -> u64 {
    const BY: u64 = 0xc6a4_a793_5bd1_e995;
    let (whole, rest) = bytes.as_chunks();
    let mut hash = 1 ^ (bytes.len() as u64).wrapping_mul(BY);
    for eight in whole {
        let part = u64::from_le_bytes(*eight).wrapping_mul(BY);
        hash = (hash ^ (part ^ part >> 47).wrapping_mul(BY)).wrapping_mul(BY);
    }
    if !rest.is_empty() {
        hash ^= rest.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
        hash = hash.wrapping_mul(BY);
    }
    hash = (hash ^ hash >> 47).wrapping_mul(BY);
    hash ^ hash >> 47
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn unit(vector: &Vector) -> Vector {
    let length = dot(vector, vector).sqrt().max(1e-9);
    vector.map(|x| x / length)
}

fn add(a: &Vector, b: &Vector, times: f64) -> Vector {
    std::array::from_fn(|at| a[at] + times * b[at])
}

fn less(a: &Vector, b: &Vector) -> Vector {
    add(a, b, -1.0)
}

fn mean(vectors: &[Vector]) -> Vector {
    let sum = vectors.iter().fold([0.0; WIDE], |sum, v| add(&sum, v, 1.0));
    sum.map(|x| x / vectors.len() as f64)
}

/// Axes at right angles in the space in which vectors differ most, turned at random.
fn basis(vectors: &[Vector]) -> Vec<Vector> {
    let mut spread = vec![[0.0; WIDE]; WIDE];
    for v in vectors {
        (0..WIDE).for_each(|row| spread[row] = add(&spread[row], v, v[row]));
    }
    let mut seed = 1_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as f64 / f64::from(1_u32 << 31) - 0.5
    };
    // Twelve even ones make a normal one.
    let mut normal = || (0..12).map(|_| random()).sum::<f64>();
    let mut axes: Vec<Vector> = (0..DIMENSIONS).map(|_| std::array::from_fn(|_| normal())).collect();
    for _ in 0..60 {
        axes = axes.iter().map(|axis| std::array::from_fn(|row| dot(&spread[row], axis))).collect();
        square(&mut axes);
    }
    let mut turned: Vec<Vector> =
        (0..DIMENSIONS).map(|_| axes.iter().fold([0.0; WIDE], |sum, axis| add(&sum, axis, normal()))).collect();
    square(&mut turned);
    turned
}

/// Turns axes to right angles with each other, each of length 1 (Gram and Schmidt).
fn square(axes: &mut [Vector]) {
    for at in 0..axes.len() {
        let (before, rest) = axes.split_at_mut(at);
        let axis = &mut rest[0];
        before.iter().for_each(|other| *axis = add(axis, other, -dot(other, axis)));
        *axis = unit(axis);
    }
}
