//! One attempt to ask the Mixer, as a request of the filter's own stream to the Mixer's cluster.

use mizzen_client::flow::Ticket;
use mizzen_client::grpc::{Answer, Failure, Outcome};
use mizzen_client::instant::Instant;

use crate::clock;
use crate::ffi::{CalloutStart, Header, HttpHandle};
use crate::transport::{CHECK, Transport};

/// An attempt whose answer is awaited.
pub(super) struct Call {
    pub(super) ticket: Ticket,
    pub(super) sent: Instant,
    /// Envoy's number of the request, known once the start call has returned.
    stream: Option<u64>,
    answer: Answer,
}

impl Call {
    /// An attempt that is about to be sent.
    pub(super) fn new(ticket: Ticket) -> Call {
        Call { ticket, sent: clock::now(), stream: None, answer: Answer::new() }
    }

    /// Whether an event of request `id` is about this attempt. Events that come before the start call has returned tell the number first.
    pub(super) fn is(&mut self, id: u64) -> bool {
        *self.stream.get_or_insert(id) == id
    }

    pub(super) fn stream(&self) -> Option<u64> {
        self.stream
    }

    pub(super) fn headers(&mut self, headers: &[Header<'_>]) {
        self.answer.headers(headers.iter().map(|header| (header.name(), header.value())));
    }

    pub(super) fn data(&mut self, data: &[u8]) {
        self.answer.data(data);
    }

    pub(super) fn trailers(&mut self, trailers: &[Header<'_>]) {
        self.answer.trailers(trailers.iter().map(|header| (header.name(), header.value())));
    }

    /// The exchange is over.
    pub(super) fn complete(self) -> Outcome {
        self.answer.complete()
    }

    /// The exchange broke off; past the allowed time that was the reason.
    pub(super) fn interrupted(self, transport: &Transport) -> Outcome {
        let timed_out = clock::is_over(self.sent, transport.config.rpc_timeout, clock::now());
        self.answer.interrupted(timed_out)
    }
}

/// Sends one attempt; its events come to the hooks of this filter. An error if it could not be sent.
pub(super) fn send(envoy: &mut HttpHandle<'_>, transport: &Transport, body: &[u8]) -> Result<u64, Failure> {
    let cluster = &transport.config.check_cluster;
    match envoy.start_stream(cluster, &transport.headers(CHECK), body, transport.timeout_ms()) {
        CalloutStart::Started(id) => Ok(id),
        CalloutStart::ClusterNotFound => Err(Failure::not_sent(&format!("there is no cluster {cluster}"))),
        CalloutStart::CannotCreateRequest => {
            Err(Failure::not_sent(&format!("cluster {cluster} has no endpoint to call")))
        }
    }
}
