//! The types that cross the border, in both directions.

use std::ffi::c_void;
use std::marker::PhantomData;

/// Any opaque handle: Envoy's objects for us, ours for Envoy.
pub(super) type Pointer = *mut c_void;

/// A run of bytes; passed by value as an argument, by pointer as a result.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Buffer {
    pointer: *const u8,
    length: usize,
}

impl Buffer {
    pub(super) const EMPTY: Buffer = Buffer { pointer: std::ptr::null(), length: 0 };

    pub(super) fn new(bytes: &[u8]) -> Buffer {
        Buffer { pointer: bytes.as_ptr(), length: bytes.len() }
    }

    /// # Safety
    /// The buffer comes from Envoy and its bytes stay valid and unchanged for `'a`.
    pub(super) unsafe fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: passed on to the caller.
        unsafe { slice(self.pointer, self.length) }
    }
}

/// # Safety
/// `pointer` and `length` name initialized memory that stays valid and unchanged for `'a`; a null pointer stands for no elements.
pub(super) unsafe fn slice<'a, T>(pointer: *const T, length: usize) -> &'a [T] {
    if pointer.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: not null, and the caller vouches for the rest.
    unsafe { std::slice::from_raw_parts(pointer, length) }
}

/// One header line; the same layout in both directions. Names that come from Envoy are lower-case.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Header<'a> {
    name: *const u8,
    name_length: usize,
    value: *const u8,
    value_length: usize,
    bytes: PhantomData<&'a [u8]>,
}

impl<'a> Header<'a> {
    pub(crate) fn new(name: &'a (impl AsRef<[u8]> + ?Sized), value: &'a (impl AsRef<[u8]> + ?Sized)) -> Header<'a> {
        let (name, value) = (name.as_ref(), value.as_ref());
        Header {
            name: name.as_ptr(),
            name_length: name.len(),
            value: value.as_ptr(),
            value_length: value.len(),
            bytes: PhantomData,
        }
    }

    pub(crate) fn name(&self) -> &'a [u8] {
        // SAFETY: either `new` took the parts from a slice that lives for 'a, or Envoy wrote the entry and it is handed out for as long as the map stands.
        unsafe { slice(self.name, self.name_length) }
    }

    pub(crate) fn value(&self) -> &'a [u8] {
        // SAFETY: as in `name`.
        unsafe { slice(self.value, self.value_length) }
    }

    /// Name and value together, as they count in the sizes of a message.
    pub(crate) fn size(&self) -> usize {
        self.name_length + self.value_length
    }
}

/// The four header maps of a stream.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderKind {
    Request = 0,
    RequestTrailers = 1,
    Response = 2,
    ResponseTrailers = 3,
}

/// Attributes of a stream by the number the ABI gives them; only those this module reads.
#[repr(u32)]
#[derive(Clone, Copy)]
pub(crate) enum Attribute {
    ResponseCode = 15,
    ResponseFlags = 17,
    SourceAddress = 24,
    Mtls = 29,
    RequestedServerName = 30,
    LocalUriSan = 36,
    PeerUriSan = 37,
    UpstreamAddress = 41,
}

/// Where metadata of a stream comes from.
#[repr(u32)]
#[derive(Clone, Copy)]
pub(crate) enum MetadataSource {
    Dynamic = 0,
    Host = 3,
}

/// The answer of a headers hook.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadersStatus {
    Continue = 0,
    /// After a local reply.
    StopIteration = 1,
    /// Holds the whole stream back; a body of any size waits under back-pressure. (The two other ways to stop answer 413 to a large body.)
    StopAllAndWatermark = 4,
}

/// What became of the start of a call to a cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CalloutStart {
    Started(u64),
    ClusterNotFound,
    /// No endpoint, or the pool refused at once.
    CannotCreateRequest,
}

impl CalloutStart {
    pub(super) fn new(result: u32, id: u64) -> CalloutStart {
        match result {
            0 => CalloutStart::Started(id),
            2 => CalloutStart::ClusterNotFound,
            _ => CalloutStart::CannotCreateRequest,
        }
    }
}

/// Times of a stream in nanoseconds: `start_unix` since the epoch, the others since the start, -1 for unknown.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Timing {
    pub(crate) start_unix: i64,
    pub(crate) request_complete: i64,
    first_upstream_sent: i64,
    last_upstream_sent: i64,
    first_upstream_received: i64,
    last_upstream_received: i64,
    first_downstream_sent: i64,
    last_downstream_sent: i64,
}

/// Body bytes of a stream; the `wire` counts are of the upstream connection.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct BytesInfo {
    pub(crate) received: u64,
    pub(crate) sent: u64,
    wire_received: u64,
    wire_sent: u64,
}

/// What both the filter and the access logger can read of a stream.
pub(crate) trait StreamView {
    /// Hands the whole map to `read`; an absent map is an empty list.
    fn with_headers<R>(&self, kind: HeaderKind, read: impl FnOnce(&[Header<'_>]) -> R) -> R;
    /// Hands the text of an attribute to `read`, `None` if Envoy has none.
    fn attribute<R>(&self, attribute: Attribute, read: impl FnOnce(&[u8]) -> R) -> Option<R>;
    /// An attribute that is a number.
    fn number(&self, attribute: Attribute) -> Option<u64>;
    /// An attribute that is true or false; false also stands for not available.
    fn is(&self, attribute: Attribute) -> bool;
}

/// Longest header list that needs no allocation to be read.
const INLINE_HEADERS: usize = 64;

/// Reads a header map through the two calls every kind of stream offers.
///
/// # Safety
/// `fill` writes `count` entries, all of them if it returns true, that stay valid until this function returns.
pub(super) unsafe fn read_headers<R>(
    count: usize,
    fill: impl FnOnce(*mut Header<'static>) -> bool,
    read: impl FnOnce(&[Header<'_>]) -> R,
) -> R {
    if count == 0 {
        return read(&[]);
    }
    let mut inline = [const { std::mem::MaybeUninit::<Header<'static>>::uninit() }; INLINE_HEADERS];
    let mut heap = Vec::new();
    let place = if count <= INLINE_HEADERS {
        inline.as_mut_ptr().cast::<Header<'static>>()
    } else {
        heap.reserve_exact(count);
        heap.as_mut_ptr()
    };
    if !fill(place) {
        return read(&[]);
    }
    // SAFETY: `fill` succeeded, so `count` entries were written to the place, which is large enough and outlives the call.
    read(unsafe { std::slice::from_raw_parts(place, count) })
}

/// Reads a list of buffers, each of which is copied.
///
/// # Safety
/// `fill` writes `count` buffers if it returns true, valid until the next call into Envoy.
pub(super) unsafe fn copy_buffers(count: usize, fill: impl FnOnce(*mut Buffer) -> bool) -> Vec<Vec<u8>> {
    let mut buffers = vec![Buffer::EMPTY; count];
    if count == 0 || !fill(buffers.as_mut_ptr()) {
        return Vec::new();
    }
    // SAFETY: Envoy has just written the buffers and nothing was called since.
    buffers.into_iter().map(|buffer| unsafe { buffer.bytes() }.to_vec()).collect()
}
