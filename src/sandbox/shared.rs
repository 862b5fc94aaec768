//! What the servers and their owner's handle share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::store::Store;

/// The store, shared by the servers and their owner's handle.
pub(super) type Shared = Arc<Mutex<Store>>;

/// Ends a server when the other end is dropped.
pub(super) type Shutdown = watch::Receiver<()>;

/// Access to the store, also after a panic elsewhere: none leaves the store in a state that cannot be read.
pub(super) fn lock(store: &Shared) -> MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until the other end is dropped.
pub(super) async fn dropped(mut stop: Shutdown) {
    while stop.changed().await.is_ok() {}
}
