//! A client with one connection that is kept.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, HOST, RETRY_AFTER};
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

pub struct Client {
    sender: SendRequest<Body>,
    host: String,
}

/// What a response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer {
    pub status: StatusCode,
    pub retry_after: bool,
}

impl Answer {
    pub fn is_ok(self) -> bool {
        self.status == StatusCode::OK
    }
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("a connection");
        tokio::spawn(connection);
        Self { sender, host: address.to_string() }
    }

    /// The answer to a request with this token.
    pub async fn ask(&mut self, token: &str) -> Answer {
        let request = Request::get("/me")
            .header(HOST, &self.host)
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty())
            .expect("a request");
        self.sender.ready().await.expect("a connection");
        let response = self.sender.send_request(request).await.expect("a response");
        let answer =
            Answer { status: response.status(), retry_after: response.headers().contains_key(RETRY_AFTER) };
        response.into_body().collect().await.expect("a body");
        answer
    }
}
