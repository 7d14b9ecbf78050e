//! A streamed completion: held back until something can be seen, then passed on event by event.

use futures::stream::{self, LocalBoxStream, StreamExt};

use super::call::{Answered, Arrived, Call, Failed, Reading, read_plain, run};
use super::fault::Fault;
use super::hedge::Form;
use super::patience::{Awaited, Patience, WHOLE};
use super::sse::{Decoder, Event};
use super::wire::{Completion, Fields, Usage, quoted};
use crate::admission::estimate;
use crate::admission::gate::Pass;
use crate::config::Target;
use crate::counter::Counter;
use crate::world::TransportError;

/// What comes out of a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// A chunk of the completion, its JSON as written.
    Chunk(String),
    /// The host counted the tokens.
    Usage(Usage),
    /// The stream ended as it should.
    Done,
    /// The stream broke; nothing follows.
    Broke(Fault),
}

/// Pieces as they come; dropping it aborts the call.
pub type Pieces = LocalBoxStream<'static, Piece>;

/// Asks for a stream. It is given once its first visible piece has come, so until then every fault is retried.
pub async fn open(counter: &Counter, call: &Call) -> Result<Answered<Pieces>, Failed> {
    let read = |arrived: Arrived| -> Reading<Pieces> { Box::pin(begin(arrived, counter.clone())) };
    run(counter, call, Form::Streamed, &read).await
}

struct State {
    // The call is in flight for as long as its stream is.
    pass: Pass,
    patience: Patience,
    awaited: Awaited,
    target: Target,
    counter: Counter,
    body: LocalBoxStream<'static, Result<Vec<u8>, TransportError>>,
    decoder: Decoder,
    waiting: std::collections::VecDeque<Event>,
    /// The body so far, as long as it is JSON in place of a stream.
    json: Option<Vec<u8>>,
    begun: bool,
    finished: bool,
    ended: bool,
    /// Since the last event.
    bytes: usize,
}

