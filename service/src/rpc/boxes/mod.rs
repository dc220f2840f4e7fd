//! `BoxService`.

pub(crate) mod convert;

use std::pin::Pin;
use std::sync::Arc;

use serendib_engine::boxes::Phase;
use serendib_proto::v1;
use serendib_proto::v1::box_service_server::BoxService;
use serendib_proto::v1::pack_boxes_response::Piece;
use serendib_proto::v1::{
    GetBoxesRequest, GetBoxesResponse, PackBoxesRequest, PackBoxesResponse, RepackBoxRequest,
    RepackBoxResponse, UpdateBoxesRequest, UpdateBoxesResponse,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use crate::answer::boxes::{self, Event, Keep, PackAsk, Packed};
use crate::answer::new_id;
use crate::app::App;
use crate::clock::now_ms;
use crate::rpc::boxes::convert::{box_to_proto, pack_ask_from_proto, summary_to_proto};
use crate::rpc::counted;
use crate::rpc::fields::{at_most, id, ids, optional_id, Invalid};
use crate::rpc::status::store_status;
use crate::store::{BoxEnd, BoxQuery, StoreError, StoredBox};
use crate::workers::deadline::Deadline;

/// Pieces of an answer that wait for their reader.
const AHEAD: usize = 64;
/// Boxes read at one time.
const PAGE: usize = 1_000;

#[derive(Debug, Clone)]
pub struct BoxRpc(pub Arc<App>);

fn refused(error: StoreError) -> Status {
    store_status(&error)
}

type Pieces = mpsc::Sender<Result<PackBoxesResponse, Status>>;

#[tonic::async_trait]
impl BoxService for BoxRpc {
    type PackBoxesStream = Pin<Box<dyn Stream<Item = Result<PackBoxesResponse, Status>> + Send>>;

    async fn pack_boxes(
        &self,
        request: Request<PackBoxesRequest>,
    ) -> Result<Response<Self::PackBoxesStream>, Status> {
        let app = self.0.clone();
        let deadline = Deadline::said(request.metadata());
        let ask = pack_ask_from_proto(request.get_ref())?;
        let (pieces, receiver) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            let worker = pack_boxes(&app, ask, deadline, &pieces);
            if let Err(status) = counted(&app, "PackBoxes", worker).await {
                let _ = pieces.send(Err(status)).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn repack_box(
        &self,
        request: Request<RepackBoxRequest>,
    ) -> Result<Response<RepackBoxResponse>, Status> {
        let app = &self.0;
        counted(app, "RepackBox", repack_box(app, request.get_ref())).await
    }

    async fn update_boxes(
        &self,
        request: Request<UpdateBoxesRequest>,
    ) -> Result<Response<UpdateBoxesResponse>, Status> {
        let app = &self.0;
        counted(app, "UpdateBoxes", update_boxes(app, request.get_ref())).await
    }

    async fn get_boxes(
        &self,
        request: Request<GetBoxesRequest>,
    ) -> Result<Response<GetBoxesResponse>, Status> {
        let app = &self.0;
        counted(app, "GetBoxes", get_boxes(app, request.get_ref())).await
    }
}

async fn pack_boxes(
    app: &Arc<App>,
    ask: PackAsk,
    deadline: Option<Deadline>,
    pieces: &Pieces,
) -> Result<(), Status> {
    let kept = !ask.dry_run;
    let asked = boxes::asked_for(&ask.boxes);
    let before = match &ask.pack_id {
        Some(pack_id) if kept => packed_before(app, pack_id, asked).await?,
        _ => None,
    };
    let packed = match before {
        Some(packed) => packed,
        None => {
            let (events, heard) = mpsc::channel(AHEAD);
            let pack_id = ask.pack_id.clone();
            let packing = boxes::pack(&app.packer, ask, deadline, events);
            let telling = tell(heard, pieces.clone());
            let (packed, ()) = tokio::join!(packing, telling);
            match (packed, pack_id) {
                // the same call came twice at once: both get what was kept
                (Err(error), Some(pack_id)) if error.already_exists() => {
                    packed_before(app, &pack_id, asked).await?.ok_or(error)?
                }
                (packed, _) => packed?,
            }
        }
    };
    let view = app.views.get();
    let piece = |piece| PackBoxesResponse {
        request_id: packed.request_id.clone(),
        model_id: packed.view.generation.id().to_owned(),
        piece: Some(piece),
    };
    let gone = |_| Status::cancelled("nobody waits for the boxes any more");
    for stored in &packed.boxes {
        let message = Piece::Box(box_to_proto(stored, &view, false));
        pieces.send(Ok(piece(message))).await.map_err(gone)?;
    }
    let fresh = Packed {
        request_id: packed.request_id.clone(),
        view: if kept { view } else { packed.view.clone() },
        pack: packed.pack.clone(),
        boxes: packed.boxes,
        whole: packed.whole.clone(),
    };
    let summary = summary_to_proto(&fresh, kept);
    let message = PackBoxesResponse {
        request_id: fresh.request_id,
        model_id: packed.view.generation.id().to_owned(),
        piece: Some(Piece::Summary(summary)),
    };
    pieces.send(Ok(message)).await.map_err(gone)
}

/// A pack that was kept under this id; refused where it was one of other boxes.
async fn packed_before(
    app: &Arc<App>,
    pack_id: &str,
    asked: u64,
) -> Result<Option<Packed>, Status> {
    let Some(pack) = app.store.pack(pack_id.to_owned()).await.map_err(refused)? else {
        return Ok(None);
    };
    if boxes::is_another(&pack, asked) {
        let what = format!("pack_id: {pack_id:?} is the id of a pack of other boxes");
        return Err(Status::already_exists(what));
    }
    let mut found: Vec<StoredBox> = Vec::new();
    loop {
        let after = found.last().map(|b| b.box_id.clone());
        let query = BoxQuery::Pack(pack_id.to_owned(), after, PAGE);
        let page = app.store.boxes(query, now_ms()).await.map_err(refused)?;
        let last = page.len() < PAGE;
        found.extend(page);
        if last {
            break;
        }
    }
    Ok(Some(Packed {
        request_id: new_id(),
        view: app.views.get(),
        whole: boxes::whole_of(&pack),
        pack,
        boxes: found,
    }))
}

/// Tells how far the packing is, for as long as somebody listens; then stops hearing, which ends the packing.
async fn tell(mut heard: mpsc::Receiver<Event>, pieces: Pieces) {
    loop {
        let event = tokio::select! {
            event = heard.recv() => event,
            () = pieces.closed() => None,
        };
        let Some(event) = event else { return };
        let progress = match event {
            Event::Scoring(done) => v1::PackProgress {
                phase: v1::PackPhase::Scoring.into(),
                done,
                ..v1::PackProgress::default()
            },
            Event::Search(progress) => v1::PackProgress {
                phase: match progress.phase {
                    Phase::Greedy | Phase::Prices => v1::PackPhase::Prices,
                    Phase::Exchange => v1::PackPhase::Exchange,
                    Phase::Finish => v1::PackPhase::Finish,
                }
                .into(),
                done: progress.done,
                value: progress.value,
                bound: progress.bound,
                gap: progress.gap,
            },
            Event::Keeping => v1::PackProgress {
                phase: v1::PackPhase::Keeping.into(),
                ..v1::PackProgress::default()
            },
        };
        let finite = [progress.value, progress.bound, progress.gap];
        if finite.iter().any(|number| !number.is_finite()) {
            continue;
        }
        let message = PackBoxesResponse {
            piece: Some(Piece::Progress(progress)),
            ..PackBoxesResponse::default()
        };
        if pieces.send(Ok(message)).await.is_err() {
            return;
        }
    }
}

async fn repack_box(
    app: &Arc<App>,
    request: &RepackBoxRequest,
) -> Result<RepackBoxResponse, Status> {
    let box_id = id("box_id", &request.box_id)?;
    let without = ids("without_product_ids", &request.without_product_ids, 1_000)?;
    let keep = ids("keep_product_ids", &request.keep_product_ids, 64)?;
    let locale = optional_id("locale", request.locale.as_deref())?;
    let keep = Keep::Products(keep);
    let stored = boxes::repack(
        &app.packer,
        &box_id,
        &without,
        keep,
        request.lock,
        locale.as_deref(),
    )
    .await?;
    Ok(RepackBoxResponse {
        request_id: new_id(),
        model_id: app.model_id(),
        r#box: Some(box_to_proto(&stored, &app.views.get(), false)),
    })
}

async fn update_boxes(
    app: &Arc<App>,
    request: &UpdateBoxesRequest,
) -> Result<UpdateBoxesResponse, Status> {
    if request.box_ids.is_empty() {
        return Err(Invalid::new("box_ids", "is empty, expected at least one entry").into());
    }
    let box_ids = ids("box_ids", &request.box_ids, 10_000)?;
    let now = now_ms();
    let end = match v1::BoxUpdate::try_from(request.update) {
        Ok(v1::BoxUpdate::Lock) => return lock(app, box_ids, true).await,
        Ok(v1::BoxUpdate::Unlock) => return lock(app, box_ids, false).await,
        Ok(v1::BoxUpdate::Shipped) => BoxEnd::Shipped,
        Ok(v1::BoxUpdate::Delivered) => BoxEnd::Delivered,
        Ok(v1::BoxUpdate::Cancelled) => BoxEnd::Cancelled,
        Ok(v1::BoxUpdate::Unspecified) | Err(_) => {
            return Err(Invalid::new("update", "is not something to say of boxes").into())
        }
    };
    let ended = app
        .store
        .end_boxes(box_ids, end, now)
        .await
        .map_err(refused)?;
    // what has left or is done lapses no more
    ended.iter().for_each(|b| app.spoilers.note(b, i64::MAX));
    let mut products: Vec<String> = ended
        .iter()
        .flat_map(|b| b.lines.iter().map(|line| line.product_id.clone()))
        .collect();
    products.sort_unstable();
    products.dedup();
    app.views.apply(products, now).await.map_err(refused)?;
    answer_update(app, &ended)
}

fn answer_update(app: &App, stored: &[StoredBox]) -> Result<UpdateBoxesResponse, Status> {
    let view = app.views.get();
    Ok(UpdateBoxesResponse {
        request_id: new_id(),
        model_id: view.generation.id().to_owned(),
        boxes: stored
            .iter()
            .map(|b| box_to_proto(b, &view, false))
            .collect(),
    })
}

/// Locks or unlocks packed boxes.
async fn lock(
    app: &Arc<App>,
    box_ids: Vec<String>,
    locked: bool,
) -> Result<UpdateBoxesResponse, Status> {
    let now = now_ms();
    let boxes = app
        .store
        .lock_boxes(box_ids, locked, now)
        .await
        .map_err(refused)?;
    answer_update(app, &boxes)
}

async fn get_boxes(app: &App, request: &GetBoxesRequest) -> Result<GetBoxesResponse, Status> {
    let size = match request.page_size as usize {
        0 => 100,
        size if size <= PAGE => size,
        size => {
            let what = format!("is {size}, expected at most {PAGE}");
            return Err(Invalid::new("page_size", what).into());
        }
    };
    let asked = [
        !request.box_ids.is_empty(),
        !request.pack_id.is_empty(),
        !request.customer_id.is_empty(),
    ];
    if asked.iter().filter(|asked| **asked).count() != 1 {
        let what = "expected exactly one of box_ids, pack_id and customer_id";
        return Err(Invalid::new("box_ids", what).into());
    }
    let by_pack = !request.pack_id.is_empty();
    let query = if by_pack {
        let after = optional_id("page_token", Some(&request.page_token))?;
        BoxQuery::Pack(id("pack_id", &request.pack_id)?, after, size)
    } else if !request.customer_id.is_empty() {
        BoxQuery::Customer(id("customer_id", &request.customer_id)?, size)
    } else {
        at_most("box_ids", request.box_ids.len(), PAGE)?;
        BoxQuery::Ids(ids("box_ids", &request.box_ids, PAGE)?)
    };
    let found = app.store.boxes(query, now_ms()).await.map_err(refused)?;
    let more = by_pack && found.len() == size;
    let next = found.last().filter(|_| more).map(|b| b.box_id.clone());
    let view = app.views.get();
    Ok(GetBoxesResponse {
        request_id: new_id(),
        model_id: view.generation.id().to_owned(),
        boxes: found
            .iter()
            .map(|b| box_to_proto(b, &view, request.for_customer))
            .collect(),
        next_page_token: next.unwrap_or_default(),
    })
}
