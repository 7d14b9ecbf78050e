//! The packed file as it lies in memory: its sections, and the numbers, lists and texts in them. Nothing in it is trusted: what a damaged
//! file points at beyond its end is empty.

use std::fmt;
use std::ops::Range;

/// Why a file is not the vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// Its bytes are others than those that this program was built with.
    Other {
        /// How many there are.
        bytes: usize,
    },
    /// Its sections do not come out.
    Cut,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::Other { bytes } => write!(f, "these {bytes} bytes are not the file that the build wrote"),
            Unreadable::Cut => write!(f, "the file is cut"),
        }
    }
}

/// Where a section lies in the file.
pub type Section = Range<usize>;

/// Texts in the file: where each begins, and their bytes.
#[derive(Debug, Default, Clone)]
pub struct Texts {
    starts: Section,
    bytes: Section,
}

/// The sections of a file that are still to be read.
pub struct Sections<'a> {
    file: &'a [u8],
    at: usize,
}

impl Sections<'_> {
    /// The next section.
    ///
    /// # Errors
    /// The file ends before it does.
    pub fn next(&mut self) -> Result<Section, Unreadable> {
        let from = self.at.saturating_add(4);
        let length = self.file.get(self.at..).and_then(<[u8]>::first_chunk).ok_or(Unreadable::Cut)?;
        self.at = from.saturating_add(read(length) as usize);
        if self.at > self.file.len() { Err(Unreadable::Cut) } else { Ok(from..self.at) }
    }

    /// The next two sections, which are texts.
    ///
    /// # Errors
    /// The file ends before they do.
    pub fn texts(&mut self) -> Result<Texts, Unreadable> {
        Ok(Texts { starts: self.next()?, bytes: self.next()? })
    }

    /// Whether there are no more.
    ///
    /// # Errors
    /// The file goes on.
    pub fn end(&self) -> Result<(), Unreadable> {
        if self.at == self.file.len() { Ok(()) } else { Err(Unreadable::Cut) }
    }
}

/// A number as it is written.
pub fn read(number: &[u8; 4]) -> u32 {
    u32::from_le_bytes(*number)
}

/// The first of some places that is not `before` what is sought; those that are stand together at their beginning.
pub fn first_not(among: Range<usize>, before: impl Fn(usize) -> bool) -> usize {
    let Range { mut start, mut end } = among;
    while start < end {
        let middle = start + (end - start) / 2;
        if before(middle) {
            start = middle + 1;
        } else {
            end = middle;
        }
    }
    start
}

/// The file's bytes.
#[derive(Debug, Default)]
pub struct File(Vec<u8>);

impl File {
    /// A file of these bytes.
    pub fn new(bytes: Vec<u8>) -> File {
        File(bytes)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its sections, from the first one on.
    pub fn sections(&self) -> Sections<'_> {
        Sections { file: &self.0, at: 0 }
    }

    /// The numbers of a section.
    pub fn numbers(&self, of: &Section) -> &[[u8; 4]] {
        self.0.get(of.clone()).unwrap_or_default().as_chunks().0
    }

    /// The number at a place of a section.
    pub fn number(&self, of: &Section, at: usize) -> Option<u32> {
        self.numbers(of).get(at).map(read)
    }

    /// The places of a list's items; no more than there are bytes.
    pub fn list(&self, starts: &Section, at: usize) -> Range<usize> {
        let place = |number| (read(number) as usize).min(self.0.len());
        match self.numbers(starts).get(at..) {
            Some([from, to, ..]) => place(from)..place(to),
            _ => 0..0,
        }
    }

    /// A text's bytes.
    pub fn bytes(&self, texts: &Texts, at: usize) -> &[u8] {
        let all = self.0.get(texts.bytes.clone()).unwrap_or_default();
        all.get(self.list(&texts.starts, at)).unwrap_or_default()
    }

    /// A text.
    pub fn text(&self, texts: &Texts, at: usize) -> &str {
        std::str::from_utf8(self.bytes(texts, at)).unwrap_or_default()
    }

    /// The place of a text among texts in ascending order.
    pub fn find(&self, texts: &Texts, text: &str) -> Option<usize> {
        let count = self.numbers(&texts.starts).len().saturating_sub(1);
        let at = first_not(0..count, |at| self.bytes(texts, at) < text.as_bytes());
        (at < count && self.bytes(texts, at) == text.as_bytes()).then_some(at)
    }

    /// The items of a list, which are numbers of two bytes.
    pub fn ids(&self, among: &Section, list: Range<usize>) -> impl Iterator<Item = u16> + Clone + use<'_> {
        let all = self.0.get(among.clone()).unwrap_or_default().as_chunks().0;
        all.get(list).unwrap_or_default().iter().map(|id| u16::from_le_bytes(*id))
    }

    /// The item at a place of a section whose items are of one length.
    pub fn fixed<const LENGTH: usize>(&self, among: &Section, at: usize) -> Option<&[u8; LENGTH]> {
        self.0.get(among.clone())?.as_chunks().0.get(at)
    }

    /// The byte at a place of a section.
    pub fn byte(&self, among: &Section, at: usize) -> Option<u8> {
        self.0.get(among.clone())?.get(at).copied()
    }
}
