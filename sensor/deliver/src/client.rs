//! One gRPC connection to the receiver: opened when needed, opened anew with new credentials.
use crate::{
    Compression,
    codec::{Exchange, Written},
    endpoint::Target,
    otlp::{
        self,
        proto::collector::{logs::v1::ExportLogsServiceResponse, trace::v1::ExportTraceServiceResponse},
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
    time::{error::Elapsed, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::CompressionEncoding,
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint, Uri},
};

/// Connecting, with the handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a receiver may take to judge our certificate before we stop waiting for its verdict.
const VERDICT_TIMEOUT: Duration = Duration::from_secs(1);

/// `Export` of both services.
const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

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
    compression: Compression,
}

impl Client {
    pub(crate) fn new(
        target: Target,
        credentials: Option<Arc<Credentials>>,
        call_timeout: Duration,
        compression: Compression,
    ) -> Self {
        Self { target, credentials, channel: None, call_timeout, compression }
    }

    /// Sends a batch and hears the answer.
    pub(crate) async fn export(&mut self, batch: &Batch) -> Result<Accepted, Failure> {
        let channel = self.channel()?;
        let request = Written::from(otlp::request(&batch.records));
        let mut answer = self.send(&channel, batch, request.clone()).await;
        if self.compression == Compression::Gzip
            && let Ok(Err(status)) = &answer
            && status.code() == Code::Unimplemented
        {
            // So answers a receiver that can't decompress, and one that has no such service: the second try tells.
            self.compression = Compression::None;
            answer = self.send(&channel, batch, request).await;
            if let Ok(Err(status)) = &answer
                && status.code() == Code::Unimplemented
            {
                self.compression = Compression::Gzip;
            }
        }
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

    /// The answer, or [`Elapsed`].
    async fn send(
        &self,
        channel: &Channel,
        batch: &Batch,
        request: Written,
    ) -> Result<Result<Accepted, Status>, Elapsed> {
        let mut request = Request::new(request);
        request.set_timeout(self.call_timeout);
        let (channel, compression) = (channel.clone(), self.compression);
        let answer = async {
            let partial = if batch.is_spans() {
                let answer: ExportTraceServiceResponse = call(channel, TRACES, request, compression).await?;
                answer.partial_success.map(|p| (p.rejected_spans, p.error_message))
            } else {
                let answer: ExportLogsServiceResponse = call(channel, LOGS, request, compression).await?;
                answer.partial_success.map(|p| (p.rejected_log_records, p.error_message))
            };
            let (rejected, message) = partial.unwrap_or_default();
            Ok(Accepted { rejected: u64::try_from(rejected).unwrap_or(0), message })
        };
        timeout(self.call_timeout, answer).await
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

/// One call of the service of spans or of logs.
async fn call<T: prost::Message + Default + 'static>(
    channel: Channel,
    path: &'static str,
    request: Request<Written>,
    compression: Compression,
) -> Result<T, Status> {
    let mut grpc = Grpc::new(channel);
    if compression == Compression::Gzip {
        // Go's servers answer compressed whoever asks compressed, wanted or not.
        grpc = grpc.send_compressed(CompressionEncoding::Gzip).accept_compressed(CompressionEncoding::Gzip);
    }
    grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let answer = grpc.unary(request, PathAndQuery::from_static(path), Exchange::default()).await?;
    Ok(answer.into_inner())
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
