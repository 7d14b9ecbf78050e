//! What the host can really bear, learned from what all holders saw: its stated limits may be wrong, or only true on quiet days.
//!
//! Calls in flight rise and fall as in CUBIC (RFC 9438): a refusal cuts them, they return quickly to just below where the refusal
//! was, stay near it, and go on in growing steps when nothing is refused. Over the time that a call takes they give a pace.

use super::message::Report;

/// Reports are judged together for so long, in milliseconds.
const EPOCH_MS: u64 = 500;
/// Refused calls that are no sign of a lower capacity: one in so many, of jitter at the edge of a window.
const JITTER: u32 = 50;
/// Nor are so few, or fewer.
const TOO_FEW: u32 = 2;
/// The longest pause that a host may ask of all, in milliseconds.
const LONGEST_PAUSE_MS: u64 = 30_000;
/// Answers a second are averaged over so long, in milliseconds, and a cut leaves this part of them.
const GOOD_MS: f64 = 2_000.0;
const BORNE: f64 = 0.9;
/// After a cut the calls that were let go before it are refused for so long yet, in milliseconds, which is no sign of less.
const SETTLES_MS: u64 = 1_000;
/// Epochs for which it stays near the last refusal before it goes on.
const CALM: u32 = 6;
/// Near the last refusal is above this part of it, and of the way there so much is gone in an epoch.
const NEAR: f64 = 0.95;
const RETURNS: f64 = 0.5;
/// How long a call takes while that is not known, in milliseconds.
const TOOK_MS: f64 = 2_000.0;
/// A first byte this many times slower than usual is a host under strain.
const STRAIN: f64 = 3.0;

/// What is known of one host.
#[derive(Debug, Clone, Default)]
pub struct Capacity {
    epoch: Report,
    epoch_ms: u64,
    running: u32,
    /// Calls in flight that it bears; none while nothing speaks against more.
    bears: Option<f64>,
    /// Where it last refused.
    peak: f64,
    step: f64,
    cut_ms: u64,
    calm: u32,
    took_ms: f64,
    /// Answers a second.
    good: f64,
    usual_ms: f64,
    paused_ms: u64,
    /// Calls a second that it says it bears, and until when that holds.
    stated: Option<(f64, u64)>,
}

impl Capacity {
    /// Takes in what a holder saw, with so many calls in flight worldwide.
    pub fn learn(&mut self, now_ms: u64, report: &Report, running: u32) {
        let e = &mut self.epoch;
        e.ended += report.ended;
        e.firsts += report.firsts;
        e.refused += report.refused;
        e.failed += report.failed;
        e.took_ms += report.took_ms;
        e.first_byte_ms += report.first_byte_ms;
        e.asked_wait_ms = e.asked_wait_ms.max(report.asked_wait_ms);
        if let Some(stated) = report.stated {
            let until_ms = now_ms + u64::from(stated.for_ms);
            if stated.bears_nothing() {
                self.paused_ms = self.paused_ms.max(until_ms);
            } else {
                self.stated = Some((stated.per_second.into(), until_ms));
            }
        }
        self.running = self.running.max(running);
        let e = &self.epoch;
        // A few refusals and no answer are too little to judge by; what comes next tells more.
        let unclear = e.ended == e.refused && e.refused <= TOO_FEW;
        if now_ms >= self.epoch_ms + EPOCH_MS && e.ended > 0 && !unclear {
            self.judge(now_ms, now_ms.saturating_sub(self.epoch_ms));
            self.epoch = Report::default();
            self.running = running;
            self.epoch_ms = now_ms;
        }
    }

