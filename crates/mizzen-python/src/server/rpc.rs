//! gRPC calls: by path to the queue, and from the answer to the client.

use super::codec::Raw;
use super::{Counters, count};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Request, Response};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tonic::body::Body;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Status};

const CHECK_PATH: &str = "/istio.mixer.v1.Mixer/Check";
const REPORT_PATH: &str = "/istio.mixer.v1.Mixer/Report";
const GENERATION: &str = "mizzen-generation";

/// What became of a call.
pub(super) struct Answer {
    /// The message, or the status of a failed call.
    pub(super) result: Result<Bytes, (i32, String)>,
    /// The configuration's generation, for the response's metadata.
    pub(super) generation: Option<MetadataValue<Ascii>>,
}

/// A call on its way to Python.
pub(super) struct Job {
    pub(super) method: &'static str,
    pub(super) request: Bytes,
    pub(super) peer: Arc<str>,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// What the calls of one connection share.
#[derive(Clone)]
pub(super) struct Rpc {
    jobs: mpsc::Sender<Job>,
    counters: Arc<Counters>,
    max_message: usize,
    peer: Arc<str>,
}

impl Rpc {
    pub(super) fn new(jobs: mpsc::Sender<Job>, counters: Arc<Counters>, max_message: usize, peer: SocketAddr) -> Rpc {
        // the form that grpc uses
        let peer = match peer {
            SocketAddr::V4(address) => format!("ipv4:{address}"),
            SocketAddr::V6(address) => format!("ipv6:{address}"),
        };
        Rpc { jobs, counters, max_message, peer: peer.into() }
    }

    pub(super) async fn answer(self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let method = match request.uri().path() {
            CHECK_PATH => "Check",
            REPORT_PATH => "Report",
            other => return Ok(Status::unimplemented(format!("unknown method {other}")).into_http()),
        };
        let mut grpc = Grpc::new(Raw).max_decoding_message_size(self.max_message);
        Ok(grpc.unary(Call { method, rpc: self }, request).await)
    }
}

struct Call {
    method: &'static str,
    rpc: Rpc,
}

impl UnaryService<Bytes> for Call {
    type Response = Bytes;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Bytes>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        count(&self.rpc.counters.calls);
        let (reply, answer) = oneshot::channel();
        let job = Job { method: self.method, request: request.into_inner(), peer: self.rpc.peer.clone(), reply };
        let queued = self.rpc.jobs.try_send(job);
        if queued.is_err() {
            count(&self.rpc.counters.shed);
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
    match answer.result {
        Ok(message) => {
            let mut response = tonic::Response::new(message);
            if let Some(generation) = answer.generation {
                response.metadata_mut().insert(GENERATION, generation);
            }
            Ok(response)
        }
        Err((code, message)) => {
            let mut status = Status::new(Code::from_i32(code), message);
            if let Some(generation) = answer.generation {
                status.metadata_mut().insert(GENERATION, generation);
            }
            Err(status)
        }
    }
}
