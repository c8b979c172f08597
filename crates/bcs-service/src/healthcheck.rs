//! The check of a server from inside its container, for `HEALTHCHECK` in images and `exec` probes: the images have neither
//! a shell nor curl.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::Failure;

/// Time for each of connecting, sending and receiving.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Requests a route of the server that listens on this address and port, and returns whether it answers with 200.
///
/// # Errors
/// [`Failure::Failed`] with the status, or the reason why there is none.
pub fn check(host: &str, port: u16, route: &str) -> Result<(), Failure> {
    let address = SocketAddr::new(reachable(host), port);
    let failed = |reason: String| Failure::failed(format!("http://{address}{route}: {reason}"));
    let status = request(address, route).map_err(|error| failed(error.to_string()))?;
    if status.split_whitespace().nth(1) == Some("200") {
        return Ok(());
    }
    Err(failed(format!("the answer is '{}'; it must be 200", status.trim_end())))
}

/// Returns the address at which a server that listens on `host` is reached from the same machine.
fn reachable(host: &str) -> IpAddr {
    match host.parse() {
        Ok(IpAddr::V6(address)) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        Ok(address) if !address.is_unspecified() => address,
        _ => Ipv4Addr::LOCALHOST.into(),
    }
}

/// Returns the status line of the answer.
fn request(address: SocketAddr, route: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {route} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status)?;
    Ok(status)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Answers one request, and returns the port and the thread that returns the request's first line.
    fn answer(status: &'static str) -> (u16, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
            write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").unwrap();
            line
        });
        (port, thread)
    }

    #[test]
    fn only_200_is_healthy() {
        for (status, healthy) in
            [("200 OK", true), ("503 Service Unavailable", false), ("204 No Content", false)]
        {
            let (port, thread) = answer(status);
            let result = check("0.0.0.0", port, "/health");
            assert_eq!(thread.join().unwrap(), "GET /health HTTP/1.1\r\n");
            assert_eq!(result.is_ok(), healthy, "{status}: {result:?}");
        }
    }

    #[test]
    fn a_server_that_is_not_there_is_unhealthy() {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let error = check("127.0.0.1", port, "/health").unwrap_err().to_string();
        assert!(error.starts_with(&format!("http://127.0.0.1:{port}/health: ")), "{error}");
    }

    #[test]
    fn unspecified_addresses_are_reached_on_the_loopback() {
        let cases =
            [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.0.0.7", "10.0.0.7"), ("localhost", "127.0.0.1")];
        for (host, expected) in cases {
            assert_eq!(reachable(host).to_string(), expected, "{host}");
        }
    }
}
