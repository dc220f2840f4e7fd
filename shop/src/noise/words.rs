//! Gift cards, tips, postage, samples and fees, told by their words.
//!
//! Only whole words count, and where they stand: in English and German the last word says what a thing is (a "gift card
//! holder" is a holder), in the other languages the first. Amounts of money are left out before.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::Product;

/// What is asked beside the phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Anything may stand in the title.
    Any,
    /// Other words only of [`PLAIN`]; any, where the product has no category or costs nothing.
    PlainOrEvidence,
    /// Other words only of [`PLAIN`]; any, where the product costs nothing.
    PlainOrFree,
    /// Other words only of [`PLAIN`].
    Plain,
}

/// Where a phrase stands in the title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Last,
    Anywhere,
}

/// Phrases, separated by commas.
struct Phrases(Place, Rest, &'static str);

const PHRASES: &[Phrases] = &[
    // English
    Phrases(
        Place::Last,
        Rest::PlainOrEvidence,
        "gift card, gift cards, giftcard, giftcards, gift voucher, gift vouchers, gift certificate, gift certificates, \
         egift, egift card, store credit, voucher, vouchers, e voucher",
    ),
    Phrases(Place::First, Rest::Any, "gift card for, gift card to, gift card from, free sample, free samples"),
    Phrases(
        Place::Last,
        Rest::Any,
        "shipping protection, package protection, order protection, delivery protection, route protection, \
         shipping insurance, package insurance, delivery insurance, shipping fee, shipping fees, shipping cost, \
         shipping costs, shipping charge, shipping charges, delivery fee, delivery fees, delivery charge, \
         delivery charges, delivery cost, delivery costs, handling fee, handling charge, handling charges, service fee, \
         service charge, booking fee, processing fee, packaging fee, small order fee, late fee, restocking fee, \
         recycling fee, convenience fee, bank charges, postage, postage and packing, postage and packaging, free sample, \
         free samples, gratuity",
    ),
    Phrases(
        Place::Anywhere,
        Rest::Plain,
        "shipping, delivery, tip, tips, fee, fees, surcharge, postage, shipping and handling",
    ),
    Phrases(Place::Last, Rest::PlainOrFree, "sample, samples, tester, testers"),
    // German
    Phrases(
        Place::Last,
        Rest::PlainOrEvidence,
        "gutschein, gutscheine, geschenkgutschein, geschenkgutscheine, wertgutschein, einkaufsgutschein, geschenkkarte, \
         geschenkkarten",
    ),
    Phrases(Place::First, Rest::PlainOrEvidence, "gutschein, geschenkgutschein, geschenkkarte"),
    Phrases(
        Place::Last,
        Rest::Any,
        "versandkosten, versandkostenpauschale, versandpauschale, versandgebühr, versandgebuehr, liefergebühr, liefergebuehr, \
         lieferkosten, servicegebühr, servicegebuehr, bearbeitungsgebühr, bearbeitungsgebuehr, versandschutz, \
         versandversicherung, transportversicherung, trinkgeld, gratisprobe, gratisproben, gratis probe",
    ),
    Phrases(Place::First, Rest::Any, "versandkosten, trinkgeld, gratisprobe, kostenlose probe"),
    Phrases(Place::Anywhere, Rest::Plain, "versand, porto, lieferung, gebühr, gebuehr, zustellung"),
    Phrases(Place::Last, Rest::PlainOrFree, "probe, proben, warenprobe, muster"),
    // French
    Phrases(
        Place::First,
        Rest::Any,
        "carte cadeau, cartes cadeaux, carte cadeaux, chèque cadeau, cheque cadeau, bon cadeau, bon d achat, e carte cadeau, \
         frais de port, frais de livraison, frais d expédition, frais d expedition, frais de service, frais de gestion, \
         frais de dossier, pourboire, échantillon gratuit, echantillon gratuit, échantillons gratuits, assurance livraison, \
         assurance colis",
    ),
    Phrases(Place::Anywhere, Rest::Plain, "livraison, pourboire"),
    Phrases(Place::First, Rest::PlainOrFree, "échantillon, echantillon, échantillons, echantillons"),
    // Spanish
    Phrases(
        Place::First,
        Rest::Any,
        "tarjeta regalo, tarjetas regalo, tarjeta de regalo, tarjetas de regalo, cheque regalo, vale regalo, bono regalo, \
         gastos de envío, gastos de envio, coste de envío, coste de envio, costo de envío, costo de envio, \
         seguro de envío, seguro de envio, tarifa de servicio, cargo por servicio, comisión de servicio, propina, \
         muestra gratis, muestra gratuita, muestras gratis",
    ),
    Phrases(Place::Anywhere, Rest::Plain, "envío, envio, entrega, propina"),
    Phrases(Place::First, Rest::PlainOrFree, "muestra, muestras"),
    // Hebrew
    Phrases(
        Place::First,
        Rest::Any,
        "כרטיס מתנה, שובר מתנה, שובר קנייה, תו קנייה, תו קניה, גיפט קארד, גיפטקארד, דמי משלוח, עלות משלוח, דמי טיפול, \
         דמי שירות, עמלת שירות, ביטוח משלוח, תשר, דוגמית חינם, דוגמה חינם, דוגמית מתנה",
    ),
    Phrases(Place::Anywhere, Rest::Plain, "משלוח, טיפ, תשר, עמלה, שובר"),
    Phrases(Place::First, Rest::PlainOrFree, "דוגמית, דוגמיות"),
];

/// Words that say nothing of what the thing is.
const PLAIN: &str = "a an the our your add optional free standard regular express economy priority expedited rush next same \
    day home door local domestic international worldwide national uk us eu e electronic digital virtual online physical \
    printable email instant order orders customer shop store courier driver delivery shipping service staff team for to and \
    of by per with percent happy christmas holiday holidays birthday xmas easter small large medium dhl ups dpd gls fedex \
    usps hermes royal mail post paket express der die das den dem ein eine für fuer im wert von mit und per online digital \
    kostenloser kostenlose gratis standardversand fahrer kurier weihnachten geburtstag \
    le la les un une de des du d à a domicile en pour gratuit gratuite livreur noël noel anniversaire valeur \
    el los las una al del a por para gratis repartidor navidad cumpleaños domicilio \
    חינם מהיר אקספרס רגיל עד הבית לבית לשליח שליח דיגיטלי ליום הולדת בשווי על סך";

/// Names of money beside the signs, which are no words.
const MONEY: &str = "eur euro euros usd dollar dollars gbp pound pounds chf fr francs ils nis shekel shekels cad aud sek nok dkk \
    kr pln zl jpy yen inr rs rupees cent cents שקל שקלים שח ש ח";

/// A phrase in its words.
struct Phrase {
    place: Place,
    rest: Rest,
    words: Vec<&'static str>,
}

static PHRASES_BY_WORD: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let split = |Phrases(place, rest, text): &Phrases| {
        let (place, rest) = (*place, *rest);
        let words = |phrase: &'static str| phrase.split_whitespace().collect();
        text.split(',')
            .map(move |phrase| Phrase {
                place,
                rest,
                words: words(phrase),
            })
            .collect::<Vec<_>>()
    };
    PHRASES.iter().flat_map(split).collect()
});

