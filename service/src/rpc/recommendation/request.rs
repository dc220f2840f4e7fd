//! Requests for recommendations.

use serendib_engine::rank::{Caps, Filters, ListKind, Occasion, Together};
use serendib_proto::v1;
use serendib_shop::Touchpoint;

use crate::answer::ask::{Ask, AskLimits, AskList};
use crate::rpc::fields::{amount, at_most, id, ids, optional_id, time, within, Invalid};

/// Most lists in a request.
const MAX_LISTS: usize = serendib_engine::rank::MAX_LISTS;

/// Checks a request.
///
/// # Errors
/// The first field that is wrong.
pub fn ask_from_proto(message: &v1::RecommendRequest, limits: AskLimits) -> Result<Ask, Invalid> {
    let context = message.context.clone().unwrap_or_default();
    at_most("lists", message.lists.len(), MAX_LISTS)?;
    let one = [v1::ListRequest::default()];
    let lists = if message.lists.is_empty() {
        &one[..]
    } else {
        &message.lists[..]
    };
    let dial = within("dial", message.dial, 1.0)?.map(|dial| dial as f32);
    at_most("context.session", context.session.len(), 1_000)?;
    Ok(Ask {
        customer_id: optional_id("customer_id", Some(&message.customer_id))?,
        at: time("context.at_ms", context.at_ms)?,
        seed: message.seed,
        include_products: message.include_products,
        include_accounting: message.include_accounting,
        placement: optional_id("context.placement", context.placement.as_deref())?,
        locale: optional_id("context.locale", context.locale.as_deref())?,
        explore: true,
        draw_lone: false,
        lists: lists
            .iter()
            .enumerate()
            .map(|(ix, list)| {
                list_from_proto(list, limits).map_err(|e| e.under(format!("lists[{ix}]")))
            })
            .collect::<Result<_, _>>()?,
        session: context
            .session
            .iter()
            .enumerate()
            .map(|(ix, touch)| {
                session_touch(touch).map_err(|e| e.under(format!("context.session[{ix}]")))
            })
            .collect::<Result<_, _>>()?,
        basket: ids("context.basket", &context.basket, 1_000)?,
        viewed: optional_id(
            "context.viewed_product_id",
            context.viewed_product_id.as_deref(),
        )?,
        occasion: occasion(context.occasion.as_deref())?,
        exclusions: ids("exclude_product_ids", &message.exclude_product_ids, 10_000)?,
        withheld: Vec::new(),
        dial,
        max_reasons: limits.max_reasons,
    })
}

/// What else than the customer's own taste the lists are for; an empty word is none.
fn occasion(word: Option<&str>) -> Result<Option<Occasion>, Invalid> {
    match word.filter(|word| !word.is_empty()) {
        None => Ok(None),
        Some(word) => Occasion::parse(word).map(Some).ok_or_else(|| {
            let shown: String = word.chars().take(40).collect();
            let message = format!("is {shown:?}, expected `gift` or `birthday`");
            Invalid::new("context.occasion", message)
        }),
    }
}

fn list_from_proto(list: &v1::ListRequest, limits: AskLimits) -> Result<AskList, Invalid> {
    let count = list
        .count
        .map_or(limits.default_count, |count| count as usize);
    if count == 0 || count > limits.max_count {
        return Err(Invalid::new(
            "count",
            format!("is {count}, expected 1 to {}", limits.max_count),
        ));
    }
    let filters = list.filters.clone().unwrap_or_default();
    let min_price = amount("filters.min_price", filters.min_price)?;
    let max_price = amount("filters.max_price", filters.max_price)?;
    if let (Some(min), Some(max)) = (min_price, max_price) {
        if min > max {
            return Err(Invalid::new(
                "filters.min_price",
                format!("is {min}, more than max_price {max}"),
            ));
        }
    }
    let kind = list_kind(list.kind)?;
    at_most("filters.categories", filters.categories.len(), 1_000)?;
    at_most("filters.brands", filters.brands.len(), 1_000)?;
    Ok(AskList {
        kind,
        count,
        filters: Filters {
            categories: filters.categories,
            brands: filters.brands,
            min_price,
            max_price,
            exclude_owned: filters.exclude_owned,
        },
        pins: ids("pinned_product_ids", &list.pinned_product_ids, 100)?,
        together: together(list, limits.together.of(kind))?,
    })
}

