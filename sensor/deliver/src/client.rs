//! One gRPC connection to the receiver: opened when needed, opened anew with new credentials.
use crate::{
    endpoint::Target,
    otlp::{
        self,
        proto::collector::{
            logs::v1::{ExportLogsServiceRequest, logs_service_client::LogsServiceClient},
            trace::v1::{ExportTraceServiceRequest, trace_service_client::TraceServiceClient},
        },
    },
    queue::Batch,
    retry::{Failure, classify},
    tls::{self, Credentials, Files, Set},
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::{io, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufRead, AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::{
    Request, Status,
    transport::{Channel, Endpoint, Uri},
};

/// Connecting, with the handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a receiver may take to judge our certificate before we stop waiting for its verdict.
const VERDICT_TIMEOUT: Duration = Duration::from_secs(1);

/// The receiver has taken the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// Records of it that it did not take (partial success).
    pub(crate) rejected: u64,
    /// What it says to that, or a warning.
    pub(crate) message: String,
}

/// A connection for one lane.
#[derive(Debug)]
pub(crate) struct Client {
    target: Target,
    credentials: Option<Arc<Credentials>>,
    channel: Option<(u64, Channel)>,
    call_timeout: Duration,
}

impl Client {
    pub(crate) fn new(target: Target, credentials: Option<Arc<Credentials>>, call_timeout: Duration) -> Self {
        Self { target, credentials, channel: None, call_timeout }
    }

    /// Sends a batch and hears the answer.
    pub(crate) async fn export(&mut self, batch: &Batch) -> Result<Accepted, Failure> {
        let channel = self.channel()?;
        let answer = timeout(self.call_timeout, send(channel, batch, self.call_timeout)).await;
        let result = match answer {
            Ok(Ok(accepted)) => Ok(accepted),
            Ok(Err(status)) => {
                tracing::debug!(code = ?status.code(), "An export failed.");
                Err(classify(&status, self.files()))
            }
            Err(_) => Err(Failure::Retry {
                reason: format!("the receiver did not answer within {} s", self.call_timeout.as_secs_f32()),
                after: None,
                reconnect: true,
            }),
        };
        if matches!(result, Err(Failure::Retry { reconnect: true, .. })) {
            self.channel = None;
        }
        result
    }

    fn files(&self) -> Option<&Files> {
        self.credentials.as_ref().map(|credentials| &credentials.files)
    }

    /// The connection in use, or a new one where the credentials are new.
    fn channel(&mut self) -> Result<Channel, Failure> {
        let (generation, set) =
            self.credentials.as_ref().map_or((0, None), |credentials| credentials.current());
        if let Some(credentials) = &self.credentials
            && set.is_none()
        {
            let reason = credentials.problem().unwrap_or_else(|| "there are no credentials".into());
            return Err(Failure::Retry { reason, after: None, reconnect: true });
        }
        if let Some((of, channel)) = &self.channel
            && *of == generation
        {
            return Ok(channel.clone());
        }
        let channel = self.open(set);
        self.channel = Some((generation, channel.clone()));
        Ok(channel)
    }

    fn open(&self, set: Option<Arc<Set>>) -> Channel {
        let Target { host, port, name, origin } = self.target.clone();
        let connector = tower::service_fn(move |_: Uri| {
            let (host, name, set) = (host.clone(), name.clone(), set.clone());
            async move {
                let connecting = connect(&host, port, name, set);
                let late = |_| {
                    io::Error::new(io::ErrorKind::TimedOut, format!("no connection to {host}:{port} in time"))
                };
                timeout(CONNECT_TIMEOUT, connecting).await.map_err(late)?.map(TokioIo::new)
            }
        });
        // What tonic connects to is the connector's business; a scheme `https` here would make it look for TLS of its own.
        Endpoint::from_static("http://receiver")
            .origin(origin)
            .user_agent(concat!("Guardbee/", env!("CARGO_PKG_VERSION")))
            .unwrap_or_else(|_| Endpoint::from_static("http://receiver"))
            .connect_with_connector_lazy(connector)
    }
}

async fn send(channel: Channel, batch: &Batch, limit: Duration) -> Result<Accepted, Status> {
    if batch.is_spans() {
        let mut request: Request<ExportTraceServiceRequest> = Request::new(otlp::traces(&batch.records));
        request.set_timeout(limit);
        let answer = TraceServiceClient::new(channel).export(request).await?.into_inner().partial_success;
        let (rejected, message) = answer.map(|p| (p.rejected_spans, p.error_message)).unwrap_or_default();
        return Ok(Accepted { rejected: u64::try_from(rejected).unwrap_or(0), message });
    }
    let mut request: Request<ExportLogsServiceRequest> = Request::new(otlp::logs(&batch.records));
    request.set_timeout(limit);
    let answer = LogsServiceClient::new(channel).export(request).await?.into_inner().partial_success;
    let (rejected, message) = answer.map(|p| (p.rejected_log_records, p.error_message)).unwrap_or_default();
    Ok(Accepted { rejected: u64::try_from(rejected).unwrap_or(0), message })
}

/// A plain or a TLS stream.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn connect(
    host: &str,
    port: u16,
    name: Option<ServerName<'static>>,
    set: Option<Arc<Set>>,
) -> io::Result<Box<dyn Stream>> {
    let tcp = TcpStream::connect((host, port)).await?;
    tcp.set_nodelay(true)?;
    let (Some(name), Some(set)) = (name, set) else { return Ok(Box::new(tcp)) };
    let mut stream = TlsConnector::from(Arc::clone(&set.client)).connect(name, tcp).await?;
    if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err(io::Error::other(tls::no_grpc().text));
    }
    verdict(&mut stream).await?;
    Ok(Box::new(stream))
}

/// Waits for the receiver's first bytes, without taking them.
///
/// In TLS 1.3 our handshake is over before the receiver has judged our certificate. Its first bytes, the SETTINGS frame
/// of HTTP/2 (RFC 9113, 3.4), come only after that; a refusal comes instead of them. Whoever writes at once may lose the
/// alert to a reset connection and sees a refusal without a reason.
async fn verdict(stream: &mut TlsStream<TcpStream>) -> io::Result<()> {
    let first =
        std::future::poll_fn(|context| pin!(&mut *stream).poll_fill_buf(context).map_ok(<[u8]>::is_empty));
    match timeout(VERDICT_TIMEOUT, first).await {
        Ok(Ok(true)) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(Err(error)) => Err(error),
        // Some servers wait for the client's preface; then errors show later.
        Ok(Ok(false)) | Err(_) => Ok(()),
    }
}
