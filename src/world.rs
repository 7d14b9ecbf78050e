//! What decisions may ask of the world: the time, chance, a call to a host, a permit, a lane. The edge gives the real one, tests a simulated one.

use futures::future::LocalBoxFuture;
use futures::stream::LocalBoxStream;

use crate::admission::{Budget, Refusal, Standing};

/// A call to a model's host.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The whole address.
    pub url: String,
    /// The bearer key, if the host wants one.
    pub key: Option<String>,
    /// The JSON body.
    pub body: String,
    /// The id of the request that this call serves; hosts log it.
    pub request_id: String,
    /// The invocation (Worker request or lane) whose connection slots it uses.
    pub invocation: String,
}

/// Why no reply came, or why it stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransportError {
    /// The host could not be reached or the connection broke.
    Broken(String),
    /// More bytes came than the caller allows.
    TooLarge,
}

/// A reply whose headers have come. Dropping it aborts the call.
pub trait Reply {
    /// The HTTP status.
    fn status(&self) -> u16;
    /// One header's value.
    fn header(&self, name: &str) -> Option<String>;
    /// The whole body, at most `limit` bytes.
    fn bytes(self: Box<Self>, limit: usize) -> LocalBoxFuture<'static, Result<Vec<u8>, TransportError>>;
    /// The body as it comes.
    fn stream(self: Box<Self>) -> LocalBoxStream<'static, Result<Vec<u8>, TransportError>>;
}

/// A call's outcome at its headers.
pub type Sent = Result<Box<dyn Reply>, TransportError>;

/// Takes a line for a lane; an error means that the lane is gone.
pub type JobSender = Box<dyn Fn(String) -> Result<(), TransportError>>;

/// A lane: another invocation with six connections of its own. Lines of JSON go in, lines come out, in any order.
pub struct LaneEnds {
    /// Takes one job a line; dropping it ends the lane.
    pub jobs: JobSender,
    /// One outcome a line.
    pub outcomes: LocalBoxStream<'static, Result<String, TransportError>>,
}

/// The world as decisions see it.
pub trait World {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
    /// Ends after `ms` milliseconds; dropping it forgets the timer.
    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()>;
    /// A number in [0, 1).
    fn random(&self) -> f64;
    /// Starts a call; dropping the future aborts it.
    fn send(&self, call: Outgoing) -> LocalBoxFuture<'static, Sent>;
    /// Takes one permit of a budget.
    fn permit(&self, budget: &Budget) -> LocalBoxFuture<'static, Result<Standing, Refusal>>;
    /// How a budget stood when last heard of.
    fn standing(&self, budget: &Budget) -> Option<Standing>;
    /// Opens a lane, or tells why there is none.
    fn lane(&self) -> Result<LaneEnds, TransportError>;
}
