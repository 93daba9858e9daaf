//! The beginning of a connection: whoever connects must speak HTTP/2 soon.

use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// With this every HTTP/2 connection begins.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream that breaks when it does not begin with HTTP/2 within a time. After that nothing is limited here.
pub(super) struct Opening<S> {
    stream: S,
    missing: &'static [u8],
    limit: Option<Pin<Box<Sleep>>>,
    begun: Arc<AtomicBool>,
}

impl<S> Opening<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Opening<S> {
        Opening { stream, missing: PREFACE, limit: Some(Box::pin(sleep(limit))), begun: Arc::default() }
    }

    /// Becomes true once the client has begun.
    pub(super) fn begun(&self) -> Arc<AtomicBool> {
        self.begun.clone()
    }

    fn begin(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let (compared, missing) = self.missing.split_at(bytes.len().min(self.missing.len()));
        if !bytes.starts_with(compared) {
            return Err(Error::new(ErrorKind::InvalidData, "the client does not speak HTTP/2"));
        }
        self.missing = missing;
        if missing.is_empty() {
            self.limit = None;
            self.begun.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Opening<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<(), Error>> {
        let this = &mut *self;
        let Some(limit) = &mut this.limit else { return Pin::new(&mut this.stream).poll_read(context, buffer) };
        if limit.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client did not begin")));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        Poll::Ready(this.begin(&buffer.filled()[before..]))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Opening<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<Result<usize, Error>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
