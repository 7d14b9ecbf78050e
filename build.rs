//! Packs the search's vocabulary, so that it weighs less in the bundle.

use std::path::Path;
use std::{env, fs, io};

#[path = "src/knowledge/lexicon/packed.rs"]
mod packed;

fn main() -> io::Result<()> {
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("no OUT_DIR"))?;
    for name in ["lexicon", "kanji"] {
        let path = format!("src/knowledge/{name}.txt");
        fs::write(Path::new(&out).join(name), packed::pack(&fs::read_to_string(&path)?))?;
        write_rerun(&path);
    }
    write_rerun("src/knowledge/lexicon/packed.rs");
    Ok(())
}

/// Tells cargo to run this again when a file changes.
#[allow(clippy::print_stdout)]
fn write_rerun(path: &str) {
    println!("cargo::rerun-if-changed={path}");
}
