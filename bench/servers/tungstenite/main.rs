//! An echo server and client on tokio-tungstenite: see the contract in bench/README.md.
use std::env;
use std::error::Error;
use std::process::exit;
use std::sync::Arc;

use futures_util::{future, StreamExt, TryStreamExt};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::task::{spawn, JoinSet};
use tokio_rustls::rustls::pki_types::{pem::PemObject, CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::{self, protocol::WebSocketConfig};
use tokio_tungstenite::{accept_async_with_config, connect_async_with_config, WebSocketStream};

const VERSION: &str = "tokio-tungstenite 0.30.0"; // as in Cargo.toml
const MAX_MESSAGE: usize = 16 << 20;
const BACKLOG: u32 = 4096;

fn config() -> Option<WebSocketConfig> {
    Some(
        WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE)),
    )
}

/// As in its examples: what is there to be read is answered before anything is flushed.
async fn echo<S: AsyncRead + AsyncWrite + Unpin>(socket: WebSocketStream<S>) {
    let (mut sink, mut stream) = socket.split();
    let messages = stream
        .by_ref()
        .try_filter(|message| future::ready(message.is_text() || message.is_binary()));
    let _ = messages.forward(&mut sink).await; // what ends one connection does not concern the others
    if let Ok(mut socket) = stream.reunite(sink) {
        let _ = socket.get_mut().shutdown().await; // TLS has a closing alert
    }
}

async fn handle<S: AsyncRead + AsyncWrite + Unpin>(stream: S) {
    if let Ok(socket) = accept_async_with_config(stream, config()).await {
        echo(socket).await;
    }
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
                None => handle(stream).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        handle(stream).await;
                    }
                }
            }
        });
    }
}

async fn connect(port: &str, count: usize) -> Result<(), Box<dyn Error>> {
    let mut open = JoinSet::new();
    for _ in 0..count {
        let url = format!("ws://127.0.0.1:{port}/");
        open.spawn(async move {
            let (socket, _) = connect_async_with_config(url, config(), true).await?;
            echo(socket).await;
            Ok::<_, tungstenite::Error>(())
        });
    }
    while let Some(ended) = open.join_next().await {
        ended??;
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