/// How the items of `list` go together, `usual` where it does not say.
fn together(list: &v1::ListRequest, usual: Together) -> Result<Together, Invalid> {
    let share = |field: &str, asked: Option<f32>, usual: f32| match asked {
        Some(share) if !(0.0..=1.0).contains(&share) => {
            Err(Invalid::new(field, format!("is {share}, expected 0 to 1")))
        }
        share => Ok(share.unwrap_or(usual)),
    };
    let cap = |field: &str, asked: Option<u32>, usual: Option<usize>| match asked {
        Some(0) => Err(Invalid::new(field, "is 0, expected at least 1")),
        cap => Ok(cap.map_or(usual, |cap| Some(cap as usize))),
    };
    Ok(Together {
        diversity: share("diversity", list.diversity, usual.diversity)?,
        calibration: share("calibration", list.calibration, usual.calibration)?,
        caps: Caps {
            category: cap(
                "max_per_category",
                list.max_per_category,
                usual.caps.category,
            )?,
            brand: cap("max_per_brand", list.max_per_brand, usual.caps.brand)?,
        },
        // a request that says how many may come says that so many may
        crowd: usual.crowd.filter(|_| list.max_per_category.is_none()),
    })
}

fn session_touch(touch: &v1::SessionTouch) -> Result<Touchpoint, Invalid> {
    let kind = optional_id("kind", touch.kind.as_deref())?;
    Ok(Touchpoint {
        product_id: Some(id("product_id", &touch.product_id)?),
        at: time("at_ms", touch.at_ms)?,
        ..Touchpoint::new("", kind.as_deref().unwrap_or("view"))
    })
}

fn list_kind(value: i32) -> Result<ListKind, Invalid> {
    Ok(match v1::ListKind::try_from(value) {
        Ok(v1::ListKind::Unspecified | v1::ListKind::ForYou) => ListKind::ForYou,
        Ok(v1::ListKind::Similar) => ListKind::Similar,
        Ok(v1::ListKind::GoesWith) => ListKind::GoesWith,
        Ok(v1::ListKind::NextInLife) => ListKind::NextInLife,
        Ok(v1::ListKind::BuyAgain) => ListKind::BuyAgain,
        Ok(v1::ListKind::NextBasket) => ListKind::NextBasket,
        Ok(v1::ListKind::Surprise) => ListKind::Surprise,
        Ok(v1::ListKind::Popular) => ListKind::Popular,
        Err(_) => {
            return Err(Invalid::new(
                "kind",
                format!("{value} is not a kind of list"),
            ))
        }
    })
}

