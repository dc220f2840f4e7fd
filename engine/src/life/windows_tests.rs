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
    assert_eq!(months("Muslin sleeping bag 0-6 m", ""), Some((-1.0, 6.0)));
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
