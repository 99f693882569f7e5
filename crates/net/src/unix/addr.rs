//! What Unix sockets are called.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix};

/// The name of a Unix socket: a path, an abstract name (Linux), or none.
///
/// ```
/// use evlet_net::UnixAddr;
/// assert_eq!(UnixAddr::path("/run/agent.sock").to_string(), "/run/agent.sock");
/// assert_eq!(UnixAddr::abstract_name("agent").to_string(), "@agent");
/// assert_eq!(UnixAddr::unnamed().to_string(), "an unnamed Unix socket");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnixAddr(Name);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Name {
    Unnamed,
    Path(PathBuf),
    Abstract(Vec<u8>),
    /// A path that fills the kernel's room to the last byte, without its end: it cannot be told.
    Untold,
}

impl UnixAddr {
    /// A path in the file system. At most 107 bytes (103 on Apple's systems): longer ones are
    /// refused by the call that uses them.
    pub fn path(path: impl Into<PathBuf>) -> UnixAddr {
        UnixAddr(Name::Path(path.into()))
    }

    /// A name in Linux's abstract namespace: in no directory, without permissions, gone with its
    /// socket. Other systems refuse it in the call that uses it.
    pub fn abstract_name(name: impl AsRef<[u8]>) -> UnixAddr {
        UnixAddr(Name::Abstract(name.as_ref().to_vec()))
    }

    /// No name: what a connecting socket usually has.
    pub fn unnamed() -> UnixAddr {
        UnixAddr(Name::Unnamed)
    }

    /// The path, if it has one.
    pub fn as_path(&self) -> Option<&Path> {
        match &self.0 {
            Name::Path(path) => Some(path),
            _ => None,
        }
    }

    /// The abstract name, if it has one.
    pub fn as_abstract_name(&self) -> Option<&[u8]> {
        match &self.0 {
            Name::Abstract(name) => Some(name),
            _ => None,
        }
    }

    /// Whether it has no name.
    pub fn is_unnamed(&self) -> bool {
        self.0 == Name::Unnamed
    }

    /// For the kernel.
    pub(super) fn to_kernel(&self) -> io::Result<SocketAddrUnix> {
        let invalid = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why.to_owned());
        match &self.0 {
            Name::Path(path) => {
                let bytes = path.as_os_str().as_bytes();
                if bytes.is_empty() {
                    return Err(invalid("the path is empty"));
                }
                if bytes.contains(&0) {
                    return Err(invalid("the path has a NUL byte in it"));
                }
                // The kernel takes one byte more, but then without an end, which many programs
                // cannot read.
                if bytes.len() > PATH_MAX_BYTES {
                    return Err(invalid(&format!(
                        "the path has {} bytes, and a Unix socket's may have {PATH_MAX_BYTES}: \
                         choose a shorter one",
                        bytes.len()
                    )));
                }
                Ok(SocketAddrUnix::new(bytes)?)
            }
            Name::Abstract(name) => abstract_to_kernel(name),
            Name::Unnamed => Err(invalid("an unnamed socket cannot be asked for")),
            Name::Untold => Err(invalid("the kernel did not tell this name whole")),
        }
    }

    /// What the kernel told. A family of another kind counts as no name.
    pub(super) fn from_kernel(addr: Option<SocketAddrAny>) -> UnixAddr {
        let Some(addr) = addr else {
            return UnixAddr::unnamed();
        };
        let len = addr.addr_len() as usize;
        if addr.address_family() != AddressFamily::UNIX || len <= FAMILY_BYTES {
            return UnixAddr::unnamed();
        }
        // The peer chose its name, and rustix insists on an end that this one has no room for.
        if len > FAMILY_BYTES + PATH_MAX_BYTES + 1 {
            return UnixAddr(Name::Untold);
        }
        let Ok(addr) = SocketAddrUnix::try_from(addr) else {
            return UnixAddr::unnamed();
        };
        if let Some(path) = addr.path_bytes() {
            return UnixAddr::path(OsStr::from_bytes(path));
        }
        match abstract_of(&addr) {
            Some(name) if !name.is_empty() => UnixAddr::abstract_name(name),
            _ => UnixAddr::unnamed(),
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const PATH_MAX_BYTES: usize = 107;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const PATH_MAX_BYTES: usize = 103;

/// What stands before the name in the kernel's form.
const FAMILY_BYTES: usize = 2;

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_to_kernel(name: &[u8]) -> io::Result<SocketAddrUnix> {
    if name.is_empty() {
        let why = "the abstract name is empty";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    Ok(SocketAddrUnix::new_abstract_name(name)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn abstract_to_kernel(_: &[u8]) -> io::Result<SocketAddrUnix> {
    let why = "only Linux has abstract names: use a path";
    Err(io::Error::new(io::ErrorKind::Unsupported, why))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_of(addr: &SocketAddrUnix) -> Option<&[u8]> {
    addr.abstract_name()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn abstract_of(_: &SocketAddrUnix) -> Option<&[u8]> {
    None
}

impl fmt::Display for UnixAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Name::Unnamed => f.write_str("an unnamed Unix socket"),
            Name::Path(path) => path.display().fmt(f),
            Name::Abstract(name) => write!(f, "@{}", name.escape_ascii()),
            Name::Untold => f.write_str("a Unix socket with a path too long to tell"),
        }
    }
}

/// What names a Unix socket: a path as text or as `Path`, or a [`UnixAddr`]. Text that begins with
/// `@` is an abstract name; write `./@name` for a file of that name.
pub trait ToUnixAddr {
    /// The name.
    fn to_unix_addr(&self) -> UnixAddr;
}

impl ToUnixAddr for UnixAddr {
    fn to_unix_addr(&self) -> UnixAddr {
        self.clone()
    }
}

impl ToUnixAddr for str {
    fn to_unix_addr(&self) -> UnixAddr {
        match self.strip_prefix('@') {
            Some(name) => UnixAddr::abstract_name(name),
            None => UnixAddr::path(self),
        }
    }
}

impl ToUnixAddr for String {
    fn to_unix_addr(&self) -> UnixAddr {
        self.as_str().to_unix_addr()
    }
}

impl ToUnixAddr for Path {
    fn to_unix_addr(&self) -> UnixAddr {
        UnixAddr::path(self)
    }
}

impl ToUnixAddr for PathBuf {
    fn to_unix_addr(&self) -> UnixAddr {
        UnixAddr::path(self)
    }
}

impl<T: ToUnixAddr + ?Sized> ToUnixAddr for &T {
    fn to_unix_addr(&self) -> UnixAddr {
        (**self).to_unix_addr()
    }
}
