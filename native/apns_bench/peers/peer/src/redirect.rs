//! For clients that know Apple's hosts and no others: the C library's `getaddrinfo` and `connect`, in whose place the
//! linker takes these. Every name is 127.0.0.1, and port 443 is that of the benchmark's server.
//!
//! So the clients are measured as they were published, and no name of the machine's has to be changed. Both functions are
//! called once for a connection: they cost a push nothing.

use std::ffi::{c_char, c_int};
use std::mem;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

use libc::{addrinfo, sockaddr, sockaddr_in, socklen_t};

/// Connections to port 443 go to this one.
pub fn apple_to(port: u16) {
    PORT.store(port, Relaxed);
}

static PORT: AtomicU16 = AtomicU16::new(443);

/// # Safety
///
/// As for the C library's `connect`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn connect(socket: c_int, address: *const sockaddr, len: socklen_t) -> c_int {
    // SAFETY: the caller's promise: `address` leads to `len` bytes, of which the family is the first part.
    let family = unsafe { (*address).sa_family };
    if c_int::from(family) != libc::AF_INET || (len as usize) < size_of::<sockaddr_in>() {
        // SAFETY: passed on as it came.
        return unsafe { libc::syscall(libc::SYS_connect, socket, address, len) } as c_int;
    }
    // SAFETY: an address of this family and length is a sockaddr_in.
    let mut target = unsafe { *address.cast::<sockaddr_in>() };
    if u16::from_be(target.sin_port) == 443 {
        target.sin_port = PORT.load(Relaxed).to_be();
    }
    // SAFETY: `target` lives until the call returns.
    unsafe { libc::syscall(libc::SYS_connect, socket, &raw const target, len) as c_int }
}

/// # Safety
///
/// As for the C library's `getaddrinfo`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getaddrinfo(
    _node: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    result: *mut *mut addrinfo,
) -> c_int {
    type GetAddrInfo = unsafe extern "C" fn(
        *const c_char,
        *const c_char,
        *const addrinfo,
        *mut *mut addrinfo,
    ) -> c_int;
    // SAFETY: the C library's function of that name, which has this type; it is always there.
    let original = unsafe {
        mem::transmute::<*mut libc::c_void, GetAddrInfo>(libc::dlsym(
            libc::RTLD_NEXT,
            c"getaddrinfo".as_ptr(),
        ))
    };
    // SAFETY: the caller's promise, and a name of our own.
    unsafe { original(c"127.0.0.1".as_ptr(), service, hints, result) }
}
