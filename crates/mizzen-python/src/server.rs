//! A gRPC front for the Mixer on one native thread.
//!
//! The thread owns the network and a permanent Python thread state, so that entering Python costs little; calls that
//! have arrived meanwhile are handed to Python together, because every entry waits its turn when another Python thread
//! is busy.

mod codec;
mod connection;
mod health;
mod listener;
mod metadata;
mod network;
mod opening;
mod pending;
mod reflection;
mod rpc;
mod tls;
mod turn;

pub(crate) use pending::Pending;

use network::{Front, Settings};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rpc::Shared;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// What happened so far; each number only grows.
#[derive(Debug, Default)]
struct Counters {
    connections: AtomicU64,
    refused: AtomicU64,
    handshake_failures: AtomicU64,
    aged: AtomicU64,
    calls: AtomicU64,
    batches: AtomicU64,
    shed: AtomicU64,
    cancelled: AtomicU64,
    expired: AtomicU64,
    exceptions: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

enum State {
    New(Box<Front>, watch::Sender<Option<Duration>>),
    Running(watch::Sender<Option<Duration>>, JoinHandle<()>),
    Stopped,
}

/// A gRPC server of istio.mixer.v1.Mixer; every call is handed to one function.
#[pyclass(frozen, module = "mizzen.wire")]
pub(crate) struct Server {
    port: u16,
    counters: Arc<Counters>,
    serving: watch::Sender<bool>,
    tls: Arc<tls::Current>,
    state: Mutex<State>,
}

#[pymethods]
impl Server {
    /// Binds to `port` of `host`, or to the Unix socket `path`, whose file gets `mode`; OSError when that cannot be
    /// had. Connections wait until `start`.
    #[new]
    #[pyo3(signature = (
        handler,
        *,
        host = "127.0.0.1",
        port = 0,
        path = None,
        mode = 0o600,
        share_port = false,
        tls = None,
        reflect = None,
        max_message = 4_194_304,
        max_streams = 1024,
        max_connections = 10_000,
        max_queue = 4096,
        max_batch = 64,
        max_age = 0.0,
        age_grace = 10.0,
        keepalive = 60.0,
        keepalive_timeout = 20.0,
        handshake = 10.0,
    ))]
    #[allow(clippy::too_many_arguments)] // the signature is Python's, where all but one are keywords
    fn new(
        handler: Py<PyAny>,
        host: &str,
        port: u16,
        path: Option<PathBuf>,
        mode: u32,
        share_port: bool,
        tls: Option<tls::Pems>,
        reflect: Option<Py<PyAny>>,
        max_message: usize,
        max_streams: u32,
        max_connections: usize,
        max_queue: usize,
        max_batch: usize,
        max_age: f64,
        age_grace: f64,
        keepalive: f64,
        keepalive_timeout: f64,
        handshake: f64,
    ) -> PyResult<Server> {
        for (name, value) in [
            ("max_message", max_message),
            ("max_connections", max_connections),
            ("max_queue", max_queue),
            ("max_batch", max_batch),
        ] {
            if !(1..=1 << 30).contains(&value) {
                return Err(PyValueError::new_err(format!("{name} {value} is not within 1 and {}", 1 << 30)));
            }
        }
        let settings = Settings {
            max_streams,
            max_connections,
            max_batch,
            max_age: seconds("max_age", max_age)?,
            age_grace: seconds("age_grace", age_grace)?,
            keepalive: seconds("keepalive", keepalive)?,
            keepalive_timeout: seconds("keepalive_timeout", keepalive_timeout)?,
            handshake: seconds("handshake", handshake)?,
        };
        let current = Arc::new(tls::Current::default());
        if let Some(pems) = tls {
            current.set(tls::config(&pems)?);
        }
        let listener = match path {
            None => listener::bind_port(host, port, share_port)?,
            Some(path) => listener::bind_path(&path, mode)?,
        };
        let port = listener.port()?;
        let counters = Arc::<Counters>::default();
        let (jobs, queue) = mpsc::channel(max_queue);
        let (serving, served) = watch::channel(false);
        let (closing, closed) = watch::channel(false);
        let (stop, stopped) = watch::channel(None);
        let shared = Shared { jobs, counters: counters.clone(), max_message, reflect, serving: served, closed };
        let front = Front {
            listener,
            handler,
            queue,
            shared: Arc::new(shared),
            closing,
            settings,
            tls: current.clone(),
            stopped,
        };
        let state = Mutex::new(State::New(Box::new(front), stop));
        Ok(Server { port, counters, serving, tls: current, state })
    }

    /// The bound port; 0 for a path.
    #[getter]
    fn port(&self) -> u16 {
        self.port
    }

    /// Serve on a thread of its own; RuntimeError the second time.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *state, State::Stopped) {
            State::New(front, stop) => {
                let (attached, ready) = std::sync::mpsc::sync_channel(1);
                let body = move || {
                    // the attachment around everything is what makes the inner ones cheap
                    Python::try_attach(|py| {
                        let _ = attached.send(());
                        py.detach(|| network::run(*front));
                    });
                };
                let thread = std::thread::Builder::new().name("grpc-front".to_owned()).spawn(body)?;
                // until the thread is attached, the end of the interpreter must wait
                let _ = py.detach(move || ready.recv());
                *state = State::Running(stop, thread);
                Ok(())
            }
            other => {
                *state = other;
                Err(PyRuntimeError::new_err("a server is started once"))
            }
        }
    }

    /// What the health service tells from now on; before the first time it tells NOT_SERVING.
    fn set_serving(&self, serving: bool) {
        self.serving.send_replace(serving);
    }

    /// Connections that begin from now on have this certificate, key and authority of clients, all in PEM. ValueError
    /// when they are not accepted; those of before then stay.
    #[pyo3(signature = (certificate, key, client_ca = None))]
    fn set_tls(&self, certificate: Vec<u8>, key: Vec<u8>, client_ca: Option<Vec<u8>>) -> PyResult<()> {
        self.tls.set(tls::config(&(certificate, key, client_ca))?);
        Ok(())
    }

    /// Refuse new connections, let calls that are open finish for at most `grace` seconds, and wait for the end.
    /// Idempotent. Must not be called by the handler.
    #[pyo3(signature = (grace = 5.0))]
    fn stop(&self, py: Python<'_>, grace: f64) -> PyResult<()> {
        let grace = seconds("grace", grace)?;
        let state = std::mem::replace(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner), State::Stopped);
        if let State::Running(stop, thread) = state {
            stop.send_replace(Some(grace));
            if py.detach(|| thread.join()).is_err() {
                return Err(PyRuntimeError::new_err("the thread of the server failed"));
            }
        }
        Ok(())
    }

    /// What happened so far, by name; see docs/wire.md.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = PyDict::new(py);
        let counters = &self.counters;
        for (name, counter) in [
            ("connections", &counters.connections),
            ("refused", &counters.refused),
            ("handshake_failures", &counters.handshake_failures),
            ("aged", &counters.aged),
            ("calls", &counters.calls),
            ("batches", &counters.batches),
            ("shed", &counters.shed),
            ("cancelled", &counters.cancelled),
            ("expired", &counters.expired),
            ("exceptions", &counters.exceptions),
        ] {
            stats.set_item(name, counter.load(Ordering::Relaxed))?;
        }
        Ok(stats)
    }
}

fn seconds(name: &str, seconds: f64) -> PyResult<Duration> {
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration.as_secs() < 1 << 31 => Ok(duration),
        _ => Err(PyValueError::new_err(format!("{name} {seconds} is no number of seconds from 0 up"))),
    }
}
