//! One attempt to ask the Mixer, as a callout of the connection's filter. A callout shows no trailers: one whole message tells success.

use mizzen_client::flow::Ticket;
use mizzen_client::grpc::{Answer, Failure, Outcome};
use mizzen_client::instant::Instant;

use crate::clock;
use crate::ffi::{CalloutStart, Header, NetworkHandle};
use crate::transport::{CHECK, Transport};

/// An attempt whose answer is awaited.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) ticket: Ticket,
    pub(super) sent: Instant,
    /// Envoy's number of the callout, known once the start call has returned.
    id: Option<u64>,
}

impl Call {
    /// An attempt that is about to be sent.
    pub(super) fn new(ticket: Ticket) -> Call {
        Call { ticket, sent: clock::now(), id: None }
    }

    /// The same attempt, with the number that the start call has told.
    pub(super) fn started(self, id: u64) -> Call {
        Call { id: Some(id), ..self }
    }

    /// Whether an answer to callout `id` is to this attempt. One that comes before the start call has returned can be to no other.
    pub(super) fn is(&self, id: u64) -> bool {
        self.id.is_none_or(|own| own == id)
    }

    /// What the answer comes to; one that is not `answered` broke off, past the allowed time for that reason.
    pub(super) fn outcome<'h>(
        &self,
        transport: &Transport,
        answered: bool,
        headers: &[Header<'_>],
        chunks: impl Iterator<Item = &'h [u8]>,
    ) -> Outcome {
        let mut answer = Answer::new();
        answer.headers(headers.iter().map(|header| (header.name(), header.value())));
        chunks.for_each(|chunk| answer.data(chunk));
        if answered {
            return answer.complete_without_trailers();
        }
        answer.interrupted(clock::is_over(self.sent, transport.config.rpc_timeout, clock::now()))
    }
}

/// Sends one attempt; its answer comes to the hook of this filter. An error if it could not be sent.
pub(super) fn send(envoy: &mut NetworkHandle<'_>, transport: &Transport, body: &[u8]) -> Result<u64, Failure> {
    let cluster = &transport.config.check_cluster;
    match envoy.callout(cluster, &transport.headers(CHECK), body, transport.timeout_ms()) {
        CalloutStart::Started(id) => Ok(id),
        CalloutStart::ClusterNotFound => Err(Failure::not_sent(&format!("there is no cluster {cluster}"))),
        CalloutStart::CannotCreateRequest => {
            Err(Failure::not_sent(&format!("cluster {cluster} has no endpoint to call")))
        }
    }
}
