use std::borrow::Cow;
use std::future::ready;
use std::net::SocketAddr;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Request, Uri};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{HttpError, HttpResponse};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The bucket that a [`S3Server`] has.
pub const S3_BUCKET: &str = "files";
/// Who may use it.
pub const S3_ACCESS_KEY: &str = "reader";
/// And by what proof.
pub const S3_SECRET_KEY: &str = "right-secret";

/// Lets a request in as S3 understands it, or answers how it is refused.
pub(super) type Door = fn(Request<Incoming>) -> Result<Request<Incoming>, Box<HttpResponse>>;

/// An S3 in this process that checks signatures, over a directory that goes with it.
pub struct S3Server(Bucket);

impl S3Server {
    /// Starts one with an empty bucket.
    pub async fn start() -> Self {
        let auth = SimpleAuth::from_single(S3_ACCESS_KEY, S3_SECRET_KEY);
        Self(Bucket::serve(S3_BUCKET, Some(auth), Ok).await)
    }

    /// Where it answers.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// The keys of what it keeps, and the names of the parts of what nobody has finished:
    /// what its directory holds, whatever its lists say.
    pub fn kept(&self) -> Vec<String> {
        self.0.kept()
    }
}

/// One bucket in a directory that goes with it, served behind a door.
pub(super) struct Bucket {
    name: &'static str,
    pub(super) address: SocketAddr,
    task: JoinHandle<()>,
    directory: tempfile::TempDir,
}

impl Bucket {
    /// Serves an empty one. Without `auth` whoever passes the door may do everything.
    pub(super) async fn serve(name: &'static str, auth: Option<SimpleAuth>, door: Door) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join(name)).unwrap();
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(directory.path()).unwrap());
        if let Some(auth) = auth {
            service.set_auth(auth);
        }
        let service = Presenting { store: service.build(), door };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let server = Builder::new(TokioExecutor::new());
            while let Ok((socket, _)) = listener.accept().await {
                let connection = server.serve_connection(TokioIo::new(socket), service.clone()).into_owned();
                tokio::spawn(async move {
                    let _ = connection.await;
                });
            }
        });
        Self { name, address, task, directory }
    }

    pub(super) fn kept(&self) -> Vec<String> {
        let bucket = self.directory.path().join(self.name);
        let (mut found, mut left) = (Vec::new(), vec![bucket.clone()]);
        while let Some(directory) = left.pop() {
            for entry in std::fs::read_dir(directory).unwrap().flatten() {
                match entry.path() {
                    path if path.is_dir() => left.push(path),
                    path => found.push(path.strip_prefix(&bucket).unwrap().display().to_string()),
                }
            }
        }
        let beside = std::fs::read_dir(self.directory.path()).unwrap().flatten();
        let names = beside.map(|entry| entry.file_name().to_string_lossy().into_owned());
        found.extend(names.filter(|name| name.starts_with(".upload_id-")));
        found.sort_unstable();
        found
    }
}

/// What `s3s-fs` leaves out: an object is answered with the type and the disposition that
/// its signed address says.
#[derive(Clone)]
struct Presenting {
    store: S3Service,
    door: Door,
}

impl Service<Request<Incoming>> for Presenting {
    type Response = HttpResponse;
    type Error = HttpError;
    type Future = BoxFuture<'static, Result<HttpResponse, HttpError>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let said = overrides(request.uri());
        let request = match (self.door)(request) {
            Ok(request) => request,
            Err(refusal) => return ready(Ok(*refusal)).boxed(),
        };
        let answer = Service::call(&self.store, request);
        async move {
            let mut answer = answer.await?;
            if answer.status().is_success() {
                for (name, value) in said {
                    answer.headers_mut().insert(name, value);
                }
            }
            Ok(answer)
        }
        .boxed()
    }
}

fn overrides(uri: &Uri) -> Vec<(HeaderName, HeaderValue)> {
    let Ok(url) = reqwest::Url::parse(&format!("http://x{uri}")) else { return Vec::new() };
    let header = |(name, value): (Cow<'_, str>, Cow<'_, str>)| {
        let name = match &*name {
            "response-content-type" => CONTENT_TYPE,
            "response-content-disposition" => CONTENT_DISPOSITION,
            _ => return None,
        };
        Some((name, HeaderValue::from_str(&value).ok()?))
    };
    url.query_pairs().filter_map(header).collect()
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.task.abort();
    }
}
