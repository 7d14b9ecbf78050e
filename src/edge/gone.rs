//! A caller that goes away: the request's signal (compatibility flag `enable_request_signal`) as a future.

use worker::web_sys;

use super::promise;

/// Ends when the caller of the request with this signal has gone.
pub async fn of(signal: web_sys::AbortSignal) {
    let told = match promise::callback() {
        // A listener that cannot be set leaves the call to run to its deadline.
        Ok((function, told)) => signal.add_event_listener_with_callback("abort", &function).ok().map(|()| told),
        Err(_) => None,
    };
    match told {
        Some(told) => drop(told.await),
        None => std::future::pending().await,
    }
}
