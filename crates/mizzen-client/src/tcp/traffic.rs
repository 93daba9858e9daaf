//! How many bytes a connection has carried, and how many of them were reported.

/// Bytes in both directions, as the client counts: received by the proxy from it, sent by the proxy to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// From the client.
    pub received: u64,
    /// To the client.
    pub sent: u64,
}

/// The account of one connection.
///
/// Bytes that are held back were received all the same. Envoy shows the whole held buffer at each further event, so the
/// latest size of it counts, not the sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    passed: Counts,
    held: u64,
    reported: Counts,
}

impl Traffic {
    /// Data from the client goes on; held data, if any, is part of it.
    pub fn pass(&mut self, length: u64) {
        self.passed.received = self.passed.received.saturating_add(length);
        self.held = 0;
    }

    /// All data that is held back now.
    pub fn hold(&mut self, length: u64) {
        self.held = length;
    }

    /// The held data goes on without being shown again.
    pub fn release(&mut self) {
        self.pass(self.held);
    }

    /// Data goes to the client.
    pub fn send(&mut self, length: u64) {
        self.passed.sent = self.passed.sent.saturating_add(length);
    }

    /// All bytes so far.
    pub fn total(&self) -> Counts {
        Counts { received: self.passed.received.saturating_add(self.held), sent: self.passed.sent }
    }

    /// The bytes since [`Traffic::mark`] was called last.
    pub fn unreported(&self) -> Counts {
        let total = self.total();
        Counts {
            received: total.received.saturating_sub(self.reported.received),
            sent: total.sent.saturating_sub(self.reported.sent),
        }
    }

    /// Takes everything so far as reported.
    pub fn mark(&mut self) {
        self.reported = self.total();
    }
}
