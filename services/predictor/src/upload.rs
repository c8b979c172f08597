//! Receives the image of a form: admitted before the body is read, then piece by piece within limits.

use std::pin::Pin;
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use bcs_service::admission::{Admission, Refused, Ticket};
use bcs_service::multipart::{self, Event, Parser};
use bcs_service::server::RequestScope;
use bytes::{Bytes, BytesMut};

use crate::error::Error;

/// Names of the form fields that may hold the image; the first is the predecessor's.
pub const FIELDS: [&str; 3] = ["data", "file", "image"];

/// Factor by which a refused body may exceed the limit and still be read to its end, because a client that is still
/// sending when the response arrives sees a broken connection instead.
const DISCARD_FACTOR: u64 = 2;

/// Time for which the body of a refused request is read.
const DISCARD_TIME: Duration = Duration::from_secs(5);

/// An uploaded image file.
#[derive(Debug)]
pub struct Upload {
    /// Content of the file.
    pub bytes: Bytes,
    /// File name that the client stated.
    pub file_name: Option<String>,
    /// What the request holds.
    pub ticket: Ticket,
}

/// Limits of an upload.
#[derive(Debug, Clone, Copy)]
pub struct UploadLimits {
    /// Maximum size of the body in bytes.
    pub bytes: u64,
    /// Time in which it must arrive.
    pub timeout: Duration,
}

/// Admits an upload, reads its body to the end and returns the single image in it.
///
/// # Errors
/// [`Error::UploadTooLarge`], [`Error::Multipart`], [`Error::NoImage`], [`Error::SeveralImages`] or [`Error::Refused`].
pub async fn receive(
    mut body: Body,
    headers: &HeaderMap,
    limits: UploadLimits,
    admission: &Admission,
    scope: RequestScope,
) -> Result<Upload, Error> {
    let result = admit_and_read(&mut body, headers, limits, admission, scope).await;
    // A client that asks before it sends (`Expect: 100-continue`) sends nothing after an error.
    let discard = !matches!(result, Ok(_) | Err(Error::Refused(Refused::Slow | Refused::Cancelled)));
    if discard && !headers.contains_key(header::EXPECT) {
        let most = limits.bytes.saturating_mul(DISCARD_FACTOR);
        // The response is the same whether or not the client gets to the end.
        let _ = tokio::time::timeout(DISCARD_TIME, read_to_end(&mut body, most)).await;
    }
    result
}

/// Admits a body that is not a form, and reads it to the end.
///
/// # Errors
/// [`Error::UploadTooLarge`], [`Error::Body`] or [`Error::Refused`].
pub async fn receive_whole(
    mut body: Body,
    limits: UploadLimits,
    admission: &Admission,
    scope: RequestScope,
) -> Result<(Bytes, Ticket), Error> {
    let mut bytes = BytesMut::new();
    let push = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok(())
    };
    let ticket = read_admitted(&mut body, limits, admission, scope, push).await?;
    Ok((bytes.freeze(), ticket))
}

async fn admit_and_read(
    body: &mut Body,
    headers: &HeaderMap,
    limits: UploadLimits,
    admission: &Admission,
    scope: RequestScope,
) -> Result<Upload, Error> {
    let boundary = boundary(headers)?;
    let mut form = Form { parser: Parser::new(&boundary), image: None, in_image: false };
    let ticket = read_admitted(body, limits, admission, scope, |piece| form.push(piece)).await?;
    let (bytes, file_name) = form.finish()?;
    Ok(Upload { bytes, file_name, ticket })
}

/// Admits a body, and passes its pieces to `push`.
async fn read_admitted(
    body: &mut Body,
    limits: UploadLimits,
    admission: &Admission,
    scope: RequestScope,
    mut push: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<Ticket, Error> {
    let arrival = Instant::now() + limits.timeout;
    // A body without a length may have any up to the limit.
    let size = body.size_hint().exact().unwrap_or(limits.bytes);
    if size > limits.bytes {
        return Err(Error::UploadTooLarge { limit: limits.bytes });
    }
    let ticket = admission.admit(size, scope.deadline, scope.token).await?;
    let reading = async {
        let mut read = 0;
        while let Some(piece) = next(body).await? {
            read += piece.len() as u64;
            if read > limits.bytes {
                return Err(Error::UploadTooLarge { limit: limits.bytes });
            }
            ticket.receive(piece.len());
            push(&piece)?;
        }
        Ok(())
    };
    tokio::select! {
        biased;
        refused = ticket.refused() => return Err(refused.into()),
        result = reading => result?,
        () = tokio::time::sleep_until(arrival.into()) => return Err(Refused::Deadline.into()),
    }
    Ok(ticket)
}

fn boundary(headers: &HeaderMap) -> Result<String, Error> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    multipart::boundary(content_type.unwrap_or_default()).map_err(invalid)
}

fn invalid(error: multipart::Error) -> Error {
    Error::Multipart(error.to_string())
}

/// Returns the next bytes of a body, or `None` at its end.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Error> {
    loop {
        let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        let Some(frame) = frame else { return Ok(None) };
        let frame = frame.map_err(|error| Error::Body(error.to_string()))?;
        // Other frames are trailers.
        if let Ok(bytes) = frame.into_data() {
            return Ok(Some(bytes));
        }
    }
}

async fn read_to_end(body: &mut Body, most: u64) {
    let mut read = 0;
    while let Ok(Some(piece)) = next(body).await {
        read += piece.len() as u64;
        if read > most {
            return;
        }
    }
}

