//! A provider for the simulator's tests: rustls and the h2 crate's client, and provider tokens signed with ring.

mod provider_token;
pub(crate) mod raw;
pub(crate) mod socket;

pub(crate) use provider_token::{Signer, Spec, now};

use std::sync::Arc;
use std::time::Duration;

use apns_sim::{Options, Simulator};
use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request, StatusCode};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

pub(crate) const TOPIC: &str = "im.example.chat";
pub(crate) const TOKEN: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";
pub(crate) const HELLO: &str = r#"{"aps":{"alert":{"title":"Alice","body":"Hello"}}}"#;
/// No test waits longer for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) fn simulator() -> Simulator {
    Simulator::start(Options::default()).unwrap()
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or(serde_json::Value::Null)
    }

    pub(crate) fn reason(&self) -> String {
        self.json()["reason"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// One connection of a provider.
pub(crate) struct Provider {
    pub(crate) send: SendRequest<Bytes>,
    pub(crate) bearer: String,
}

impl Provider {
    pub(crate) async fn connect(simulator: &Simulator) -> Self {
        Self::over(simulator, client_config(simulator, None))
            .await
            .unwrap()
    }

    /// Connects with a provider token of one's own.
    pub(crate) async fn connect_with(simulator: &Simulator, bearer: String) -> Self {
        Self {
            bearer,
            ..Self::connect(simulator).await
        }
    }

    pub(crate) async fn over(
        simulator: &Simulator,
        config: rustls::ClientConfig,
    ) -> Result<Self, h2::Error> {
        let tcp = TcpStream::connect(simulator.provider_addr()).await.unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let tls = connector
            .connect(ServerName::try_from("localhost").unwrap(), tcp)
            .await
            .unwrap();
        let (send, connection) = h2::client::Builder::new()
            .handshake::<_, Bytes>(tls)
            .await?;
        let bearer = match simulator.signing_key_p8() {
            Some(p8) => Signer::from_p8(p8).bearer(&Spec::of(simulator)),
            None => String::new(),
        };
        tokio::spawn(connection);
        Ok(Self { send, bearer })
    }

    /// A request that the simulator finds no fault with.
    pub(crate) fn request(&self) -> http::request::Builder {
        Request::builder()
            .method("POST")
            .uri(format!("https://localhost/3/device/{TOKEN}"))
            .header("authorization", &self.bearer)
            .header("apns-topic", TOPIC)
            .header("apns-push-type", "alert")
    }

    pub(crate) async fn push(&mut self) -> Result<Answer, h2::Error> {
        let request = self.request();
        self.exchange(request, HELLO).await
    }

    pub(crate) async fn push_to(&mut self, token: &str) -> Result<Answer, h2::Error> {
        let request = self
            .request()
            .uri(format!("https://localhost/3/device/{token}"));
        self.exchange(request, HELLO).await
    }

    /// Sends and waits for the whole answer.
    pub(crate) async fn exchange(
        &mut self,
        request: http::request::Builder,
        body: &str,
    ) -> Result<Answer, h2::Error> {
        let mut send = timeout(DEADLINE, self.send.clone().ready())
            .await
            .unwrap()?;
        let (response, mut stream) = send.send_request(request.body(()).unwrap(), false)?;
        // A stream that was refused already takes no body; the answer says so.
        let _ = stream.send_data(Bytes::copy_from_slice(body.as_bytes()), true);
        let response = timeout(DEADLINE, response)
            .await
            .expect("an answer in time")?;
        let (head, mut received) = response.into_parts();
        let mut body = Vec::new();
        while let Some(chunk) = timeout(DEADLINE, received.data()).await.unwrap() {
            body.extend_from_slice(&chunk?);
        }
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.into(),
        })
    }

    /// Sends and leaves the answer to be waited for.
    pub(crate) async fn begin(&mut self, token: &str) -> h2::client::ResponseFuture {
        let request = self
            .request()
            .uri(format!("https://localhost/3/device/{token}"));
        let mut send = timeout(DEADLINE, self.send.clone().ready())
            .await
            .unwrap()
            .unwrap();
        let (response, mut stream) = send.send_request(request.body(()).unwrap(), false).unwrap();
        stream
            .send_data(Bytes::from_static(HELLO.as_bytes()), true)
            .unwrap();
        response
    }

    /// Waits until MAX_CONCURRENT_STREAMS is `limit`.
    pub(crate) async fn wait_for_limit(&mut self, limit: usize) {
        wait_until(|| self.send.current_max_send_streams() == limit).await;
    }
}

/// TLS of a provider that trusts the simulator, with a client certificate or without.
pub(crate) fn client_config(
    simulator: &Simulator,
    certificate: Option<&std::path::Path>,
) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(simulator.ca_pem().as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match certificate {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let pem = std::fs::read(path).unwrap();
            let chain = CertificateDer::pem_slice_iter(&pem)
                .collect::<Result<_, _>>()
                .unwrap();
            builder
                .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(&pem).unwrap())
                .unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// Waits for something that nobody announces.
pub(crate) async fn wait_until(mut come: impl FnMut() -> bool) {
    let waiting = async {
        while !come() {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, waiting).await.expect("it comes in time");
}

/// Runs a test's async part.
pub(crate) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}
