//! Connections: accepted, served, and drained at the end.

use super::rpc::Rpc;
use super::{Counters, count, turn};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use pyo3::prelude::*;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long to wait after a connection could not be accepted, for instance for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Room for the metadata of one call.
const MAX_HEADER_BYTES: u32 = 16 << 10;
/// A Check fits into the first flight.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// Bounds of what clients may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) max_message: usize,
    pub(super) max_streams: u32,
    pub(super) max_queue: usize,
    pub(super) max_batch: usize,
    pub(super) keepalive: Duration,
    pub(super) keepalive_timeout: Duration,
}

/// Serves until told to stop; the value then is how long open calls may go on.
pub(super) fn run(
    listener: std::net::TcpListener,
    handler: &Py<PyAny>,
    settings: Settings,
    counters: &Arc<Counters>,
    stopped: watch::Receiver<Option<Duration>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.and_then(|runtime| {
        runtime.block_on(async { serve(TcpListener::from_std(listener)?, handler, settings, counters, stopped).await })
    });
    if let Err(error) = served {
        let _ = Python::try_attach(|py| PyErr::from(error).write_unraisable(py, None));
    }
}

async fn serve(
    listener: TcpListener,
    handler: &Py<PyAny>,
    settings: Settings,
    counters: &Arc<Counters>,
    mut stopped: watch::Receiver<Option<Duration>>,
) -> std::io::Result<()> {
    let (jobs, queue) = mpsc::channel(settings.max_queue);
    let mut turns = pin!(turn::run(queue, handler, counters, settings.max_batch));
    let (closing, closed) = watch::channel(false);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    count(&counters.connections);
                    let rpc = Rpc::new(jobs.clone(), counters.clone(), settings.max_message, peer);
                    connections.spawn(connection(stream, rpc, closed.clone(), settings));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            () = &mut turns => break,
            _ = stopped.changed() => break,
        }
    }
    drop((listener, jobs));
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

async fn connection(stream: TcpStream, rpc: Rpc, mut closed: watch::Receiver<bool>, settings: Settings) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| rpc.clone().answer(request));
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.max_streams)
        .max_header_list_size(MAX_HEADER_BYTES)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_timeout(settings.keepalive_timeout);
    if !settings.keepalive.is_zero() {
        builder.keep_alive_interval(settings.keepalive);
    }
    let mut served = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // an error of a connection is the end of that connection only; its calls are cancelled
    tokio::select! {
        _ = served.as_mut() => return,
        _ = closed.changed() => served.as_mut().graceful_shutdown(),
    }
    let _ = served.await;
}
