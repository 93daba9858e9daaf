//! The states of one connection.

use super::traffic::Traffic;
use crate::bag::Bag;
use crate::instant::Instant;
use crate::name::names;
use crate::value::Time;

/// When a connection is decided about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// When the client sends its first data; the upstream connection is opened meanwhile.
    FirstData,
    /// When the client is connected, a TLS handshake included; the upstream connection is opened only then.
    Connect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was asked.
    Waiting,
    /// A decision is awaited.
    Calling,
    /// Data passes.
    Open,
    /// Refused and about to be closed.
    Denied,
    /// Over.
    Closed,
}

/// What to do with data from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask for a decision, then [`Connection::hold`] the data, or decide and [`Connection::pass`] it.
    Ask,
    /// Keep it back.
    Hold,
    /// Let it go on.
    Pass,
}

/// What a decision means for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Nothing: none was awaited.
    Ignored,
    /// Report that it is open, and let it go on.
    Allowed,
    /// Close it at once.
    Denied,
}

/// Which report of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was allowed.
    Open,
    /// It is still open.
    Continue,
    /// It is over.
    Close,
}

impl Event {
    /// The value of `connection.event`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Event::Open => "open",
            Event::Continue => "continue",
            Event::Close => "close",
        }
    }
}

/// One connection. It asks at most once, and is closed exactly once.
#[derive(Clone, Debug)]
pub struct Connection {
    moment: Moment,
    state: State,
    traffic: Traffic,
    accepted: Instant,
}

impl Connection {
    /// A connection that was accepted at `now`.
    pub fn new(moment: Moment, now: Instant) -> Connection {
        Connection { moment, state: State::Waiting, traffic: Traffic::default(), accepted: now }
    }

    /// Whether a decision is awaited.
    pub fn is_calling(&self) -> bool {
        self.state == State::Calling
    }

    /// Whether it was allowed and is not over.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether it was closed.
    pub fn is_over(&self) -> bool {
        self.state == State::Closed
    }

    /// The client is connected, and its certificate known. True if a decision must be asked for now.
    pub fn connected(&mut self) -> bool {
        let asks = self.moment == Moment::Connect && self.state == State::Waiting;
        if asks {
            self.state = State::Calling;
        }
        asks
    }

    /// Data from the client, or the end of it with `length` 0. The end alone needs no decision: nothing is passed on by
    /// it.
    pub fn read(&mut self, length: u64) -> Step {
        match self.state {
            State::Waiting if length > 0 => {
                self.state = State::Calling;
                Step::Ask
            }
            State::Waiting if self.moment == Moment::FirstData => Step::Pass,
            State::Waiting | State::Calling => {
                self.hold(length);
                Step::Hold
            }
            State::Open => {
                self.pass(length);
                Step::Pass
            }
            State::Denied | State::Closed => Step::Hold,
        }
    }

    /// All data from the client that is held back.
    pub fn hold(&mut self, length: u64) {
        self.traffic.hold(length);
    }

    /// Data from the client that goes on.
    pub fn pass(&mut self, length: u64) {
        self.traffic.pass(length);
    }

    /// Data for the client that goes on.
    pub fn wrote(&mut self, length: u64) {
        self.traffic.send(length);
    }

    /// The decision. If it allows, what is held goes on without being shown again.
    pub fn decide(&mut self, allowed: bool) -> Resolution {
        if self.state != State::Calling {
            return Resolution::Ignored;
        }
        if !allowed {
            self.state = State::Denied;
            return Resolution::Denied;
        }
        self.state = State::Open;
        self.traffic.release();
        Resolution::Allowed
    }

    /// The connection is over. True the first time: its last report is due.
    pub fn close(&mut self) -> bool {
        std::mem::replace(&mut self.state, State::Closed) != State::Closed
    }

    /// Sets what a report says of the traffic at `now`, which is `wall` on the clock of the wall.
    ///
    /// As in Istio only a report in between moves the start of the next difference: what the first report tells is part
    /// of the difference after it too.
    pub fn report(&mut self, event: Event, bag: &mut Bag, now: Instant, wall: Time) {
        let (total, new) = (self.traffic.total(), self.traffic.unreported());
        for (name, bytes) in [
            (names::CONNECTION_RECEIVED_BYTES, new.received),
            (names::CONNECTION_RECEIVED_BYTES_TOTAL, total.received),
            (names::CONNECTION_SENT_BYTES, new.sent),
            (names::CONNECTION_SENT_BYTES_TOTAL, total.sent),
        ] {
            bag.set_int64(name, i64::try_from(bytes).unwrap_or(i64::MAX));
        }
        bag.set_string(names::CONNECTION_EVENT, event.as_str());
        bag.set_timestamp(names::CONTEXT_TIME, wall);
        match event {
            Event::Open => {}
            Event::Continue => self.traffic.mark(),
            Event::Close => {
                let nanos = i64::try_from(now.since(self.accepted).as_nanos()).unwrap_or(i64::MAX);
                bag.set_duration(names::CONNECTION_DURATION, Time::from_nanos(nanos));
            }
        }
    }
}
