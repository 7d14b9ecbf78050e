//! A request as the Worker got it, read as little as is needed.

use std::borrow::Cow;

use futures::future::LocalBoxFuture;
use futures::stream::StreamExt;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{js_sys, web_sys};

use super::{bindings, promise};
use crate::api::request::Incoming;

/// Headers that most requests are asked for.
const NAMES: [&str; 4] = ["authorization", "content-type", "content-length", "idempotency-key"];

thread_local! {
    static ASKED: JsValue = NAMES.into_iter().map(JsValue::from_str).collect::<js_sys::Array>().into();
}

/// The fetch event's request.
pub struct EdgeRequest {
    raw: web_sys::Request,
    // Its method, its address, and those of `NAMES` that it has, a line each: one crossing for all.
    head: String,
}

impl EdgeRequest {
    /// Wraps a request.
    pub fn new(raw: web_sys::Request) -> Self {
        let head = ASKED.with(|names| bindings::head(&raw, names));
        Self { raw, head }
    }

    /// Ends when its caller has gone.
    pub async fn gone(&self) {
        promise::gone(&self.raw).await;
    }

    fn url(&self) -> &str {
        self.head.split('\n').nth(1).unwrap_or_default()
    }
}

impl Incoming for EdgeRequest {
    fn method(&self) -> &str {
        self.head.split('\n').next().unwrap_or_default()
    }

    fn origin(&self) -> String {
        let url = self.url();
        let host_at = url.find("://").map_or(0, |at| at + 3);
        let end = url.get(host_at..).and_then(|rest| rest.find(['/', '?', '#'])).map_or(url.len(), |at| host_at + at);
        url.get(..end).unwrap_or_default().to_ascii_lowercase()
    }

    fn path(&self) -> &str {
        let after_host = self.url().split_once("://").map_or(self.url(), |(_, rest)| rest);
        let path = after_host.find('/').and_then(|at| after_host.get(at..)).unwrap_or("/");
        let end = path.bytes().position(|b| matches!(b, b'?' | b'#')).unwrap_or(path.len());
        path.get(..end).unwrap_or("/")
    }

    fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.url().split_once('?')?;
        let query = query.split('#').next()?;
        form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
    }

    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        if NAMES.contains(&name) {
            let mut lines = self.head.split('\n').skip(2);
            return lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(Cow::Borrowed));
        }
        self.raw.headers().get(name).ok().flatten().map(Cow::Owned)
    }

    fn body(&self, limit: usize, length: Option<u64>) -> LocalBoxFuture<'_, Result<Option<Vec<u8>>, String>> {
        Box::pin(async move {
            let broken = |_| "the body broke off".to_owned();
            // A length that is told bounds what comes; without one the body is read piece by piece.
            if length.is_some() {
                let bytes = promise::body(&self.raw).await.map_err(broken)?;
                return Ok((bytes.len() <= limit).then_some(bytes));
            }
            let Some(stream) = self.raw.body() else { return Ok(Some(Vec::new())) };
            let mut chunks = wasm_streams::ReadableStream::from_raw(stream).into_stream();
            let mut body = Vec::new();
            while let Some(chunk) = chunks.next().await {
                body.extend(chunk.map_err(broken)?.unchecked_into::<js_sys::Uint8Array>().to_vec());
                if body.len() > limit {
                    return Ok(None);
                }
            }
            Ok(Some(body))
        })
    }
}
