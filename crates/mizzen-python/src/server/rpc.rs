//! gRPC calls: by path to the queue, and from the answer to the client.

use super::codec::Raw;
use super::metadata::{deadline, trace};
use super::{Counters, count, health, reflection};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Request, Response};
use pyo3::prelude::*;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot, watch};
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Extensions, Status};

const CHECK_PATH: &str = "/istio.mixer.v1.Mixer/Check";
const REPORT_PATH: &str = "/istio.mixer.v1.Mixer/Report";
const EXPLAIN_PATH: &str = "/mizzen.mixer.v1.Explain/Check";
const GENERATION: &str = "mizzen-generation";
const DECISION: &str = "mizzen-decision-id";
const DECISION_HEADER: &str = "mizzen-decision-header";

/// What became of a call.
pub(super) struct Answer {
    /// The message, or the status of a failed call.
    pub(super) result: Result<Bytes, (i32, String)>,
    /// The configuration's generation, for the response's metadata.
    pub(super) generation: Option<MetadataValue<Ascii>>,
    /// The name under which the decision can be explained, likewise.
    pub(super) decision: Option<MetadataValue<Ascii>>,
    /// The header in which a proxy tells that name to a client whom it refuses, likewise.
    pub(super) decision_header: Option<MetadataValue<Ascii>>,
}

/// A call on its way to Python.
pub(super) struct Job {
    pub(super) method: &'static str,
    pub(super) request: Bytes,
    pub(super) peer: Arc<str>,
    pub(super) received: Instant,
    /// When nobody waits for the answer any more.
    pub(super) deadline: Option<Instant>,
    /// The headers that tell to which trace the call belongs.
    pub(super) trace: Vec<(&'static str, String)>,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// What all calls share.
pub(super) struct Shared {
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) counters: Arc<Counters>,
    pub(super) max_message: usize,
    pub(super) reflect: Option<Py<PyAny>>,
    /// What the health service tells.
    pub(super) serving: watch::Receiver<bool>,
    /// True from the moment when the server drains.
    pub(super) closed: watch::Receiver<bool>,
}

/// The calls of one connection.
#[derive(Clone)]
pub(super) struct Rpc {
    shared: Arc<Shared>,
    peer: Arc<str>,
}

impl Rpc {
    pub(super) fn new(shared: Arc<Shared>, peer: String) -> Rpc {
        Rpc { shared, peer: peer.into() }
    }

    pub(super) async fn answer(self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let mut grpc = Grpc::new(Raw)
            .max_decoding_message_size(self.shared.max_message)
            .accept_compressed(CompressionEncoding::Gzip);
        Ok(match request.uri().path() {
            CHECK_PATH => grpc.unary(Call::new("Check", self, &request), request).await,
            REPORT_PATH => grpc.unary(Call::new("Report", self, &request), request).await,
            EXPLAIN_PATH => grpc.unary(Call::new("Explain", self, &request), request).await,
            health::CHECK_PATH => grpc.unary(health::Check(self.shared), request).await,
            health::WATCH_PATH => grpc.server_streaming(health::Watch(self.shared), request).await,
            path if reflection::PATHS.contains(&path) && self.shared.reflect.is_some() => {
                grpc.streaming(reflection::Reflect(self.shared), request).await
            }
            other => Status::unimplemented(format!("unknown method {other}")).into_http(),
        })
    }
}

struct Call {
    method: &'static str,
    rpc: Rpc,
    received: Instant,
    deadline: Option<Instant>,
    trace: Vec<(&'static str, String)>,
}

impl Call {
    fn new(method: &'static str, rpc: Rpc, request: &Request<Incoming>) -> Call {
        let received = Instant::now();
        Call { method, rpc, received, deadline: deadline(request.headers(), received), trace: trace(request.headers()) }
    }
}

impl UnaryService<Bytes> for Call {
    type Response = Bytes;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Bytes>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let shared = &self.rpc.shared;
        count(&shared.counters.calls);
        let (reply, answer) = oneshot::channel();
        let job = Job {
            method: self.method,
            request: request.into_inner(),
            peer: self.rpc.peer.clone(),
            received: self.received,
            deadline: self.deadline,
            trace: std::mem::take(&mut self.trace),
            reply,
        };
        let queued = shared.jobs.try_send(job);
        if queued.is_err() {
            count(&shared.counters.shed);
        }
        Box::pin(async move {
            queued.map_err(|_| Status::unavailable("the Mixer has too many calls waiting"))?;
            let Ok(answer) = answer.await else {
                return Err(Status::internal("the Mixer failed while handling the call"));
            };
            respond(answer)
        })
    }
}

fn respond(answer: Answer) -> Result<tonic::Response<Bytes>, Status> {
    let mut metadata = MetadataMap::new();
    for (name, value) in
        [(GENERATION, answer.generation), (DECISION, answer.decision), (DECISION_HEADER, answer.decision_header)]
    {
        if let Some(value) = value {
            metadata.insert(name, value);
        }
    }
    match answer.result {
        Ok(message) => Ok(tonic::Response::from_parts(metadata, message, Extensions::new())),
        Err((code, message)) => Err(Status::with_metadata(Code::from_i32(code), message, metadata)),
    }
}
