//! JSON mode (`response_format`): a completion whose text is valid JSON that fits, mended where it can be, asked for once more where it cannot.

use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::reply::Answer;
use super::request::Request;
use crate::counter::Counter;
use crate::error::{ApiError, Kind};
use crate::json::{self, ReadAs, Schema};
use crate::upstream::call::{self, Call};
use crate::upstream::stream::{self as upstream_stream, Piece};
use crate::upstream::wire::Fields;

/// What of a reply that does not fit is shown to the model again, in characters.
const SHOWN: usize = 8_000;

/// What the caller asked for.
pub enum Wanted {
    /// `json_object`: any object.
    Object,
    /// `json_schema`: what fits.
    Fits(Box<Schema>),
}

impl Wanted {
    /// Reads `response_format`; none where it asks for no JSON.
    ///
    /// # Errors
    /// Names the field that cannot be read.
    pub fn of(request: &Request<'_>) -> Result<Option<Self>, ApiError> {
        let format: Option<serde_json::Map<String, Value>> =
            request.optional("response_format", "an object with a type")?;
        let Some(format) = format else { return Ok(None) };
        match format.get("type").and_then(Value::as_str) {
            Some("json_object") => Ok(Some(Self::Object)),
            Some("json_schema") => {
                let field = "response_format.json_schema.schema";
                let given = format.get("json_schema").and_then(|s| s.get("schema"));
                // OpenAI takes a named format without a schema: any JSON object.
                let Some(given) = given.filter(|s| !s.is_null()) else { return Ok(Some(Self::Object)) };
                let schema = Schema::new(given)
                    .map_err(|e| ApiError::field(field, "invalid_value", format!("{field} cannot be used: {e}")))?;
                Ok(Some(Self::Fits(Box::new(schema))))
            }
            _ => Ok(None),
        }
    }

    /// The text as JSON that fits, and whether it was mended.
    fn read(&self, text: &str) -> Result<(String, bool), String> {
        let parsed = match self {
            Self::Object => json::parse(text),
            Self::Fits(schema) => json::parse_with_schema(text, schema),
        }
        .map_err(|fault| fault.to_string())?;
        if matches!(self, Self::Object) && !parsed.value.is_object() {
            return Err("the JSON in the reply is not an object".to_owned());
        }
        // Valid JSON stays as it was written.
        match parsed.read_as {
            ReadAs::Strict if serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok() => {
                Ok((text.to_owned(), false))
            }
            _ => Ok((parsed.value.to_string(), true)),
        }
    }
}

/// A completion as it came: a whole one, or the chunks of a stream.
enum Came {
    Whole(String),
    Chunks(Vec<String>),
}

/// What a model wrote, as far as it is text; none where it called a tool or refused.
fn written(came: &Came) -> Option<String> {
    let text = |value: &Value, part: &str| {
        let message = value.get("choices")?.get(0)?.get(part)?;
        message.get("content")?.as_str().map(str::to_owned)
    };
    let read = |t: &String| serde_json::from_str::<Value>(t).ok();
    match came {
        Came::Whole(whole) => text(&read(whole)?, "message").filter(|t| !t.is_empty()),
        Came::Chunks(chunks) => {
            let all: String = chunks.iter().filter_map(|c| text(&read(c)?, "delta")).collect();
            Some(all).filter(|t| !t.is_empty())
        }
    }
}

/// The same with another text.
fn rewritten(came: Came, text: &str) -> Came {
    let put = |value: &mut Value, part: &str, text: &str| {
        let choice = value.get_mut("choices").and_then(|c| c.get_mut(0)).and_then(|c| c.get_mut(part));
        let content = choice.and_then(Value::as_object_mut).filter(|m| m.get("content").is_some_and(Value::is_string));
        content.map(|message| message.insert("content".into(), text.into())).is_some()
    };
    match came {
        Came::Whole(whole) => match serde_json::from_str::<Value>(&whole) {
            Ok(mut value) => {
                put(&mut value, "message", text);
                Came::Whole(value.to_string())
            }
            Err(_) => Came::Whole(whole),
        },
        Came::Chunks(chunks) => {
            // The first piece of text carries it all; the others stay, for what else they tell.
            let mut left = Some(text);
            let again = |chunk: String| {
                let Ok(mut value) = serde_json::from_str::<Value>(&chunk) else { return chunk };
                if !put(&mut value, "delta", left.unwrap_or_default()) {
                    return chunk;
                }
                left = None;
                value.to_string()
            };
            Came::Chunks(chunks.into_iter().map(again).collect())
        }
    }
}