/// The words that some phrase begins with: most titles have none of them.
static BEGINNINGS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    PHRASES_BY_WORD
        .iter()
        .map(|phrase| phrase.words[0])
        .collect()
});

static PLAIN_WORDS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| PLAIN.split_whitespace().collect());

static MONEY_WORDS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| MONEY.split_whitespace().collect());

/// The words of `text` in lower case, without amounts.
fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit()))
        .filter(|word| !MONEY_WORDS.contains(word))
        .map(str::to_owned)
        .collect()
}

impl Phrase {
    /// Whether the phrase says what `title` is.
    fn names(&self, title: &[String], evidence: bool, free: bool) -> bool {
        let Some(last) = title.len().checked_sub(self.words.len()) else {
            return false;
        };
        let places = match self.place {
            Place::First => 0..=0,
            Place::Last => last..=last,
            Place::Anywhere => 0..=last,
        };
        places.into_iter().any(|at| {
            let (before, rest) = title.split_at(at);
            let (own, after) = rest.split_at(self.words.len());
            let mut others = before.iter().chain(after);
            let mut plain = || others.all(|word| PLAIN_WORDS.contains(word.as_str()));
            own.iter().zip(&self.words).all(|(a, b)| a == b)
                && match self.rest {
                    Rest::Any => true,
                    Rest::Plain => plain(),
                    Rest::PlainOrFree => free || plain(),
                    Rest::PlainOrEvidence => evidence || plain(),
                }
        })
    }

    /// Whether the phrase can only mean something that is no product, so that it may name a whole category.
    fn unmistakable(&self) -> bool {
        matches!(self.rest, Rest::Any | Rest::PlainOrEvidence)
    }
}

