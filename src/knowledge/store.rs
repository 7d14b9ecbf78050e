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
/// The longest tag of a language that is worth keeping (RFC 5646, 4.4.1).
const LONGEST_LANG: usize = 35;
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

/// Refuses a text of more than `most` characters; `mend` follows what is told.
fn bounded(field: &str, text: &str, most: usize, mend: &str) -> Result<(), ApiError> {
    if text.chars().count() <= most {
        return Ok(());
    }
    Err(ApiError::field(field, "out_of_range", format!("{field} must have at most {most} characters{mend}")))
}

/// Refuses a document past the limits.
///
/// # Errors
/// Names the field and the mend.
pub fn check(document: &Document) -> Result<(), ApiError> {
    check_id(&document.id)?;
    if document.content.trim().is_empty() {
        return Err(ApiError::field("content", "out_of_range", "content is empty: give the document's text"));
    }
    bounded("content", &document.content, LONGEST_CONTENT, ": cut it into several documents")?;
    bounded("title", document.title.as_deref().unwrap_or_default(), LONGEST_TITLE, "")?;
    check_url("url", document.url.as_deref().unwrap_or_default())?;
    let lang = document.lang.as_deref().unwrap_or_default();
    if lang.len() > LONGEST_LANG || !lang.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        return Err(ApiError::field("lang", "invalid_value", "lang must be a language's tag, such as ja, en or en-GB"));
    }
    Ok(())
}

/// Refuses an address that is no link for a shopper.
///
/// # Errors
/// Names the field as given, and the mend.
pub fn check_url(field: &str, url: &str) -> Result<(), ApiError> {
    bounded(field, url, LONGEST_URL, "")?;
    let scheme = |scheme: &str| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    // A browser takes two slashes, of either kind, for the beginning of another host.
    let path = url.starts_with('/') && !url.get(1..).is_some_and(|rest| rest.starts_with(['/', '\\']));
    let begins = url.is_empty() || path || url.starts_with('#') || scheme("https://") || scheme("http://");
    if !begins || url.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"".contains(c)) {
        let message = format!(
            "{field} must begin with https://, http://, one / or #, and have no spaces, quotes or <>: it is shown to shoppers as a link"
        );
        return Err(ApiError::field(field, "invalid_value", message));
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
        for url in
            ["javascript:alert(1)", "//evil.example", "/\\evil.example", "https://a b", "/a\"><script>", "a.html"]
        {
            assert_eq!(fault(&|d| d.url = Some(url.into())), "url", "{url}");
        }
        for url in ["", "#top", "/", "/a?b=c#d", "HTTPS://a.example/送料"] {
            assert!(check(&Document { url: Some(url.into()), ..document("a") }).is_ok(), "{url}");
        }
        for lang in ["日本", &"a".repeat(36)] {
            assert_eq!(fault(&|d| d.lang = Some(lang.into())), "lang", "{lang}");
        }
        assert!(check(&Document { lang: Some("ja-JP".into()), ..document("a") }).is_ok());
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
