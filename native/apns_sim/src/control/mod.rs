//! The control API and the page, over plain HTTP/1: `/journal`, `/script`, `/reset`, `/health` and `/`.
//!
//! `README.md` beside this crate is its manual, with an example for each.

mod api;
mod body;
mod error;
mod query;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::state::State;
use body::Body;

/// What the control API tells and steers.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) state: Arc<State>,
    pub(crate) provider: SocketAddr,
    pub(crate) control: SocketAddr,
}

/// Serves until the task is dropped.
pub(crate) async fn listen(control: Control, listener: TcpListener) {
    let control = Arc::new(control);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) if connections.len() < MAX_CONNECTIONS => {
                    connections.spawn(serve(Arc::clone(&control), tcp));
                }
                Ok(_) => {}
                // Out of file descriptors, most likely: the next try is as good once a connection has ended.
                Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(control: Arc<Control>, tcp: TcpStream) {
    let service = service_fn(move |request| {
        let control = Arc::clone(&control);
        async move { Ok::<_, std::convert::Infallible>(answer(&control, request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    // A client that breaks off has nobody to tell.
    let _ = http.serve_connection(TokioIo::new(tcp), service).await;
}

async fn answer(control: &Control, request: Request<Incoming>) -> Response<Body> {
    let answered = match api::check_origin(control, &request) {
        Ok(()) => api::answer(control, request).await,
        Err(error) => Err(error),
    };
    answered.unwrap_or_else(|error| error.into_response(control.control.port()))
}

/// Open at once; one more is closed at once.
const MAX_CONNECTIONS: usize = 256;
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);
