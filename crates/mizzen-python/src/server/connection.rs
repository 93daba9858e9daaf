//! One connection, from the handshake to its end.

use super::count;
use super::network::Settings;
use super::opening::Opening;
use super::rpc::{Rpc, Shared};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// Room for the metadata of one call.
const MAX_HEADER_BYTES: u32 = 16 << 10;
/// A Check fits into the first flight.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// A connection may get this part of its age more or less, so that those of one moment do not end together.
const AGE_SPREAD: f64 = 0.1;

/// Serves one connection; an error of it is the end of that connection only, and cancels its calls.
pub(super) async fn serve<S>(
    stream: S,
    peer: String,
    shared: Arc<Shared>,
    settings: Settings,
    tls: Option<Arc<ServerConfig>>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let rpc = Rpc::new(shared.clone(), peer);
    match tls {
        None => serve_http2(stream, rpc, &shared, settings).await,
        Some(config) => match timeout(settings.handshake, TlsAcceptor::from(config).accept(stream)).await {
            Ok(Ok(stream)) => serve_http2(stream, rpc, &shared, settings).await,
            _ => count(&shared.counters.handshake_failures),
        },
    }
}

async fn serve_http2<S>(stream: S, rpc: Rpc, shared: &Shared, settings: Settings)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
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
    let stream = Opening::new(stream, settings.handshake);
    let begun = stream.begun();
    let mut served = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut closed = shared.closed.clone();
    let grace = tokio::select! {
        _ = served.as_mut() => {
            if !begun.load(Ordering::Relaxed) {
                count(&shared.counters.handshake_failures);
            }
            return;
        }
        // how long the calls of all connections may go on is decided where they are drained
        _ = async { closed.wait_for(|closed| *closed).await.map(drop) } => Duration::MAX,
        () = age(settings.max_age) => {
            count(&shared.counters.aged);
            settings.age_grace
        }
    };
    served.as_mut().graceful_shutdown();
    let _ = timeout(grace, served).await;
}

async fn age(limit: Duration) {
    if limit.is_zero() {
        std::future::pending::<()>().await;
    }
    sleep(limit.mul_f64(1.0 - AGE_SPREAD + 2.0 * AGE_SPREAD * random())).await;
}

/// A number from 0 to 1; the keys of the standard library's hash tables are random.
fn random() -> f64 {
    f64::from(RandomState::new().build_hasher().finish() as u32) / f64::from(u32::MAX)
}
