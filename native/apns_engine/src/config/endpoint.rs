//! Where to connect: Apple's two worlds, or `https://host[:port]`.

use std::net::{IpAddr, Ipv6Addr};

use rustls::pki_types::ServerName;

use super::{ConfigError, EnvironmentOption};

/// A server: where to connect, which name its certificate must hold, and what `:authority` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// DNS name or IP literal, IPv6 without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The `:authority` of requests: IPv6 in brackets, the port unless it is 443 (RFC 9110 §4.2.2).
    pub authority: String,
    pub(crate) server_name: ServerName<'static>,
}

impl Endpoint {
    pub(super) fn parse(environment: &EnvironmentOption) -> Result<Self, ConfigError> {
        let url = match environment {
            EnvironmentOption::Production => PRODUCTION,
            EnvironmentOption::Sandbox => SANDBOX,
            EnvironmentOption::Url(url) => url,
        };
        Self::from_url(url).map_err(|problem| ConfigError::new("environment", problem))
    }

    fn from_url(url: &str) -> Result<Self, String> {
        if url.contains('@') {
            // Not shown: what stands before an @ may be a password.
            return Err(format!("no user name can be given: {FORM}"));
        }
        let rest = strip_scheme(url)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(format!("{url:?} has a path: {FORM}"));
        }
        let (host, port) =
            split_port(rest).ok_or_else(|| format!("{url:?} is no address: {FORM}"))?;
        let port = match port {
            Some(digits) => {
                parse_port(digits).ok_or_else(|| format!("{url:?} has no port from 1 to 65535"))?
            }
            None => HTTPS_PORT,
        };
        let host = host.to_ascii_lowercase();
        let server_name = ServerName::try_from(host.clone()).map_err(|_| {
            format!("{url:?} has no host name that DNS allows (international names are written in their xn-- form)")
        })?;
        let in_authority = match host.parse() {
            Ok(IpAddr::V6(_)) => format!("[{host}]"),
            _ => host.clone(),
        };
        let authority = match port {
            HTTPS_PORT => in_authority,
            _ => format!("{in_authority}:{port}"),
        };
        Ok(Self {
            host,
            port,
            authority,
            server_name,
        })
    }
}

fn strip_scheme(url: &str) -> Result<&str, String> {
    match url.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => Ok(rest),
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => Err(format!(
            "{url:?} would send without TLS, which APNs never does: {FORM}"
        )),
        _ => Err(format!(
            "{url:?} is neither production nor sandbox nor a URL: {FORM}"
        )),
    }
}

/// Host without brackets, and what follows its colon. `None`: an IPv6 address without brackets, or brackets that hold
/// something else.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        return match rest {
            "" => Some((host, None)),
            _ => Some((host, Some(rest.strip_prefix(':')?))),
        };
    }
    match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => None,
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

/// `str::parse` alone would take a sign.
fn parse_port(digits: &str) -> Option<u16> {
    let port = digits
        .bytes()
        .all(|c| c.is_ascii_digit())
        .then(|| digits.parse().ok())??;
    (port != 0).then_some(port)
}