async fn ask(counter: &Counter, call: &Call, streamed: bool) -> Result<Came, ApiError> {
    if !streamed {
        return Ok(Came::Whole(call::complete(counter, call, false).await.map_err(|f| f.error)?.value.text));
    }
    let answered = upstream_stream::open(counter, call).await.map_err(|f| f.error)?;
    let (mut pieces, mut chunks) = (answered.value, Vec::new());
    while let Some(piece) = pieces.next().await {
        match piece {
            Piece::Chunk(chunk) => chunks.push(chunk),
            Piece::Broke(fault) => return Err(fault.to_error(answered.attempts)),
            Piece::Usage(_) | Piece::Done => {}
        }
    }
    Ok(Came::Chunks(chunks))
}

/// The call with the model's reply and its fault added to the conversation.
fn once_more(call: &Call, request: &Request<'_>, reply: &str, fault: &str) -> Call {
    let mut messages: Vec<Value> = request.optional("messages", "a list").ok().flatten().unwrap_or_default();
    let shown: String = reply.chars().take(SHOWN).collect();
    messages.push(json!({ "role": "assistant", "content": shown }));
    let ask =
        format!("That reply cannot be used: {fault}. Answer again with the JSON alone: no fence, no other words.");
    messages.push(json!({ "role": "user", "content": ask }));
    let mut fields: Fields<'_> = request.fields.clone();
    fields.set("messages", Value::Array(messages).to_string());
    Call { body: fields.text(), ..call.clone() }
}

/// Answers in JSON mode. A stream is held back until its text is known to be right.
///
/// # Errors
/// The call's own fault; or, when the text does not fit twice, what did not fit.
pub async fn create(
    counter: &Counter,
    request: &Request<'_>,
    call: Call,
    wanted: &Wanted,
    streamed: bool,
) -> Result<Answer, ApiError> {
    let mut came = ask(counter, &call, streamed).await?;
    let mut fault = None;
    for attempt in 0..2 {
        let Some(text) = written(&came) else { return Ok(reply(came, "none")) };
        match wanted.read(&text) {
            Ok((_, false)) => return Ok(reply(came, "strict")),
            Ok((mended, true)) => return Ok(reply(rewritten(came, &mended), "repaired")),
            Err(what) => {
                if attempt == 0 {
                    came = ask(counter, &once_more(&call, request, &text, &what), streamed).await?;
                }
                fault = Some(what);
            }
        }
    }
    let what = fault.unwrap_or_default();
    let message = format!("The model's text is not the JSON that was asked for, asked twice: {what}");
    Err(ApiError::new(Kind::Upstream, "invalid_json_reply", message))
}

fn reply(came: Came, read_as: &str) -> Answer {
    let mut answer = match came {
        Came::Whole(text) => Answer::json(text),
        Came::Chunks(chunks) => {
            let events = chunks.into_iter().map(|c| format!("data: {}\n\n", c.replace('\n', "\ndata: ")));
            let all: Vec<String> = events.chain(["data: [DONE]\n\n".to_owned()]).collect();
            Answer::events(stream::iter(all).boxed_local())
        }
    };
    answer.header("x-madoguchi-read-as", read_as.to_owned());
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
        Wanted::Fits(Box::new(Schema::new(&schema).unwrap()))
    }

    #[test]
    fn valid_json_stays_as_it_was_written_and_broken_json_is_mended_to_fit() {
        assert_eq!(wanted().read("{ \"n\": 1 }"), Ok(("{ \"n\": 1 }".to_owned(), false)));
        assert_eq!(wanted().read("Sure!\n```json\n{'n': '2',}\n```"), Ok((r#"{"n":2}"#.to_owned(), true)));
        assert!(wanted().read(r#"{"m":1}"#).is_err());
        let kinds = json!({"type": "object", "properties": {"kind": {"enum": ["refund", "delivery"]}, "score": {"type": "number"}}, "required": ["kind", "score"]});
        let kinds = Wanted::Fits(Box::new(Schema::new(&kinds).unwrap()));
        assert!(kinds.read(r#"{"kind":"weather","score":1}"#).unwrap_err().contains("/kind"));
        assert!(Wanted::Object.read("[1]").unwrap_err().contains("object"));
        assert!(Wanted::Object.read("I cannot do that.").is_err());
    }

    #[test]
    fn a_streams_text_is_put_in_its_first_piece_and_all_else_stays() {
        let chunk = |content: &str| json!({"id": "x", "choices": [{"delta": {"content": content}}]}).to_string();
        let end = json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}).to_string();
        let came = Came::Chunks(vec![chunk("{'a'"), chunk(": 1}"), end.clone()]);
        assert_eq!(written(&came).as_deref(), Some("{'a': 1}"));
        let Came::Chunks(chunks) = rewritten(came, r#"{"a":1}"#) else { panic!("a stream stays a stream") };
        assert_eq!(chunks, [chunk(r#"{"a":1}"#), chunk(""), end]);
    }
}
