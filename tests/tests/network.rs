//! What callers do to the server that are no friends of it.

use std::time::Duration;

use serendib_proto::v1::{
    GetProductsRequest, RecordRequest, ReservationLine, ReserveStockRequest, Touchpoint,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;

use crate::support::{touch, Shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_over_which_no_call_comes_is_closed() {
    let shop = Shop::open().await;
    // a client that called goes on, however long it is silent then
    shop.record(vec![touch("ada", "view", "books-0", "a")])
        .await;
    let mut silent = TcpStream::connect(shop.running().addr).await.unwrap();
    let mut half = TcpStream::connect(shop.running().addr).await.unwrap();
    half.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    // the preface and an empty SETTINGS frame, and then nothing
    let mut greeted = TcpStream::connect(shop.running().addr).await.unwrap();
    greeted
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    for connection in [&mut silent, &mut half, &mut greeted] {
        let mut rest = Vec::new();
        let closed = connection.read_to_end(&mut rest);
        let closed = tokio::time::timeout(Duration::from_secs(60), closed).await;
        assert!(closed.is_ok(), "still open");
    }
    shop.record(vec![touch("ada", "view", "books-0", "a")])
        .await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_endless_empty_rows_is_refused_before_it_is_decoded() {
    let shop = Shop::open().await;
    let request = RecordRequest {
        touchpoints: vec![Touchpoint::default(); 200_000],
    };
    let refused = shop.touchpoints().record(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(
        refused.message().contains("messages in 400000 bytes"),
        "{refused}"
    );
    shop.record(vec![touch("ada", "view", "books-0", "a")])
        .await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_numbers_stop_nothing() {
    let shop = Shop::open().await;
    let reserve = |id: &str, product: &str, quantity: i64| ReserveStockRequest {
        reservation_id: id.into(),
        lines: vec![ReservationLine {
            product_id: product.into(),
            quantity,
        }],
        ..ReserveStockRequest::default()
    };
    for quantity in [i64::MAX, 1_000_000_001, i64::MIN] {
        let refused = shop
            .catalogue()
            .reserve_stock(reserve("r", "books-0", quantity))
            .await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains("lines[0].quantity"), "{refused}");
    }
    let extreme = |quantity: f64, value: f64| Touchpoint {
        quantity: Some(quantity),
        value: Some(value),
        ..touch("ada", "purchase", "books-0", "t")
    };
    for (quantity, value) in [(1e308, 1.0), (1.0, 1e308), (1.0, -1e308)] {
        let refused = shop
            .touchpoints()
            .record(RecordRequest {
                touchpoints: vec![extreme(quantity, value)],
            })
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{quantity} {value}");
    }
    let asked = GetProductsRequest {
        product_ids: vec!["books-0".into()],
        ..GetProductsRequest::default()
    };
    assert_eq!(
        shop.catalogue()
            .get_products(asked)
            .await
            .unwrap()
            .into_inner()
            .products
            .len(),
        1
    );
    shop.close().await;
}
