use super::*;

fn read(title: &str, category: &str, variant: &str) -> Option<(String, f64, f64)> {
    let clocks = ClockType::supplied();
    let reader = WindowReader::new(&clocks);
    let text = |s: &str| (!s.is_empty()).then(|| s.to_owned());
    let product = Product {
        title: text(title),
        category: text(category),
        variant: text(variant),
        ..Product::bare("p")
    };
    reader.read(&product).map(|w| {
        (
            clocks[w.clock].name.clone(),
            (w.from_days / MONTH).round(),
            (w.to_days / MONTH).round(),
        )
    })
}

fn months(title: &str, category: &str) -> Option<(f64, f64)> {
    read(title, category, "")
        .filter(|(clock, _, _)| clock == "child")
        .map(|(_, from, to)| (from, to))
}

#[test]
fn windows_in_english() {
    assert_eq!(
        months("Muslin sleeping bag 0-6 m", "baby/sleep"),
        Some((-1.0, 6.0))
    );
    assert_eq!(
        months("Muslin sleeping bag 0-6 months", ""),
        Some((-1.0, 6.0))
    );
    assert_eq!(
        months("Convertible car seat, 15 m - 4 y", "baby/car seats"),
        Some((15.0, 48.0))
    );
    assert_eq!(months("Wooden train set age 3+", ""), Some((36.0, 90.0)));
    assert_eq!(
        months("T-shirt", "kids/clothes/3-6 years"),
        Some((36.0, 72.0))
    );
    assert_eq!(months("Snow suit age 3-4", "kids/snow"), Some((36.0, 60.0)));
    assert_eq!(months("Silicone bib 6 m+", "baby"), Some((6.0, 24.0)));
    let (from, to) = months("Striped bodysuit size 62", "").unwrap();
    assert!(
        (1.0..3.5).contains(&from) && (3.0..5.0).contains(&to),
        "{from} {to}"
    );
    let (from, to) = months("Nappies size 4", "baby/nappies").unwrap();
    assert!(from >= 6.0 && to <= 22.0);
    assert_eq!(months("Maternity jeans", ""), Some((-9.0, 0.0)));
}

#[test]
fn windows_in_hebrew() {
    assert_eq!(months("משחק קופסה מגיל 4 ומעלה", ""), Some((48.0, 120.0)));
    assert_eq!(months("שק שינה לתינוק 0-6 חודשים", ""), Some((-1.0, 6.0)));
    assert_eq!(months("פאזל לגילאי 3-5", ""), Some((36.0, 72.0)));
    let (from, to) = months("אוברול מידה 68", "").unwrap();
    assert!(from > 2.0 && to < 8.0, "{from} {to}");
    assert_eq!(
        read("מזון לגורי כלבים", "", "").map(|w| w.0),
        Some("pet".into())
    );
    assert_eq!(months("חיתולים לילוד", ""), Some((-1.0, 3.0)));
}

#[test]
fn variants_and_attributes_speak_too() {
    let (_, from, to) = read("Striped romper", "baby/clothes", "86").unwrap();
    assert!((12.0..20.0).contains(&from) && to == 20.0, "{from} {to}");
    let reader = WindowReader::new(&ClockType::supplied());
    let mut product = Product::bare("p");
    product
        .attributes
        .insert("age_from_months".into(), 6.into());
    product.attributes.insert("age_to_months".into(), 12.into());
    let window = reader.read(&product).unwrap();
    assert_eq!((window.from_days / MONTH).round(), 6.0);
    assert_eq!((window.to_days / MONTH).round(), 12.0);
    let mut product = Product::bare("p");
    product.attributes.insert("age".into(), "3+".into());
    assert_eq!(
        (reader.read(&product).unwrap().from_days / YEAR).round(),
        3.0
    );
}

