//! A store that speaks S3 (moto's server), and a proxy before it that sees each request, and may answer in its place.

use std::env;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;

/// The one server of all tests. It ends with this process, which holds its standard input.
static SERVER: LazyLock<Option<Server>> = LazyLock::new(Server::start);

struct Server {
    port: u16,
    _child: Child,
}

impl Server {
    fn start() -> Option<Server> {
        let python = env::var_os("DYEPACK_PYTHON").unwrap_or_else(|| "python3".into());
        let has = Command::new(&python).args(["-c", "import moto.server"]).stderr(Stdio::null()).status();
        if !has.is_ok_and(|status| status.success()) {
            return None;
        }
        let mut child = Command::new(&python);
        child.args(["-c", include_str!("serve.py")]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = child.stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| line.parse().ok());
        // Whatever else it prints has a reader.
        thread::spawn(move || lines.for_each(drop));
        Some(Server { port: port.expect("the server names its port"), _child: child })
    }
}

/// A bucket of its own for each test.
pub struct Bucket {
    pub name: String,
    pub port: u16,
}

impl Bucket {
    /// `None` if there is no server, which is said.
    pub fn new() -> Option<Bucket> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let Some(server) = &*SERVER else {
            println!("skipped: no Python with moto[server]");
            return None;
        };
        let bucket =
            Bucket { name: format!("bucket-{}", COUNT.fetch_add(1, Ordering::Relaxed)), port: server.port };
        assert_eq!(bucket.ask("PUT", "", b"").0, 200);
        Some(bucket)
    }

    pub fn url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    pub fn put(&self, key: &str, bytes: &[u8]) {
        assert_eq!(self.ask("PUT", &format!("/{key}"), bytes).0, 200);
    }

    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        let (status, body) = self.ask("GET", &format!("/{key}"), b"");
        (status == 200).then_some(body)
    }

    /// Unfinished uploads.
    pub fn uploads(&self) -> usize {
        let (status, body) = self.ask("GET", "?uploads", b"");
        assert_eq!(status, 200);
        String::from_utf8(body).unwrap().matches("<UploadId>").count()
    }

    fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let head = format!(
            "{method} /{}{path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\nContent-Length: {}\r\nAuthorization: \
             AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request\r\n\r\n",
            self.name,
            self.port,
            body.len()
        );
        let mut answer = Vec::new();
        forward(self.port, head.as_bytes(), body, &mut answer).unwrap();
        let (status, end) = (&answer[9..12], answer.windows(4).position(|bytes| bytes == b"\r\n\r\n"));
        (str::from_utf8(status).unwrap().parse().unwrap(), answer[end.unwrap() + 4..].to_vec())
    }
}

fn forward(port: u16, head: &[u8], body: &[u8], answer: &mut Vec<u8>) -> io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(head)?;
    stream.write_all(body)?;
    stream.read_to_end(answer).map(drop)
}

/// A proxy before the server.
pub struct Proxy {
    pub port: u16,
    /// Method and path of each request.
    pub log: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// `answer` is told method and path of each request; a status that it gives is the answer.
    pub fn new(bucket: &Bucket, answer: impl Fn(&str) -> Option<u16> + Send + Sync + 'static) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let proxy = Proxy { port: listener.local_addr().unwrap().port(), log: Arc::default() };
        let (log, server, answer) = (proxy.log.clone(), bucket.port, Arc::new(answer));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (log, answer) = (log.clone(), answer.clone());
                // Whoever hangs up has seen enough.
                thread::spawn(move || drop(pass(client, server, &log, &*answer)));
            }
        });
        proxy
    }

    /// The requests of this method whose path has this in it.
    pub fn count(&self, method: &str, part: &str) -> usize {
        let log = self.log.lock().unwrap();
        log.iter().filter(|line| line.starts_with(method) && line.contains(part)).count()
    }
}

/// Passes one request on, and closes.
fn pass(
    client: TcpStream,
    server: u16,
    log: &Mutex<Vec<String>>,
    answer: &(impl Fn(&str) -> Option<u16> + ?Sized),
) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (mut request, mut head, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut request)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let lower = line.to_ascii_lowercase();
        if let Some(said) = lower.strip_prefix("content-length:") {
            length = said.trim().parse().map_err(io::Error::other)?;
        }
        if lower.starts_with("connection:") {
            continue;
        }
        if line.trim().is_empty() {
            head += "Connection: close\r\n\r\n";
            break;
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let line = request.trim().trim_end_matches(" HTTP/1.1").to_owned();
    log.lock().unwrap().push(line.clone());
    let mut client = client;
    match answer(&line) {
        Some(status) => {
            let body = "<Key>a body to forget</Key>";
            let head = format!("Content-Length: {}\r\nConnection: close", body.len());
            write!(client, "HTTP/1.1 {status} No\r\n{head}\r\n\r\n{body}")
        }
        None => {
            let mut answer = Vec::new();
            forward(server, (request + &head).as_bytes(), &body, &mut answer)?;
            client.write_all(&answer)
        }
    }
}
