//! What may be stored: the limits of a document and of them all, and the changes that copies of the index follow.

use serde::{Deserialize, Serialize};

use super::index::{Document, Index};
use crate::error::{ApiError, Kind};

/// The most documents of a shop.
pub const MOST_DOCUMENTS: u64 = 5_000;
/// The most text of all documents together, in bytes: each isolate holds it with its index, in the platform's 128 MB.
pub const MOST_BYTES: u64 = 4 << 20;
/// The longest content, in characters.
pub const LONGEST_CONTENT: usize = 100_000;
/// The longest id, title and address, in characters.
const LONGEST_ID: usize = 200;
const LONGEST_TITLE: usize = 300;
const LONGEST_URL: usize = 2_000;
/// A change made elsewhere is seen after at most this long, in milliseconds.
pub const STALE_MS: u64 = 5_000;

/// Refuses an id that cannot stand in an address or a log line.
///
/// # Errors
/// Names `id` and the mend.
pub fn check_id(id: &str) -> Result<(), ApiError> {
    if id.is_empty() || id.chars().count() > LONGEST_ID || id.chars().any(char::is_control) {
        let message = format!("id must have 1 to {LONGEST_ID} characters, none of them a control character");
        return Err(ApiError::field("id", "out_of_range", message));
    }
    Ok(())
}

/// Refuses a document past the limits.
///
/// # Errors
/// Names the field and the mend.
pub fn check(document: &Document) -> Result<(), ApiError> {
    check_id(&document.id)?;
    let long = |name: &str, text: &str, most: usize| {
        if text.chars().count() <= most {
            return Ok(());
        }
        Err(ApiError::field(
            name,
            "out_of_range",
            format!("{name} must have at most {most} characters: cut it into several documents"),
        ))
    };
    if document.content.trim().is_empty() {
        return Err(ApiError::field("content", "out_of_range", "content is empty: give the document's text"));
    }
    long("content", &document.content, LONGEST_CONTENT)?;
    long("title", document.title.as_deref().unwrap_or_default(), LONGEST_TITLE)?;
    let url = document.url.as_deref().unwrap_or_default();
    long("url", url, LONGEST_URL)?;
    if !(url.is_empty() || ["http://", "https://", "/", "#"].iter().any(|start| url.starts_with(start))) {
        let message = "url must begin with https://, http:// or /: it is shown to shoppers as a link";
        return Err(ApiError::field("url", "invalid_value", message));
    }
    Ok(())
}

/// The fault of a store that would grow past its limits.
pub fn full(documents: u64, bytes: u64) -> ApiError {
    let message = format!(
        "The knowledge base would hold {documents} documents of {bytes} bytes; it takes {MOST_DOCUMENTS} of {MOST_BYTES} bytes together: delete some first"
    );
    ApiError::new(Kind::InvalidRequest, "knowledge_full", message).with_status(413)
}

/// The fault of documents that cannot be had now.
pub fn unavailable() -> ApiError {
    ApiError::new(
        Kind::Overloaded,
        "knowledge_unavailable",
        "The shop's documents cannot be read at this moment: try again",
    )
    .retry_after(1_000)
}

/// One document put, or removed where there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The document's id.
    pub id: String,
    /// The document; none where it was removed.
    pub document: Option<Document>,
}

/// What has changed since a version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// The version that these lead to.
    pub version: u64,
    /// Whether the copy must begin anew: it is too old for what is remembered of removals.
    #[serde(default)]
    pub anew: bool,
    /// Whether there are more after these.
    #[serde(default)]
    pub more: bool,
    /// In the order of their making.
    pub changes: Vec<Change>,
}

impl Changes {
    /// Brings a copy up to date.
    pub fn apply(self, index: &mut Index) {
        if self.anew {
            index.clear();
        }
        for change in self.changes {
            match change.document {
                Some(document) => index.put(document),
                None => {
                    index.remove(&change.id);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexicon::Lexicon;
    use super::*;

    fn document(id: &str) -> Document {
        Document { id: id.into(), title: None, content: "返品は8日以内です。".into(), url: None, lang: None }
    }

    #[test]
    fn a_document_past_a_limit_is_refused_by_the_name_of_its_field() {
        let fault = |change: &dyn Fn(&mut Document)| {
            let mut d = document("a");
            change(&mut d);
            check(&d).unwrap_err().param.unwrap()
        };
        assert!(check(&document("返品 について/1")).is_ok());
        assert_eq!(fault(&|d| d.id = "a\nb".into()), "id");
        assert_eq!(fault(&|d| d.content = " ".into()), "content");
        assert_eq!(fault(&|d| d.content = "あ".repeat(LONGEST_CONTENT + 1)), "content");
        assert_eq!(fault(&|d| d.title = Some("t".repeat(301))), "title");
        assert_eq!(fault(&|d| d.url = Some("javascript:alert(1)".into())), "url");
    }

    #[test]
    fn a_copy_follows_changes_and_begins_anew_when_told() {
        let mut index = Index::new(Lexicon::built(), [document("old")]);
        let put = |id: &str| Change { id: id.into(), document: Some(document(id)) };
        let gone = Change { id: "old".into(), document: None };
        Changes { version: 3, changes: vec![put("a"), gone, put("b")], ..Changes::default() }.apply(&mut index);
        assert!(index.get("old").is_none() && index.len() == 2);
        Changes { version: 9, anew: true, changes: vec![put("c")], ..Changes::default() }.apply(&mut index);
        assert!(index.get("c").is_some() && index.len() == 1);
    }
}
