//! A request as the Worker got it, read as little as is needed.

use futures::future::LocalBoxFuture;
use futures::stream::StreamExt;
use worker::wasm_bindgen::JsCast;
use worker::{js_sys, web_sys};

use super::bindings::WithBody;
use super::promise;
use crate::api::request::Incoming;

/// The fetch event's request.
pub struct EdgeRequest {
    raw: web_sys::Request,
    headers: web_sys::Headers,
    idempotency_key: Option<String>,
}

impl EdgeRequest {
    /// Wraps a request. The entry gives the header `Idempotency-Key` along, since asking for it from here would be a crossing.
    pub fn new(raw: web_sys::Request, idempotency_key: Option<String>) -> Self {
        Self { headers: raw.headers(), raw, idempotency_key }
    }

    /// Tells when the caller goes away.
    pub fn signal(&self) -> web_sys::AbortSignal {
        self.raw.signal()
    }
}

impl Incoming for EdgeRequest {
    fn method(&self) -> String {
        self.raw.method()
    }

    fn origin(&self) -> String {
        let url = self.raw.url();
        let host_at = url.find("://").map_or(0, |at| at + 3);
        let end = url.get(host_at..).and_then(|rest| rest.find(['/', '?', '#'])).map_or(url.len(), |at| host_at + at);
        url.get(..end).unwrap_or_default().to_ascii_lowercase()
    }

    fn path(&self) -> String {
        let url = self.raw.url();
        let after_host = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let path = after_host.find('/').and_then(|at| after_host.get(at..)).unwrap_or("/");
        path.split(['?', '#']).next().unwrap_or("/").to_owned()
    }

    fn query(&self, name: &str) -> Option<String> {
        let url = self.raw.url();
        let (_, query) = url.split_once('?')?;
        let query = query.split('#').next()?;
        form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
    }

    fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).ok().flatten()
    }

    fn idempotency_key(&self) -> Option<String> {
        self.idempotency_key.clone()
    }

    fn body(&self, limit: usize, length: Option<u64>) -> LocalBoxFuture<'_, Result<Option<Vec<u8>>, String>> {
        Box::pin(async move {
            let broken = |_| "the body broke off".to_owned();
            // A length that is told bounds what comes; without one the body is read piece by piece.
            if length.is_some() {
                let bytes = promise::settled(self.raw.unchecked_ref::<WithBody>().bytes()).await.map_err(broken)?;
                let bytes = bytes.unchecked_into::<js_sys::Uint8Array>().to_vec();
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
