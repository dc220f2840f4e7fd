//! What every store must do, written once and run against each of them.
//!
//! `contract::suite!(make)` makes one test per obligation; `make()` returns a fresh store together with whatever must
//! live as long as it does.

mod authority;
mod boxes;
mod catalogue;
mod customers;
mod derived;
mod properties;
mod recording;
mod rights;

pub(crate) use authority::*;
pub(crate) use boxes::*;
pub(crate) use catalogue::*;
pub(crate) use customers::*;
pub(crate) use derived::*;
pub(crate) use properties::*;
pub(crate) use recording::*;
pub(crate) use rights::*;

use serendib_shop::Touchpoint;
use tokio_stream::StreamExt;

use super::*;

/// 2026-01-01 in milliseconds since 1970.
pub(crate) const NOW: i64 = 1_767_225_600_000;
pub(crate) const DAY: i64 = serendib_shop::DAY_MS;

macro_rules! suite {
    ($make:path) => {
        $crate::store::contract::suite!($make,
            a_file_never_overrides_what_a_person_said_later
            an_identity_taken_away_stays_away
            a_files_prices_and_removals_yield_to_calls
            a_count_of_stock_is_brought_up_to_date
            a_snapshot_removes_what_it_does_not_list
            what_was_erased_no_file_brings_back
            a_touchpoint_recorded_twice_is_stored_once
            the_same_id_with_other_fields_refuses_the_batch
            equal_rows_in_one_batch_are_stored_once
            rows_without_an_id_get_one_and_are_all_stored
            times_count_as_configured_and_compare_as_sent
            bad_rows_are_refused_by_field
            unknown_ids_are_refused_where_configured
            old_rows_are_acknowledged_and_not_kept
            histories_are_in_order_of_time_however_they_arrive
            a_read_is_bounded_and_says_so
            what_lasts_is_read_beside_any_number_of_impressions
            pages_cover_a_history_exactly_once
            anonymous_baskets_belong_to_nobody
            delights_are_stored_once
            profiles_merge_and_replace
            consents_are_kept_and_audited
            bad_customers_are_refused_by_field
            linking_merges_at_once_and_unlinking_restores
            circles_and_second_owners_are_refused
            an_arm_is_decided_once_and_outlives_links
            versions_grow_with_every_change
            a_change_is_seen_by_the_next_read
            customer_ids_are_the_roots
            link_then_unlink_is_the_original
            a_replay_equals_a_clean_run
            products_are_stored_replaced_and_removed
            stock_is_never_oversold
            reservations_are_given_back_taken_or_expire
            bad_products_are_refused_by_field
            documents_are_versioned
            a_pack_takes_all_its_units_or_none
            boxes_change_leave_and_are_given_up
            an_erased_customers_boxes_are_gone_and_their_units_free
            served_requests_are_joined_with_what_came_of_them
            surprises_are_remembered_whatever_else_was_served
            what_was_asked_and_why_it_was_served_is_kept
            an_export_equals_what_was_recorded
            an_erasure_takes_effect_at_once
            an_erased_customer_may_come_back_new
            a_scrub_finishes_the_receipt
            only_those_who_allow_it_are_exported_for_training
            a_sweep_keeps_what_is_young
            what_was_hidden_stays_so_whatever_its_age
            what_was_removed_before_its_launch_was_never_on_sale
            a_merge_that_is_too_much_is_refused_and_nothing_is_lost
            ids_that_hold_too_much_together_are_exported_as_one_row
            blanks_are_filled_in_only_with_what_goes_with_what_stands
        );
    };
    ($make:path, $($test:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let (store, _guard) = $make();
                $crate::store::contract::$test(&store).await;
            }
        )*
    };
}
pub(crate) use suite;

/// A purchase of `product` by `customer` at `at` with id `id`.
pub(crate) fn bought(id: &str, customer: &str, product: &str, at: i64) -> Touchpoint {
    Touchpoint {
        touchpoint_id: Some(id.into()),
        product_id: Some(product.into()),
        at: Some(at),
        value: Some(12.5),
        ..Touchpoint::new(customer, "purchase")
    }
}

pub(crate) async fn record(store: &impl Store, rows: &[Touchpoint]) -> Recorded {
    store
        .record(rows.to_vec(), RecordOptions::live(NOW))
        .await
        .unwrap()
}

pub(crate) async fn read(store: &impl Store, id: &str) -> Option<std::sync::Arc<CustomerState>> {
    store
        .customer(CustomerQuery::newest(id, 10_000))
        .await
        .unwrap()
}

/// Ids of the person's touchpoints, oldest first.
pub(crate) async fn history(store: &impl Store, id: &str) -> Vec<String> {
    read(store, id).await.map_or_else(Vec::new, |state| {
        state
            .touchpoints
            .iter()
            .filter_map(|row| row.touchpoint_id.clone())
            .collect()
    })
}

pub(crate) async fn all<T>(stream: Result<RowStream<T>, StoreError>) -> Vec<T> {
    let mut stream = stream.unwrap();
    let mut rows = Vec::new();
    while let Some(row) = stream.next().await {
        rows.push(row.unwrap());
    }
    rows
}

pub(crate) fn statuses(recorded: &Recorded) -> Vec<Status> {
    recorded.outcomes.iter().map(|o| o.status).collect()
}

/// The field that an error names.
pub(crate) fn field<T: std::fmt::Debug>(result: Result<T, StoreError>) -> (usize, String) {
    match result.unwrap_err() {
        StoreError::Invalid { index, field, .. } => (index, field),
        StoreError::TooMany { field, .. } => (0, field.into()),
        other => panic!("expected a field, got {other:?}"),
    }
}
