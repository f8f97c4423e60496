//! A relay between a client and the engine, which counts requests and fails on demand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How the relay is reached.
#[derive(Clone, Copy)]
pub(crate) enum At {
    Socket,
    Port,
}

pub(crate) struct Relay {
    at: At,
    address: String,
    shared: Arc<Shared>,
    /// Nothing, while connections are refused.
    accepting: Mutex<Option<JoinHandle<()>>>,
    directory: tempfile::TempDir,
}

struct Shared {
    engine: String,
    requests: Mutex<Vec<String>>,
    open: AtomicUsize,
    /// While it is stalled, nothing is passed on to the engine.
    stalled: watch::Sender<bool>,
    /// While it is set, the engine's answers are held back.
    held: watch::Sender<bool>,
    /// Connections end when it changes.
    cut: watch::Sender<u32>,
    /// The next request with this in its first line gets this answer, and does not reach the engine.
    answer: Mutex<Option<(String, String)>>,
}

impl Relay {
    /// Starts a relay to the engine of the tests, if that is reached by a socket.
    pub(crate) async fn start(at: At) -> Option<Self> {
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        let engine = match host.as_str() {
            "" => "unix:///var/run/docker.sock",
            host if host.starts_with("unix://") => host,
            _ => {
                eprintln!("skipped: the engine is not reached by a socket");
                return None;
            }
        };
        Some(Self::to(engine, at).await)
    }

    /// Starts a relay to an engine that is reached by a socket, at `unix://` and its path.
    pub(crate) async fn to(engine: &str, at: At) -> Self {
        let shared = Arc::new(Shared {
            engine: engine.trim_start_matches("unix://").to_owned(),
            requests: Mutex::default(),
            open: AtomicUsize::new(0),
            stalled: watch::Sender::new(false),
            held: watch::Sender::new(false),
            cut: watch::Sender::new(0),
            answer: Mutex::default(),
        });
        let mut relay = Self {
            at,
            address: "127.0.0.1:0".to_owned(),
            shared,
            accepting: Mutex::new(None),
            directory: tempfile::tempdir().unwrap(),
        };
        relay.address = relay.listen().await;
        relay
    }

    /// Accepts connections, and returns where.
    async fn listen(&self) -> String {
        let shared = Arc::clone(&self.shared);
        let (address, accepting) = match self.at {
            At::Socket => {
                let path = self.directory.path().join("s");
                let listener = UnixListener::bind(&path).unwrap();
                let accept = async move {
                    while let Ok((client, _)) = listener.accept().await {
                        tokio::spawn(Arc::clone(&shared).serve(client));
                    }
                };
                (format!("unix://{}", path.display()), tokio::spawn(accept))
            }
            At::Port => {
                let address = self.address.trim_start_matches("tcp://");
                let listener = TcpListener::bind(address).await.unwrap();
                let address = format!("tcp://{}", listener.local_addr().unwrap());
                let accept = async move {
                    while let Ok((client, _)) = listener.accept().await {
                        tokio::spawn(Arc::clone(&shared).serve(client));
                    }
                };
                (address, tokio::spawn(accept))
            }
        };
        *self.accepting.lock().unwrap() = Some(accepting);
        address
    }

    /// Refuses new connections from now on, and ends existing ones.
    pub(crate) async fn refuse(&self) {
        let accepting = self.accepting.lock().unwrap().take();
        if let Some(accepting) = accepting {
            accepting.abort();
            let _ = accepting.await;
        }
        let _ = std::fs::remove_file(self.directory.path().join("s"));
        self.cut().await;
    }

    /// Accepts connections again, at the same address.
    pub(crate) async fn accept(&self) {
        if self.accepting.lock().unwrap().is_none() {
            self.listen().await;
        }
    }

    /// Holds back the engine's answers, or lets them pass.
    pub(crate) fn hold(&self, held: bool) {
        self.shared.held.send_replace(held);
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Returns the first lines of the requests since the last call.
    pub(crate) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.requests.lock().unwrap())
    }

    /// Returns the number of connections.
    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Ends every connection.
    pub(crate) async fn cut(&self) {
        loop {
            // Repeatedly: a newly accepted connection may have missed the last notification.
            self.shared.cut.send_modify(|times| *times += 1);
            tokio::task::yield_now().await;
            if self.open() == 0 {
                return;
            }
        }
    }

    pub(crate) fn stall(&self, stalled: bool) {
        self.shared.stalled.send_replace(stalled);
    }

    /// Answers the next request with this in its first line.
    pub(crate) fn answer(&self, request: &str, body: &str) {
        let response = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        self.answer_as(request, &response);
    }

    /// Answers the next request with this in its first line by a complete response.
    pub(crate) fn answer_as(&self, request: &str, response: &str) {
        let answer = (request.to_owned(), response.to_owned());
        *self.shared.answer.lock().unwrap() = Some(answer);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(accepting) = self.accepting.lock().unwrap().take() {
            accepting.abort();
        }
    }
}

impl Shared {
    async fn serve(self: Arc<Self>, client: impl AsyncRead + AsyncWrite + Send + 'static) {
        self.open.fetch_add(1, Ordering::SeqCst);
        let mut cut = self.cut.subscribe();
        tokio::select! {
            () = self.pass(client) => {}
            _ = cut.changed() => {}
        }
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    async fn pass(&self, client: impl AsyncRead + AsyncWrite) {
        let Ok(engine) = UnixStream::connect(&self.engine).await else {
            return;
        };
        let (mut from_engine, mut to_engine) = engine.into_split();
        let (mut from_client, mut to_client) = tokio::io::split(client);
        let mut stalled = self.stalled.subscribe();
        let up = async {
            let mut buffer = vec![0; 64 << 10];
            loop {
                let length = from_client.read(&mut buffer).await.unwrap_or(0);
                if length == 0 {
                    let _ = to_engine.shutdown().await;
                    return None;
                }
                let piece = &buffer[..length];
                if let Some(answer) = self.hear(piece) {
                    return Some(answer);
                }
                let _ = stalled.wait_for(|stalled| !stalled).await;
                if to_engine.write_all(piece).await.is_err() {
                    return None;
                }
            }
        };
        let answered = {
            let mut held = self.held.subscribe();
            let down = async {
                let mut buffer = vec![0; 64 << 10];
                loop {
                    let length = from_engine.read(&mut buffer).await.unwrap_or(0);
                    let _ = held.wait_for(|held| !held).await;
                    if length == 0 || to_client.write_all(&buffer[..length]).await.is_err() {
                        return;
                    }
                }
            };
            tokio::pin!(down, up);
            tokio::select! {
                _ = &mut down => None,
                answer = &mut up => match answer {
                    Some(answer) => Some(answer),
                    None => {
                        let _ = down.await;
                        None
                    }
                },
            }
        };
        if let Some(answer) = answered {
            let _ = to_client.write_all(answer.as_bytes()).await;
            let _ = to_client.shutdown().await;
        }
    }

    /// Records a request, and returns its prepared answer, if any.
    fn hear(&self, piece: &[u8]) -> Option<String> {
        let line = piece.split(|byte| *byte == b'\r').next()?;
        let line = String::from_utf8_lossy(line);
        let (request, _) = line.split_once(" HTTP/1.")?;
        self.requests.lock().unwrap().push(request.to_owned());
        let mut answer = self.answer.lock().unwrap();
        let meant = answer
            .as_ref()
            .is_some_and(|(method, _)| request.contains(method.as_str()));
        if meant {
            return answer.take().map(|(_, response)| response);
        }
        None
    }
}