impl State {
    /// The next event's data; none at the end of the body.
    async fn next_event(&mut self) -> Result<Option<Event>, Fault> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                self.bytes = 0;
                return Ok(Some(event));
            }
            let chunk = self.patience.wait(self.awaited, Box::pin(self.body.next())).await?;
            match chunk {
                None => return self.json.take().map_or(Ok(None), |json| Err(self.no_stream(json))),
                Some(chunk) => {
                    let chunk = chunk?;
                    self.bytes += chunk.len();
                    if self.bytes > super::call::LONGEST_REPLY {
                        return Err(Fault::TooLarge);
                    }
                    self.waiting.extend(self.decoder.push(&chunk).map_err(|_| Fault::TooLarge)?);
                    if let Some(json) = &mut self.json {
                        json.extend(chunk);
                        // No line of a stream that means anything begins so.
                        self.json = self.json.take_if(|json| json.trim_ascii_start().starts_with(b"{"));
                    }
                }
            }
        }
    }

    /// What a plain reply is, which a host gave in place of a stream.
    fn no_stream(&self, json: Vec<u8>) -> Fault {
        let read = read_plain(json, false, self.target.key.as_deref());
        read.err().unwrap_or(Fault::Unreadable("a whole completion in place of a stream"))
    }

    /// The error that a host told within its stream, in JSON, without its key.
    fn told(&self, error: &str) -> Fault {
        let body = format!("{{\"error\":{error}}}");
        match Fault::status(500, true, None, body.as_bytes(), self.target.key.as_deref()) {
            Fault::Status { message: Some(message), .. } if !message.is_empty() => Fault::InStream(message),
            _ => Fault::InStream("an error".into()),
        }
    }

    /// It broke after its beginning. An answer longer than the whole of its time is no fault of the target.
    fn broke(&mut self, fault: &Fault) {
        if fault.is_the_targets() && *fault != Fault::Late(WHOLE) {
            self.pass.failed();
            self.counter.learned.broke(&self.target, self.counter.world.now_ms());
        }
    }

    /// The stream is whole: if there is an answer in it, the target has done well.
    fn end(&mut self) -> Vec<Piece> {
        self.ended = true;
        if self.begun {
            self.counter.learned.succeeded(&self.target);
        }
        vec![Piece::Done]
    }

    /// The next pieces, and whether one of them can be seen by the caller.
    async fn step(&mut self) -> Result<(Vec<Piece>, bool), Fault> {
        let Some(event) = self.next_event().await? else {
            // A stream without [DONE] whose answer was finished is whole; one cut before that is not.
            return if self.finished { Ok((self.end(), false)) } else { Err(Fault::Broken) };
        };
        let data = event.data.trim();
        if event.event == "error" {
            let fields: Option<Fields<'_>> = serde_json::from_str(data).ok();
            let told = fields.as_ref().map(|fields| fields.get("error").unwrap_or(data));
            return Err(self.told(told.unwrap_or(&quoted(data))));
        }
        if data == "[DONE]" {
            return Ok((self.end(), false));
        }
        if data.is_empty() {
            return Ok((Vec::new(), false));
        }
        let chunk = Completion::read(data).map_err(|_| Fault::Unreadable("a piece of a stream that cannot be read"))?;
        if let Some(error) = chunk.error.filter(|e| e.get() != "null") {
            return Err(self.told(error.get()));
        }
        let begins = chunk.begins();
        self.finished |= chunk.choices.iter().any(|c| c.finish_reason.is_some());
        let usage = chunk.usage;
        if begins {
            self.begun = true;
            self.pass.answered();
        }
        if let Some(usage) = usage {
            self.pass.used(usage.total());
        }
        // Hosts write a token or a few in each chunk.
        if let Some(bytes) = std::num::NonZeroUsize::new(chunk.said_bytes()) {
            self.pass.streamed(estimate::of_bytes(bytes.get()).max(1));
        }
        let mut pieces = vec![Piece::Chunk(data.to_owned())];
        pieces.extend(usage.map(Piece::Usage));
        Ok((pieces, begins))
    }
}

async fn begin(arrived: Arrived, counter: Counter) -> Result<Pieces, Fault> {
    let Arrived { reply, patience, mut pass, target } = arrived;
    let is_page = reply.header("content-type").is_some_and(|t| t.contains("text/html"));
    if is_page {
        pass.failed();
        return Err(Fault::Unreadable("a page in place of a stream"));
    }
    let mut state = State {
        pass,
        patience,
        awaited: Awaited::FirstByte,
        target,
        counter,
        body: reply.stream(),
        decoder: Decoder::default(),
        waiting: Default::default(),
        json: Some(Vec::new()),
        begun: false,
        finished: false,
        ended: false,
        bytes: 0,
    };
    let mut held = Vec::new();
    loop {
        let (pieces, begins) = match state.step().await {
            Ok((_, false)) if state.ended => {
                state.pass.failed();
                return Err(Fault::Empty);
            }
            Ok(step) => step,
            Err(fault) => {
                if fault.is_the_targets() {
                    state.pass.failed();
                }
                return Err(fault);
            }
        };
        // Headers and comments are no beginning: hosts send them before they know whether they can answer.
        if held.is_empty() && !pieces.is_empty() {
            state.pass.first_byte();
            state.awaited = Awaited::NextByte;
        }
        held.extend(pieces);
        if begins {
            state.patience.begun();
            break;
        }
    }
    let rest = stream::unfold(Some(state), |state| async move {
        let mut state = state.filter(|s| !s.ended)?;
        match state.step().await {
            Ok((pieces, _)) => Some((pieces, Some(state))),
            Err(fault) => {
                state.broke(&fault);
                Some((vec![Piece::Broke(fault)], None))
            }
        }
    });
    Ok(stream::iter(held).chain(rest.flat_map(stream::iter)).boxed_local())
}
