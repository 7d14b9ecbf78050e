//! Packs the search's vocabulary into the file that an isolate loads (see `src/knowledge/lexicon.rs`), and tells its digest.

use std::path::Path;
use std::{env, fs, io};

#[path = "src/decimal.rs"]
mod decimal;
#[allow(dead_code, reason = "the search uses the rest of it")]
#[path = "src/knowledge"]
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

use knowledge::lexicon::{layout, reader, writer};

fn main() -> io::Result<()> {
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("no OUT_DIR"))?;
    let sources = ["lexicon.txt", "everyday.txt", "kanji.txt"].map(|name| Path::new("src/knowledge").join(name));
    tell("rerun-if-changed=src/knowledge/meanings.bin");
    sources.iter().for_each(|source| tell(&format!("rerun-if-changed={}", source.display())));
    let [lexicon, everyday, kanji] = sources.map(fs::read_to_string);
    let meanings = fs::read("src/knowledge/meanings.bin")?;
    let packed = writer::pack(reader::read(&lexicon?, &everyday?, &kanji?, &meanings)).map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("vocabulary"), &packed)?;
    tell(&format!("rustc-env=MADOGUCHI_VOCABULARY={:016x}", layout::digest(&packed)));
    for path in ["decimal.rs", "knowledge/english.rs", "knowledge/normal.rs", "knowledge/lexicon"] {
        tell(&format!("rerun-if-changed=src/{path}"));
    }
    Ok(())
}

/// Tells cargo something.
#[allow(clippy::print_stdout)]
fn tell(what: &str) {
    println!("cargo::{what}");
}
