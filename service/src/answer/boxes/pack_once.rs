//! A pack that may be asked for again, by its id.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::answer::boxes::kept::{asked_for, is_another, whole_of};
use crate::answer::boxes::pack::{pack, Event, Packed};
use crate::answer::boxes::{PackAsk, Packer};
use crate::answer::call::Call;
use crate::answer::refusal::Refusal;
use crate::clock::now_ms;
use crate::store::{BoxQuery, StoredBox};

/// Boxes read at one time.
const PAGE: usize = 1_000;

/// Packs what is asked for, see [`pack`]; a pack that was kept under the id before is answered again.
///
/// # Errors
/// Those of [`pack`], and an id that is that of a pack of other boxes.
pub async fn pack_once(
    packer: &Arc<Packer>,
    ask: PackAsk,
    call: &Call,
    events: mpsc::Sender<Event>,
) -> Result<Packed, Refusal> {
    let asked = asked_for(&ask.boxes);
    let kept_as = ask.pack_id.clone();
    if let Some(pack_id) = kept_as.as_ref().filter(|_| !ask.dry_run) {
        if let Some(before) = packed_before(packer, pack_id, asked, call).await? {
            return Ok(before);
        }
    }
    match (pack(packer, ask, call, events).await, kept_as) {
        // the same call came twice at once: both get what was kept
        (Err(error), Some(pack_id)) if error.already_exists() => {
            let before = packed_before(packer, &pack_id, asked, call).await?;
            before.ok_or(error)
        }
        (packed, _) => packed,
    }
}

/// A pack that was kept under this id; refused where it was one of other boxes.
async fn packed_before(
    packer: &Packer,
    pack_id: &str,
    asked: u64,
    call: &Call,
) -> Result<Option<Packed>, Refusal> {
    let store = &packer.keeping.store;
    let Some(pack) = store.pack(pack_id.to_owned()).await? else {
        return Ok(None);
    };
    if is_another(&pack, asked) {
        let what = format!("pack_id: {pack_id:?} is the id of a pack of other boxes");
        return Err(Refusal::Taken(what));
    }
    let mut boxes: Vec<StoredBox> = Vec::new();
    loop {
        let after = boxes.last().map(|b| b.box_id.clone());
        let query = BoxQuery::Pack(pack_id.to_owned(), after, PAGE);
        let page = store.boxes(query, now_ms()).await?;
        let last = page.len() < PAGE;
        boxes.extend(page);
        if last {
            break;
        }
    }
    Ok(Some(Packed {
        request_id: call.request_id.clone(),
        view: packer.keeping.views.get(),
        whole: whole_of(&pack),
        pack,
        boxes,
    }))
}
