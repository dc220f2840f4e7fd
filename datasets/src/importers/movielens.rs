//! MovieLens ratings, in RecBole's atomic files, the classic `u.*` files, the `ratings.dat` of 1M and 10M, or the newer
//! `ratings.csv` and `movies.csv`.
//!
//! A rating is a `rating` touchpoint. Genres become the attribute `genres`, the first of them the category; what is
//! known of a user becomes free facts.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{json, Value};
use serendib_shop::{
    table::write::TableWriter, table::Table, Customer, DataError, Fact, Place, Product, Touchpoint,
};

use super::input::{find, find_optional, may, must, unpacked_name, Delimited, Lines};
use super::Job;

pub(super) fn import(job: &mut Job<'_>) -> Result<(), DataError> {
    let is_dir = job.from.is_dir();
    let ratings = find(
        job.from,
        "ratings (.inter, u.data, ratings.dat or ratings.csv)",
        |name| {
            let known = ["u.data", "ratings.dat", "ratings.csv"];
            !is_dir || name.ends_with(".inter") || known.contains(&name)
        },
    )?;
    let columns = ["customer_id", "kind", "product_id", "at", "rating"];
    job.progress.stage("importing ratings");
    let mut out = Ratings {
        table: job.shop.table_with(Table::Touchpoints, &columns)?,
        rated: HashSet::new(),
        order: Vec::new(),
    };
    match unpacked_name(&ratings) {
        name if name.ends_with(".csv") => headed_ratings(job, &ratings, b',', &mut out)?,
        name if name.ends_with(".inter") => headed_ratings(job, &ratings, b'\t', &mut out)?,
        name if name.ends_with(".dat") => classic_ratings(job, &ratings, "::", &mut out)?,
        _ => classic_ratings(job, &ratings, "\t", &mut out)?,
    }
    let Ratings { table, order, .. } = out;
    let rows = table.finish()?;
    if rows == 0 {
        return Err(DataError::file(&ratings, "holds no ratings"));
    }
    job.report.count("ratings", rows);
    if !is_dir {
        return Ok(());
    }

    let items = find_optional(job.from, "items", |name| {
        name.ends_with(".item") || ["movies.csv", "movies.dat"].contains(&name)
    })?;
    if let Some(path) = items {
        let columns = ["product_id", "title", "category", "attributes"];
        let mut items = Once::new(job.shop.table_with(Table::Products, &columns)?);
        match unpacked_name(&path) {
            name if name.ends_with(".csv") => headed_items(&path, b',', &mut items)?,
            name if name.ends_with(".dat") => dat_items(&path, &mut items)?,
            name if name == "u.item" => classic_items(&path, &mut items)?,
            _ => headed_items(&path, b'\t', &mut items)?,
        }
        // what was rated is a product, whether or not the list of films has it
        let bare = order.iter().filter(|id| !items.seen.contains(*id));
        let mut unlisted = 0usize;
        for id in bare {
            items
                .table
                .product(&Product::bare(id.as_str()))
                .map_err(|error| DataError::file(&path, error.to_string()))?;
            unlisted += 1;
        }
        job.report.count("items", items.table.finish()?);
        if unlisted > 0 {
            job.report.count("items rated but not listed", unlisted);
        }
    }
    let users = find_optional(job.from, "users", |name| {
        name.ends_with(".user") || name == "users.dat"
    })?;
    if let Some(path) = users {
        let columns = ["customer_id", "facts"];
        let mut users = Once::new(job.shop.table_with(Table::Customers, &columns)?);
        match unpacked_name(&path) {
            name if name == "u.user" => classic_users(&path, &mut users)?,
            name if name == "users.dat" => dat_users(&path, &mut users)?,
            _ => headed_users(&path, &mut users)?,
        }
        job.report.count("users", users.table.finish()?);
    }
    Ok(())
}

/// The ratings, and what was rated in order of first appearance.
struct Ratings {
    table: TableWriter,
    rated: HashSet<String>,
    order: Vec<String>,
}

/// A table of rows whose ids are there once.
struct Once {
    table: TableWriter,
    seen: HashSet<String>,
}

impl Once {
    fn new(table: TableWriter) -> Once {
        Once {
            table,
            seen: HashSet::new(),
        }
    }

    fn first(&mut self, place: &Place, id: &str) -> Result<(), DataError> {
        if self.seen.insert(id.to_owned()) {
            Ok(())
        } else {
            let message = format!("{id:?} has a row already");
            Err(DataError::row(place, message))
        }
    }
}

