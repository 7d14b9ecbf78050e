//! One call through a route: permits, attempts, retries and fallbacks, until an answer or the last fault.

use std::cell::Cell;
use std::rc::Rc;

use futures::future::LocalBoxFuture;

use super::fault::Fault;
use super::hedge::{self, Form};
use super::patience::{Awaited, Patience};
use super::room::Held;
use super::wire::{Completion, Fields, Usage, quoted};
use super::{breaker, ratelimit, retry};
use crate::admission::gate::{self, Hears, Pass};
use crate::admission::holder::Caller;
use crate::admission::message::Kind as Urgency;
use crate::admission::together::Together;
use crate::admission::{Budget, estimate};
use crate::config::Target;
use crate::counter::Counter;
use crate::error::{ApiError, Kind};
use crate::world::{Invocation, Outgoing, Reply};

/// The longest plain completion, and the most that a stream sends from event to event, in bytes.
pub const LONGEST_REPLY: usize = 8 << 20;

/// The longest reason of a refusal that is read, in bytes, and how long it is waited for, in milliseconds.
const LONGEST_REASON: usize = 64 << 10;
const REASON_MS: u64 = 1_000;

/// Who finds all hosts failing is to come again after so long, in milliseconds: when the next trial is over, and most likely the one
/// after it.
const AGAIN_MS: u64 = 3_000;

/// What is asked of a model.
#[derive(Debug, Clone)]
pub struct Call {
    /// The chain to try, in order.
    pub targets: Vec<Target>,
    /// The request's JSON body; its `model` is replaced by each target's own.
    pub body: String,
    /// The id of the request that this call serves.
    pub request_id: String,
    /// The model that the body names.
    pub model: String,
    /// Whose connection slots it uses.
    pub invocation: Invocation,
    /// How it waits for its permits.
    pub wait: Wait,
}

/// How a call waits for permits.
#[derive(Debug, Clone)]
pub struct Wait {
    /// For so long, in milliseconds, before the limit is an error.
    pub patience_ms: u64,
    /// How urgent it is.
    pub kind: Urgency,
    /// Whose it is: a number for each visitor or key, so that none takes more than its share.
    pub party: u64,
    /// Hears of the wait.
    pub told: Told,
    /// The fan-out that it is one of.
    pub together: Option<Rc<Together>>,
    /// What its reply holds of the room of all of them.
    pub held: Option<Rc<Held>>,
}

impl Wait {
    /// One call of a party's, which does not wait.
    pub fn new(kind: Urgency, party: u64) -> Self {
        Self { patience_ms: 0, kind, party, told: Told::default(), together: None, held: None }
    }

    /// One of many calls of a party's, which wait as long as `patience_ms`.
    pub fn batch(party: u64, patience_ms: u64) -> Self {
        Self { patience_ms, ..Self::new(Urgency::Batch, party) }
    }

    /// Who hears of the wait, and what it hears of others'.
    fn hears(&self) -> Hears<'_> {
        Hears { told: self.told.0.as_deref(), together: self.together.as_ref() }
    }

    /// Whether a person waits, who is told of it and for whom there is another answer.
    fn is_a_persons(&self) -> bool {
        self.told.0.is_some() && self.kind != Urgency::Batch
    }
}

/// Hears how long a call will wait, in milliseconds, and how many go first; called again when that changes.
#[derive(Clone, Default)]
pub struct Told(pub Option<Rc<dyn Fn(u64, usize)>>);

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Told" } else { "Untold" })
    }
}

/// How a call ended well.
#[derive(Debug, Clone)]
pub struct Answered<T> {
    /// What was read.
    pub value: T,
    /// The target that answered.
    pub target: Target,
    /// Its place in the chain.
    pub rank: usize,
    /// Attempts made, all targets together.
    pub attempts: u32,
    /// The time from the start to here, in milliseconds.
    pub latency_ms: u64,
}

