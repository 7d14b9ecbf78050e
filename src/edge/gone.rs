//! A caller that goes away: the request's signal (compatibility flag `enable_request_signal`) as a future.

use std::cell::Cell;
use std::rc::Rc;

use futures::channel::oneshot;
use worker::wasm_bindgen::JsCast;
use worker::wasm_bindgen::closure::Closure;
use worker::web_sys;

/// Hears when the caller of a request has gone; the listener goes when this is dropped.
pub struct Gone {
    signal: web_sys::AbortSignal,
    listener: Closure<dyn FnMut()>,
    told: oneshot::Receiver<()>,
}

impl Gone {
    /// Listens to a request.
    pub fn of(request: &web_sys::Request) -> Self {
        let (tell, told) = oneshot::channel();
        let tell = Rc::new(Cell::new(Some(tell)));
        let listener = Closure::<dyn FnMut()>::new(move || {
            if let Some(tell) = tell.take() {
                let _ = tell.send(());
            }
        });
        let signal = request.signal();
        // A listener that cannot be set leaves the call to run to its deadline.
        let _ = signal.add_event_listener_with_callback("abort", listener.as_ref().unchecked_ref());
        Self { signal, listener, told }
    }

    /// Ends when the caller has gone.
    pub async fn wait(&mut self) {
        if (&mut self.told).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Gone {
    fn drop(&mut self) {
        let _ = self.signal.remove_event_listener_with_callback("abort", self.listener.as_ref().unchecked_ref());
    }
}