/// A rating row; `seconds` since 1970.
fn rating(
    place: &Place,
    user: &str,
    item: &str,
    stars: &str,
    seconds: &str,
) -> Result<Touchpoint, DataError> {
    let number = |column: &str, text: &str| {
        text.trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| {
                DataError::cell(place, column, format!("{text:?} is not a finite number"))
            })
    };
    Ok(Touchpoint {
        product_id: Some(item.to_owned()),
        rating: Some(number("rating", stars)?),
        at: Some((number("timestamp", seconds)? * 1000.0) as i64),
        ..Touchpoint::new(user, "rating")
    })
}

/// Stars of half are written down by newer editions; the lowest of the format is one.
fn write_rating(out: &mut Ratings, place: &Place, mut row: Touchpoint) -> Result<(), DataError> {
    row.rating = row
        .rating
        .map(|stars| if stars == 0.5 { 1.0 } else { stars });
    if let Some(item) = row
        .product_id
        .as_ref()
        .filter(|id| !out.rated.contains(*id))
    {
        out.rated.insert(item.clone());
        out.order.push(item.clone());
    }
    out.table
        .touchpoint(&row)
        .map_err(|error| error.blame(place))
}

fn headed_ratings(
    job: &mut Job<'_>,
    path: &Path,
    delimiter: u8,
    out: &mut Ratings,
) -> Result<(), DataError> {
    let mut rows = Delimited::open(
        path,
        delimiter,
        &[
            must(&["user_id", "userId"]),
            must(&["item_id", "movieId"]),
            must(&["rating"]),
            must(&["timestamp"]),
        ],
    )?;
    while rows.advance()? {
        job.progress.row();
        let place = rows.place();
        let row = rating(
            &place,
            rows.required(0)?,
            rows.required(1)?,
            rows.required(2)?,
            rows.required(3)?,
        )?;
        write_rating(out, &place, row)?;
    }
    Ok(())
}

fn classic_ratings(
    job: &mut Job<'_>,
    path: &Path,
    separator: &str,
    out: &mut Ratings,
) -> Result<(), DataError> {
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next()? {
        job.progress.row();
        let fields: Vec<_> = line.split(separator).collect();
        let [user, item, stars, seconds] = fields[..] else {
            return Err(lines.wrong(format!(
                "has {} fields, expected user, item, rating, timestamp separated by {}",
                fields.len(),
                if separator == "\t" { "tabs" } else { separator }
            )));
        };
        let row = rating(&lines.place(), user, item, stars, seconds)?;
        write_rating(out, &lines.place(), row)?;
    }
    Ok(())
}

fn write_item(
    items: &mut Once,
    place: &Place,
    id: &str,
    title: Option<&str>,
    year: Option<&str>,
    genres: &[String],
) -> Result<(), DataError> {
    items.first(place, id)?;
    let mut product = Product {
        title: title.filter(|title| *title != "unknown").map(str::to_owned),
        category: genres.first().map(|genre| genre.replace('/', "-")),
        ..Product::bare(id)
    };
    if !genres.is_empty() {
        product.attributes.insert("genres".into(), json!(genres));
    }
    if let Some(year) = year.and_then(|year| year.parse::<i64>().ok()) {
        product
            .attributes
            .insert("release_year".into(), year.into());
    }
    items
        .table
        .product(&product)
        .map_err(|error| error.blame(place))
}

/// `Toy Story (1995)` → title and year.
fn split_year(title: &str) -> (&str, Option<&str>) {
    let parts = title
        .trim_end()
        .strip_suffix(')')
        .and_then(|rest| rest.rsplit_once('('))
        .filter(|(_, year)| year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()));
    match parts {
        Some((name, year)) => (name.trim_end(), Some(year)),
        None => (title, None),
    }
}

fn headed_items(path: &Path, delimiter: u8, items: &mut Once) -> Result<(), DataError> {
    let mut rows = Delimited::open(
        path,
        delimiter,
        &[
            must(&["item_id", "movieId"]),
            must(&["movie_title", "title"]),
            may(&["release_year"]),
            may(&["class", "genres", "genre"]),
        ],
    )?;
    while rows.advance()? {
        let (title, year) = rows.text(1)?.map_or(("", None), split_year);
        let genres: Vec<String> = rows
            .text(3)?
            .unwrap_or_default()
            .split(['|', ' '])
            .filter(|genre| !genre.is_empty() && !genre.starts_with('(') && *genre != "unknown")
            .map(str::to_owned)
            .collect();
        let title = Some(title).filter(|title| !title.is_empty());
        let year = rows.text(2)?.or(year);
        write_item(
            items,
            &rows.place(),
            rows.required(0)?,
            title,
            year,
            &genres,
        )?;
    }
    Ok(())
}

/// The genres of the classic files, in order of their columns.
const CLASSIC_GENRES: [&str; 19] = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
];

