//! What real exports hold beside sound rows: times of other forms, other names of kinds and columns, ids of nobody, money of
//! several currencies. Each is read, or told by name.

use std::fs;

use serendib_shop::check::{check, Report};
use serendib_shop::describe::describe;
use serendib_shop::time::format_time;
use serendib_shop::{
    Format, Log, Progress, ReadOptions, Shelves, ShopData, Table, TableWriter, Touchpoint,
};

fn shop(files: &[(&str, &str)]) -> (tempfile::TempDir, ShopData) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let data = ShopData::open(dir.path(), ReadOptions::default()).unwrap();
    (dir, data)
}

fn checked(files: &[(&str, &str)]) -> Report {
    let (_dir, data) = shop(files);
    check(&data, 100, &mut Progress::hidden())
}

/// The times of a touchpoints table with these cells in column `at`.
fn times(cells: &[&str]) -> Result<Vec<String>, String> {
    let rows: String = cells
        .iter()
        .map(|at| format!("ada,view,\"{at}\"\n"))
        .collect();
    let text = format!("customer_id,kind,at\n{rows}");
    let (_dir, data) = shop(&[("touchpoints.csv", &text)]);
    let rows = data.touchpoints().map_err(|error| error.to_string())?;
    rows.map(|row| row.map(|row| format_time(row.at.unwrap())))
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}

#[test]
fn every_form_of_time_is_read_or_refused_by_name_and_none_is_of_1970() {
    for cells in [
        &["1709553600", "1709640000"][..],
        &["1709553600.0", "1709640000.0"],
        &["1709553600000", "1709640000000"],
        &["1.7095536E12", "1709640000000.0"],
        &["1709553600000000", "1709640000000000"],
        &["45355.5", "45356.5"],
        &["2024-03-04 14:00:00 +0200", "2024-03-05 07:00:00 -0500"],
        &["2024-03-04 12:00:00 UTC", "2024-03-05 12:00:00.000 UTC"],
        &["04.03.2024 12:00", "05.03.2024 12:00", "31.03.2024 12:00"],
        &[
            "3/4/2024 12:00 PM",
            "3/5/2024 12:00 pm",
            "3/31/2024 12:00 PM",
        ],
        &["3/4/24 12:00 PM", "3/5/24 12:00 pm", "3/31/24 12:00 PM"],
    ] {
        let found = times(cells).unwrap();
        assert_eq!(
            found[..2],
            ["2024-03-04T12:00:00Z", "2024-03-05T12:00:00Z"],
            "{cells:?}"
        );
    }
    for cells in [&["20240304", "20240305"][..], &["45355", "45356"]] {
        assert_eq!(
            times(cells).unwrap()[1],
            "2024-03-05T00:00:00Z",
            "{cells:?}"
        );
    }
    for (cells, words) in [
        (&["03/04/2024", "05/04/2024"][..], "row 1 (line 2): column at: \"03/04/2024\" may have the day or the month first"),
        (&["24/3/24"], "the day or the year first"),
        (&["1709553600", "1709553600000", "1709640000"], "row 2 (line 3): column at: \"1709553600000\" is not a time as the column has them: epoch seconds"),
        (&["1709553600000", "1709640000000", "0"], "row 3 (line 4): column at: \"0\""),
        (&["2024-03-04", "1709640000"], "row 2 (line 3): column at: \"1709640000\""),
        (&["17", "18"], "is not a time"),
    ] {
        let why = times(cells).unwrap_err();
        assert!(why.contains(words) && why.contains("touchpoints.csv"), "{cells:?}: {why}");
    }
}

#[test]
fn the_form_of_a_column_is_told_and_an_undecided_one_is_one_problem() {
    let seconds =
        "customer_id,kind,product_id,at\nada,purchase,p,1709553600\nbob,purchase,q,1709640000\n";
    let report = checked(&[("touchpoints.csv", seconds)]);
    assert_eq!(report.problems, 0);
    assert!(
        report
            .to_string()
            .contains("touchpoints.csv: at: epoch seconds"),
        "{report}"
    );
    let mut rows = "customer_id,kind,product_id,at\n".to_owned();
    (0..50).for_each(|row| rows.push_str(&format!("c{row},purchase,p,{}/02/2024\n", row % 12 + 1)));
    let report = checked(&[("touchpoints.csv", &rows)]);
    assert_eq!(report.problems, 1, "{report}");
    let (dir, _) = shop(&[("touchpoints.csv", &rows)]);
    let lenient = ShopData::open(dir.path(), ReadOptions { lenient: true }).unwrap();
    assert!(
        Log::load(&lenient, None).is_err(),
        "a whole column is never dropped"
    );
}