/// How a call ended badly.
#[derive(Debug, Clone)]
pub struct Failed {
    /// What the caller is told.
    pub error: ApiError,
    /// Attempts made.
    pub attempts: u32,
    /// The time from the start to here, in milliseconds.
    pub latency_ms: u64,
}

/// A plain completion.
#[derive(Debug, Clone)]
pub struct Plain {
    /// The host's reply as written.
    pub text: String,
    /// The first answer's text.
    pub content: Option<String>,
    /// What it used.
    pub usage: Option<Usage>,
}

/// A reply of status 2xx, with what its reading needs.
pub struct Arrived {
    /// The reply, its body still to come.
    pub reply: Box<dyn Reply>,
    /// How long it may still take.
    pub patience: Patience,
    /// Dropped when the call has ended.
    pub pass: Pass,
    /// The target that replied. It may say the key that it was shown in an error.
    pub target: Target,
}

/// What comes of reading a reply.
pub type Reading<T> = LocalBoxFuture<'static, Result<T, Fault>>;

/// Reads a reply, and keeps what it read.
type Keep<'a> = dyn Fn(Arrived) -> Reading<()> + 'a;

/// Asks for a plain completion.
pub async fn complete(counter: &Counter, call: &Call, with_content: bool) -> Result<Answered<Plain>, Failed> {
    let read = move |arrived: Arrived| -> Reading<Plain> {
        let held = call.wait.held.clone();
        Box::pin(async move {
            let Arrived { reply, mut patience, mut pass, target } = arrived;
            patience.begun();
            let body = patience.whole(Awaited::NextByte, reply, LONGEST_REPLY, held.as_deref()).await;
            let body = body.and_then(|body| read_plain(body, with_content, target.key.as_deref()));
            match &body {
                Ok(plain) => {
                    pass.answered();
                    match plain.usage {
                        Some(usage) => pass.used(usage.total()),
                        None => pass.streamed(estimate::of_bytes(plain.text.len())),
                    }
                }
                Err(fault) if fault.is_the_targets() => pass.failed(),
                Err(_) => pass.answered(),
            }
            body
        })
    };
    run(counter, call, Form::Plain, &read).await
}

/// Reads the body of a plain completion. `secret` never appears in what a host told of an error.
pub fn read_plain(body: Vec<u8>, with_content: bool, secret: Option<&str>) -> Result<Plain, Fault> {
    let text = String::from_utf8(body).map_err(|_| Fault::Unreadable("text that is not UTF-8"))?;
    let completion = Completion::read(&text).map_err(|_| {
        Fault::Unreadable(if text.trim_start().starts_with('<') {
            "a page in place of a completion"
        } else {
            "JSON that cannot be read"
        })
    })?;
    if let Some(error) = completion.error.filter(|e| e.get() != "null") {
        return Err(Fault::status(500, true, None, format!("{{\"error\":{}}}", error.get()).as_bytes(), secret));
    }
    if !completion.answers() {
        return Err(Fault::Empty);
    }
    let (usage, content) = (completion.usage, if with_content { completion.text() } else { None });
    Ok(Plain { content, usage, text })
}

/// Runs a call through its chain, reading each reply of status 2xx with `read`.
pub async fn run<T: 'static>(
    counter: &Counter,
    call: &Call,
    form: Form,
    read: &dyn Fn(Arrived) -> Reading<T>,
) -> Result<Answered<T>, Failed> {
    // The chain is compiled once for all that may be read.
    let slot = Rc::new(Cell::new(None));
    let keep = |arrived: Arrived| -> Reading<()> {
        let (reading, slot) = (read(arrived), slot.clone());
        Box::pin(async move {
            slot.set(Some(reading.await?));
            Ok(())
        })
    };
    let Answered { value: (), target, rank, attempts, latency_ms } = through(counter, call, form, &keep).await?;
    match slot.take() {
        Some(value) => Ok(Answered { value, target, rank, attempts, latency_ms }),
        None => Err(Failed { error: Fault::Broken.to_error(attempts), attempts, latency_ms }),
    }
}

