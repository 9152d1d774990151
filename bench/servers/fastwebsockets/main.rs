//! An echo server and client on fastwebsockets, with hyper and tokio: see the contract in bench/README.md.
use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::future::Future;
use std::process::exit;
use std::sync::Arc;

use fastwebsockets::handshake;
use fastwebsockets::upgrade::upgrade;
use fastwebsockets::{FragmentCollector, OpCode, WebSocket, WebSocketError};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HOST, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper::rt::Executor;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{spawn, unconstrained, JoinSet};
use tokio_rustls::rustls::pki_types::{pem::PemObject, CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

const VERSION: &str = "fastwebsockets 0.10.0"; // as in Cargo.toml
const MAX_MESSAGE: usize = (16 << 20) + 1; // one that is as long is refused
const BACKLOG: u32 = 4096;

async fn echo(
    mut socket: WebSocket<TokioIo<Upgraded>>,
    secure: bool,
) -> Result<(), WebSocketError> {
    socket.set_max_message_size(MAX_MESSAGE);
    socket.set_writev(!secure); // as in its examples
    let mut socket = FragmentCollector::new(socket);
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(socket.into_inner().shutdown().await?), // TLS has a closing alert
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            _ => {}
        }
    }
}

async fn answer(
    mut request: Request<Incoming>,
    secure: bool,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let Ok((response, upgraded)) = upgrade(&mut request) else {
        let mut response = Response::new(Empty::new());
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(response);
    };
    spawn(unconstrained(async move {
        if let Ok(socket) = upgraded.await {
            let _ = echo(socket, secure).await; // what ends one connection does not concern the others
        }
    }));
    Ok(response)
}

async fn handle<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: S, secure: bool) {
    let service = service_fn(move |request| answer(request, secure));
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

fn acceptor(certificate: &str, key: &str) -> Result<TlsAcceptor, Box<dyn Error>> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn serve(port: u16, tls: Option<TlsAcceptor>) -> Result<(), Box<dyn Error>> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    let listener = socket.listen(BACKLOG)?;
    println!("listening");
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let tls = tls.clone();
        spawn(async move {
            match tls {
                None => handle(stream, false).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        handle(stream, true).await;
                    }
                }
            }
        });
    }
}

struct Spawner;

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Spawner {
    fn execute(&self, connection: F) {
        spawn(connection);
    }
}

async fn open(address: &str) -> Result<WebSocket<TokioIo<Upgraded>>, Box<dyn Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let request = Request::builder()
        .header(HOST, address)
        .header(UPGRADE, "websocket")
        .header(CONNECTION, "upgrade")
        .header(SEC_WEBSOCKET_KEY, handshake::generate_key())
        .header(SEC_WEBSOCKET_VERSION, "13")
        .body(Empty::<Bytes>::new())?;
    Ok(handshake::client(&Spawner, request, stream).await?.0)
}

async fn connect(port: &str, count: usize) -> Result<(), Box<dyn Error>> {
    let mut all = JoinSet::new();
    for _ in 0..count {
        let address = format!("127.0.0.1:{port}");
        all.spawn(unconstrained(async move {
            echo(open(&address).await?, false).await?;
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        }));
    }
    while let Some(ended) = all.join_next().await {
        ended?.map_err(|error| error as Box<dyn Error>)?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    rlimit::increase_nofile_limit(u64::MAX)?;
    match arguments[..] {
        ["version"] => {
            println!("{VERSION}");
            Ok(())
        }
        ["ws", port, ..] => runtime.block_on(serve(port.parse()?, None)),
        ["wss", port, certificate, key] => {
            runtime.block_on(serve(port.parse()?, Some(acceptor(certificate, key)?)))
        }
        ["client", port, count] | ["client", port, count, "ws"] => {
            runtime.block_on(connect(port, count.parse()?))
        }
        _ => exit(3),
    }
}
