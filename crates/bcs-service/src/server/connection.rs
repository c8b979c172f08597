//! One connection: HTTP/1.1 with limits on time and memory.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::connections::Place;
use super::held_body::HeldBody;
use super::scope::RequestScope;
use super::serve::ServeLimits;

/// Largest size in bytes of the head of a request, and of the buffers of a connection.
const BUFFER: usize = 32 << 10;

/// Time that a client may take to receive a response after the deadline of its request.
const RECEIVE: Duration = Duration::from_secs(60);

/// Time in which the last bytes of a response reach the system. It is needed only where a client has sent a part of its
/// next request, because an idle connection ends by itself.
const FLUSH: Duration = Duration::from_secs(1);

/// Time between two looks at whether the connection is overdue.
const LOOK: Duration = Duration::from_secs(1);
/// The same after the connection was told to end.
const LOOK_ENDING: Duration = Duration::from_millis(50);

/// What all connections share.
pub(super) struct Shared {
    pub(super) router: Router,
    pub(super) limits: ServeLimits,
    /// No new requests are accepted.
    pub(super) stopping: CancellationToken,
    /// Requests in progress are cancelled.
    pub(super) cancelled: CancellationToken,
}

/// Serves a connection until it ends or is closed.
pub(super) async fn run(stream: TcpStream, place: Place, shared: Arc<Shared>) {
    // Responses are written at once; waiting for more to send only delays them. A failure costs speed only.
    let _ = stream.set_nodelay(true);
    let place = Arc::new(place);
    let service = service_fn(|request| respond(request, &place, &shared));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(shared.limits.idle_timeout).max_buf_size(BUFFER);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut ending = false;
    loop {
        let look = if ending { LOOK_ENDING } else { LOOK };
        tokio::select! {
            biased;
            // An error is one of the client or the network, which nobody is left to be told about.
            _ = connection.as_mut() => return,
            () = ended(&place, &shared), if !ending => {
                ending = true;
                // Ends the connection after the response in progress. An idle one ends now.
                connection.as_mut().graceful_shutdown();
            }
            () = tokio::time::sleep(look) => {}
        }
        if place.is_overdue(shared.limits.header_timeout) || (ending && place.is_quiet(FLUSH)) {
            return;
        }
    }
}

/// Completes when the server stops, or another connection needs the place.
async fn ended(place: &Place, shared: &Shared) {
    tokio::select! {
        () = shared.stopping.cancelled() => {}
        () = place.closed() => {}
    }
}

/// Responds to a request. Dropping the future, which happens when the client leaves, cancels the request.
async fn respond(
    mut request: Request<Incoming>,
    place: &Arc<Place>,
    shared: &Shared,
) -> Result<Response<Body>, Infallible> {
    let deadline = Instant::now() + shared.limits.request_timeout;
    let in_progress = place.begin(deadline + RECEIVE);
    let token = shared.cancelled.child_token();
    let _cancel = token.clone().drop_guard();
    request.extensions_mut().insert(RequestScope { token, deadline });
    let response = TowerToHyperService::new(shared.router.clone()).call(request).await?;
    Ok(response.map(|body| HeldBody::wrap(body, in_progress)))
}