#[test]
fn pets_trips_moves_and_contracts() {
    let (clock, from, to) =
        read("Kitten food, kitten, 2-12 months", "pets/cat/kitten", "").unwrap();
    assert_eq!((clock.as_str(), from, to), ("pet", 2.0, 12.0));
    let clock_of = |title: &str, category: &str| read(title, category, "").map(|w| w.0);
    assert_eq!(clock_of("Puppy collar", "").as_deref(), Some("pet"));
    assert_eq!(
        clock_of("Cabin suitcase", "travel/luggage").as_deref(),
        Some("trip")
    );
    assert_eq!(
        clock_of("Moving boxes", "moving/packing").as_deref(),
        Some("home_move")
    );
    assert_eq!(
        clock_of("Broadband plan 12 months", "contract/renewal").as_deref(),
        Some("contract")
    );
}

#[test]
fn other_numbers_are_not_ages() {
    assert_eq!(read("Extension cable 6-12 m", "electronics", ""), None);
    assert_eq!(read("Mobile plan 24 months", "phones", ""), None);
    assert_eq!(read("Running shoe", "sport/men", "42"), None);
    assert_eq!(read("Jeans men", "fashion/men", "size 50"), None);
    assert_eq!(read("Whisky aged 12 years", "drinks", ""), None);
    assert_eq!(read("", "", ""), None);
}

#[test]
fn words_that_mean_something_else_say_nothing() {
    for (title, category) in [
        ("Wine for Dummies", "books/cooking"),
        ("Adidas training pants", "sport/clothing"),
        ("Training pants, men", "sport"),
        ("Pull ups bar", "sport/fitness"),
        ("Pull ups bar, size 3", "sport/fitness"),
        ("Johnnie Walker", "drinks/whisky"),
        ("Zimmer walker for seniors", "health/mobility"),
        ("Nursing uniform", "workwear"),
        ("Diapers for adults", "health"),
        ("Women's onesie", "fashion/nightwear"),
        ("Tomato puree", "grocery/tins"),
        ("CAT work boots", "workwear/shoes"),
        ("Hot dog buns", "grocery/bread"),
        ("Cat 6 ethernet cable", "electronics"),
        ("ריהוט למגורים", ""),
        ("Renew night cream", "beauty"),
        ("קרם חידוש העור", ""),
        ("נעלי טיולים", ""),
        ("Cable 0-6 m", "electronics"),
        ("Travel mug", "kitchen"),
    ] {
        assert_eq!(read(title, category, ""), None, "{title}");
    }
}

#[test]
fn the_same_words_still_speak_where_they_are_meant() {
    let clock_of = |title: &str, category: &str| read(title, category, "").map(|w| w.0);
    for (title, category, clock) in [
        ("Silicone dummies", "baby/feeding", "child"),
        ("Potty training pants", "", "child"),
        ("Pull-ups size 5", "baby/nappies", "child"),
        ("Push along walker", "toys", "child"),
        ("Women's nursing bra", "fashion/women", "child"),
        ("Pregnancy tea for women", "", "child"),
        ("Dog toy, rope", "", "pet"),
        ("Cat food", "", "pet"),
        ("מזון לגורים", "", "pet"),
        ("Renewal offer", "", "contract"),
        ("חידוש חוזה", "", "contract"),
        ("כרית נסיעה", "", "trip"),
    ] {
        assert_eq!(clock_of(title, category).as_deref(), Some(clock), "{title}");
    }
}

#[test]
fn only_attributes_named_after_age_tell_one() {
    let reader = WindowReader::new(&ClockType::supplied());
    let of = |key: &str, value: &str| {
        let mut product = Product::bare("p");
        product.attributes.insert(key.into(), value.into());
        reader.read(&product).map(|w| (w.to_days / MONTH).round())
    };
    assert_eq!(of("age_range", "0-6 m"), Some(6.0));
    assert_eq!(of("ageRange", "6-12 m"), Some(12.0));
    assert_eq!(of("voltage", "6-12"), None);
    assert_eq!(of("package", "0-6 m"), None);
}
