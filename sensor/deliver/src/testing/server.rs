//! A strict OTLP/gRPC receiver: TLS 1.3, client certificates from one authority, revocation lists; answers as told.
use super::{Authority, Issued};
use crate::{
    otlp::proto::{
        collector::{
            logs::v1::{
                ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
                logs_service_server::{LogsService, LogsServiceServer},
            },
            trace::v1::{
                ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
                trace_service_server::{TraceService, TraceServiceServer},
            },
        },
        logs::v1::LogRecord,
        trace::v1::Span,
    },
    retry::{Any, Delay, RetryInfo, RpcStatus},
};
use prost::Message as _;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;
use tonic::{
    Code, Request, Response, Status, codec::CompressionEncoding,
    codegen::tokio_stream::wrappers::ReceiverStream, metadata::MetadataMap, transport::server::Connected,
};

/// How the receiver answers the requests that reach it.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Takes everything.
    Accept,
    /// Takes all but so many, and says something; 0: only a warning.
    Partial(i64, &'static str),
    /// Answers with a gRPC status.
    Code(Code, &'static str),
    /// With a status that asks to wait.
    RetryAfter(Code, Duration),
    /// Never answers.
    Hang,
}

/// Whom the receiver lets in.
#[derive(Debug)]
pub struct Trust<'a> {
    /// Issued the clients' certificates; [`None`]: anybody, and no certificate is asked for.
    pub clients: Option<&'a Authority>,
    /// PEM of revocation lists.
    pub crls: Vec<String>,
}

/// What came.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// Requests as they came, those that were refused too.
    pub requests: usize,
    /// Spans of accepted requests with the service name of their resource.
    pub spans: Vec<(String, Span)>,
    /// Log records of accepted requests.
    pub logs: Vec<LogRecord>,
    /// Encoded size of the largest request, before compression.
    pub largest: usize,
    /// Bytes of HTTP/2 that came, below TLS.
    pub bytes: usize,
    /// Failed handshakes.
    pub handshake_errors: Vec<String>,
    /// Handshakes that succeeded.
    pub connections: usize,
}

#[derive(Debug)]
struct Shared {
    received: Mutex<Received>,
    came: Condvar,
    answer: Mutex<Answer>,
}

impl Shared {
    fn note(&self, change: impl FnOnce(&mut Received)) {
        change(&mut self.received.lock().unwrap_or_else(PoisonError::into_inner));
        self.came.notify_all();
    }

    /// Accepts or answers otherwise; gives what to report as partial success.
    async fn verdict(&self) -> Result<Option<(i64, &'static str)>, Status> {
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match answer {
            Answer::Accept => Ok(None),
            Answer::Partial(rejected, message) => Ok(Some((rejected, message))),
            Answer::Code(code, message) => Err(Status::new(code, message)),
            Answer::RetryAfter(code, delay) => Err(retry_after(code, delay)),
            Answer::Hang => std::future::pending().await,
        }
    }
}

fn retry_after(code: Code, delay: Duration) -> Status {
    let nanos = i32::try_from(delay.subsec_nanos()).unwrap_or_default();
    let delay = Delay { seconds: i64::try_from(delay.as_secs()).unwrap_or(i64::MAX), nanos };
    let value = RetryInfo { retry_delay: Some(delay) }.encode_to_vec();
    let any = Any { type_url: "type.googleapis.com/google.rpc.RetryInfo".into(), value };
    let status = RpcStatus { code: code as i32, message: String::new(), details: vec![any] };
    Status::with_details_and_metadata(code, "wait", status.encode_to_vec().into(), MetadataMap::new())
}

/// A running receiver; it ends when dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    /// Where it listens.
    pub address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Server {
    /// With TLS, showing `identity`.
    pub fn start(identity: &Issued, trust: &Trust<'_>) -> Self {
        Self::start_at("127.0.0.1:0", identity, trust)
    }

    /// The same at a known address.
    pub fn start_at(address: &str, identity: &Issued, trust: &Trust<'_>) -> Self {
        Self::listen(address, Some(tls(identity, trust)), true)
    }

    /// Without TLS.
    pub fn start_plain() -> Self {
        Self::listen("127.0.0.1:0", None, true)
    }

    /// Without TLS, and unable to decompress.
    pub fn start_without_gzip() -> Self {
        Self::listen("127.0.0.1:0", None, false)
    }

    fn listen(address: &str, tls: Option<ServerConfig>, gzip: bool) -> Self {
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            came: Condvar::new(),
            answer: Mutex::new(Answer::Accept),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("start a runtime");
        let listener = runtime.block_on(TcpListener::bind(address)).expect("listen");
        let address = listener.local_addr().expect("an address");
        drop(runtime.spawn(serve(listener, tls, gzip, Arc::clone(&shared))));
        Self { shared, address, runtime: Some(runtime) }
    }

    /// Changes how the next requests are answered.
    pub fn answer(&self, answer: Answer) {
        *self.shared.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    /// Waits until what came satisfies `condition`, and gives it.
    ///
    /// # Panics
    /// When it has not after 20 seconds.
    pub fn wait(&self, what: &str, condition: impl Fn(&Received) -> bool) -> Received {
        let received = self.shared.received.lock().unwrap_or_else(PoisonError::into_inner);
        let (received, late) = self
            .shared
            .came
            .wait_timeout_while(received, Duration::from_secs(20), |received| !condition(received))
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!late.timed_out(), "{what} did not come; came: {received:#?}");
        received.clone()
    }

    /// What came so far.
    pub fn received(&self) -> Received {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}

fn tls(identity: &Issued, trust: &Trust<'_>) -> ServerConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3");
    let builder = match trust.clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            let root = CertificateDer::from_pem_slice(authority.certificate.as_bytes()).expect("PEM");
            roots.add(root).expect("an authority");
            let crls = trust.crls.iter().map(|crl| {
                CertificateRevocationListDer::from_pem_slice(crl.as_bytes()).expect("a revocation list")
            });
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .with_crls(crls)
                .only_check_end_entity_revocation()
                .build()
                .expect("a verifier");
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).expect("PEM")];
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("PEM");
    let mut config = builder.with_single_cert(chain, key).expect("a server's identity");
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.send_tls13_tickets = 0;
    config
}

