//! A server of axum on a thread of its own, whose CPU time can be read.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A running server. It ends when this is dropped.
pub struct Server {
    address: SocketAddr,
    /// The statistics of the thread, where the system has them, as Linux does.
    statistics: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server on a free port of loopback, with what `router` makes on the server's thread.
    ///
    /// # Errors
    /// Why there is no router.
    pub fn start<M>(router: M) -> Result<Self, String>
    where
        M: AsyncFnOnce() -> Result<Router, String> + Send + 'static,
    {
        let (report, started) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let router = match router().await {
                    Ok(router) => router,
                    Err(error) => return report.send(Err(error)).expect("a receiver"),
                };
                let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
                let address = listener.local_addr().expect("an address");
                report.send(Ok((address, statistics()))).expect("a receiver");
                tokio::select! {
                    ended = async { axum::serve(listener, router).await } => ended.expect("a server"),
                    _ = stopped => {}
                }
            });
        });
        let (address, statistics) = started.recv().expect("the server's thread reports")?;
        Ok(Self { address, statistics, stop: Some(stop), thread: Some(thread) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The CPU time that the server has used: other load on the machine changes it little. `None` if the system does not tell it.
    pub fn cpu_time(&self) -> Option<Duration> {
        let text = std::fs::read_to_string(self.statistics.as_ref()?).ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server's thread ends");
        }
    }
}

/// The file with the statistics of this thread.
fn statistics() -> Option<String> {
    let thread = std::fs::read_link("/proc/thread-self").ok()?;
    Some(format!("/proc/{}/schedstat", thread.display()))
}