/// A call that may be the one that is out to see whether its target is well; dropped, it has ended.
struct Trial<'a> {
    counter: &'a Counter,
    target: &'a Target,
    since_ms: u64,
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        let Self { counter, target, since_ms } = *self;
        counter.learned.left(target, since_ms, counter.config.deadlines.total_ms);
    }
}

/// What a call is told that was not made.
fn not_made(call: &Call) -> Fault {
    Fault::Refused(if call.targets.is_empty() {
        let message = "No model's host is configured: set the secret UPSTREAM_API_KEY, or ROUTES";
        ApiError::new(Kind::Overloaded, "no_upstream", message)
    } else {
        let message = "The model's hosts have kept failing and are left alone for some seconds; try again then";
        ApiError::new(Kind::Overloaded, "upstream_failing", message).retry_after(AGAIN_MS)
    })
}

/// The retries are the whole call's: a chain of three is tried at most `RETRIES + 3` times, never `3 x (RETRIES + 1)`.
async fn through(counter: &Counter, call: &Call, form: Form, keep: &Keep<'_>) -> Result<Answered<()>, Failed> {
    let world = &counter.world;
    let mut began = world.now_ms();
    let mut attempts = 0;
    let mut retries_left = counter.config.retries;
    let mut last = None;
    counter.learned.called();
    let mut fields: Option<Fields<'_>> = None;
    let limits = Budget::upstream(&counter.config);
    let failed = |fault: &Fault, attempts: u32, began: u64| Failed {
        error: fault.to_error(attempts),
        attempts,
        latency_ms: world.now_ms().saturating_sub(began),
    };
    let deadlines = counter.config.deadlines;
    let passes = |target: &Target| counter.learned.passes(target, world.now_ms(), limits.as_ref());
    let person = call.wait.is_a_persons();
    // A breaker steers among targets; when all are open the first is still the best hope of an answer, for whom there is no other.
    let anyway = |attempts: u32| attempts == 0 && !person && !call.targets.iter().any(passes);
    let (mut begin_by, mut deadline) = (u64::MAX, u64::MAX);
    let mut caller = Caller {
        kind: call.wait.kind,
        party: call.wait.party,
        tokens: if counter.config.upstream_tpm > 0 { estimate::tokens(&call.body) } else { 0 },
        patience_ms: call.wait.patience_ms,
    };
    if let Some(error) = estimate::too_large(&call.body, caller.tokens, counter.config.upstream_tpm) {
        return Err(failed(&Fault::Refused(error), 0, began));
    }
    let budget_of = |target: &Target| limits.clone().map(|limits| limits.of(target));
    for (mut rank, mut target) in call.targets.iter().enumerate() {
        let mut budget = budget_of(target);
        let mut retry = 0;
        loop {
            // It may have opened since the last attempt, or while this one waited for its permit.
            if !passes(target) && !anyway(attempts) {
                break;
            }
            let entering = world.now_ms();
            let end = deadline.min(begin_by);
            caller.patience_ms = caller.patience_ms.min(end.saturating_sub(entering));
            let entered = gate::enter(counter, budget.clone(), caller, call.wait.hears()).await;
            let now = world.now_ms();
            caller.patience_ms = caller.patience_ms.saturating_sub(now.saturating_sub(entering));
            let mut pass = match entered {
                Ok(pass) => pass,
                Err(refused) => {
                    let refused = Fault::Refused(refused);
                    let another = refused.another_target_may_help();
                    if attempts == 0 {
                        last = Some(refused);
                    }
                    if another {
                        break;
                    }
                    return Err(failed(&last.unwrap_or_else(|| not_made(call)), attempts, began));
                }
            };
            if now >= end {
                break;
            }
            if !counter.learned.admits(target, now, deadlines.total_ms, budget.as_ref()) {
                // While it was waited for the target was closed. Another that is open takes the permit: in its line it would be waited
                // for once more.
                let others = call.targets.iter().enumerate().filter(|(_, other)| other.number() != target.number());
                let open = others.map(|(at, other)| (at, other, budget_of(other))).find(|(_, other, budget)| {
                    let may = budget.as_ref().is_some_and(|b| pass.moves_to(b));
                    may && counter.learned.admits(other, now, deadlines.total_ms, budget.as_ref())
                });
                if let Some((at, other, of_other)) = open {
                    if let Some(of_other) = &of_other {
                        pass.move_to(of_other);
                    }
                    (rank, target, budget) = (at, other, of_other);
                } else if anyway(attempts) {
                    retries_left = 0;
                } else {
                    break;
                }
            }
            let trial = Trial { counter, target, since_ms: now };
            if attempts == 0 {
                // What was spent waiting for the first permit is not the host's time.
                began = now;
                deadline = began + deadlines.total_ms;
                if person {
                    // The first target has its time, and the next ones a little: whoever waits has another answer sooner.
                    begin_by = began + deadlines.first_byte_ms + deadlines.first_byte_ms / 4;
                }
            }
            attempts += 1;
            let body = match &mut fields {
                None if *call.model == *target.model => call.body.clone(),
                slot => {
                    if slot.is_none() {
                        *slot = serde_json::from_str(&call.body).ok();
                    }
                    match slot {
                        Some(f) => {
                            f.set("model", quoted(&target.model));
                            f.text()
                        }
                        None => call.body.clone(),
                    }
                }
            };
            let one = Attempt { counter, call, target, form, begin_by, deadline, keep };
            let (ended, second) = one.hedged(body, pass, budget.as_ref(), caller).await;
            attempts += u32::from(second);
            let fault = match ended {
                Ok(()) => {
                    match form {
                        Form::Plain => counter.learned.succeeded(target),
                        // It has yet to end well.
                        Form::Streamed => counter.learned.streams(target),
                    }
                    let latency_ms = world.now_ms().saturating_sub(began);
                    return Ok(Answered { value: (), target: target.clone(), rank, attempts, latency_ms });
                }
                Err(fault) => last.insert(fault),
            };
            drop(trial);
            let ended = world.now_ms();
            if fault.is_the_targets() {
                let least_ms = breaker::open_ms(counter.config.upstream_rpm);
                counter.learned.failed(target, ended, ended.saturating_sub(now), least_ms);
            }
            // A person's next target has little time left, and a target that was silent is likely to be so again.
            let silent = person && matches!(fault, Fault::Late(_));
            if !fault.deserves_retry() || retries_left == 0 || silent {
                break;
            }
            let wait = retry::backoff_ms(retry, fault.asked_ms(), world.random());
            if ended + wait >= deadline.min(begin_by) || !counter.learned.may_retry(ended, budget.as_ref()) {
                break;
            }
            retry += 1;
            retries_left -= 1;
            world.sleep(wait).await;
        }
        let helps = last.as_ref().is_none_or(Fault::another_target_may_help);
        if !helps || world.now_ms() >= deadline.min(begin_by) {
            break;
        }
    }
    Err(failed(&last.unwrap_or_else(|| not_made(call)), attempts, began))
}

