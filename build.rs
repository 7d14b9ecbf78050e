//! Packs the search's vocabulary, so that it weighs less in the bundle.

use std::path::Path;
use std::{env, fs, io};

#[path = "src/knowledge/lexicon/packed.rs"]
mod packed;
#[path = "src/knowledge/lexicon/senses.rs"]
mod senses;
#[path = "src/knowledge/lexicon/sounds.rs"]
mod sounds;

fn main() -> io::Result<()> {
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("no OUT_DIR"))?;
    let [lexicon, everyday, kanji] =
        ["src/knowledge/lexicon.txt", "src/knowledge/everyday.txt", "src/knowledge/kanji.txt"];
    let (words, sounding) = (fs::read_to_string(lexicon)?, fs::read_to_string(kanji)?);
    let words = sounds::number_readings(&words, &sounds::sounds(&sounding, true));
    let senses = senses::halves(&fs::read_to_string(everyday)?);
    for (name, text) in [("lexicon", words), ("everyday", senses), ("kanji", sounding)] {
        fs::write(Path::new(&out).join(name), packed::pack(&text))?;
    }
    for path in [lexicon, everyday, kanji, "src/knowledge/lexicon"] {
        write_rerun(path);
    }
    Ok(())
}

/// Tells cargo to run this again when a file changes.
#[allow(clippy::print_stdout)]
fn write_rerun(path: &str) {
    println!("cargo::rerun-if-changed={path}");
}
