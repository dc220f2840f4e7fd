//! `BoxService`.

pub(crate) mod convert;

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
use tonic::{Request, Response, Status};
use tracing::Instrument;

use crate::answer::boxes::{self, Event, Keep, PackAsk, Packer};
use crate::answer::call::Call;
use crate::clock::now_ms;
use crate::rpc::boxes::convert::{box_to_proto, pack_ask_from_proto, summary_to_proto};
use crate::rpc::fields::{at_most, bounded, id, ids, optional_id, some, Invalid};
use crate::rpc::layer::{meter, opened, streamed};
use crate::rpc::pages::{fill, place};
use crate::rpc::stream::Answers;
use crate::store::{BoxEnd, BoxQuery, StoredBox};

/// Pieces of an answer that wait for their reader.
const AHEAD: usize = 64;
/// Boxes read at one time.
const PAGE: usize = 1_000;
/// Boxes changed in one call at most.
const MAX_ROWS: usize = 10_000;

#[derive(Debug, Clone)]
pub struct BoxRpc(pub Arc<Packer>);

type Pieces = mpsc::Sender<Result<PackBoxesResponse, Status>>;

#[tonic::async_trait]
impl BoxService for BoxRpc {
    type PackBoxesStream = Answers<PackBoxesResponse>;

    async fn pack_boxes(
        &self,
        request: Request<PackBoxesRequest>,
    ) -> Result<Response<Self::PackBoxesStream>, Status> {
        let (service, meter) = (self.clone(), meter(&request)?);
        let (call, message) = opened(request)?;
        let ask = pack_ask_from_proto(&message)?;
        let (pieces, receiver) = mpsc::channel(AHEAD);
        let packing = async move {
            let packing = service.pack(ask, call, &pieces);
            if let Err(status) = meter.counted(packing).await {
                let _ = pieces.send(Err(status)).await;
            }
        };
        tokio::spawn(packing.in_current_span());
        Ok(streamed(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn repack_box(
        &self,
        request: Request<RepackBoxRequest>,
    ) -> Result<Response<RepackBoxResponse>, Status> {
        let (call, message) = opened(request)?;
        let box_id = id("box_id", &message.box_id)?;
        let without = ids("without_product_ids", &message.without_product_ids, 1_000)?;
        let keep = Keep::Products(ids("keep_product_ids", &message.keep_product_ids, 64)?);
        let locale = optional_id("locale", message.locale.as_deref())?;
        let (lock, locale) = (message.lock, locale.as_deref());
        let stored = boxes::repack(&self.0, &box_id, &without, keep, lock, locale).await?;
        let view = self.0.keeping.views.get();
        Ok(Response::new(RepackBoxResponse {
            request_id: call.request_id,
            model_id: view.generation.id().to_owned(),
            r#box: Some(box_to_proto(&stored, &view, false)),
        }))
    }

    async fn update_boxes(
        &self,
        request: Request<UpdateBoxesRequest>,
    ) -> Result<Response<UpdateBoxesResponse>, Status> {
        let (call, message) = opened(request)?;
        some("box_ids", message.box_ids.len(), MAX_ROWS)?;
        let box_ids = ids("box_ids", &message.box_ids, MAX_ROWS)?;
        let stored = self.update(box_ids, message.update).await?;
        let view = self.0.keeping.views.get();
        let messages = stored.iter().map(|b| box_to_proto(b, &view, false));
        Ok(Response::new(UpdateBoxesResponse {
            request_id: call.request_id,
            model_id: view.generation.id().to_owned(),
            boxes: messages.collect(),
        }))
    }

    async fn get_boxes(
        &self,
        request: Request<GetBoxesRequest>,
    ) -> Result<Response<GetBoxesResponse>, Status> {
        let (call, message) = opened(request)?;
        let size = bounded("page_size", message.page_size, 100, PAGE as u32)? as usize;
        let query = query_from_proto(&message, size)?;
        let by_pack = matches!(query, BoxQuery::Pack(..));
        let found = self.0.keeping.store.boxes(query, now_ms()).await?;
        // a pack is read on from its last box, other boxes from the place of the last one
        let start = if by_pack {
            0
        } else {
            place(&message.page_token)?
        };
        let view = self.0.keeping.views.get();
        let rest = found.iter().skip(start);
        let (messages, all) = fill(rest.map(|b| box_to_proto(b, &view, message.for_customer)));
        let next = match messages.last() {
            Some(last) if by_pack && (!all || found.len() == size) => last.box_id.clone(),
            Some(_) if !by_pack && !all => (start + messages.len()).to_string(),
            _ => String::new(),
        };
        Ok(Response::new(GetBoxesResponse {
            request_id: call.request_id,
            model_id: view.generation.id().to_owned(),
            boxes: messages,
            next_page_token: next,
        }))
    }
}

impl BoxRpc {
    /// Packs, and sends every piece of the answer.
    async fn pack(&self, ask: PackAsk, call: Call, pieces: &Pieces) -> Result<(), Status> {
        let kept = !ask.dry_run;
        let (events, heard) = mpsc::channel(AHEAD);
        let packing = boxes::pack_once(&self.0, ask, &call, events);
        let (packed, ()) = tokio::join!(packing, tell(heard, pieces.clone()));
        let packed = packed?;
        let view = self.0.keeping.views.get();
        let model_id = packed.view.generation.id().to_owned();
        let piece = |piece| PackBoxesResponse {
            request_id: packed.request_id.clone(),
            model_id: model_id.clone(),
            piece: Some(piece),
        };
        let gone = |_| Status::cancelled("nobody waits for the boxes any more");
        for stored in &packed.boxes {
            let message = Piece::Box(box_to_proto(stored, &view, false));
            pieces.send(Ok(piece(message))).await.map_err(gone)?;
        }
        // what is left of what was kept, the view of now shows
        let seen = if kept { &view } else { &packed.view };
        let summary = summary_to_proto(&packed, seen, kept);
        let last = piece(Piece::Summary(summary));
        pieces.send(Ok(last)).await.map_err(gone)
    }

    async fn update(&self, box_ids: Vec<String>, update: i32) -> Result<Vec<StoredBox>, Status> {
        let end = match v1::BoxUpdate::try_from(update) {
            Ok(v1::BoxUpdate::Lock) => return Ok(boxes::lock(&self.0, box_ids, true).await?),
            Ok(v1::BoxUpdate::Unlock) => return Ok(boxes::lock(&self.0, box_ids, false).await?),
            Ok(v1::BoxUpdate::Shipped) => BoxEnd::Shipped,
            Ok(v1::BoxUpdate::Delivered) => BoxEnd::Delivered,
            Ok(v1::BoxUpdate::Cancelled) => BoxEnd::Cancelled,
            Ok(v1::BoxUpdate::Unspecified) | Err(_) => {
                return Err(Invalid::new("update", "is not something to say of boxes").into())
            }
        };
        Ok(boxes::end(&self.0, box_ids, end).await?)
    }
}

fn query_from_proto(message: &GetBoxesRequest, size: usize) -> Result<BoxQuery, Invalid> {
    let asked = [
        !message.box_ids.is_empty(),
        !message.pack_id.is_empty(),
        !message.customer_id.is_empty(),
    ];
    if asked.iter().filter(|asked| **asked).count() != 1 {
        let what = "expected exactly one of box_ids, pack_id and customer_id";
        return Err(Invalid::new("box_ids", what));
    }
    if !message.pack_id.is_empty() {
        let after = optional_id("page_token", Some(&message.page_token))?;
        return Ok(BoxQuery::Pack(
            id("pack_id", &message.pack_id)?,
            after,
            size,
        ));
    }
    if !message.customer_id.is_empty() {
        let customer = id("customer_id", &message.customer_id)?;
        return Ok(BoxQuery::Customer(customer, size));
    }
    at_most("box_ids", message.box_ids.len(), PAGE)?;
    Ok(BoxQuery::Ids(ids("box_ids", &message.box_ids, PAGE)?))
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
