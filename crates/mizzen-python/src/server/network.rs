//! Connections: accepted within bounds, and drained at the end.

use super::listener::{Accepted, Bound};
use super::rpc::Shared;
use super::{connection, count, tls, turn};
use pyo3::prelude::*;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long to wait after a connection could not be accepted, for instance for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Bounds of what clients may use. No age (zero) is none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) max_streams: u32,
    pub(super) max_connections: usize,
    pub(super) max_batch: usize,
    pub(super) max_age: Duration,
    pub(super) age_grace: Duration,
    pub(super) keepalive: Duration,
    /// How long a client may take for the TLS handshake, and then to begin with HTTP/2.
    pub(super) handshake: Duration,
    pub(super) keepalive_timeout: Duration,
}

/// What the thread of the front works with.
pub(super) struct Front {
    pub(super) listener: Bound,
    pub(super) handler: Py<PyAny>,
    pub(super) queue: mpsc::Receiver<super::rpc::Job>,
    pub(super) shared: Arc<Shared>,
    pub(super) closing: watch::Sender<bool>,
    pub(super) settings: Settings,
    pub(super) tls: Arc<tls::Current>,
    /// Told to stop; the value then is how long open calls may go on.
    pub(super) stopped: watch::Receiver<Option<Duration>>,
}

/// Serves until told to stop.
pub(super) fn run(front: Front) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.and_then(|runtime| runtime.block_on(serve(front)));
    if let Err(error) = served {
        let _ = Python::try_attach(|py| PyErr::from(error).write_unraisable(py, None));
    }
}

async fn serve(front: Front) -> std::io::Result<()> {
    let Front { listener, handler, queue, shared, closing, settings, tls, mut stopped } = front;
    let (listener, _file) = listener.listen()?;
    let counters = shared.counters.clone();
    let mut turns = pin!(turn::run(queue, &handler, &counters, settings.max_batch));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => {
                    while connections.try_join_next().is_some() {}
                    if connections.len() >= settings.max_connections {
                        count(&counters.refused);
                        continue; // dropped, so closed
                    }
                    count(&counters.connections);
                    let (shared, tls) = (shared.clone(), tls.get());
                    match accepted {
                        Accepted::Tcp(stream, peer) => {
                            connections.spawn(connection::serve(stream, peer, shared, settings, tls));
                        }
                        Accepted::Unix(stream, peer) => {
                            connections.spawn(connection::serve(stream, peer, shared, settings, tls));
                        }
                    }
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            () = &mut turns => break,
            _ = stopped.changed() => break,
        }
    }
    drop((listener, shared));
    closing.send_replace(true);
    let grace = stopped.borrow().unwrap_or_default();
    let drained = async {
        loop {
            tokio::select! {
                joined = connections.join_next() => if joined.is_none() { return },
                () = &mut turns => return,
            }
        }
    };
    // what is still open after the grace is cut off with the runtime
    let _ = timeout(grace, drained).await;
    Ok(())
}