#[test]
fn numbers_in_json_lines_and_parquet_are_told_apart_like_text() {
    let lines = "{\"customer_id\":\"ada\",\"kind\":\"view\",\"at\":1709553600}\n{\"customer_id\":\"ada\",\"kind\":\"view\",\"at\":1709640000.5}\n";
    let (_dir, data) = shop(&[("touchpoints.jsonl", lines)]);
    let log = Log::load(&data, None).unwrap();
    assert_eq!(format_time(log.span.unwrap().1), "2024-03-05T12:00:00.500Z");
    // typed times are what they say, also in 1970
    let dir = tempfile::tempdir().unwrap();
    let mut table = TableWriter::create(dir.path(), Table::Touchpoints, Format::Parquet).unwrap();
    let mut row = Touchpoint::new("ada", "view");
    row.at = Some(7);
    table.touchpoint(&row).unwrap();
    table.finish().unwrap();
    let data = ShopData::open(dir.path(), ReadOptions::default()).unwrap();
    assert_eq!(Log::load(&data, None).unwrap().span, Some((7, 7)));
}

#[test]
fn kinds_of_other_tools_count_and_columns_of_other_names_are_pointed_out() {
    let text = "customer_id,kind,product_id,event_time,Qty,mood\nada,BUY,p,2024-01-01,2,calm\nbob,Order Completed,p,2024-01-02,1,\neve,pv,p,2024-01-02,1,\n";
    let (_dir, data) = shop(&[("touchpoints.csv", text)]);
    let log = Log::load(&data, None).unwrap();
    assert!(log.acquires());
    assert_eq!(log.encoder.kinds.own().count(), 0);
    let page = describe(&data, 3, &mut Progress::hidden()).unwrap();
    assert_eq!(
        (page.kinds[0].name.as_str(), page.kinds[0].count),
        ("purchase", 2)
    );
    let told = data.notes().join("\n");
    assert!(told.contains("event_time (did you mean at?)"), "{told}");
    assert!(
        told.contains("Qty (did you mean quantity?)") && !told.contains("mood"),
        "{told}"
    );
    let report = check(&data, 10, &mut Progress::hidden()).to_string();
    assert!(
        report.contains("mood") && report.contains("BUY as purchase"),
        "{report}"
    );
}

#[test]
fn one_touchpoint_id_counts_once_in_log_description_and_check() {
    let mut text =
        "customer_id,kind,product_id,value,touchpoint_id\nbob,purchase,q,3,t0\n".to_owned();
    (0..4).for_each(|_| text.push_str("ada,purchase,p,5,t1\n"));
    let (_dir, data) = shop(&[("touchpoints.csv", &text)]);
    let log = Log::load(&data, None).unwrap();
    assert_eq!(log.histories.touches().len(), 2);
    let page = describe(&data, 3, &mut Progress::hidden()).unwrap();
    assert_eq!(page.acquisitions.rows, 2);
    assert_eq!(page.acquisitions.paid[""], 8.0);
    let report = check(&data, 10, &mut Progress::hidden());
    assert_eq!(report.problems, 0);
    assert!(
        report.to_string().contains("3 rows repeat a touchpoint_id"),
        "{report}"
    );
}