/// The API's word for a kind of list.
pub fn list_kind_to_proto(kind: ListKind) -> v1::ListKind {
    match kind {
        ListKind::ForYou => v1::ListKind::ForYou,
        ListKind::Similar => v1::ListKind::Similar,
        ListKind::GoesWith => v1::ListKind::GoesWith,
        ListKind::NextInLife => v1::ListKind::NextInLife,
        ListKind::BuyAgain => v1::ListKind::BuyAgain,
        ListKind::NextBasket => v1::ListKind::NextBasket,
        ListKind::Surprise => v1::ListKind::Surprise,
        ListKind::Popular => v1::ListKind::Popular,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::config::Usual;

    const LIMITS: AskLimits = AskLimits {
        default_count: 20,
        max_count: 200,
        max_reasons: 3,
        together: Usual {
            surprise: Together {
                diversity: 0.5,
                calibration: 0.0,
                caps: Caps {
                    category: Some(7),
                    brand: None,
                },
                crowd: Some(2),
            },
            others: Together {
                diversity: 0.1,
                calibration: 0.0,
                caps: Caps {
                    category: None,
                    brand: None,
                },
                crowd: None,
            },
        },
    };

    fn refused(message: &v1::RecommendRequest) -> String {
        ask_from_proto(message, LIMITS).unwrap_err().field
    }

    fn list(spoil: impl Fn(&mut v1::ListRequest)) -> v1::RecommendRequest {
        let mut lists = vec![v1::ListRequest::default(); 3];
        spoil(&mut lists[2]);
        v1::RecommendRequest {
            lists,
            ..Default::default()
        }
    }

    #[test]
    fn an_empty_request_asks_for_twenty_for_an_anonymous_visitor() {
        let ask = ask_from_proto(&v1::RecommendRequest::default(), LIMITS).unwrap();
        assert_eq!(ask.customer_id, None);
        assert_eq!(ask.kinds().collect::<Vec<_>>(), [ListKind::ForYou]);
        assert_eq!(ask.lists[0].count, 20);
    }

    #[test]
    fn what_a_list_does_not_say_is_as_configured_for_its_kind() {
        let together = |kind: v1::ListKind| {
            let lists = vec![v1::ListRequest {
                kind: kind.into(),
                max_per_brand: Some(2),
                ..Default::default()
            }];
            let message = v1::RecommendRequest {
                lists,
                ..Default::default()
            };
            ask_from_proto(&message, LIMITS).unwrap().lists[0].together
        };
        let surprise = together(v1::ListKind::Surprise);
        assert_eq!((surprise.diversity, surprise.caps.category), (0.5, Some(7)));
        assert_eq!((surprise.caps.brand, surprise.crowd), (Some(2), Some(2)));
        assert_eq!(together(v1::ListKind::Popular).diversity, 0.1);
        for kind in [
            v1::ListKind::Similar,
            v1::ListKind::BuyAgain,
            v1::ListKind::NextBasket,
        ] {
            let asked = together(kind);
            assert_eq!((asked.diversity, asked.caps.brand), (0.0, Some(2)));
        }
    }

    #[test]
    fn a_cap_that_a_request_names_is_not_undercut() {
        let mut message = list(|l| {
            l.kind = v1::ListKind::Surprise.into();
            l.max_per_category = Some(5);
        });
        let together = |message: &v1::RecommendRequest| {
            ask_from_proto(message, LIMITS).unwrap().lists[2].together
        };
        assert_eq!(together(&message).caps.category, Some(5));
        assert_eq!(together(&message).crowd, None);
        message.lists[2].max_per_category = None;
        assert_eq!(together(&message).crowd, Some(2));
    }

    #[test]
    fn wrong_fields_are_named_with_their_place() {
        for count in [0, 201, 1_000_000] {
            assert_eq!(refused(&list(|l| l.count = Some(count))), "lists[2].count");
        }
        assert_eq!(refused(&list(|l| l.kind = 77)), "lists[2].kind");
        for share in [f32::NAN, -0.01, 1.5, f32::INFINITY] {
            let field = refused(&list(|l| l.diversity = Some(share)));
            assert_eq!(field, "lists[2].diversity");
            let field = refused(&list(|l| l.calibration = Some(share)));
            assert_eq!(field, "lists[2].calibration");
        }
        let field = refused(&list(|l| l.max_per_category = Some(0)));
        assert_eq!(field, "lists[2].max_per_category");
        let field = refused(&list(|l| l.max_per_brand = Some(0)));
        assert_eq!(field, "lists[2].max_per_brand");
        let price = |l: &mut v1::ListRequest| {
            l.filters = Some(v1::Filters {
                min_price: Some(f64::NAN),
                ..Default::default()
            });
        };
        assert_eq!(refused(&list(price)), "lists[2].filters.min_price");
        let many = v1::RecommendRequest {
            lists: vec![v1::ListRequest::default(); MAX_LISTS + 1],
            ..Default::default()
        };
        assert_eq!(refused(&many), "lists");
        for dial in [f64::NAN, -0.1, 2.0] {
            let message = v1::RecommendRequest {
                dial: Some(dial),
                ..Default::default()
            };
            assert_eq!(refused(&message), "dial");
        }
        let message = v1::RecommendRequest {
            customer_id: "x".repeat(257),
            ..Default::default()
        };
        assert_eq!(refused(&message), "customer_id");
        let message = v1::RecommendRequest {
            context: Some(v1::Context {
                basket: vec!["p".into(), "a\u{0}b".into()],
                ..Default::default()
            }),
            ..Default::default()
        };
        assert_eq!(refused(&message), "context.basket[1]");
    }
}
