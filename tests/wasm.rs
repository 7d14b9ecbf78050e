//! What must hold in wasm as it does natively: reading JSON and searching, with JavaScript's own numbers and strings.
#![cfg(target_arch = "wasm32")]

use std::sync::Arc;

use madoguchi::json;
use madoguchi::knowledge::{Document, Index, Lexicon};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;
use worker::js_sys;

#[wasm_bindgen_test]
fn what_is_read_here_is_what_javascript_reads() {
    for text in [r#"{"a":[1,2.5,-3e10],"日本":"窓口 \ud83d\ude00"}"#, r#"[true,false,null,"\u0000"]"#] {
        let ours = json::parse(text).unwrap().value.to_string();
        let theirs = js_sys::JSON::stringify(&js_sys::JSON::parse(&ours).unwrap()).unwrap();
        let direct = js_sys::JSON::stringify(&js_sys::JSON::parse(text).unwrap()).unwrap();
        assert_eq!(JsValue::from(theirs), JsValue::from(direct));
    }
}

#[wasm_bindgen_test]
fn searching_is_the_same_in_wasm() {
    let page = |id: &str, content: &str| Document {
        id: id.into(),
        title: None,
        content: content.into(),
        url: None,
        lang: None,
    };
    let file = include_bytes!(concat!(env!("OUT_DIR"), "/vocabulary"));
    let lexicon = Arc::new(Lexicon::read(file.to_vec()).unwrap());
    let index = Index::new(lexicon, [page("fee", "配送料は550円です。"), page("back", "返品は8日以内に承ります。")]);
    let hits = index.search("へんぴんできますか", 5);
    assert_eq!(hits.first().map(|h| h.id.as_str()), Some("back"));
}
