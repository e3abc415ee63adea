//! The smallest HTTP/1.1 client that shows what is sent and when: blocking, one connection, nothing retried.
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn};
use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddrV4, TcpStream},
    os::fd::AsRawFd as _,
    time::Duration,
};

/// No server here may take longer.
const TIMEOUT: Duration = Duration::from_mins(1);
/// No answer here is longer.
const MAX_BYTES: usize = 1 << 20;

pub(crate) struct Connection {
    stream: TcpStream,
    held: Vec<u8>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// The server leaves the connection open.
    pub(crate) keep: bool,
}

impl Connection {
    pub(crate) fn open(port: u16) -> io::Result<Self> {
        Self::of(TcpStream::connect(("127.0.0.1", port))?)
    }

    /// From this address of the machine, which nobody else here uses: 127.0.0.0/8 is all ours.
    pub(crate) fn open_from(client: Ipv4Addr, port: u16) -> io::Result<Self> {
        let socket = socket::socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        socket::bind(socket.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(client, 0)))?;
        let server = SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
        socket::connect(socket.as_raw_fd(), &server)?;
        Self::of(TcpStream::from(socket))
    }

    /// The same connection, for whoever sends while another waits for the answer.
    pub(crate) fn sender(&self) -> io::Result<Self> {
        Ok(Self { stream: self.stream.try_clone()?, held: Vec::new() })
    }

    /// Our port of it: by this the server's process can be found.
    pub(crate) fn own_port(&self) -> io::Result<u16> {
        Ok(self.stream.local_addr()?.port())
    }

    fn of(stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, held: Vec::new() })
    }

    pub(crate) fn get(&mut self, target: &str) -> io::Result<Answer> {
        self.get_with(target, "")
    }

    /// `headers`: whole lines, each with its line end.
    pub(crate) fn get_with(&mut self, target: &str, headers: &str) -> io::Result<Answer> {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").as_bytes())?;
        self.receive()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    pub(crate) fn receive(&mut self) -> io::Result<Answer> {
        let end = self.until(b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&self.held[..end]).to_ascii_lowercase();
        self.held.drain(..end);
        let bad = || io::Error::new(io::ErrorKind::InvalidData, format!("not an HTTP answer: {head}"));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(bad)?;
        let header = |name: &str| {
            head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
        };
        let keep = head.starts_with("http/1.1") && header("connection") != Some("close");
        let body = if header("transfer-encoding") == Some("chunked") {
            self.chunks()?
        } else if let Some(length) = header("content-length") {
            let length = length.parse().map_err(|_| bad())?;
            self.exactly(length)?
        } else {
            self.stream.read_to_end(&mut self.held)?;
            std::mem::take(&mut self.held)
        };
        Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned(), keep })
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = self.until(b"\r\n")?;
            let line = String::from_utf8_lossy(&self.held[..end]).trim().to_owned();
            self.held.drain(..end);
            let size = usize::from_str_radix(&line, 16)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let mut chunk = self.exactly(size + 2)?;
            if size == 0 {
                return Ok(body);
            }
            chunk.truncate(size);
            body.append(&mut chunk);
        }
    }

    /// Index behind the first `pattern`.
    fn until(&mut self, pattern: &[u8]) -> io::Result<usize> {
        loop {
            let found = self.held.windows(pattern.len()).position(|window| window == pattern);
            if let Some(at) = found {
                return Ok(at + pattern.len());
            }
            self.more()?;
        }
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.held.len() < length {
            self.more()?;
        }
        Ok(self.held.drain(..length).collect())
    }

    fn more(&mut self) -> io::Result<()> {
        let mut bytes = [0; 8192];
        let count = self.stream.read(&mut bytes)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if self.held.len() + count > MAX_BYTES {
            return Err(io::Error::other("an answer of more than 1 MiB"));
        }
        self.held.extend_from_slice(&bytes[..count]);
        Ok(())
    }
}
