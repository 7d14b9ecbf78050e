//! What decisions may ask of the world: the time, chance, a call to a host, permits, a lane. The edge gives the real one, tests a simulated one.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use futures::future::LocalBoxFuture;
use futures::stream::LocalBoxStream;

use crate::admission::message::{Ask, Lease};
use crate::error::ApiError;
use crate::knowledge::{Document, Index, Lexicon, store};

/// A call to a model's host.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The whole address.
    pub url: String,
    /// The bearer key, if the host wants one.
    pub key: Option<Rc<str>>,
    /// The JSON body.
    pub body: String,
    /// The id of the request that this call serves; hosts log it.
    pub request_id: String,
    /// Whose connection slots it uses.
    pub invocation: Invocation,
}

/// An invocation of the platform, which has six connections of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// The one that runs this, by its request's id.
    Here(Rc<str>),
    /// A lane: an object elsewhere that makes the call in its place.
    Lane(Rc<str>),
}

impl Invocation {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Invocation::Here(name) | Invocation::Lane(name) => name,
        }
    }
}

/// Why no reply came, or why it stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransportError {
    /// The host could not be reached or the connection broke.
    Broken(String),
}

/// A reply whose headers have come. Dropping it aborts the call.
pub trait Reply {
    /// The HTTP status.
    fn status(&self) -> u16;
    /// One header's value.
    fn header(&self, name: &str) -> Option<String>;
    /// The body as it comes.
    fn stream(self: Box<Self>) -> LocalBoxStream<'static, Result<Vec<u8>, TransportError>>;
    /// The body for whom the whole of it is wanted: in one piece where it is short.
    fn body(self: Box<Self>) -> LocalBoxStream<'static, Result<Vec<u8>, TransportError>> {
        self.stream()
    }
}

/// A call's outcome at its headers.
pub type Sent = Result<Box<dyn Reply>, TransportError>;

/// The world as decisions see it.
pub trait World {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
    /// Ends after `ms` milliseconds; dropping it forgets the timer.
    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()>;
    /// Chance that nobody can guess, for ids and for waits alike.
    fn bits(&self) -> u64;
    /// A number in [0, 1).
    fn random(&self) -> f64 {
        // As many bits as the number holds.
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
    /// Whether [`Self::later`] runs what it is given.
    fn runs_on(&self) -> bool {
        false
    }
    /// Lets work run that no caller waits for, on after the reply too.
    fn later(&self, _work: LocalBoxFuture<'static, ()>) {}
    /// Starts a call; dropping the future aborts it.
    fn send(&self, call: Outgoing) -> LocalBoxFuture<'static, Sent>;
    /// Asks the object of a budget for permits; none where it cannot be reached.
    fn ask(&self, budget: &str, ask: &Ask) -> LocalBoxFuture<'static, Option<Lease>>;
    /// Asks the object of a shared question, by its name, for its answer in lines of JSON.
    fn share(&self, _name: &str, _question: String) -> LocalBoxFuture<'static, Sent> {
        Box::pin(std::future::ready(Err(TransportError::Broken("nothing is shared here".into()))))
    }
    /// Takes a lane whose six connections are free; none where the platform gives none.
    fn take_lane(&self) -> Option<Rc<str>>;
    /// Gives back a lane with nothing running in it.
    fn free_lane(&self, lane: Rc<str>);
    /// Forgets a lane, which may not be used again.
    fn drop_lane(&self, _lane: &str) {}
    /// The shop's documents as this isolate holds them, at most [`store::STALE_MS`] behind, and not at all when `fresh`.
    fn knowledge(&self, _fresh: bool) -> LocalBoxFuture<'static, Result<Rc<RefCell<Index>>, ApiError>> {
        Box::pin(std::future::ready(Err(store::unavailable())))
    }
    /// The search's vocabulary, loaded at its first use; an empty one while it cannot be had.
    fn vocabulary(&self) -> LocalBoxFuture<'static, Arc<Lexicon>> {
        Box::pin(std::future::ready(Arc::default()))
    }
    /// Stores documents, all of them or none.
    fn put_documents(&self, _documents: Vec<Document>) -> LocalBoxFuture<'static, Result<(), ApiError>> {
        Box::pin(std::future::ready(Err(store::unavailable())))
    }
    /// Removes a document; whether it was there.
    fn remove_document(&self, _id: String) -> LocalBoxFuture<'static, Result<bool, ApiError>> {
        Box::pin(std::future::ready(Err(store::unavailable())))
    }
    /// A file of the storefront by its path; none where there is no such file.
    fn asset(&self, _path: String) -> LocalBoxFuture<'static, Option<String>> {
        Box::pin(std::future::ready(None))
    }
}
