//! Streams of touchpoints that stop in the middle of a batch, written byte by byte.
//!
//! A generated client always sends whole messages, so these connections speak HTTP/2 themselves.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use prost::Message;
use serendib_proto::v1::{
    GetCustomerRequest, ListKind, RecordRequest, RecordStatus, RecordStreamResponse,
};

use crate::support::{touch, Shop};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ROWS: usize = 40;

/// How the stream stops.
#[derive(Debug, Clone, Copy)]
enum Stop {
    /// The client says that it has no more to send.
    End,
    /// The client gives the stream up.
    Reset,
    /// The connection is gone, in the middle of a frame.
    Gone,
    /// The message has its full length, but not in it what a message consists of.
    Garbled,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Headers of a call, as literals that no table has to remember.
fn headers(path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.bytes());
        }
    }
    block
}

/// A message as gRPC sends it: one byte, its length, itself.
fn message(request: &RecordRequest) -> Vec<u8> {
    let body = request.encode_to_vec();
    let mut bytes = vec![0];
    bytes.extend((body.len() as u32).to_be_bytes());
    bytes.extend(body);
    bytes
}

/// The first message that the server answers with; empties nothing that follows.
fn first_answer(connection: &mut TcpStream) -> RecordStreamResponse {
    let mut found = Vec::new();
    loop {
        let mut head = [0; 9];
        connection.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        connection.read_exact(&mut payload).unwrap();
        if head[3] == DATA {
            found.extend(payload);
        }
        if found.len() > 5 {
            let length = u32::from_be_bytes([found[1], found[2], found[3], found[4]]) as usize;
            if found.len() >= 5 + length {
                return RecordStreamResponse::decode(&found[5..5 + length]).unwrap();
            }
        }
    }
}

/// Sends one whole batch, waits until it is acknowledged, then sends half of another.
fn cut_off(addr: SocketAddr, first: &RecordRequest, second: &RecordRequest, stop: Stop) {
    let mut connection = TcpStream::connect(addr).unwrap();
    // Only so that a server that says nothing fails the test instead of hanging it.
    connection
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut opening = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    opening.extend(frame(SETTINGS, 0, 0, &[]));
    let call = headers("/serendib.v1.TouchpointService/RecordStream");
    opening.extend(frame(HEADERS, END_HEADERS, 1, &call));
    opening.extend(frame(DATA, 0, 1, &message(first)));
    connection.write_all(&opening).unwrap();
    let answer = first_answer(&mut connection);
    assert_eq!(answer.sequence, 0, "{stop:?}");
    let mut next = message(second);
    let half = next.len() / 2;
    match stop {
        Stop::End => {
            let cut = frame(DATA, END_STREAM, 1, &next[..half]);
            connection.write_all(&cut).unwrap();
        }
        Stop::Reset => {
            connection
                .write_all(&frame(DATA, 0, 1, &next[..half]))
                .unwrap();
            let cancel = 8_u32.to_be_bytes();
            connection
                .write_all(&frame(RST_STREAM, 0, 1, &cancel))
                .unwrap();
        }
        Stop::Gone => {
            let whole = frame(DATA, 0, 1, &next);
            connection.write_all(&whole[..9 + half]).unwrap();
        }
        Stop::Garbled => {
            next[5 + half..].fill(0xff);
            connection
                .write_all(&frame(DATA, END_STREAM, 1, &next))
                .unwrap();
        }
    }
    connection.shutdown(Shutdown::Write).unwrap();
    // Until the server has nothing more to say: then it has seen where the stream stopped.
    let _ = connection.read_to_end(&mut Vec::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_cut_in_the_middle_of_a_batch_stores_what_was_whole_and_nothing_of_the_rest() {
    let shop = Shop::open().await;
    let addr = shop.running().addr;
    let stops = [Stop::End, Stop::Reset, Stop::Gone, Stop::Garbled];
    for (round, stop) in stops.into_iter().enumerate() {
        let batch = |name: &str| RecordRequest {
            touchpoints: (0..ROWS)
                .map(|row| touch("ada", "view", "garden-2", &format!("{round}-{name}-{row}")))
                .collect(),
        };
        let (whole, cut) = (batch("whole"), batch("cut"));
        let (first, second) = (whole.clone(), cut.clone());
        tokio::task::spawn_blocking(move || cut_off(addr, &first, &second, stop))
            .await
            .unwrap();
        // Sent again, what was whole is known, and of the rest every row is new.
        for (request, expected) in [
            (whole, RecordStatus::Duplicate),
            (cut, RecordStatus::Stored),
        ] {
            let answer = shop.touchpoints().record(request).await.unwrap();
            let outcomes = answer.into_inner().outcomes;
            assert_eq!(outcomes.len(), ROWS);
            assert!(
                outcomes.iter().all(|o| o.status() == expected),
                "{stop:?}: {outcomes:?}"
            );
        }
    }
    let card = GetCustomerRequest {
        customer_id: "ada".into(),
        ..GetCustomerRequest::default()
    };
    let seen = shop.customers().get_customer(card).await.unwrap();
    let all = (2 * ROWS * stops.len()) as u64;
    assert_eq!(seen.into_inner().touchpoints, all);
    assert!(shop.list("ada", ListKind::ForYou, 3).await.personal);
    shop.close().await;
}
