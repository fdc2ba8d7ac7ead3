//! What each path of the control API does.

use std::net::IpAddr;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_SECURITY_POLICY, HOST, ORIGIN};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use super::Control;
use super::body::{Body, JournalBody, json, response};
use super::error::ControlError;
use super::query::JournalQuery;
use crate::script;
use crate::state::State;

pub(super) async fn answer(
    control: &Control,
    request: Request<Incoming>,
) -> Result<Response<Body>, ControlError> {
    let method = request.method();
    match request.uri().path() {
        "/" if method == Method::GET => Ok(page()),
        "/journal" if method == Method::GET => {
            journal(control, request.uri().query().unwrap_or_default()).await
        }
        "/health" if method == Method::GET => Ok(json(StatusCode::OK, &health(control))),
        "/script" if method == Method::GET => Ok(json(StatusCode::OK, &rules(control))),
        "/script" if method == Method::POST => run_script(control, request).await,
        "/reset" if method == Method::POST => {
            control.state.reset();
            Ok(json(StatusCode::OK, &json!({ "reset": true })))
        }
        "/" | "/journal" | "/health" => {
            Err(not_allowed("GET", "curl http://127.0.0.1:PORT/health"))
        }
        "/script" => Err(not_allowed(
            "GET or POST",
            "curl http://127.0.0.1:PORT/script",
        )),
        "/reset" => Err(not_allowed(
            "POST",
            "curl -X POST http://127.0.0.1:PORT/reset",
        )),
        path => Err(ControlError::new(
            StatusCode::NOT_FOUND,
            format!(
                "There is no {path:?}; there are /journal, /script, /reset, /health, and the page at /."
            ),
            "curl http://127.0.0.1:PORT/journal",
        )),
    }
}

/// Keeps other web sites out: a browser that runs on this machine would let them read payloads and send scripts.
/// A request of theirs names them as its origin or, after a DNS trick, as the host.
pub(super) fn check_origin<B>(control: &Control, request: &Request<B>) -> Result<(), ControlError> {
    let text = |name| header(request.headers(), name);
    let host = text(HOST).unwrap_or_default();
    let foreign_origin =
        text(ORIGIN).is_some_and(|origin| origin.strip_prefix("http://") != Some(host));
    let foreign_host = control.control.ip().is_loopback() && !is_this_machine(host);
    if foreign_origin || foreign_host {
        return Err(ControlError::new(
            StatusCode::FORBIDDEN,
            format!(
                "The control API is not for other web sites: host {host:?} is not this machine's or not the origin's."
            ),
            "curl http://127.0.0.1:PORT/health",
        ));
    }
    Ok(())
}

fn header(headers: &HeaderMap, name: http::HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.is_empty() || name == "localhost" || name.parse::<IpAddr>().is_ok()
}

fn page() -> Response<Body> {
    let page = Bytes::from_static(include_str!("page.html").as_bytes());
    let mut answer = response(
        StatusCode::OK,
        "text/html; charset=utf-8",
        Body::Whole(Some(page)),
    );
    // What providers send is shown as text only; should it ever become markup, it still can load and run nothing.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                  base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    answer.headers_mut().insert(
        CONTENT_SECURITY_POLICY,
        http::HeaderValue::from_static(policy),
    );
    answer
}

async fn journal(control: &Control, query: &str) -> Result<Response<Body>, ControlError> {
    let JournalQuery { query, wait } = JournalQuery::parse(query)?;
    let page = control.state.journal.read_or_wait(&query, wait).await;
    Ok(response(
        StatusCode::OK,
        "application/json",
        Body::Journal(JournalBody::new(page)),
    ))
}

async fn run_script(
    control: &Control,
    request: Request<Incoming>,
) -> Result<Response<Body>, ControlError> {
    let body = Limited::new(request.into_body(), MAX_SCRIPT)
        .collect()
        .await;
    let body = body.map_err(|_| {
        let sentence =
            format!("The script did not come whole, or has more than {MAX_SCRIPT} bytes.");
        ControlError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            sentence,
            "send several scripts one after the other",
        )
    })?;
    let steps = script::parse(&body.to_bytes())?;
    let count = steps.len();
    control.state.run(steps)?;
    Ok(json(
        StatusCode::OK,
        &json!({ "steps": count, "rules_waiting": control.state.script.len() }),
    ))
}

fn rules(control: &Control) -> serde_json::Value {
    let State {
        script, greetings, ..
    } = &*control.state;
    json!({ "rules": script.list(), "connection_rules": greetings.list() })
}

fn health(control: &Control) -> serde_json::Value {
    let state = &control.state;
    let (entries, dropped) = state.journal.len();
    let doors = state.doors();
    json!({
        "status": "ok",
        "uptime_ms": u64::try_from(state.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "provider": { "port": control.provider.port() },
        "control": { "port": control.control.port() },
        "environment": state.rules.environment.as_str(),
        "topics": state.rules.topics,
        "connections": {
            "open": state.open_connections(),
            "numbers": state.open_numbers(),
            "made": state.connections_made(),
            "refused": state.counters.connections_refused(),
            "handshakes_failed": state.counters.handshakes_failed(),
        },
        "requests": state.counters.requests(),
        "journal": { "entries": entries, "dropped": dropped },
        "script": {
            "rules_waiting": state.script.len(),
            "devices_marked": state.devices.len(),
            "listener": doors.listener,
            "tls": doors.tls,
            "max_streams": doors.max_streams,
            "trusted_streams": doors.trusted_streams,
            "clock_offset_s": state.clock.offset(),
            "date": state.sends_dates(),
            "token_updates": state.token_updates(),
        },
    })
}

fn not_allowed(methods: &str, example: &'static str) -> ControlError {
    let sentence = format!("This path takes {methods} only.");
    ControlError::new(StatusCode::METHOD_NOT_ALLOWED, sentence, example)
}

/// Bytes of one script: 100,000 rules fit.
const MAX_SCRIPT: usize = 32 << 20;
