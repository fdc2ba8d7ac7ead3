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
use crate::script::{Effect, Place};
use crate::socket::Socket;
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
    let (doors, actions) = state.greet();
    let number = state.connections_made() + 1;
    let connection = Connection::new(number, state.max_streams, doors, &actions);
    let connection = Arc::new(connection);
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
    let socket = Socket::new(tcp, Arc::clone(connection));
    match doors.listener {
        ListenerMode::Cut => return,
        ListenerMode::Silent => return listen_in_silence(socket).await,
        ListenerMode::Serve | ListenerMode::SilentAfterTls => {}
    }
    let acceptor = TlsAcceptor::from(state.tls.config(doors.tls));
    let accepted = acceptor.accept(socket).into_fallible();
    let mut tls = match tokio::time::timeout(HANDSHAKE_TIMEOUT, accepted).await {
        Ok(Ok(tls)) => tls,
        Ok(Err((error, socket))) => {
            state.handshake_failed(connection.number(), &error.to_string());
            return let_alert_arrive(socket).await;
        }
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
async fn talk(state: &Arc<State>, connection: &Arc<Connection>, tls: TlsStream<Socket>) {
    let certificate = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let identity = certificate.map(|der| Arc::new(ClientIdentity::read(der)));
    connection.handle_handshake(identity.as_deref());
    let wire = FrameWire::new(tls, connection.wire());
    let handshake = settings().handshake::<_, Bytes>(wire);
    let mut h2 = match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await {
        Ok(Ok(h2)) => h2,
        _ if connection.wire().fault() == Some("cut") => return,
        // A mute one hears no preface, and stays.
        _ if connection.wire().is_muted() => return std::future::pending().await,
        _ => return state.handshake_failed(connection.number(), "no HTTP/2 preface came"),
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
    if connection.wire().is_cut_off() {
        // The exchanges of requests that are whole write them down, in their first turn; then all is dropped.
        tokio::task::yield_now().await;
    } else if connection.is_drained() {
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
    let place = Place {
        connection: exchange.connection.number(),
        stream: exchange.stream,
    };
    let effect = match given_up {
        true => None,
        false => exchange.state.script.take(token.as_deref(), place),
    };
    // Now and not when its body is there: what has come before it is answered, and what comes after it is not.
    if let Some(Effect::Goaway(go_away)) = &effect {
        exchange.connection.go_away(go_away, Some(exchange.stream));
    }
    match effect {
        Some(Effect::RefusedStream) => exchange.refuse(&Request::without_body(request)),
        Some(Effect::Reset { code, early: true }) => {
            exchange.reset(&Request::without_body(request), code);
        }
        effect => drop(exchanges.spawn(exchange.serve(request, effect))),
    }
}

/// The next request; `None` when the connection is over or to be cut, or a GOAWAY's promise is kept.
async fn next_request(
    h2: &mut h2::server::Connection<FrameWire<TlsStream<Socket>>, Bytes>,
    connection: &Connection,
) -> Option<(http::Request<RecvStream>, SendResponse<Bytes>)> {
    std::future::poll_fn(|cx| match h2.poll_accept(cx) {
        Poll::Ready(accepted) => Poll::Ready(accepted.and_then(Result::ok)),
        Poll::Pending if connection.is_drained() => Poll::Ready(None),
        Poll::Pending if connection.wire().is_cut_off() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// h2 as Apple's servers were seen to be (pushy issue 476). What the provider hears is the wire's to say, and a script
/// may offer a larger header table than Apple's: how much of it the provider may use is the wire's to judge.
fn settings() -> h2::server::Builder {
    let mut builder = h2::server::Builder::new();
    builder
        .header_table_size(65_536)
        .initial_window_size(65_535)
        .max_frame_size(16_384)
        .max_header_list_size(8000)
        // Scripts reset streams by the thousand, which h2 would take for an attack by the provider.
        .max_concurrent_reset_streams(10_000)
        .max_local_error_reset_streams(None);
    builder
}

/// A TLS alert says why; but TCP that is closed with bytes unread takes it back.
async fn let_alert_arrive(mut socket: Socket) {
    let said = async {
        let _ = socket.shutdown().await;
        listen_in_silence(socket).await;
    };
    let _ = tokio::time::timeout(HANDSHAKE_TIMEOUT, said).await;
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
