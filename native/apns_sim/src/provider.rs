//! The provider API's IO: accepts connections, does TLS, lets h2 speak, and hands each request to an exchange.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::certificates::ALPN;
use crate::client_certificate::ClientIdentity;
use crate::connection::Connection;
use crate::exchange::Exchange;
use crate::frame_wire::FrameWire;
use crate::options::ListenerMode;
use crate::request::Request;
use crate::script::Effect;
use crate::state::{Doors, State, count};

/// Accepts providers until the task is dropped, and then drops their connections without a word.
pub(crate) async fn listen(state: Arc<State>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) if connections.len() < state.max_connections => {
                    connections.spawn(begin_connection(&state, tcp));
                }
                Ok(_) => count(&state.counters.connections_refused),
                // Out of file descriptors, most likely: the next try is as good once some connection has ended.
                Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Takes a connection up. It is met as the doors are set now, and from now on scripts reach it: all that before
/// it is counted, so that whoever sees the count can rely on both.
fn begin_connection(state: &Arc<State>, tcp: TcpStream) -> impl Future<Output = ()> + use<> {
    let doors = state.doors();
    let number = state.connections_made() + 1;
    let connection = Arc::new(Connection::new(number, state.max_streams, doors));
    let entered = Entered::new(state, &connection);
    count(&state.counters.connections);
    state.tell(|| format!("connection {number} opened"));
    let state = Arc::clone(state);
    async move {
        let _entered = entered;
        tokio::select! {
            biased;
            () = connection.until_cut() => {}
            () = meet(&state, &connection, doors, tcp) => {}
        }
        state.tell(|| format!("connection {number} closed"));
    }
}

/// Meets a provider as the doors are set.
async fn meet(state: &Arc<State>, connection: &Arc<Connection>, doors: Doors, tcp: TcpStream) {
    // Answers are small and each is waited for.
    let _ = tcp.set_nodelay(true);
    match doors.listener {
        ListenerMode::Cut => return,
        ListenerMode::Silent => return listen_in_silence(tcp).await,
        ListenerMode::Serve | ListenerMode::SilentAfterTls => {}
    }
    let acceptor = TlsAcceptor::from(state.tls.config(doors.tls));
    let mut tls = match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(tcp)).await {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => return state.handshake_failed(connection.number(), &error.to_string()),
        Err(_) => return state.handshake_failed(connection.number(), "TLS took too long"),
    };
    if doors.listener == ListenerMode::SilentAfterTls {
        return listen_in_silence(tls).await;
    }
    if tls.get_ref().1.alpn_protocol() != Some(ALPN) {
        state.handshake_failed(
            connection.number(),
            "the provider did not agree on h2 by ALPN",
        );
        return drop(tls.shutdown().await);
    }
    talk(state, connection, tls).await;
}

/// Speaks HTTP/2 until either side ends the connection.
async fn talk(state: &Arc<State>, connection: &Arc<Connection>, tls: TlsStream<TcpStream>) {
    let certificate = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let identity = certificate.map(|der| Arc::new(ClientIdentity::read(der)));
    connection.handle_handshake(identity.as_deref());
    let wire = FrameWire::new(tls, connection.wire());
    let handshake = settings().handshake::<_, Bytes>(wire);
    let Ok(Ok(mut h2)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await else {
        return state.handshake_failed(connection.number(), "no HTTP/2 preface came");
    };
    // Dropped with the connection, and the exchanges with it.
    let mut exchanges = JoinSet::new();
    while let Some((request, respond)) = next_request(&mut h2, connection).await {
        while exchanges.try_join_next().is_some() {}
        let stream = respond.stream_id().as_u32();
        let exchange = Exchange {
            slot: None,
            state: Arc::clone(state),
            connection: Arc::clone(connection),
            identity: identity.clone(),
            respond,
            stream,
        };
        begin(exchange, request, &mut exchanges);
    }
    if connection.is_drained() {
        h2.abrupt_shutdown(h2::Reason::NO_ERROR);
        let closed = std::future::poll_fn(|cx| h2.poll_closed(cx));
        let _ = tokio::time::timeout(HANDSHAKE_TIMEOUT, closed).await;
    }
}

/// A request's HEADERS have come: refuses it at once, or lets it be served.
fn begin(mut exchange: Exchange, request: http::Request<RecvStream>, exchanges: &mut JoinSet<()>) {
    let given_up = exchange.connection.is_given_up(exchange.stream);
    if !given_up {
        exchange.slot = exchange.connection.admit(exchange.stream);
        if exchange.slot.is_none() {
            return exchange.refuse(&Request::without_body(request));
        }
    }
    let token = crate::request::device_token(request.uri().path());
    let effect = if given_up {
        None
    } else {
        exchange.state.script.take(token.as_deref())
    };
    match effect {
        Some(Effect::RefusedStream) => exchange.refuse(&Request::without_body(request)),
        effect => drop(exchanges.spawn(exchange.serve(request, effect))),
    }
}

/// The next request; `None` when the connection is over, or a GOAWAY's promise is kept.
async fn next_request(
    h2: &mut h2::server::Connection<FrameWire<TlsStream<TcpStream>>, Bytes>,
    connection: &Connection,
) -> Option<(http::Request<RecvStream>, SendResponse<Bytes>)> {
    std::future::poll_fn(|cx| match h2.poll_accept(cx) {
        Poll::Ready(accepted) => Poll::Ready(accepted.and_then(Result::ok)),
        Poll::Pending if connection.is_drained() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// SETTINGS as Apple's were seen (pushy issue 476); the wire adds MAX_CONCURRENT_STREAMS.
fn settings() -> h2::server::Builder {
    let mut builder = h2::server::Builder::new();
    builder
        .header_table_size(4096)
        .initial_window_size(65_535)
        .max_frame_size(16_384)
        .max_header_list_size(8000)
        // Scripts reset streams by the thousand, which h2 would take for an attack by the provider.
        .max_concurrent_reset_streams(10_000)
        .max_local_error_reset_streams(None);
    builder
}

/// Takes what the provider sends and never says a word, until the provider goes.
async fn listen_in_silence(mut stream: impl AsyncRead + Unpin) {
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
}

/// A connection that scripts can reach, as long as this lives.
struct Entered {
    state: Arc<State>,
    number: u64,
}

impl Entered {
    fn new(state: &Arc<State>, connection: &Arc<Connection>) -> Self {
        state.enter(connection);
        Self {
            state: Arc::clone(state),
            number: connection.number(),
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.state.leave(self.number);
    }
}

/// For the TLS handshake, and again for the HTTP/2 preface.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);