async fn serve(listener: TcpListener, tls: Option<ServerConfig>, gzip: bool, shared: Arc<Shared>) {
    let acceptor = tls.map(|tls| TlsAcceptor::from(Arc::new(tls)));
    let (ready, incoming) = mpsc::channel(16);
    let accepting = Arc::clone(&shared);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(accept(tcp, acceptor.clone(), ready.clone(), Arc::clone(&accepting)));
        }
    });
    services(shared, gzip).serve_with_incoming(ReceiverStream::new(incoming)).await.expect("serve");
}

async fn accept(
    tcp: TcpStream,
    acceptor: Option<TlsAcceptor>,
    ready: mpsc::Sender<io::Result<Io>>,
    shared: Arc<Shared>,
) {
    let io = match acceptor {
        None => Io(Box::new(tcp), Arc::clone(&shared)),
        Some(acceptor) => match acceptor.accept(tcp).await {
            Ok(stream) => Io(Box::new(stream), Arc::clone(&shared)),
            Err(error) => return shared.note(|received| received.handshake_errors.push(error.to_string())),
        },
    };
    shared.note(|received| received.connections += 1);
    drop(ready.send(Ok(io)).await);
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection with or without TLS, whose bytes are counted.
struct Io(Box<dyn Stream>, Arc<Shared>);

impl Connected for Io {
    type ConnectInfo = ();
    fn connect_info(&self) {}
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let ready = Pin::new(&mut self.0).poll_read(cx, buf);
        let came = buf.filled().len() - before;
        self.1.note(|received| received.bytes += came);
        ready
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

fn services(shared: Arc<Shared>, gzip: bool) -> tonic::transport::server::Router {
    let mut traces = TraceServiceServer::new(Service(Arc::clone(&shared)));
    let mut logs = LogsServiceServer::new(Service(shared));
    if gzip {
        traces =
            traces.accept_compressed(CompressionEncoding::Gzip).send_compressed(CompressionEncoding::Gzip);
        logs = logs.accept_compressed(CompressionEncoding::Gzip).send_compressed(CompressionEncoding::Gzip);
    }
    tonic::transport::Server::builder().add_service(traces).add_service(logs)
}

struct Service(Arc<Shared>);

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let request = request.into_inner();
        self.0.note(|received| {
            received.requests += 1;
            received.largest = received.largest.max(request.encoded_len());
        });
        let partial = self.0.verdict().await?;
        self.0.note(|received| {
            for of_resource in request.resource_spans {
                let name = service_name(of_resource.resource.unwrap_or_default());
                let spans = of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
                received.spans.extend(spans.map(|span| (name.clone(), span)));
            }
        });
        let partial_success = partial.map(|(rejected_spans, message)| ExportTracePartialSuccess {
            rejected_spans,
            error_message: message.into(),
        });
        Ok(Response::new(ExportTraceServiceResponse { partial_success }))
    }
}

#[tonic::async_trait]
impl LogsService for Service {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let request = request.into_inner();
        self.0.note(|received| {
            received.requests += 1;
            received.largest = received.largest.max(request.encoded_len());
        });
        let partial = self.0.verdict().await?;
        self.0.note(|received| {
            let scopes = request.resource_logs.into_iter().flat_map(|of_resource| of_resource.scope_logs);
            received.logs.extend(scopes.flat_map(|scope| scope.log_records));
        });
        let partial_success = partial.map(|(rejected_log_records, message)| ExportLogsPartialSuccess {
            rejected_log_records,
            error_message: message.into(),
        });
        Ok(Response::new(ExportLogsServiceResponse { partial_success }))
    }
}

fn service_name(resource: crate::otlp::proto::resource::v1::Resource) -> String {
    use crate::otlp::proto::common::v1::any_value::Value;
    let value =
        resource.attributes.into_iter().find(|pair| pair.key == "service.name").and_then(|pair| pair.value);
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(name)) => name,
        _ => String::new(),
    }
}
