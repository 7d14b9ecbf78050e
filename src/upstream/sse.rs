//! Server-sent events, read by the standard (WHATWG HTML, section 9.2.6), whatever the cuts between chunks.

/// The longest event that is kept, in bytes; a host that sends more is broken.
pub const LONGEST_EVENT: usize = 1 << 20;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its type, empty for a plain message.
    pub event: String,
    /// Its data lines, joined by line feeds.
    pub data: String,
}

/// An event longer than [`LONGEST_EVENT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// Reads events from chunks of bytes cut anywhere.
#[derive(Debug, Default)]
pub struct Decoder {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    after_cr: bool,
    started: bool,
}

impl Decoder {
    /// Takes a chunk; gives the events that it completes.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        let mut rest = chunk;
        // An empty chunk must not forget that a line feed may still belong to the last line's end.
        if !rest.is_empty() && std::mem::take(&mut self.after_cr) && rest.first() == Some(&b'\n') {
            rest = rest.get(1..).unwrap_or_default();
        }
        while let Some(end) = rest.iter().position(|b| matches!(b, b'\n' | b'\r')) {
            let (line, after) = rest.split_at(end);
            self.line.extend_from_slice(line);
            self.end_line(&mut events);
            let ended_by_cr = after.first() == Some(&b'\r');
            rest = after.get(1..).unwrap_or_default();
            if ended_by_cr {
                match rest.first() {
                    Some(b'\n') => rest = rest.get(1..).unwrap_or_default(),
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
        }
        self.line.extend_from_slice(rest);
        if self.line.len() + self.event.data.len() > LONGEST_EVENT {
            return Err(TooLong);
        }
        Ok(events)
    }

    fn end_line(&mut self, events: &mut Vec<Event>) {
        let bytes = std::mem::take(&mut self.line);
        let mut line = String::from_utf8_lossy(&bytes).into_owned();
        if !std::mem::replace(&mut self.started, true)
            && let Some(rest) = line.strip_prefix('\u{feff}')
        {
            line = rest.to_owned();
        }
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            if std::mem::take(&mut self.has_data) {
                events.push(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => self.event.event = value.to_owned(),
            // Comments, ids, retry times and unknown fields mean nothing here.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &str) -> Vec<Event> {
        Decoder::default().push(text.as_bytes()).unwrap()
    }

    fn data(events: &[Event]) -> Vec<&str> {
        events.iter().map(|e| e.data.as_str()).collect()
    }

    #[test]
    fn comments_are_skipped_and_data_lines_are_joined() {
        let events = all(": ping\n\ndata: a\ndata:b\n\n:\nevent: error\ndata: c\n\n");
        assert_eq!(data(&events), ["a\nb", "c"]);
        assert_eq!(events.last().unwrap().event, "error");
    }

    #[test]
    fn every_line_ending_is_one() {
        for end in ["\n", "\r\n", "\r"] {
            assert_eq!(data(&all(&format!("\u{feff}data: a{end}{end}data: b{end}{end}"))), ["a", "b"], "{end:?}");
        }
    }

    #[test]
    fn an_event_without_its_blank_line_is_not_given() {
        assert_eq!(data(&all("data: a\n\ndata: b\n")), ["a"]);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut decoder = Decoder::default();
        assert!((0..20).any(|_| decoder.push(&[b'x'; 100_000]).is_err()));
    }

    proptest! {
        #[test]
        fn cuts_between_chunks_change_nothing(text in "(data: ?[a-zあ]{0,5}|: ping|event: x|\r\n|\n|\r|\r\r|\n\n){0,30}", cuts in prop::collection::vec(0usize..200, 0..20)) {
            let whole = Decoder::default().push(text.as_bytes()).unwrap();
            let mut decoder = Decoder::default();
            let mut cut: Vec<usize> = cuts.into_iter().map(|c| c.min(text.len())).collect();
            cut.extend([0, text.len()]);
            cut.sort_unstable();
            let parts: Vec<Event> = cut.windows(2).flat_map(|w| decoder.push(&text.as_bytes()[w[0]..w[1]]).unwrap()).collect();
            prop_assert_eq!(parts, whole);
        }
    }
}
