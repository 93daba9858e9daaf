//! Where clients connect: a TCP port or a Unix socket.

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::fs::{self, Permissions};
use std::io::{Error, ErrorKind, Result};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as BlockingUnixStream;
use std::path::{Path, PathBuf};
use tokio::net::{TcpStream, UnixStream};

const BACKLOG: i32 = 1024;

/// A bound socket whose connections wait.
pub(super) enum Bound {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener, SocketFile),
}

/// A bound socket of a runtime.
pub(super) enum Listener {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

/// A connection and what `peer` says of it, in the form that grpc uses.
pub(super) enum Accepted {
    Tcp(TcpStream, String),
    Unix(UnixStream, String),
}

/// Binds to a port; with `share` other processes may bind to the same one, and the kernel spreads connections over
/// them.
pub(super) fn bind_port(host: &str, port: u16, share: bool) -> Result<Bound> {
    let mut last = Error::new(ErrorKind::AddrNotAvailable, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match bind_address(address, share) {
            Ok(listener) => return Ok(Bound::Tcp(listener)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn bind_address(address: SocketAddr, share: bool) -> Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if share {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Binds to a path; a socket there that nobody serves is replaced. The file has `mode` before anybody can connect.
pub(super) fn bind_path(path: &Path, mode: u32) -> Result<Bound> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let address = SockAddr::unix(path)?;
    if let Err(error) = socket.bind(&address) {
        if error.kind() != ErrorKind::AddrInUse {
            return Err(error);
        }
        remove_stale(path)?;
        socket.bind(&address)?;
    }
    let file = SocketFile::of(path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    socket.listen(BACKLOG)?;
    Ok(Bound::Unix(socket.into(), file))
}

fn remove_stale(path: &Path) -> Result<()> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(Error::new(ErrorKind::AlreadyExists, "the file is there and is no socket"));
    }
    match BlockingUnixStream::connect(path) {
        Ok(_) => Err(Error::new(ErrorKind::AddrInUse, "another process serves there")),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}

/// The file of a Unix socket, removed at the end unless another one has its place.
pub(super) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> Result<SocketFile> {
        Ok(SocketFile { path: path.to_owned(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

impl Bound {
    /// The port; 0 for a path.
    pub(super) fn port(&self) -> Result<u16> {
        match self {
            Bound::Tcp(listener) => Ok(listener.local_addr()?.port()),
            Bound::Unix(..) => Ok(0),
        }
    }

    /// Takes connections on the runtime; the file, if there is one, belongs to the caller.
    pub(super) fn listen(self) -> Result<(Listener, Option<SocketFile>)> {
        match self {
            Bound::Tcp(listener) => Ok((Listener::Tcp(tokio::net::TcpListener::from_std(listener)?), None)),
            Bound::Unix(listener, file) => {
                Ok((Listener::Unix(tokio::net::UnixListener::from_std(listener)?), Some(file)))
            }
        }
    }
}

impl Listener {
    pub(super) async fn accept(&self) -> Result<Accepted> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                let _ = stream.set_nodelay(true);
                let peer = match peer {
                    SocketAddr::V4(address) => format!("ipv4:{address}"),
                    SocketAddr::V6(address) => format!("ipv6:{address}"),
                };
                Ok(Accepted::Tcp(stream, peer))
            }
            Listener::Unix(listener) => {
                listener.accept().await.map(|(stream, _)| Accepted::Unix(stream, "unix:".into()))
            }
        }
    }
}