/// One attempt at a target.
struct Attempt<'a> {
    counter: &'a Counter,
    call: &'a Call,
    target: &'a Target,
    form: Form,
    begin_by: u64,
    deadline: u64,
    keep: &'a Keep<'a>,
}

impl Attempt<'_> {
    /// Makes it, and a second one beside it where it is late to begin and the operator wants that; whether there was a second.
    ///
    /// The second is a retry as far as the budget of retries goes, and never one in a rush: a permit is then worth more to another.
    async fn hedged(
        &self,
        body: String,
        pass: Pass,
        budget: Option<&Budget>,
        caller: Caller,
    ) -> (Result<(), Fault>, bool) {
        let (counter, target) = (self.counter, self.target);
        let hedges = counter.config.hedge && caller.kind != Urgency::Batch;
        let late_ms = if hedges { counter.learned.late_ms(target, self.form) } else { None };
        let (began, now) = (counter.world.now_ms(), || counter.world.now_ms());
        let Some(late_ms) = late_ms else {
            let ended = self.make(body, pass, None).await;
            if hedges && ended.is_ok() {
                counter.learned.began(target, self.form, now().saturating_sub(began));
            }
            return (ended, false);
        };
        let (first_byte, second_at) = (Cell::new(false), Cell::new(None));
        let first = self.make(body.clone(), pass, Some(&first_byte));
        let second = || {
            let begun = self.form == Form::Plain && first_byte.get();
            let rushed = budget.is_some_and(|b| counter.learned.is_rushed(b));
            let may = !begun && !rushed && counter.learned.may_retry(now(), budget);
            let second: LocalBoxFuture<'_, _> = Box::pin(async {
                let caller = Caller { patience_ms: 0, ..caller };
                let pass =
                    gate::enter(counter, budget.cloned(), caller, Hears::default()).await.map_err(Fault::Refused)?;
                second_at.set(Some(now()));
                self.make(body, pass, None).await
            });
            may.then_some(second)
        };
        let (ended, by_second) = hedge::raced(first, counter.world.sleep(late_ms), second).await;
        if ended.is_ok() {
            // One that was ended for the other is as late as it was seen to be.
            counter.learned.began(target, self.form, now().saturating_sub(began));
            if let Some(at) = second_at.get().filter(|_| by_second) {
                counter.learned.began(target, self.form, now().saturating_sub(at));
            }
        }
        (ended, second_at.get().is_some())
    }

    /// Makes the call and reads its reply; `first_byte` hears of its first byte.
    fn make<'a>(
        &'a self,
        body: String,
        mut pass: Pass,
        first_byte: Option<&'a Cell<bool>>,
    ) -> LocalBoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let Attempt { counter, call, target, begin_by, deadline, .. } = *self;
            pass.sent(estimate::prompt(&body));
            let outgoing = Outgoing {
                url: format!("{}/chat/completions", target.base_url),
                key: target.key.clone(),
                body,
                request_id: call.request_id.clone(),
                invocation: call.invocation.clone(),
            };
            let mut patience = Patience::new(counter.world.clone(), counter.config.deadlines, begin_by, deadline);
            let sent = patience.wait(Awaited::FirstByte, counter.world.send(outgoing)).await;
            let reply = match sent.map(|sent| sent.map_err(Fault::from)) {
                Ok(Ok(reply)) => reply,
                Ok(Err(fault)) | Err(fault) => {
                    if fault.is_the_targets() {
                        pass.failed();
                    }
                    return Err(fault);
                }
            };
            // A stream's is its first data.
            if self.form == Form::Plain {
                pass.first_byte();
            }
            if let Some(first_byte) = first_byte {
                first_byte.set(true);
            }
            let status = reply.status();
            if status == 429 || pass.looks() {
                pass.stated(ratelimit::read(&|name| reply.header(name), estimate::tokens(&call.body)));
            }
            if !(200..300).contains(&status) {
                let retry = retry::deserves_retry(status, reply.header("x-should-retry").as_deref());
                let asked = retry::asked_wait_ms(
                    reply.header("retry-after-ms").as_deref(),
                    reply.header("retry-after").as_deref(),
                    counter.world.now_ms(),
                );
                // The reason is a courtesy: without it the status still says enough.
                patience.first_within(REASON_MS);
                let body = patience.whole(Awaited::FirstByte, reply, LONGEST_REASON, None).await.unwrap_or_default();
                let fault = Fault::status(status, retry, asked, &body, target.key.as_deref());
                match status {
                    429 => pass.refused(asked.unwrap_or(0)),
                    _ if fault.is_the_targets() => pass.failed(),
                    _ => pass.answered(),
                }
                return Err(fault);
            }
            (self.keep)(Arrived { reply, patience, pass, target: target.clone() }).await
        })
    }
}
