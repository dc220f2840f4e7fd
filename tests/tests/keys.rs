//! Who may call what, where keys are asked for.

use std::path::Path;
use std::time::{Duration, Instant};

use serendib_proto::Rpc;
use serendib_service::auth::{Keys, Role};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Code, Request};

use crate::support::Shop;

/// Keys of every role, with their secrets, in a file at `path`.
fn keys(path: &Path) -> Vec<(Role, String)> {
    let mut keys = Keys::default();
    let made = Role::ALL.map(|role| (role, keys.make(role.as_str(), role).unwrap()));
    keys.write(path).unwrap();
    made.into()
}

/// What an empty message to `path` is answered, with `key` shown.
async fn code(channel: Channel, path: &str, key: Option<&str>) -> Code {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let mut request = Request::new(());
    if let Some(key) = key {
        let shown = format!("Bearer {key}").parse().unwrap();
        request.metadata_mut().insert("authorization", shown);
    }
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let path = PathAndQuery::try_from(path).unwrap();
    match client.unary(request, path, codec).await {
        Ok(_) => Code::Ok,
        Err(status) => status.code(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_for_the_roles_that_may_make_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys");
    let made = keys(&file);
    let shop = Shop::with(|raw| raw.auth.keys_file = file.to_str().unwrap().into()).await;
    let wrong = format!("serendib_{}", "0".repeat(64));
    for rpc in Rpc::ALL {
        for key in [None, Some(""), Some(wrong.as_str())] {
            let code = code(shop.channel(), rpc.path(), key).await;
            assert_eq!(code, Code::Unauthenticated, "{rpc:?} {key:?}");
        }
        for (role, secret) in &made {
            let code = code(shop.channel(), rpc.path(), Some(secret)).await;
            let passed = !matches!(code, Code::PermissionDenied | Code::Unauthenticated);
            assert_eq!(passed, role.may(rpc), "{rpc:?} {role}: {code:?}");
        }
    }
    let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    assert_eq!(
        code(shop.channel(), reflection, None).await,
        Code::Unauthenticated
    );
    let health = "/grpc.health.v1.Health/Check";
    assert_eq!(code(shop.channel(), health, None).await, Code::Ok);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_counts_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys");
    let made = keys(&file);
    let shop = Shop::with(|raw| raw.auth.keys_file = file.to_str().unwrap().into()).await;
    let (role, secret) = &made[4];
    let ask = || code(shop.channel(), Rpc::GetCustomer.path(), Some(secret));
    assert_eq!(ask().await, Code::InvalidArgument);
    let mut keys = Keys::read(&file).unwrap();
    keys.revoke(role.as_str()).unwrap();
    keys.write(&file).unwrap();
    let since = Instant::now();
    while ask().await != Code::Unauthenticated {
        assert!(since.elapsed() < Duration::from_secs(60), "it still counts");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // the others still do
    let (_, admin) = &made[5];
    let code = code(shop.channel(), Rpc::GetCustomer.path(), Some(admin)).await;
    assert_eq!(code, Code::InvalidArgument);
    shop.close().await;
}