#[test]
fn amounts_of_several_currencies_are_never_added() {
    let text = "customer_id,kind,product_id,value,currency\nada,purchase,p,10,eur\nada,purchase,q,900,JPY\nada,purchase,q,12,€\n";
    let paid = |json: Option<&str>| {
        let mut files = vec![("touchpoints.csv", text)];
        files.extend(json.map(|text| ("shop.json", text)));
        let (_dir, data) = shop(&files);
        let log = Log::load(&data, None).unwrap();
        let sum: f32 = log.histories.touches().iter().map(|t| t.value).sum();
        assert_eq!(log.encoder.vocabulary().currency, log.currency);
        let page = describe(&data, 1, &mut Progress::hidden()).unwrap();
        assert_eq!(
            (page.acquisitions.paid["EUR"], page.acquisitions.paid["JPY"]),
            (22.0, 900.0)
        );
        let told = data.notes().join("\n");
        assert!(told.contains("amounts of money are in EUR, JPY"), "{told}");
        sum
    };
    assert_eq!(paid(None), 22.0, "most rows are in euros");
    assert_eq!(paid(Some(r#"{"currency":"JPY"}"#)), 900.0);
}

#[test]
fn gift_cards_and_postage_are_noticed_and_never_offered() {
    let products = "product_id,title,category,price\ng1,Gift voucher 25,,25\nmug,Mug,kitchen,9\nsaw,Sample saw,toys,12\n";
    let touches =
        "customer_id,kind,product_id\nada,purchase,g1\nada,purchase,mug\nada,purchase,saw\n";
    let (_dir, data) = shop(&[("products.csv", products), ("touchpoints.csv", touches)]);
    let log = Log::load(&data, None).unwrap();
    let shelves = Shelves::of_catalogue(log.catalogue.clone().into());
    let offered = ["g1", "mug", "saw"].map(|id| shelves.offers(log.catalogue.find(id).unwrap()));
    assert_eq!(offered, [false, true, true]);
    assert_eq!(log.histories.touches().len(), 2);
    let report = check(&data, 10, &mut Progress::hidden()).to_string();
    assert!(
        report.contains("never recommended: \"Gift voucher 25\""),
        "{report}"
    );
    // without a products table the ids tell
    let touches = "customer_id,kind,product_id\nada,purchase,shipping-fee\nada,purchase,mug\n";
    let report = checked(&[("touchpoints.csv", touches)]).to_string();
    assert!(
        report.contains("never recommended: \"shipping-fee\""),
        "{report}"
    );
}

#[test]
fn ids_of_nobody_and_of_a_crowd_are_pointed_out() {
    let mut text = "customer_id,kind,product_id\n".to_owned();
    for row in 0..300 {
        let id = match row % 6 {
            0 => "NaN".to_owned(),
            1 => "till-1".to_owned(),
            _ => format!("c{}", row % 50),
        };
        text.push_str(&format!("{id},purchase,p\n"));
    }
    text.push_str("c7 ,purchase,p\n");
    let report = checked(&[("touchpoints.csv", &text)]);
    assert_eq!(report.problems, 0);
    let report = report.to_string();
    assert!(
        report.contains("placeholders make one person of many: \"NaN\" (50 of 301 rows"),
        "{report}"
    );
    assert!(
        report.contains("of one customer id: \"till-1\" (50 of 301 rows"),
        "{report}"
    );
    assert!(
        report.contains("begin or end with a blank in 1 cells") && report.contains("\"c7 \""),
        "{report}"
    );
}

#[test]
fn shared_circular_own_and_placeholder_identities_name_file_row_and_ids() {
    for (rows, words) in [
        ("ada,\"[\"\"tv\"\"]\"\nbob,\"[\"\"tv\"\"]\"\n", "row 2 (line 3): column identities: [0] \"tv\" of customer \"bob\" is an identity of customer \"ada\" already"),
        ("ada,\"[\"\"bob\"\"]\"\nbob,\"[\"\"ada\"\"]\"\n", "row 2 (line 3): column identities: [0] \"ada\" of customer \"bob\" makes a circle"),
        ("ada,\"[\"\"ada\"\"]\"\n", "row 1 (line 2): column identities: [0] \"ada\" is the customer's own id"),
        ("ada,\"[\"\"undefined\"\"]\"\n", "row 1 (line 2): column identities: [0] \"undefined\" is a placeholder"),
    ] {
        let customers = format!("customer_id,identities\n{rows}");
        let files = [("customers.csv", customers.as_str()), ("touchpoints.csv", "customer_id,kind\nada,view\n")];
        let report = checked(&files);
        assert_eq!(report.problems, 1, "{report}");
        assert!(report.to_string().contains(words), "{report}");
        let (_dir, data) = shop(&files);
        let error = Log::load(&data, None).unwrap_err().to_string();
        assert!(error.contains("customers.csv") && error.contains(words), "{error}");
    }
}

#[test]
fn rows_told_twice_purchases_of_nothing_and_ids_of_two_spellings_are_pointed_out() {
    let report = checked(&[
        ("products.csv", "product_id\n0047\n\"A-9\"\n"),
        (
            "touchpoints.csv",
            "customer_id,kind,product_id,at,touchpoint_id\n\
             kim@post.example,purchase,47,2024-03-04,\n\
             kim@post.example,purchase,47,2024-03-04,\n\
             kim@post.example,purchase,47,2024-03-05,t1\n\
             Kim@post.example,purchase,,2024-03-06,\n\
             12.0,purchase,A-9,2024-03-06,\n\
             12,view,A-9,2024-03-07,\n",
        ),
    ]);
    assert_eq!(report.problems, 0, "{report}");
    for told in [
        "1 of 5 rows of touchpoints that acquire something name no product",
        "1 of 6 rows of touchpoints repeat an earlier one in every column",
        "ids of products differ only by noughts in front and count as different products: \"0047\" and \"47\"",
        "ids of customers differ only by case and count as different customers: \"kim@post.example\" and \"Kim@post.example\"",
        "ids of customers differ only by \".0\" at the end and count as different customers: \"12.0\" and \"12\"",
    ] {
        let found = report.notes.iter().any(|note| note.starts_with(told));
        assert!(found, "{told}: {report}");
    }
}

#[test]
fn the_same_without_times_or_with_ids_of_their_own_is_nothing_unusual() {
    let report = checked(&[(
        "touchpoints.csv",
        "customer_id,kind,product_id\nada,purchase,tea\nada,purchase,tea\n",
    )]);
    assert!(!report.notes.iter().any(|note| note.contains("repeat")));
    let report = checked(&[(
        "touchpoints.csv",
        "customer_id,kind,product_id,at,touchpoint_id\n\
         ada,purchase,tea,2024-03-04,1\nada,purchase,tea,2024-03-04,2\n",
    )]);
    assert!(!report.notes.iter().any(|note| note.contains("repeat")));
}
