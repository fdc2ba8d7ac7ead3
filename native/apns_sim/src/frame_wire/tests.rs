//! The wire between a real h2 client and a real h2 server, over memory.

use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::DuplexStream;

use super::*;

type Client = h2::client::SendRequest<Bytes>;
type Server = h2::server::Connection<FrameWire<DuplexStream>, Bytes>;

/// A client that is connected over a wire whose first SETTINGS say `limit`, and both sides' connections.
async fn connect(
    control: &WireControl,
) -> (Client, h2::client::Connection<DuplexStream, Bytes>, Server) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let server = h2::server::handshake(FrameWire::new(far, control.clone()));
    let client = h2::client::handshake(near);
    let (client, server) = tokio::join!(client, server);
    let (send, connection) = client.unwrap();
    (send, connection, server.unwrap())
}

fn request() -> http::Request<()> {
    http::Request::post("https://localhost/").body(()).unwrap()
}

/// Lets server and client run until `done` says so of the client.
async fn run_until<T>(
    server: &mut Server,
    connection: &mut h2::client::Connection<DuplexStream, Bytes>,
    mut done: impl FnMut(&mut std::task::Context<'_>) -> Poll<T>,
) -> T {
    let run = std::future::poll_fn(|cx| {
        while let Poll::Ready(Some(Ok((_, mut respond)))) = server.poll_accept(cx) {
            respond
                .send_response(http::Response::new(()), true)
                .unwrap();
        }
        let ended = Pin::new(&mut *connection).poll(cx);
        let polled = done(cx);
        if polled.is_pending() && ended.is_ready() {
            panic!("the client's connection ended: {ended:?}");
        }
        if polled.is_pending() {
            cx.waker().wake_by_ref();
        }
        polled
    });
    tokio::time::timeout(Duration::from_secs(10), run)
        .await
        .expect("in time")
}

async fn wait_for_limit(
    send: &Client,
    server: &mut Server,
    connection: &mut h2::client::Connection<DuplexStream, Bytes>,
    limit: usize,
) {
    run_until(server, connection, |_| {
        match send.current_max_send_streams() == limit {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

fn test(run: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(run);
}

#[test]
fn the_first_settings_carry_the_limit_and_later_ones_change_it() {
    test(async {
        let control = WireControl::new(1);
        let (mut send, mut connection, mut server) = connect(&control).await;
        wait_for_limit(&send, &mut server, &mut connection, 1).await;
        for limit in [100, 3, 1000] {
            control.announce_max_streams(limit);
            let limit = usize::try_from(limit).unwrap();
            wait_for_limit(&send, &mut server, &mut connection, limit).await;
        }
        // h2's server has not noticed any of that: the connection still works.
        let (mut response, _) = send.send_request(request(), true).unwrap();
        let answer = run_until(&mut server, &mut connection, |cx| {
            Pin::new(&mut response).poll(cx)
        })
        .await;
        assert_eq!(answer.unwrap().status(), 200);
    });
}

#[test]
fn an_acknowledged_limit_counts_for_the_streams_opened_after_it() {
    test(async {
        let control = WireControl::new(10);
        let (mut send, mut connection, mut server) = connect(&control).await;
        let (mut response, _) = send.send_request(request(), true).unwrap();
        run_until(&mut server, &mut connection, |cx| {
            Pin::new(&mut response).poll(cx)
        })
        .await
        .unwrap();
        assert_eq!(control.highest_stream(), 1);

        // The first SETTINGS' 10, and then this.
        for (announced, limit) in [(None, 10), (Some(2), 2)] {
            if let Some(limit) = announced {
                control.announce_max_streams(limit);
            }
            let notice = run_until(&mut server, &mut connection, |_| {
                control
                    .next_notice_before(3)
                    .map_or(Poll::Pending, Poll::Ready)
            });
            assert_eq!(notice.await, Notice::Acknowledged { limit });
        }
        assert_eq!(control.next_notice_before(3), None, "each is told once");
        control.announce_max_streams(1);
        wait_for_limit(&send, &mut server, &mut connection, 1).await;
        assert_eq!(
            control.next_notice_before(1),
            None,
            "not for a stream that was open before"
        );
    });
}

#[test]
fn a_goaway_has_its_debug_data() {
    test(async {
        let control = WireControl::new(10);
        let (mut send, mut connection, mut server) = connect(&control).await;
        let (mut response, _) = send.send_request(request(), true).unwrap();
        run_until(&mut server, &mut connection, |cx| {
            Pin::new(&mut response).poll(cx)
        })
        .await
        .unwrap();
        let (mut late, _) = send.send_request(request(), true).unwrap();
        control.go_away(1, 0, br#"{"reason":"Shutdown"}"#);
        let error = run_until(&mut server, &mut connection, |cx| {
            Pin::new(&mut late).poll(cx)
        })
        .await;
        let error = error.unwrap_err();
        assert!(error.is_go_away() && error.is_remote(), "{error:?}");
        assert!(error.to_string().contains("Shutdown"), "{error}");
    });
}

#[test]
fn a_mute_wire_moves_nothing() {
    test(async {
        let control = WireControl::new(10);
        let (mut send, mut connection, mut server) = connect(&control).await;
        control.mute();
        let (mut response, _) = send.send_request(request(), true).unwrap();
        let mut polls = 0;
        run_until(&mut server, &mut connection, |cx| {
            assert!(Pin::new(&mut response).poll(cx).is_pending());
            polls += 1;
            if polls > 1000 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    });
}
