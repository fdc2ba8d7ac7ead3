//! The other side: the h2 crate's server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::Reason;
use h2::server::{self, SendResponse};
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::io::DuplexStream;

use crate::request::{body, expected_headers, hex, response_body, status, token};

/// What the peer announces and does.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) requests: u32,
    pub(crate) max_concurrent_streams: u32,
    pub(crate) initial_window: u32,
    pub(crate) header_table_size: Option<u32>,
    pub(crate) max_frame_size: u32,
    /// Most bytes per read and write of the client; 1 to that many, at random.
    pub(crate) cut: usize,
    /// One request in this many is reset with this the first time it comes.
    pub(crate) reset: Option<(u32, Reason)>,
    /// Requests after which the peer begins to shut down.
    pub(crate) graceful_shutdown_after: Option<u32>,
}

/// How often each request was taken in whole.
pub(crate) type Arrived = Arc<Mutex<BTreeMap<u32, u32>>>;

pub(crate) async fn serve(pipe: DuplexStream, scenario: Scenario, arrived: Arrived) {
    let mut builder = server::Builder::new();
    builder
        .max_concurrent_streams(scenario.max_concurrent_streams)
        .initial_window_size(scenario.initial_window)
        .max_frame_size(scenario.max_frame_size);
    if let Some(size) = scenario.header_table_size {
        builder.header_table_size(size);
    }
    let mut connection = builder.handshake::<_, Bytes>(pipe).await.unwrap();
    let mut accepted = 0;
    while let Some(request) = connection.accept().await {
        let Ok((request, respond)) = request else {
            break;
        };
        accepted += 1;
        if scenario.graceful_shutdown_after == Some(accepted) {
            connection.graceful_shutdown();
        }
        tokio::spawn(answer(request, respond, scenario, Arc::clone(&arrived)));
    }
}

async fn answer(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    scenario: Scenario,
    arrived: Arrived,
) {
    let (head, mut stream) = request.into_parts();
    let path = head.uri.path();
    let n = u32::from_str_radix(&path["/3/device/".len()..][..8], 16).unwrap();
    if let Some((every, reason)) = scenario.reset
        && n.is_multiple_of(every)
        && *arrived.lock().unwrap().entry(n).or_default() == 0
    {
        // Counted on its way back.
        arrived.lock().unwrap().insert(n, 100);
        return respond.send_reset(reason);
    }
    let mut received = Vec::new();
    while let Some(piece) = stream.data().await {
        let piece = piece.unwrap();
        received.extend_from_slice(&piece);
        stream.flow_control().release_capacity(piece.len()).unwrap();
    }
    assert_eq!(head.method, http::Method::POST);
    assert_eq!(head.uri.scheme_str(), Some("https"));
    assert_eq!(head.uri.authority().unwrap(), "api.push.apple.com");
    assert_eq!(path, format!("/3/device/{}", hex(&token(n))));
    let expected: HeaderMap = expected_headers(n)
        .iter()
        .map(|(name, value)| {
            (
                name.parse().unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            )
        })
        .collect();
    assert_eq!(head.headers, expected);
    assert_eq!(received, body(n));
    *arrived.lock().unwrap().entry(n).or_default() += 1;

    let apns_id = head.headers["apns-id"].clone();
    let response = Response::builder()
        .status(status(n))
        .header("apns-id", apns_id)
        .body(())
        .unwrap();
    let body = response_body(n);
    let trailers = n.is_multiple_of(15);
    let mut send = respond
        .send_response(response, body.is_empty() && !trailers)
        .unwrap();
    if !body.is_empty() {
        send.send_data(Bytes::from(body), !trailers).unwrap();
    }
    if trailers {
        let fields = HeaderMap::from_iter([("n".parse().unwrap(), HeaderValue::from(n))]);
        send.send_trailers(fields).unwrap();
    }
}
