//! `GetLife`, and the life part of the 360° card.

use std::sync::Arc;

use serendib_engine::explain::{outlook, Discretion, Outlook, OutlookRequest, Wanted};
use serendib_engine::life::{Band, Occasion, Timeline};
use serendib_proto::v1;
use serendib_proto::v1::{GetLifeRequest, GetLifeResponse};
use serendib_shop::Catalogue;
use tonic::Status;

use crate::answer::call::Call;
use crate::answer::Answering;
use crate::clock::now_ms;
use crate::rpc::fields::{bounded, id, Invalid};
use crate::snapshot::customers::Encoded;
use crate::snapshot::views::View;
use crate::store::CustomerState;

/// Longest look ahead, days.
const FARTHEST: u32 = 3_660;
/// Most needs in one answer.
const MOST_NEEDS: u32 = 1_000;
/// Products named for each need.
const PRODUCTS: usize = 5;

pub(super) async fn get(
    answering: &Arc<Answering>,
    request: &GetLifeRequest,
    call: Call,
) -> Result<GetLifeResponse, Status> {
    let customer = id("customer_id", &request.customer_id)?;
    let horizon = bounded("horizon_days", request.horizon_days, 60, FARTHEST)?;
    let needs = bounded("needs", request.needs, 20, MOST_NEEDS)?;
    let lead = request.lead_days;
    bounded("lead_days", lead.unwrap_or(0), 0, FARTHEST)?;
    if request.at_ms.is_some_and(|at| at <= 0) {
        return Err(Invalid::new("at_ms", "is not after 1970-01-01").into());
    }
    let state = answering.known(&customer, request.at_ms).await?;
    let now = request.at_ms.unwrap_or_else(|| now_ms() + 1);
    let locale = if request.locale.is_empty() {
        let own = state.profile.locale.clone();
        own.unwrap_or_else(|| answering.keeping.config.recommend.locale.clone())
    } else {
        request.locale.clone()
    };
    let view = answering.keeping.views.get();
    let (worker, seen, earlier) = (answering.clone(), view.clone(), request.at_ms.is_some());
    let life = answering
        .pool
        .run(call.deadline, move |_| {
            let ask = OutlookRequest {
                now: seen.generation.ranked_at(now),
                horizon_days: f64::from(horizon),
                lead_days: lead.map(f64::from),
                needs: needs as usize,
                products: PRODUCTS,
                locale: &locale,
                discretion: Discretion::default(),
            };
            // A state as of an earlier time is not the one that the next request will want.
            let encoded = if earlier {
                Arc::new(Encoded::new(&state, &seen))
            } else {
                worker.customers.get(&state, &seen)
            };
            of(&worker, &seen, &encoded, &ask)
        })
        .await?;
    let catalogue = &view.live.catalogue;
    let mut response = GetLifeResponse {
        request_id: call.request_id,
        model_id: view.generation.id().to_owned(),
        at_ms: now,
        ..GetLifeResponse::default()
    };
    if let Some(life) = life {
        response.inferred = life.inferred;
        response.withheld = life.withheld as u32;
        response.occasions = occasions(&life);
        response.needs = life.needs.iter().map(|n| need(n, catalogue)).collect();
        response.clocks = life.clocks.iter().map(|c| clock(c, true)).collect();
        response.unusable_facts = life.unusable_facts;
    }
    Ok(response)
}

fn of(
    answering: &Answering,
    view: &View,
    encoded: &Encoded,
    ask: &OutlookRequest,
) -> Option<Outlook> {
    let customer = encoded.state(&encoded.history, &answering.keeping.config.consent);
    outlook(&view.model, &view.live, customer, ask)
}

/// The situations and occasions of the card.
pub(super) fn on_card(
    answering: &Answering,
    state: &CustomerState,
) -> (Vec<v1::LifeClock>, Vec<v1::LifeOccasion>) {
    let view = answering.keeping.views.get();
    let locale = state.profile.locale.as_deref();
    let ask = OutlookRequest {
        now: view.generation.ranked_at(now_ms() + 1),
        horizon_days: 1.0,
        lead_days: None,
        needs: 0,
        products: 0,
        locale: locale.unwrap_or(&answering.keeping.config.recommend.locale),
        discretion: Discretion::default(),
    };
    let encoded = answering.customers.get(state, &view);
    of(answering, &view, &encoded, &ask).map_or_else(Default::default, |life| {
        let clocks = life.clocks.iter().map(|c| clock(c, false)).collect();
        (clocks, occasions(&life))
    })
}

fn clock(timeline: &Timeline, bands: bool) -> v1::LifeClock {
    let [p05, p10, p50, p90, p95] = timeline.anchor;
    let (stage, stage_probability) = timeline.stage.clone().unwrap_or_default();
    let next = timeline.next.clone();
    v1::LifeClock {
        clock: timeline.kind.clone(),
        title: timeline.title.clone(),
        name: timeline.name.clone().unwrap_or_default(),
        declared: timeline.declared,
        probability: f64::from(timeline.probability),
        anchor: Some(v1::LifeDate {
            p05_ms: Some(p05),
            p10_ms: p10,
            p50_ms: p50,
            p90_ms: p90,
            p95_ms: Some(p95),
        }),
        stage,
        stage_probability: f64::from(stage_probability),
        next_stage_at_ms: next.as_ref().map(|(_, at)| *at),
        next_stage: next.map(|(stage, _)| stage).unwrap_or_default(),
        stages: timeline.bands.iter().filter(|_| bands).map(band).collect(),
    }
}

fn band(band: &Band) -> v1::LifeStage {
    let date = |[p10_ms, p50_ms, p90_ms]: [i64; 3]| v1::LifeDate {
        p10_ms,
        p50_ms,
        p90_ms,
        ..v1::LifeDate::default()
    };
    v1::LifeStage {
        stage: band.stage.clone(),
        title: band.title.clone(),
        from: Some(date(band.from)),
        until: Some(date(band.until)),
        now: f64::from(band.now),
    }
}

fn need(wanted: &Wanted, catalogue: &Catalogue) -> v1::LifeNeed {
    let need = &wanted.need;
    v1::LifeNeed {
        category: need.category.clone(),
        probability: f64::from(need.probability),
        from_ms: need.from,
        until_ms: need.until,
        lead_days: f64::from(need.lead_days),
        clock: wanted.clock.map(|clock| clock as u32),
        stage: need.stage.clone().unwrap_or_default(),
        sentence: wanted.sentence.clone(),
        product_ids: wanted
            .products
            .iter()
            .map(|&product| catalogue.product(product).product_id.clone())
            .collect(),
    }
}

fn occasions(life: &Outlook) -> Vec<v1::LifeOccasion> {
    let occasion = |occasion: &Occasion| {
        let clock = &life.clocks[occasion.clock];
        v1::LifeOccasion {
            occasion: occasion.name.clone(),
            title: occasion.title.clone(),
            at_ms: occasion.at,
            count: occasion.count,
            days_left: f64::from(occasion.days_left),
            name: clock.name.clone().unwrap_or_default(),
            clock: clock.kind.clone(),
        }
    };
    life.occasions.iter().map(occasion).collect()
}
