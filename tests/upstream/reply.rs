//! What an upstream says: completions, streams, and bodies that are neither.

use serde_json::{Value, json};

use super::behaviour::{Behaviour, WORDS, decode};

/// The text of the last user message.
pub fn last_message(request: &Value) -> String {
    let messages = request["messages"].as_array().cloned().unwrap_or_default();
    let last = messages.iter().rev().find(|m| m["role"] == "user");
    last.and_then(|m| m["content"].as_str()).unwrap_or_default().to_owned()
}

/// The models that show each word, and one that shows none.
pub fn models() -> Vec<u8> {
    let well = ("well", "answers as it should, as any other name does");
    let all = [well].into_iter().chain(WORDS.iter().map(|w| (w.model, w.does)));
    let data: Vec<Value> = all
        .map(|(id, does)| json!({"id": id, "object": "model", "created": 1, "owned_by": "the misbehaving upstream", "description": does}))
        .collect();
    json!({"object": "list", "data": data}).to_string().into_bytes()
}

fn content(behaviour: &Behaviour, request: &Value) -> String {
    match behaviour.text("say") {
        Some(text) => decode(text),
        None => format!("answer to: {}", last_message(request)),
    }
}

fn usage(request: &Value, content: &str) -> Value {
    let count = |t: &str| t.chars().count().div_ceil(4);
    let (read, written) = (count(&last_message(request)), count(content));
    json!({"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written})
}

/// The body of a plain success and its content type.
pub fn plain(behaviour: &Behaviour, request: &Value) -> (Vec<u8>, &'static str) {
    let said = content(behaviour, request);
    let json_type = "application/json";
    let with = |message: Value| {
        json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": request["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage(request, &said)})
    };
    let whole = with(json!({"role": "assistant", "content": said})).to_string().into_bytes();
    if behaviour.has("html") {
        return (b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>".to_vec(), "text/html");
    }
    if behaviour.has("malformed") {
        return (br#"{"id":"x","choices":[{"message":{"content":"half"#.to_vec(), json_type);
    }
    if behaviour.has("empty-choices") {
        return (json!({"id": "x", "choices": []}).to_string().into_bytes(), json_type);
    }
    if behaviour.has("empty-content") {
        return (with(json!({"role": "assistant", "content": ""})).to_string().into_bytes(), json_type);
    }
    if behaviour.has("null-content") {
        return (with(json!({"role": "assistant", "content": null})).to_string().into_bytes(), json_type);
    }
    if behaviour.has("error-body") {
        let message = behaviour.complaint("went wrong within a 200");
        return (json!({"error": {"message": message}}).to_string().into_bytes(), json_type);
    }
    if behaviour.has("invalid-utf8") {
        return (b"{\"choices\":[{\"message\":{\"content\":\"\xff\xfe\"}}]}".to_vec(), json_type);
    }
    (whole, if behaviour.has("wrong-type") { "text/plain" } else { json_type })
}

/// The events of a stream, each whole.
pub fn events(behaviour: &Behaviour, request: &Value) -> Vec<Vec<u8>> {
    if ["html", "malformed", "invalid-utf8"].iter().any(|f| behaviour.has(f)) {
        return vec![plain(behaviour, request).0];
    }
    if behaviour.has("error-body") {
        return vec![[b"data: ".as_slice(), &plain(behaviour, request).0, b"\n\n"].concat()];
    }
    let end = if behaviour.has("crlf") { "\r\n" } else { "\n" };
    let said = content(behaviour, request);
    let chunk = |choices: Value| json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": request["model"], "choices": choices});
    let delta = |d: Value| chunk(json!([{"index": 0, "delta": d, "finish_reason": null}]));
    let mut chunks = vec![delta(json!({"role": "assistant", "content": ""}))];
    let silent = ["empty-content", "null-content", "empty-choices"].iter().any(|f| behaviour.has(f));
    let chars: Vec<char> = said.chars().collect();
    if !silent {
        chunks.extend(chars.chunks(8).map(|c| delta(json!({"content": c.iter().collect::<String>()}))));
    }
    chunks.push(chunk(json!([{"index": 0, "delta": {}, "finish_reason": "stop"}])));
    if request["stream_options"]["include_usage"] == true && !behaviour.has("no-usage") {
        let mut last = chunk(json!([]));
        last["usage"] = usage(request, &said);
        chunks.push(last);
    }
    let mut events: Vec<String> = chunks.iter().map(|c| format!("data: {c}{end}{end}")).collect();
    if behaviour.has("ping") {
        events = events.into_iter().flat_map(|e| [format!(": ping{end}{end}"), e]).collect();
    }
    if behaviour.has("sse-error") {
        events.truncate(3);
        let error = json!({"error": {"message": behaviour.complaint("went wrong in the middle")}});
        events.push(format!("event: error{end}data: {error}{end}{end}"));
    } else if behaviour.has("bad-frame") {
        events.truncate(3);
        events.push(format!("data: {{not json{end}{end}"));
    } else if !behaviour.has("no-done") {
        events.push(format!("data: [DONE]{end}{end}"));
    }
    if behaviour.has("split") {
        return events.concat().into_bytes().into_iter().map(|b| vec![b]).collect();
    }
    events.into_iter().map(String::into_bytes).collect()
}

/// The body of a refusal.
pub fn error(status: u64, message: &str) -> Vec<u8> {
    json!({"error": {"message": message, "type": "upstream", "code": format!("status_{status}"), "param": null}})
        .to_string()
        .into_bytes()
}
