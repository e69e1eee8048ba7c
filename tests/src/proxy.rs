//! A way to a server that can be cut, and opened again.

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Hands connections on to a server, while it is open.
pub struct Proxy {
    pub port: u16,
    open: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a port that is free, in front of `server` (`host:port`).
    pub async fn to(server: impl Into<String>) -> Self {
        let (server, listener) = (server.into(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let port = listener.local_addr().unwrap().port();
        let (open, state) = watch::channel(true);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(hand_on(client, server.clone(), state.clone()));
            }
        });
        Self { port, open, accepting }
    }

    /// In front of the server that a URL names; and the URL by this way.
    pub async fn before(url: &str) -> (Self, String) {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (user, rest) = rest.rsplit_once('@').unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let proxy = Self::to(server).await;
        let url = format!("{scheme}://{user}@127.0.0.1:{}/{database}", proxy.port);
        (proxy, url)
    }

    /// Ends every connection; new ones end at once.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.open.send_replace(true);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn hand_on(mut client: TcpStream, server: String, mut state: watch::Receiver<bool>) {
    if !*state.borrow_and_update() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        () = until_cut(&mut state) => {}
    }
}

async fn until_cut(state: &mut watch::Receiver<bool>) {
    drop(state.wait_for(|open| !open).await);
}
