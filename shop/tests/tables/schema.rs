//! The document of the data format says what the code reads.

use serendib_shop::table::Schema;

/// What stands above the tables in `docs/data-format.md`.
const DOCUMENT: &str = include_str!("../../../docs/data-format.md");

#[test]
fn the_document_lists_the_columns_that_are_read() {
    let tables = Schema::of_shop_data().to_string();
    let first = DOCUMENT.find("## `touchpoints`").expect("a first table");
    assert_eq!(
        DOCUMENT[first..].trim_end(),
        tables.trim_end(),
        "the tables are what `serendib-datasets schema` prints"
    );
}
