//! A TCP socket as a connection to APNs needs it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use socket2::{SockRef, TcpKeepalive};

/// Begins to connect and does not wait. When the socket is writable it is connected, or `take_error` says why not.
///
/// # Errors
/// What the system says at once: no route, no descriptors left.
pub(crate) fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    set_options(SockRef::from(&stream));
    Ok(stream)
}

/// Options make a connection better, not possible: one that the kernel lacks is done without, and an error of the
/// socket itself is told by connecting.
fn set_options(socket: SockRef<'_>) {
    // Writes are gathered by us; Nagle would hold the last one back until Apple acknowledges the one before.
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_IDLE));
    #[cfg(target_os = "linux")]
    {
        let _ = socket.set_tcp_user_timeout(Some(USER_TIMEOUT));
        let _ = socket.set_tcp_notsent_lowat(NOTSENT_LOWAT);
    }
}

/// A path that died without a word is noticed even when PING is set to be rare.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// Sent and not acknowledged for so long: the path is dead. Without it the kernel tries for some 15 minutes, and all
/// that time pushes look sent.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(20);

/// The socket is writable only while the kernel holds less than this unsent: what waits longer waits with us, where
/// a call can overtake it.
#[cfg(target_os = "linux")]
const NOTSENT_LOWAT: u32 = 32 * 1024;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use mio::{Events, Interest, Poll, Token};

    use super::*;

    /// Waits until the socket is writable, then says how connecting went.
    fn outcome(stream: &mut TcpStream) -> io::Result<SocketAddr> {
        let mut poll = Poll::new().unwrap();
        poll.registry()
            .register(stream, Token(0), Interest::WRITABLE)
            .unwrap();
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, Some(Duration::from_secs(10)))
            .unwrap();
        assert!(!events.is_empty(), "no readiness within 10 s");
        match stream.take_error()? {
            Some(error) => Err(error),
            None => stream.peer_addr(),
        }
    }

    #[test]
    fn a_socket_connects_with_the_options_set() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else {
                assert_ne!(address, "127.0.0.1:0");
                continue; // this machine has no IPv6
            };
            let address = listener.local_addr().unwrap();
            let mut stream = open(address).unwrap();
            assert_eq!(outcome(&mut stream).unwrap(), address);
            let socket = SockRef::from(&stream);
            assert!(socket.tcp_nodelay().unwrap());
            assert!(socket.keepalive().unwrap());
            #[cfg(target_os = "linux")]
            {
                assert_eq!(socket.tcp_user_timeout().unwrap(), Some(USER_TIMEOUT));
                assert_eq!(socket.tcp_notsent_lowat().unwrap(), NOTSENT_LOWAT);
            }
        }
    }

    #[test]
    fn a_refused_connection_is_an_error_later_not_a_wait() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let refused = open(address).and_then(|mut stream| outcome(&mut stream));
        assert_eq!(
            refused.unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused
        );
    }
}