fn classic_items(path: &Path, items: &mut Once) -> Result<(), DataError> {
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next_latin()? {
        let fields: Vec<_> = line.split('|').collect();
        if fields.len() != 5 + CLASSIC_GENRES.len() {
            return Err(lines.wrong(format!(
                "has {} fields, expected {} separated by |",
                fields.len(),
                5 + CLASSIC_GENRES.len()
            )));
        }
        let genres: Vec<String> = CLASSIC_GENRES
            .iter()
            .zip(&fields[5..])
            .filter(|(genre, flag)| **flag == "1" && **genre != "unknown")
            .map(|(genre, _)| (*genre).to_owned())
            .collect();
        let (title, year) = split_year(fields[1]);
        let title = Some(title).filter(|title| !title.is_empty());
        write_item(items, &lines.place(), fields[0], title, year, &genres)?;
    }
    Ok(())
}

fn dat_items(path: &Path, items: &mut Once) -> Result<(), DataError> {
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next_latin()? {
        let fields: Vec<_> = line.split("::").collect();
        let [id, title, genres] = fields[..] else {
            return Err(lines.wrong(format!(
                "has {} fields, expected item, title, genres separated by ::",
                fields.len()
            )));
        };
        let genres: Vec<String> = genres
            .split('|')
            .map(str::trim)
            .filter(|genre| !genre.is_empty() && !genre.starts_with('('))
            .map(str::to_owned)
            .collect();
        let (title, year) = split_year(title);
        let title = Some(title).filter(|title| !title.is_empty());
        write_item(items, &lines.place(), id, title, year, &genres)?;
    }
    Ok(())
}

fn write_user(
    users: &mut Once,
    place: &Place,
    id: &str,
    facts: [(&str, Option<&str>); 4],
) -> Result<(), DataError> {
    users.first(place, id)?;
    let facts = facts
        .into_iter()
        .filter_map(|(key, text)| {
            let text = text.filter(|text| !text.is_empty())?;
            let value = match (key, text.parse::<i64>()) {
                ("age", Ok(age)) => Value::from(age),
                _ => Value::from(text),
            };
            Some(Fact::Free {
                key: key.to_owned(),
                value,
            })
        })
        .collect();
    let customer = Customer {
        customer_id: id.to_owned(),
        facts,
        ..Customer::default()
    };
    users
        .table
        .customer(&customer)
        .map_err(|error| error.blame(place))
}

fn headed_users(path: &Path, users: &mut Once) -> Result<(), DataError> {
    let mut rows = Delimited::open(
        path,
        b'\t',
        &[
            must(&["user_id"]),
            may(&["age"]),
            may(&["gender"]),
            may(&["occupation"]),
            may(&["zip_code"]),
        ],
    )?;
    while rows.advance()? {
        let facts = [
            ("age", rows.text(1)?),
            ("gender", rows.text(2)?),
            ("occupation", rows.text(3)?),
            ("zip_code", rows.text(4)?),
        ];
        write_user(users, &rows.place(), rows.required(0)?, facts)?;
    }
    Ok(())
}

fn classic_users(path: &Path, users: &mut Once) -> Result<(), DataError> {
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next_latin()? {
        let fields: Vec<_> = line.split('|').collect();
        let [id, age, gender, occupation, zip] = fields[..] else {
            return Err(lines.wrong(format!(
                "has {} fields, expected user, age, gender, occupation, zip code separated by |",
                fields.len()
            )));
        };
        let facts = [
            ("age", Some(age)),
            ("gender", Some(gender)),
            ("occupation", Some(occupation)),
            ("zip_code", Some(zip)),
        ];
        write_user(users, &lines.place(), id, facts)?;
    }
    Ok(())
}

fn dat_users(path: &Path, users: &mut Once) -> Result<(), DataError> {
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next_latin()? {
        let fields: Vec<_> = line.split("::").collect();
        let [id, gender, age, occupation, zip] = fields[..] else {
            return Err(lines.wrong(format!(
                "has {} fields, expected user, gender, age, occupation, zip code separated by ::",
                fields.len()
            )));
        };
        let facts = [
            ("age", Some(age)),
            ("gender", Some(gender)),
            ("occupation", Some(occupation)),
            ("zip_code", Some(zip)),
        ];
        write_user(users, &lines.place(), id, facts)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_is_taken_off_a_title() {
        assert_eq!(split_year("Toy Story (1995)"), ("Toy Story", Some("1995")));
        assert_eq!(split_year("Seven (Se7en)"), ("Seven (Se7en)", None));
        assert_eq!(
            split_year("M*A*S*H (a) (1970) "),
            ("M*A*S*H (a)", Some("1970"))
        );
    }
}
