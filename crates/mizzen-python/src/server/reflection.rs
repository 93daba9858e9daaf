//! Server reflection: a stream of questions, each answered by a function of Python's, which has the descriptors.

use super::count;
use super::rpc::Shared;
use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::future::{Ready, ready};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::server::StreamingService;
use tonic::{Request, Response, Status, Streaming};

/// Both versions have the same messages under different names.
pub(super) const PATHS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

pub(super) struct Reflect(pub(super) Arc<Shared>);

impl StreamingService<Bytes> for Reflect {
    type Response = Bytes;
    type ResponseStream = ReceiverStream<Result<Bytes, Status>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        let (answers, stream) = mpsc::channel(1);
        tokio::spawn(answer_all(self.0.clone(), request.into_inner(), answers));
        ready(Ok(Response::new(ReceiverStream::new(stream))))
    }
}

async fn answer_all(
    shared: Arc<Shared>,
    mut questions: Streaming<Bytes>,
    answers: mpsc::Sender<Result<Bytes, Status>>,
) {
    let mut closed = shared.closed.clone();
    loop {
        let question = tokio::select! {
            question = questions.message() => question,
            _ = async { closed.wait_for(|closed| *closed).await.map(drop) } => return,
        };
        let answer = match question {
            Ok(Some(question)) => answer(&shared, &question),
            Ok(None) => return,
            Err(status) => Err(status),
        };
        let last = answer.is_err();
        if answers.send(answer).await.is_err() || last {
            return;
        }
    }
}

fn answer(shared: &Shared, question: &[u8]) -> Result<Bytes, Status> {
    let Some(reflect) = &shared.reflect else {
        return Err(Status::unimplemented("this server has no reflection"));
    };
    let answered = Python::try_attach(|py| {
        let called = reflect.call1(py, (PyBytes::new(py, question),));
        let bytes = called.and_then(|answer| Ok(Bytes::copy_from_slice(answer.extract::<&[u8]>(py)?)));
        bytes.map_err(|error| {
            count(&shared.counters.exceptions);
            error.write_unraisable(py, Some(reflect.bind(py)));
            Status::internal("reflection failed")
        })
    });
    answered.unwrap_or_else(|| Err(Status::unavailable("the server ends")))
}
