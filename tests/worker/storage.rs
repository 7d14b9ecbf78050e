//! The objects' storage of a Worker that a test starts more than once.

use std::path::{Path, PathBuf};

/// A folder for the objects' storage, deleted with this.
pub struct Storage(PathBuf);

impl Storage {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("madoguchi-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    pub fn variable(&self) -> (&str, &str) {
        ("STATE_DIR", self.0.to_str().unwrap())
    }

    /// How many objects of the class have stored anything.
    pub fn objects(&self, class: &str) -> usize {
        let files = |path: &Path| std::fs::read_dir(path).map_or(0, |all| all.flatten().filter(is_object).count());
        files(&self.0.join(format!("madoguchi-{class}")))
    }
}

fn is_object(file: &std::fs::DirEntry) -> bool {
    let name = file.file_name().into_string().unwrap_or_default();
    name.strip_suffix(".sqlite").is_some_and(|id| id.bytes().all(|b| b.is_ascii_hexdigit()))
}

impl Drop for Storage {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