    fn judge(&mut self, now_ms: u64, lasted_ms: u64) {
        let e = self.epoch;
        let answered = e.ended.saturating_sub(e.refused + e.failed);
        let fade = (-(lasted_ms as f64) / GOOD_MS).exp();
        self.good = self.good * fade + f64::from(answered) * 1_000.0 / lasted_ms.max(1) as f64 * (1.0 - fade);
        if answered > 0 {
            let took = e.took_ms as f64 / f64::from(answered);
            self.took_ms = if self.took_ms == 0.0 { took } else { self.took_ms * 0.8 + took * 0.2 };
        }
        let first = e.first_byte_ms as f64 / f64::from(answered.max(1));
        let strained = answered > 4 && self.usual_ms > 0.0 && first > self.usual_ms * STRAIN;
        if answered > 0 {
            // What is usual follows a faster host at once and a slower one over minutes.
            let weight = if self.usual_ms == 0.0 || first < self.usual_ms { 0.3 } else { 0.005 };
            self.usual_ms += (first - self.usual_ms) * if self.usual_ms == 0.0 { 1.0 } else { weight };
        }
        // Holders tell what runs when they ask, and not what has begun since; by Little's law as many run as are answered in the time that
        // one takes.
        let running = (self.good * self.took_ms / 1_000.0).max(f64::from(self.running)).max(1.0);
        let now = self.bears.unwrap_or(f64::MAX).min(running);
        // A refusal comes back at once and an answer later, so that refusals are a part of what began as well as of what ended.
        let calls = e.ended.max(e.firsts).max(1);
        let part = f64::from(e.refused) / f64::from(calls);
        let refuses = e.refused > calls / JITTER + TOO_FEW;
        if refuses && (part > 0.5 || now_ms >= self.cut_ms + SETTLES_MS) {
            self.cut_ms = now_ms;
            // Who answers nobody says nothing of what it will bear when it answers again.
            self.peak = if answered == 0 { self.peak.max(now) } else { now };
            // What it answers beside its refusals it bears: calls that were let go before the cut are refused for a while yet.
            let borne = self.good * self.took_ms / 1_000.0 * BORNE;
            self.bears = Some((now * (1.0 - part.clamp(0.08, 0.5))).max(borne.min(now)).max(1.0));
            (self.step, self.calm) = (0.03, 0);
            if part > 0.5 {
                let asked_ms = u64::from(e.asked_wait_ms).min(LONGEST_PAUSE_MS);
                self.paused_ms = self.paused_ms.max(now_ms + asked_ms);
            }
        } else if strained && self.bears.is_none_or(|b| b > self.peak.max(running) * 0.7) {
            self.peak = self.peak.max(now);
            self.bears = Some((now * 0.95).max(1.0));
        } else if let Some(bears) = self.bears.filter(|_| !refuses) {
            self.calm += 1;
            let near = bears > self.peak * NEAR && self.calm < CALM;
            let step = if near { 0.005 } else { self.step };
            let back = (self.peak * NEAR - bears) * RETURNS;
            // What is not used cannot be known to be borne.
            if running >= bears * 0.7 {
                self.bears = Some(bears + (bears * step).max(back).max(0.5));
            }
            self.step = (self.step * 1.6).min(0.4);
            if self.calm > 60 {
                (self.bears, self.peak) = (None, 0.0);
            }
        }
    }

    /// Calls a second that what was learned comes to; infinite while nothing speaks against more.
    pub fn per_second(&self) -> f64 {
        match self.bears {
            Some(bears) if self.took_ms > 0.0 => (bears.max(1.0) * 1_000.0 / self.took_ms).max(0.5),
            _ => f64::INFINITY,
        }
    }

    /// Calls a second that the host says it bears at this moment; infinite where it says nothing.
    pub fn stated(&self, now_ms: u64) -> f64 {
        self.stated.filter(|(_, until)| now_ms < *until).map_or(f64::INFINITY, |(per_second, _)| per_second)
    }

    /// How long a call takes, in milliseconds.
    pub fn took_ms(&self) -> f64 {
        if self.took_ms > 0.0 { self.took_ms } else { TOOK_MS }
    }

    /// Until when the host asked to be left alone.
    pub fn paused_until_ms(&self) -> u64 {
        self.paused_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host that bears so many in flight and refuses the rest; gives what was used of it and refused, from second `from` on.
    fn run(
        capacity: &mut Capacity,
        bears: impl Fn(u64) -> u32,
        seconds: std::ops::Range<u64>,
        from: u64,
    ) -> (f64, f64) {
        let (mut used, mut refused, mut could) = (0.0, 0.0, 0.0);
        for t in seconds.start * 4..seconds.end * 4 {
            let tried = capacity.bears.map_or(1_000, |bears| bears as u32).clamp(1, 1_000);
            let over = tried.saturating_sub(bears(t / 4));
            let report = Report {
                ended: tried,
                refused: over,
                took_ms: u64::from(tried - over) * 250,
                asked_wait_ms: 500,
                ..Report::default()
            };
            capacity.learn(t * 250, &report, tried);
            if t >= from * 4 {
                used += f64::from(tried - over);
                refused += f64::from(over);
                could += f64::from(bears(t / 4));
            }
        }
        (used / could, refused / (used + refused))
    }

    #[test]
    fn a_hidden_limit_is_found_and_used_with_few_refusals() {
        let mut capacity = Capacity::default();
        let (used, refused) = run(&mut capacity, |_| 200, 0..120, 20);
        assert!(used > 0.9 && refused < 0.02, "{used} {refused}");
    }

    #[test]
    fn a_few_refusals_cost_little_where_holders_have_not_told_of_all_that_runs() {
        let (mut capacity, mut used) = (Capacity::default(), 0.0);
        for epoch in 0..100 {
            let pace = capacity.per_second().min(28.0);
            let ended = (pace / 2.0) as u32;
            let refused = if epoch % 50 == 40 { 4 } else { 0 };
            let took_ms = u64::from(ended - refused) * 2_000;
            let report = Report { ended, firsts: ended, refused, took_ms, ..Report::default() };
            capacity.learn(epoch * 500, &report, (pace * 2.0 * 0.6) as u32);
            used += pace / 28.0 / 100.0;
        }
        assert!(used > 0.95, "{used}");
    }

    #[test]
    fn a_host_that_recovers_is_used_again_within_ten_seconds() {
        let mut capacity = Capacity::default();
        let host = |t| if (60..90).contains(&t) { 20 } else { 400 };
        run(&mut capacity, host, 0..90, 0);
        let (used, _) = run(&mut capacity, host, 90..130, 100);
        assert!(used > 0.9, "{used}");
    }
}
