//! The frontend/backend protocol itself, for what client libraries hide: portals that are suspended half-way, readers that
//! don't read, statements parsed once and executed across changes.
//!
//! Trust authentication over the socket, text format only, one message at a time.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A connection.
pub struct Wire {
    stream: UnixStream,
    outgoing: Vec<u8>,
    received: usize,
}

/// One message of the server's.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its type.
    pub tag: char,
    /// What follows its length.
    pub body: Vec<u8>,
}

/// All that came in up to ReadyForQuery.
#[derive(Debug)]
pub struct Reply(pub Vec<Message>);

impl Wire {
    /// Connects.
    pub fn open(role: &str, database: &str) -> Wire {
        let stream = UnixStream::connect(format!("{}/.s.PGSQL.5432", crate::outside::socket())).unwrap();
        // A message that does not come fails the test instead of hanging the run.
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut wire = Wire { stream, outgoing: Vec::new(), received: 0 };
        let mut body = 196_608_i32.to_be_bytes().to_vec();
        for word in ["user", role, "database", database] {
            body.extend(word.bytes().chain([0]));
        }
        body.push(0);
        let length = i32::try_from(body.len() + 4).unwrap();
        wire.outgoing.extend(length.to_be_bytes());
        wire.outgoing.extend(body);
        let reply = wire.reply();
        assert!(reply.error().is_none(), "{role} can't connect: {reply:?}");
        wire
    }

    fn message(&mut self, tag: u8, body: &[u8]) -> &mut Wire {
        let length = i32::try_from(body.len() + 4).unwrap();
        self.outgoing.push(tag);
        self.outgoing.extend(length.to_be_bytes());
        self.outgoing.extend(body);
        self
    }

    /// Query: the simple protocol.
    pub fn query(&mut self, sql: &str) -> &mut Wire {
        self.message(b'Q', &texts(&[sql]))
    }

    /// Parse, with parameter types left to the server.
    pub fn parse(&mut self, statement: &str, sql: &str) -> &mut Wire {
        let mut body = texts(&[statement, sql]);
        body.extend(0_i16.to_be_bytes());
        self.message(b'P', &body)
    }

    /// Bind, values as text.
    pub fn bind(&mut self, portal: &str, statement: &str, values: &[&str]) -> &mut Wire {
        let mut body = texts(&[portal, statement]);
        body.extend(0_i16.to_be_bytes());
        body.extend(i16::try_from(values.len()).unwrap().to_be_bytes());
        for value in values {
            body.extend(i32::try_from(value.len()).unwrap().to_be_bytes());
            body.extend(value.bytes());
        }
        body.extend(0_i16.to_be_bytes());
        self.message(b'B', &body)
    }

    /// Describe a portal.
    pub fn describe(&mut self, portal: &str) -> &mut Wire {
        let mut body = vec![b'P'];
        body.extend(texts(&[portal]));
        self.message(b'D', &body)
    }

    /// Execute up to `rows` rows of a portal; 0 for all.
    pub fn execute(&mut self, portal: &str, rows: i32) -> &mut Wire {
        let mut body = texts(&[portal]);
        body.extend(rows.to_be_bytes());
        self.message(b'E', &body)
    }

    /// Sync, and all that comes in answer.
    pub fn sync(&mut self) -> Reply {
        self.message(b'S', &[]);
        self.reply()
    }

    /// Sends what has been put together, and Sync, to a server that may have closed the connection.
    pub fn try_sync(&mut self) {
        self.message(b'S', &[]);
        let _ = self.stream.write_all(&std::mem::take(&mut self.outgoing));
    }

    /// Query, and all that comes in answer.
    pub fn run(&mut self, sql: &str) -> Reply {
        self.query(sql).reply()
    }

    /// Sends what has been put together and reads up to ReadyForQuery.
    pub fn reply(&mut self) -> Reply {
        self.send();
        let mut messages = Vec::new();
        loop {
            let message = self.receive();
            let last = message.tag == 'Z';
            messages.push(message);
            if last || self.is_fatal(&messages) {
                return Reply(messages);
            }
        }
    }

    /// Sends what has been put together, without reading anything.
    pub fn send(&mut self) {
        self.stream.write_all(&std::mem::take(&mut self.outgoing)).unwrap();
    }

    /// Reads the next message.
    pub fn receive(&mut self) -> Message {
        let mut head = [0_u8; 5];
        self.stream.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body).unwrap();
        self.received += length + 1;
        Message { tag: char::from(head[0]), body }
    }

    /// All that still comes in until the server closes the connection. It may end within a message: a server that gives up
    /// on a client that does not read says nothing any more.
    pub fn until_closed(&mut self) -> Reply {
        let mut bytes = Vec::new();
        // An error is an end, too.
        let _ = self.stream.read_to_end(&mut bytes);
        self.received += bytes.len();
        let mut messages = Vec::new();
        let mut rest = bytes.as_slice();
        while let [tag, a, b, c, d, body @ ..] = rest
            && let Some((body, after)) = body.split_at_checked(u32::from_be_bytes([*a, *b, *c, *d]) as usize - 4)
        {
            messages.push(Message { tag: char::from(*tag), body: body.to_vec() });
            rest = after;
        }
        Reply(messages)
    }

    /// Bytes received so far.
    pub fn received(&self) -> usize {
        self.received
    }

    /// After FATAL the server closes the connection, and no ReadyForQuery comes.
    fn is_fatal(&self, messages: &[Message]) -> bool {
        messages.last().is_some_and(|last| last.tag == 'E' && last.field('V').as_deref() == Some("FATAL"))
    }
}

fn texts(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| text.bytes().chain([0])).collect()
}

impl Message {
    /// A field of an ErrorResponse or NoticeResponse: `C` SQLSTATE, `M` message, `P` position, `W` context …
    pub fn field(&self, code: char) -> Option<String> {
        let fields = self.body.split(|byte| *byte == 0).filter(|field| !field.is_empty());
        let mut fields = fields.map(|field| String::from_utf8_lossy(field).into_owned());
        fields.find(|field| field.starts_with(code)).map(|field| field[1..].to_owned())
    }

    /// The values of a DataRow; NULL is `None`.
    pub fn values(&self) -> Vec<Option<String>> {
        let mut rest = &self.body[2..];
        let mut values = Vec::new();
        while !rest.is_empty() {
            let (length, after) = rest.split_at(4);
            let length = i32::from_be_bytes([length[0], length[1], length[2], length[3]]);
            if length < 0 {
                values.push(None);
                rest = after;
            } else {
                let (value, after) = after.split_at(length as usize);
                values.push(Some(String::from_utf8_lossy(value).into_owned()));
                rest = after;
            }
        }
        values
    }
}

impl Reply {
    /// The first column of every row.
    pub fn column(&self) -> Vec<String> {
        let rows = self.0.iter().filter(|message| message.tag == 'D').map(Message::values);
        rows.map(|row| row.into_iter().next().flatten().unwrap_or_else(|| "NULL".to_owned())).collect()
    }

    /// The SQLSTATE of the error, if there was one.
    pub fn error(&self) -> Option<String> {
        self.0.iter().find(|message| message.tag == 'E').and_then(|error| error.field('C'))
    }

    /// Whether a message of this type came.
    pub fn has(&self, tag: char) -> bool {
        self.0.iter().any(|message| message.tag == tag)
    }

    /// Itself, unless it is an error.
    #[track_caller]
    pub fn fine(self) -> Reply {
        assert!(self.error().is_none(), "{self:?}");
        self
    }
}
