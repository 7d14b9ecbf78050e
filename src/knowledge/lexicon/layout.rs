//! The packed vocabulary: what the build writes into one file and an isolate reads where it lies, with no work but a digest over it.
//!
//! The file is sections one after the other, each its length in bytes and as many bytes. Numbers are little-endian. A list of lists is two
//! sections: where each begins in the other one, with the end of the last; a text is a list of bytes. What the sections are, their one
//! order tells, in [`super::writer`] as in [`super::Lexicon`].

/// How much a concept tells about what a question wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// What a page may be about.
    Topic,
    /// A name that answers only where it is named.
    Name,
    /// Goods: which of them, where what is to be done with them is asked.
    Goods,
    /// One of many of which a page names some.
    Example,
    /// What is asked for: a time, a sum, a place.
    Intent,
    /// Too common in shops to tell much.
    Weak,
    /// What an everyday word means.
    Sense,
}

impl Class {
    const ALL: [Class; 7] =
        [Class::Topic, Class::Name, Class::Goods, Class::Example, Class::Intent, Class::Weak, Class::Sense];

    /// The class that was written as its place among all.
    pub fn at(place: u8) -> Option<Class> {
        Class::ALL.get(usize::from(place)).copied()
    }

    /// That, as a number.
    pub fn weight(self) -> f32 {
        match self {
            Class::Topic => 1.0,
            Class::Name => 1.2,
            Class::Goods | Class::Example => 0.6,
            Class::Intent => 0.35,
            Class::Weak => 0.12,
            Class::Sense => 0.8,
        }
    }
}

/// What a concept means: of so many dimensions, packed in so many bytes, of which the first is its length in 16ths and each of the others two
/// dimensions in steps from -8, the lower one first. All 0 where it is not known.
pub const DIMENSIONS: usize = 64;
/// See [`DIMENSIONS`].
pub const MEANING: usize = 1 + DIMENSIONS / 2;

/// Which word a written form belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// The word's place.
    pub word: u32,
    /// Which kana its inflection may add, as a place in [`ROWS`]; 0 for none.
    pub inflection: u8,
    /// Whether this is the word as it sounds rather than as it is written.
    pub by_sound: bool,
    /// Whether it counts as a whole word although it is two kana.
    pub sure: bool,
}

/// Words are fewer than this.
pub const MOST_WORDS: usize = 1 << 24;

impl Form {
    /// As it is written: in one number.
    pub fn packed(self) -> u32 {
        self.word | u32::from(self.inflection) << 24 | u32::from(self.by_sound) << 30 | u32::from(self.sure) << 31
    }

    /// The form that was written so.
    pub fn unpacked(packed: u32) -> Form {
        Form {
            word: packed & (MOST_WORDS as u32 - 1),
            inflection: (packed >> 24 & 0x3f) as u8,
            by_sound: packed >> 30 & 1 == 1,
            sure: packed >> 31 == 1,
        }
    }
}

/// What may follow a stem, one kana: the godan rows with their euphonic forms, and the adjective's.
pub const ROWS: [(char, &str); 11] = [
    (' ', ""),
    ('k', "かきくけこい"),
    ('g', "がぎぐげごい"),
    ('s', "さしすせそ"),
    ('t', "たちつてとっ"),
    ('n', "なにぬねのん"),
    ('b', "ばびぶべぼん"),
    ('m', "まみむめもん"),
    ('r', "らりるれろっ"),
    ('w', "わいうえおっ"),
    ('i', "いくかけさそすみ"),
];

/// A digest of a file, by which it is named and known again. It guards against accidents and not against forgers: what would serve a
/// forged file could serve a forged Worker.
pub fn digest(bytes: &[u8]) -> u64 {
    let mut digest = bytes.len() as u64;
    let mut add = |n: u64| digest = (digest ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let (whole, rest) = bytes.as_chunks();
    whole.iter().for_each(|eight| add(u64::from_le_bytes(*eight)));
    rest.iter().for_each(|one| add(u64::from(*one)));
    digest ^ digest >> 32
}
