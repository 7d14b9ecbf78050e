//! The project's reader of model JSON and `serde_json`, called from outside of Rust as a Worker is: for the figures in
//! wasm. Text comes in byte by byte, so that no pointer is handed over.

#[allow(dead_code, missing_docs)]
#[path = "../../../src/json/mod.rs"]
pub mod json;

#[allow(dead_code, missing_docs)]
#[path = "../../../src/order.rs"]
pub mod order;

use std::cell::RefCell;

thread_local! {
    static TEXT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Empties the text.
#[unsafe(no_mangle)]
pub extern "C" fn text_clear() {
    TEXT.with_borrow_mut(Vec::clear);
}

/// Takes the text's next byte.
#[unsafe(no_mangle)]
pub extern "C" fn text_push(byte: u32) {
    TEXT.with_borrow_mut(|text| text.push(byte as u8));
}

/// Reads the text so many times, with the project's reader or with `serde_json`; how often a value was read.
#[unsafe(no_mangle)]
pub extern "C" fn text_read(ours: u32, times: u32) -> u32 {
    TEXT.with_borrow(|text| {
        let text = std::str::from_utf8(text).unwrap_or_default();
        (0..times).filter(|_| if ours == 1 { json::parse(text).is_ok() } else { serde(text) }).count() as u32
    })
}

/// Whether `serde_json` reads the text.
pub fn serde(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok()
}
