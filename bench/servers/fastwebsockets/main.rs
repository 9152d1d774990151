//! An echo server on fastwebsockets, with hyper and tokio: see the contract in bench/README.md. It has no client.
use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::process::exit;
use std::sync::Arc;

use fastwebsockets::upgrade::{upgrade, UpgradeFut};
use fastwebsockets::{FragmentCollector, OpCode, WebSocketError};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::task::{spawn, unconstrained};
use tokio_rustls::rustls::pki_types::{pem::PemObject, CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

const VERSION: &str = "fastwebsockets 0.10.0"; // as in Cargo.toml
const MAX_MESSAGE: usize = (16 << 20) + 1; // one that is as long is refused
const BACKLOG: u32 = 4096;

async fn echo(upgraded: UpgradeFut, secure: bool) -> Result<(), WebSocketError> {
    let mut socket = upgraded.await?;
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
        let _ = echo(upgraded, secure).await; // what ends one connection does not concern the others
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

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (port, tls) = match arguments[..] {
        ["version"] => {
            println!("{VERSION}");
            return Ok(());
        }
        ["ws", port, ..] => (port, None),
        ["wss", port, certificate, key] => (port, Some(acceptor(certificate, key)?)),
        _ => exit(3),
    };
    rlimit::increase_nofile_limit(u64::MAX)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?
        .block_on(serve(port.parse()?, tls))
}