/// The form as far as it has been read.
struct Form {
    parser: Parser,
    image: Option<(BytesMut, Option<String>)>,
    /// Whether the current part is the image.
    in_image: bool,
}

impl Form {
    fn push(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.parser.push(piece);
        while let Some(event) = self.parser.next_event().map_err(invalid)? {
            match event {
                Event::Part(head) => {
                    self.in_image = head.name.is_some_and(|name| FIELDS.contains(&name.as_str()));
                    if self.in_image && self.image.replace((BytesMut::new(), head.file_name)).is_some() {
                        return Err(Error::SeveralImages);
                    }
                }
                Event::Data(data) => {
                    if let Some((bytes, _)) = self.image.as_mut().filter(|_| self.in_image) {
                        bytes.extend_from_slice(&data);
                    }
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<(Bytes, Option<String>), Error> {
        self.parser.finish().map_err(invalid)?;
        let (bytes, file_name) = self.image.ok_or(Error::NoImage)?;
        Ok((bytes.freeze(), file_name))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::http::HeaderValue;
    use bcs_service::AdmissionLimits;
    use hyper::body::Frame;
    use tokio::sync::mpsc;
    use tokio_util::sync::CancellationToken;

    use super::*;

    const LIMITS: UploadLimits = UploadLimits { bytes: 1 << 20, timeout: Duration::from_secs(20) };

    /// A body that comes as it is sent.
    struct Pieces(mpsc::UnboundedReceiver<Vec<u8>>);

    impl HttpBody for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece.into()))))
        }
    }

    fn admission() -> Admission {
        let wait = Duration::from_millis(50);
        Admission::new(AdmissionLimits { upload_bytes: 4 << 20, pixel_bytes: 4 << 20, wait })
    }

    fn scope() -> RequestScope {
        let deadline = Instant::now() + Duration::from_secs(20);
        RequestScope { token: CancellationToken::new(), deadline }
    }

    fn headers() -> HeaderMap {
        let value = HeaderValue::from_static("multipart/form-data; boundary=x");
        HeaderMap::from_iter([(header::CONTENT_TYPE, value)])
    }

    fn form(parts: &[(&str, &str)]) -> String {
        let part = |(name, data): &(&str, &str)| {
            format!(
                "--x\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f.png\"\r\n\r\n{data}\r\n"
            )
        };
        parts.iter().map(part).collect::<String>() + "--x--\r\n"
    }

    async fn receive_text(body: String) -> Result<Upload, Error> {
        receive(Body::from(body), &headers(), LIMITS, &admission(), scope()).await
    }

    #[tokio::test]
    async fn the_image_of_a_form_is_received() {
        let upload = receive_text(form(&[("comment", "no"), ("image", "pixels")])).await.unwrap();
        assert_eq!((&*upload.bytes, upload.file_name.as_deref()), (&b"pixels"[..], Some("f.png")));
        upload.ticket.check().unwrap();
        assert!(matches!(receive_text(form(&[("comment", "no")])).await, Err(Error::NoImage)));
        let two = form(&[("data", "a"), ("file", "b")]);
        assert!(matches!(receive_text(two).await, Err(Error::SeveralImages)));
        assert!(matches!(receive_text("--x\r\n".to_owned()).await, Err(Error::Multipart(_))));
        let large = form(&[("data", &"a".repeat(1 << 20))]);
        assert!(matches!(receive_text(large).await, Err(Error::UploadTooLarge { .. })));
    }

    #[tokio::test]
    async fn a_body_without_a_length_is_limited() {
        let (sender, receiver) = mpsc::unbounded_channel();
        sender.send(form(&[("data", "pixels")]).into_bytes()).unwrap();
        for _ in 0..3 {
            sender.send(vec![0; 1 << 19]).unwrap();
        }
        drop(sender);
        let admission = admission();
        let error = receive(Body::new(Pieces(receiver)), &headers(), LIMITS, &admission, scope()).await;
        assert!(matches!(error, Err(Error::UploadTooLarge { .. })));
        assert_eq!(admission.in_use().upload_bytes, 0);
    }

    #[tokio::test]
    async fn a_stalled_body_ends_at_its_deadline() {
        let (sender, receiver) = mpsc::unbounded_channel();
        sender.send(b"--x\r\n".to_vec()).unwrap();
        let (limits, admission) =
            (UploadLimits { timeout: Duration::from_millis(50), ..LIMITS }, admission());
        let headers = headers();
        let receiving = receive(Body::new(Pieces(receiver)), &headers, limits, &admission, scope());
        let (error, ()) = tokio::join!(receiving, async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            drop(sender);
        });
        assert!(matches!(error, Err(Error::Refused(Refused::Deadline))));
    }

    #[tokio::test]
    async fn no_memory_is_a_refusal_before_the_body_is_read() {
        let admission = admission();
        let _all = admission.admit(2 << 20, scope().deadline, CancellationToken::new()).await.unwrap();
        let (sender, receiver) = mpsc::unbounded_channel();
        sender.send(form(&[("data", "pixels")]).into_bytes()).unwrap();
        drop(sender);
        let error = receive(Body::new(Pieces(receiver)), &headers(), LIMITS, &admission, scope()).await;
        assert!(matches!(error, Err(Error::Refused(Refused::Busy { .. }))));
    }
}
