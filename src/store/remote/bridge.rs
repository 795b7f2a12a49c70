//! Waiting for what is asynchronous.
//!
//! One runtime with no threads of its own: a request is worked on while somebody waits for it. Several threads may wait at once.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Result<Runtime, String>> = LazyLock::new(|| {
    let built = Builder::new_current_thread().enable_all().build();
    built.map_err(|error| error.to_string())
});

/// Waits for `future`. The error says why the system gives no runtime.
pub(super) fn wait<T, E>(
    future: impl Future<Output = Result<T, E>>,
    failed: impl Fn(Why<E>) -> crate::Error,
) -> crate::Result<T> {
    let runtime = RUNTIME.as_ref().map_err(|said| failed(Why::Runtime(said)))?;
    runtime.block_on(future).map_err(|error| failed(Why::Store(error)))
}

/// Why nothing came of a wait.
pub(super) enum Why<E> {
    /// The system gives no runtime, and says this.
    Runtime(&'static str),
    /// The store, or the way to it.
    Store(E),
}
