//! Where in a reply a JSON value may stand: fences first, then balanced brackets, each stretch of text looked at once.

/// The stretches of `text` that may be JSON objects or arrays, the likeliest first.
pub fn candidates(text: &str) -> impl Iterator<Item = &str> {
    fenced(text).into_iter().chain(balanced(text))
}

/// The insides of ``` fences, an unclosed last one included.
fn fenced(text: &str) -> Vec<&str> {
    text.split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|inside| {
            let start = inside.find(['{', '['])?;
            let tag = inside.get(..start)?;
            tag.chars().all(|c| c.is_alphanumeric() || c.is_whitespace()).then(|| inside.get(start..).map(str::trim))?
        })
        .collect()
}

/// Stretches from an opening bracket to the one that closes it. After a stretch the search goes on behind it; brackets that
/// are never closed are left behind in one pass.
fn balanced(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let (mut in_string, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' if !open.is_empty() => in_string = !in_string,
            b'{' | b'[' if !in_string => open.push(at),
            b'}' | b']' if !in_string => {
                if let Some(start) = open.pop() {
                    // Stretches inside the one that just closed are parts of it.
                    while found.last().is_some_and(|&(s, _)| s > start) {
                        found.pop();
                    }
                    found.push((start, at + 1));
                }
            }
            _ => {}
        }
    }
    found.into_iter().filter_map(|(start, end)| text.get(start..end)).collect()
}
