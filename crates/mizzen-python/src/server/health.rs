//! The health service `grpc.health.v1`, answered without Python, so that it also tells about a busy Mixer.

use super::codec::encoded;
use super::rpc::Shared;
use bytes::Bytes;
use prost::Message;
use std::future::{Ready, ready};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::server::{ServerStreamingService, UnaryService};
use tonic::{Request, Response, Status};

pub(super) const CHECK_PATH: &str = "/grpc.health.v1.Health/Check";
pub(super) const WATCH_PATH: &str = "/grpc.health.v1.Health/Watch";
/// The server as a whole and the one service it is there for.
const SERVICES: [&str; 2] = ["", "istio.mixer.v1.Mixer"];

#[derive(Clone, PartialEq, Message)]
struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, Message)]
struct HealthCheckResponse {
    #[prost(enumeration = "ServingStatus", tag = "1")]
    status: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
enum ServingStatus {
    Unknown = 0,
    Serving = 1,
    NotServing = 2,
    ServiceUnknown = 3,
}

/// The state now; NOT_FOUND for a service that is not here.
pub(super) struct Check(pub(super) Arc<Shared>);

impl UnaryService<Bytes> for Check {
    type Response = Bytes;
    type Future = Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        ready(known(request.get_ref()).and_then(|known| {
            let status = if known { state(*self.0.serving.borrow()) } else { ServingStatus::ServiceUnknown };
            match status {
                ServingStatus::ServiceUnknown => Err(Status::not_found("there is no such service")),
                found => Ok(Response::new(answer(found))),
            }
        }))
    }
}

/// The state now and every later one, until the server ends.
pub(super) struct Watch(pub(super) Arc<Shared>);

impl ServerStreamingService<Bytes> for Watch {
    type Response = Bytes;
    type ResponseStream = ReceiverStream<Result<Bytes, Status>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        ready(known(request.get_ref()).map(|known| {
            let (answers, stream) = mpsc::channel(1);
            tokio::spawn(watch(self.0.clone(), known, answers));
            Response::new(ReceiverStream::new(stream))
        }))
    }
}

async fn watch(shared: Arc<Shared>, known: bool, answers: mpsc::Sender<Result<Bytes, Status>>) {
    let (mut serving, mut closed) = (shared.serving.clone(), shared.closed.clone());
    loop {
        let now = state(*serving.borrow_and_update());
        let status = if known { now } else { ServingStatus::ServiceUnknown };
        if answers.send(Ok(answer(status))).await.is_err() {
            return;
        }
        tokio::select! {
            changed = serving.changed() => if changed.is_err() { return },
            _ = async { closed.wait_for(|closed| *closed).await.map(drop) } => {
                // a client that watches learns of the end in any case
                let _ = answers.send(Ok(answer(ServingStatus::NotServing))).await;
                return;
            }
            () = answers.closed() => return,
        }
    }
}

fn known(request: &Bytes) -> Result<bool, Status> {
    let request = HealthCheckRequest::decode(request.clone())
        .map_err(|error| Status::invalid_argument(format!("no HealthCheckRequest: {error}")))?;
    Ok(SERVICES.contains(&request.service.as_str()))
}

fn state(serving: bool) -> ServingStatus {
    if serving { ServingStatus::Serving } else { ServingStatus::NotServing }
}

fn answer(status: ServingStatus) -> Bytes {
    encoded(&HealthCheckResponse { status: status.into() })
}