/// Apple's hosts ("Sending notification requests to APNs"); both listen on 2197 too, for firewalls that close 443.
const PRODUCTION: &str = "https://api.push.apple.com";
const SANDBOX: &str = "https://api.sandbox.push.apple.com";
const HTTPS_PORT: u16 = 443;
const FORM: &str = "write https://host or https://host:port";

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Result<Endpoint, ConfigError> {
        Endpoint::parse(&EnvironmentOption::Url(url.into()))
    }

    #[test]
    fn environments_are_endpoints() {
        let apple = |environment| Endpoint::parse(&environment).unwrap();
        assert_eq!(
            apple(EnvironmentOption::Production),
            endpoint("https://api.push.apple.com").unwrap()
        );
        assert_eq!(
            apple(EnvironmentOption::Sandbox),
            endpoint("https://api.sandbox.push.apple.com:443/").unwrap()
        );
        for (url, host, port, authority) in [
            (
                "https://api.push.apple.com:2197",
                "api.push.apple.com",
                2197,
                "api.push.apple.com:2197",
            ),
            ("HTTPS://Push.Example/", "push.example", 443, "push.example"),
            ("https://localhost:1", "localhost", 1, "localhost:1"),
            (
                "https://127.0.0.1:2197",
                "127.0.0.1",
                2197,
                "127.0.0.1:2197",
            ),
            ("https://[::1]", "::1", 443, "[::1]"),
            (
                "https://[2001:DB8::1]:65535",
                "2001:db8::1",
                65535,
                "[2001:db8::1]:65535",
            ),
            (
                "https://xn--bcher-kva.example",
                "xn--bcher-kva.example",
                443,
                "xn--bcher-kva.example",
            ),
        ] {
            let endpoint = endpoint(url).unwrap();
            assert_eq!(
                (&*endpoint.host, endpoint.port, &*endpoint.authority),
                (host, port, authority)
            );
            assert_eq!(endpoint.server_name.to_str(), host);
        }
    }

    #[test]
    fn urls_that_are_no_endpoint_are_refused() {
        const FORM: &str = "write https://host or https://host:port";
        const NAME: &str =
            "has no host name that DNS allows (international names are written in their xn-- form)";
        let ports = "has no port from 1 to 65535";
        for (url, problem) in [
            (
                "",
                format!("\"\" is neither production nor sandbox nor a URL: {FORM}"),
            ),
            (
                "push.example:443",
                format!("\"push.example:443\" is neither production nor sandbox nor a URL: {FORM}"),
            ),
            (
                "ftp://push.example",
                format!(
                    "\"ftp://push.example\" is neither production nor sandbox nor a URL: {FORM}"
                ),
            ),
            (
                "http://push.example",
                format!(
                    "\"http://push.example\" would send without TLS, which APNs never does: {FORM}"
                ),
            ),
            (
                "https://push.example/3/device",
                format!("\"https://push.example/3/device\" has a path: {FORM}"),
            ),
            (
                "https://push.example?a=b",
                format!("\"https://push.example?a=b\" has a path: {FORM}"),
            ),
            (
                "https://push.example#a",
                format!("\"https://push.example#a\" has a path: {FORM}"),
            ),
            (
                "https://me@push.example",
                format!("no user name can be given: {FORM}"),
            ),
            ("https://", format!("\"https://\" {NAME}")),
            ("https://:443", format!("\"https://:443\" {NAME}")),
            (
                "https://push example",
                format!("\"https://push example\" {NAME}"),
            ),
            (
                "https://bücher.example",
                format!("\"https://bücher.example\" {NAME}"),
            ),
            ("https://a\r\nb", format!("\"https://a\\r\\nb\" {NAME}")),
            (
                "https://push.example:",
                format!("\"https://push.example:\" {ports}"),
            ),
            (
                "https://push.example:0",
                format!("\"https://push.example:0\" {ports}"),
            ),
            (
                "https://push.example:+443",
                format!("\"https://push.example:+443\" {ports}"),
            ),
            (
                "https://push.example:65536",
                format!("\"https://push.example:65536\" {ports}"),
            ),
            (
                "https://::1",
                format!("\"https://::1\" is no address: {FORM}"),
            ),
            (
                "https://[::1",
                format!("\"https://[::1\" is no address: {FORM}"),
            ),
            (
                "https://[::1]443",
                format!("\"https://[::1]443\" is no address: {FORM}"),
            ),
            (
                "https://[127.0.0.1]",
                format!("\"https://[127.0.0.1]\" is no address: {FORM}"),
            ),
            (
                "https://[fe80::1%eth0]",
                format!("\"https://[fe80::1%eth0]\" is no address: {FORM}"),
            ),
        ] {
            assert_eq!(
                endpoint(url).unwrap_err().to_string(),
                format!("environment: {problem}")
            );
        }
        let long = format!("https://{}.example", "a".repeat(64));
        assert!(endpoint(&long).unwrap_err().to_string().ends_with(NAME));
    }
}