fn phrases_in(text: &str) -> Option<(Vec<String>, &'static [Phrase])> {
    let words = words(text);
    let any = words.iter().any(|word| BEGINNINGS.contains(word.as_str()));
    any.then(|| (words, PHRASES_BY_WORD.as_slice()))
}

/// Whether the words of `product` say that it is a gift card, a tip, postage, a sample or a fee: its title, the first or last
/// part of its category, or, where it has no title, its id.
pub(super) fn tell(product: &Product) -> bool {
    let free = product.price == Some(0.0);
    let evidence = free || product.category.is_none();
    let title = product.title.as_deref().unwrap_or(&product.product_id);
    let by_title = phrases_in(title).is_some_and(|(words, phrases)| {
        phrases
            .iter()
            .any(|phrase| phrase.names(&words, evidence, free))
    });
    let path = product.category.as_deref().unwrap_or_default();
    let mut parts = path.trim_matches('/').split('/');
    let parts = [parts.next(), parts.next_back()];
    by_title
        || parts
            .into_iter()
            .flatten()
            .filter_map(phrases_in)
            .any(|(words, phrases)| {
                let mut sure = phrases.iter().filter(|phrase| phrase.unmistakable());
                sure.any(|phrase| phrase.names(&words, false, false))
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(title: &str, category: Option<&str>, price: Option<f64>) -> Product {
        Product {
            title: Some(title.into()),
            category: category.map(Into::into),
            price,
            ..Product::bare("p1")
        }
    }

    #[test]
    fn gift_cards_tips_postage_samples_and_fees_are_told_in_five_languages() {
        for title in [
            "$50 Gift Card",
            "Gift Card 25 EUR",
            "Digital gift card",
            "Gift card for a friend",
            "Shipping protection",
            "Tip",
            "10% Tip for your driver",
            "Standard shipping",
            "Express Delivery (next day)",
            "POSTAGE",
            "Handling fee",
            "Free sample",
            "Free sample: rose cream",
            "Geschenkgutschein 50 €",
            "Versandkosten",
            "DHL Versand",
            "Trinkgeld",
            "Gratisprobe",
            "Carte cadeau Noël 30 €",
            "Frais de port",
            "Pourboire",
            "Échantillon gratuit",
            "Tarjeta regalo 20 €",
            "Gastos de envío",
            "Propina",
            "כרטיס מתנה 100 ש\"ח",
            "דמי משלוח",
            "משלוח עד הבית",
            "דוגמית חינם",
        ] {
            let known = thing(title, Some("home/other"), Some(5.0));
            assert!(known.is_non_product(), "{title}");
        }
        assert!(thing("Rosenhof Gutschein", None, None).is_non_product());
        assert!(thing("Rose cream sample", Some("care"), Some(0.0)).is_non_product());
        assert!(thing("50 for you", Some("Gift Cards"), None).is_non_product());
        assert!(Product::bare("gift-card-25").is_non_product());
    }

    #[test]
    fn things_with_such_a_word_in_their_name_stay() {
        for title in [
            "Sample saw",
            "Gift box set",
            "Gift card holder, leather",
            "Tip toe boots",
            "Felt tip pen",
            "Pen with fine tip",
            "Shipping box 30 cm",
            "Delivery truck, wooden",
            "Postage stamp album",
            "Toffee",
            "Sampler CD",
            "Versandtasche A4",
            "Probensammler",
            "Porte carte cadeau",
            "משלוח מנות לפורים",
            "Rose cream sample box",
            "Coffee samples set",
            "Network cable tester",
        ] {
            for (category, price) in [(Some("toys/other"), Some(9.0)), (None, None)] {
                assert!(!thing(title, category, price).is_non_product(), "{title}");
            }
        }
        assert!(!thing("Floral gift card", Some("paper/cards"), Some(3.0)).is_non_product());
        assert!(!thing("Box 30 cm", Some("Shipping/boxes"), Some(3.0)).is_non_product());
        assert!(!thing("Almond", Some("nails/Tips"), Some(3.0)).is_non_product());
        assert!(!Product::bare("p17").is_non_product());
    }

    #[test]
    fn what_the_shop_says_counts_before_words() {
        let said = |yes: bool| Product {
            attributes: [("non_product".to_owned(), yes.into())].into(),
            ..thing(if yes { "Mug" } else { "Gift card" }, None, None)
        };
        assert!(said(true).is_non_product());
        assert!(!said(false).is_non_product());
    }
}
