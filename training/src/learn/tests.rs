use std::borrow::Cow;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serendib_shop::{Catalogue, Kind, Product, ProductIx, Touch, DAY_MS};

use crate::learn::vectors::choose::{choose, Choice, Settings};
use crate::learn::vectors::scorers::gain_of_case;
use crate::learn::vectors::split::{hold_out, Regime};
use crate::learn::*;

const MEMORY: usize = 2_000_000_000;

fn purchase(product: u32, at: i64) -> Touch {
    Touch::new(Kind::PURCHASE, ProductIx(product), at)
}

fn products(n: u32) -> Vec<Product> {
    // ids that are not in the order of the numbers
    (0..n)
        .map(|i| Product::bare(format!("p{:03}", (i * 37) % n)))
        .collect()
}

struct Shop {
    catalogue: Catalogue,
    histories: Vec<Vec<Touch>>,
    timed: bool,
}

impl Shop {
    fn new(products: Vec<Product>, rows: Vec<Vec<u32>>) -> Shop {
        Shop {
            catalogue: Catalogue::new(products).unwrap(),
            histories: rows
                .into_iter()
                .map(|r| r.into_iter().map(|p| purchase(p, 0)).collect())
                .collect(),
            timed: false,
        }
    }

    fn corpus(&self) -> Corpus<'_> {
        Corpus {
            catalogue: &self.catalogue,
            histories: self
                .histories
                .iter()
                .map(|h| Cow::Borrowed(&h[..]))
                .collect(),
            anonymous: Vec::new(),
            timed: self.timed,
        }
    }

    fn choose(&self) -> (Settings, Choice) {
        choose(&self.corpus(), 1, MEMORY, &|_| {})
    }
}

fn distinct(row: impl IntoIterator<Item = u32>) -> Vec<u32> {
    let mut seen = std::collections::HashSet::new();
    row.into_iter().filter(|p| seen.insert(*p)).collect()
}

/// Customers of six tastes who mostly buy within theirs, in any order.
fn tastes() -> Shop {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let rows = (0..400)
        .map(|u| {
            distinct((0..9).map(|_| {
                if rng.gen_bool(0.85) {
                    (u % 6) * 15 + rng.gen_range(0..15)
                } else {
                    rng.gen_range(0..90)
                }
            }))
        })
        .collect();
    Shop::new(products(90), rows)
}

/// After product i comes i + 1, nearly always.
fn chains() -> Shop {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let rows = (0..400)
        .map(|_| {
            let mut at: u32 = rng.gen_range(0..80);
            distinct((0..10).map(|_| {
                at = if rng.gen_bool(0.8) {
                    (at * 7 + 3) % 80
                } else {
                    rng.gen_range(0..80)
                };
                at
            }))
        })
        .collect();
    Shop::new(products(80), rows)
}

/// What sells sells, to anybody.
fn bestsellers() -> Shop {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let rows = (0..400)
        .map(|_| distinct((0..8).map(|_| (60.0 * rng.gen_range(0.0f64..1.0).powi(3)) as u32)))
        .collect();
    Shop::new(products(60), rows)
}

/// Customers are true to a brand; every product has few buyers.
fn brands() -> Shop {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut products = products(600);
    for (at, product) in products.iter_mut().enumerate() {
        product.brand = Some(format!("brand {}", at % 60));
    }
    let rows = (0..200)
        .map(|u| distinct((0..4).map(|_| (u % 60) + 60 * rng.gen_range(0..10))))
        .collect();
    Shop::new(products, rows)
}

fn weight(choice: &Choice, name: &str) -> f32 {
    choice
        .table
        .iter()
        .find(|t| t.name == name)
        .map_or(0.0, |t| t.weight)
}

#[test]
fn a_shop_of_tastes_is_a_set_and_the_blend_is_no_worse_than_its_best_part() {
    let (settings, choice) = tastes().choose();
    assert_eq!(choice.regime, Some(Regime::Random), "{}", choice.why);
    assert!(choice.blend_ndcg >= choice.table[0].ndcg - 1e-9);
    let popular = choice
        .table
        .iter()
        .find(|t| t.name == "most popular")
        .unwrap();
    assert!(choice.table[0].ndcg > 1.5 * popular.ndcg);
    assert!(!settings.blend.is_empty());
}

#[test]
fn a_shop_of_chains_is_ordered_and_won_by_the_directed_family() {
    let (_, choice) = chains().choose();
    assert_eq!(choice.regime, Some(Regime::LastByOrder), "{}", choice.why);
    assert!(weight(&choice, "next item") > 0.0, "{choice:?}");
    assert_eq!(choice.table[0].name, "next item");
}

#[test]
fn a_shop_of_bestsellers_leans_on_popularity() {
    let (_, choice) = bestsellers().choose();
    let popular = choice
        .table
        .iter()
        .find(|t| t.name == "most popular")
        .unwrap();
    assert!(choice.blend_ndcg >= popular.ndcg - 1e-9);
    assert!(popular.ndcg > 0.9 * choice.table[0].ndcg, "{choice:?}");
}

#[test]
fn a_shop_of_brands_uses_what_products_say_about_themselves() {
    let (_, choice) = brands().choose();
    assert!(weight(&choice, "content") > 0.0, "{choice:?}");
}

/// What sells sells; most products hardly do, and what products say about themselves means nothing.
fn long_tail() -> Shop {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut products = products(600);
    for product in &mut products {
        product.brand = Some(format!("brand {}", rng.gen_range(0..40)));
        product.category = Some(format!("category {}", rng.gen_range(0..30)));
    }
    let rows = (0..300)
        .map(|_| {
            distinct((0..6).map(|_| {
                if rng.gen_bool(0.7) {
                    rng.gen_range(0..30)
                } else {
                    rng.gen_range(0..600)
                }
            }))
        })
        .collect();
    Shop::new(products, rows)
}

#[test]
fn products_placed_by_content_do_not_drown_what_sells() {
    let shop = long_tail();
    let (settings, choice) = shop.choose();
    let corpus = shop.corpus();
    let split = hold_out(&corpus, 3000, 9);
    let served = build(&split.train, &settings, &|_| {}).unwrap();
    let all: Vec<ProductIx> = ProductIx::all(600).collect();
    let (mut ours, mut popular) = (0.0, 0.0);
    let buyers = served.popularity().to_vec();
    for case in &split.cases {
        let folded = served.fold_in(&case.history, case.now);
        ours += gain_of_case(&served.score(&folded, &all), case);
        popular += gain_of_case(&buyers, case);
    }
    assert!(ours > 0.9 * popular, "{ours} against {popular}: {choice:?}");
}

/// The shop of tastes, each with a brand, and of each brand a product, 90 to 95, that nobody has bought yet.
fn twins() -> Shop {
    let mut products = products(96);
    for (at, product) in products.iter_mut().enumerate() {
        let taste = if at < 90 { at / 15 } else { at - 90 };
        product.brand = Some(format!("brand {taste}"));
    }
    Shop {
        catalogue: Catalogue::new(products).unwrap(),
        ..tastes()
    }
}

#[test]
fn a_product_without_buyers_ranks_as_one_that_came_after_the_fit() {
    let shop = twins();
    let corpus = shop.corpus();
    let mut settings = crate::learn::vectors::choose::simple(&corpus, 1);
    // everybody has a good word for every product with buyers
    settings.blend.truncate(2);
    settings.blend[1].weight = 1.0;
    for trust in [(0.8, 0.5), (1.0, 1.0)] {
        (settings.content_level, settings.content_gain) = trust;
        let served = build(&corpus, &settings, &|_| {}).unwrap();
        let mut scores = vec![0.0; served.len()];
        let mut ranks = 0;
        for (customer, history) in shop.histories.iter().enumerate() {
            let folded = served.fold_in(history, 0);
            served.scores(&folded, &mut scores);
            for twin in 90..96u32 {
                let cold = served
                    .embed(shop.catalogue.product(ProductIx(twin)))
                    .unwrap();
                let later = served.score_cold(&folded, &cold);
                let gap = (scores[twin as usize] - later).abs();
                assert!(gap < 1e-4 * later.abs().max(1.0), "{gap} of {later}");
            }
            let twin = scores[90 + customer % 6];
            ranks += scores[..90].iter().filter(|score| **score > twin).count();
        }
        let rank = ranks as f64 / shop.histories.len() as f64;
        let in_full = trust == (1.0, 1.0);
        assert!(
            !in_full || rank < 45.0,
            "{rank} of 90 are before the new product of their taste"
        );
    }
}

#[test]
fn a_buyer_more_moves_a_product_from_its_content_without_a_jump() {
    let mut shop = twins();
    let alike = |shop: &Shop| {
        let corpus = shop.corpus();
        let settings = crate::learn::vectors::choose::simple(&corpus, 1);
        let served = build(&corpus, &settings, &|_| {}).unwrap();
        let place = served.parts().content.as_ref().unwrap();
        let unit = place.place(shop.catalogue.product(ProductIx(90))).unwrap();
        let own = served.vector(ProductIx(90)).unwrap();
        unit.iter().zip(own).map(|(a, b)| a * b).sum::<f32>()
    };
    let mut by_buyers = vec![alike(&shop)];
    // buyers of another taste: what they say is not what the brand says
    for customer in 0..5 {
        shop.histories[customer * 6 + 3].push(purchase(90, 0));
        by_buyers.push(alike(&shop));
    }
    assert!((by_buyers[0] - 1.0).abs() < 1e-3, "{by_buyers:?}");
    let steps: Vec<f32> = by_buyers.windows(2).map(|w| w[0] - w[1]).collect();
    let most = steps.iter().copied().fold(0.0, f32::max);
    let all = by_buyers[0] - by_buyers[5];
    assert!(all > 0.0 && most < 0.6 * all, "{by_buyers:?}");
}

#[test]
fn rows_in_order_of_number_say_nothing_about_time() {
    let mut shop = chains();
    for history in &mut shop.histories {
        history.sort_by_key(|t| t.product);
    }
    let split = crate::learn::vectors::split::hold_out(&shop.corpus(), 100, 1);
    assert_eq!(split.regime, Regime::Random, "{}", split.why);
}

#[test]
fn times_make_one_cut_for_all() {
    let mut shop = tastes();
    shop.timed = true;
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    for history in &mut shop.histories {
        for touch in history.iter_mut() {
            touch.at = rng.gen_range(1..300) * DAY_MS;
        }
        history.sort_by_key(|t| t.at);
    }
    let split = crate::learn::vectors::split::hold_out(&shop.corpus(), 3000, 1);
    assert_eq!(split.regime, Regime::TimeCut, "{}", split.why);
    let cut = split.cases[0].now;
    assert!(split
        .train
        .histories
        .iter()
        .flat_map(|h| h.iter())
        .all(|t| t.at < cut));
    for case in &split.cases {
        assert_eq!(case.now, cut);
        assert!(case
            .relevant
            .iter()
            .all(|p| case.owned.binary_search(p).is_err()));
    }
    let asked = crate::learn::vectors::split::hold_out_at(&shop.corpus(), 100 * DAY_MS, 3000, 1);
    assert!(!asked.cases.is_empty() && asked.cases.iter().all(|c| c.now == 100 * DAY_MS));
    let mut left = asked.train.histories.iter().flat_map(|h| h.iter());
    assert!(left.all(|t| t.at < 100 * DAY_MS));
    assert!(
        crate::learn::vectors::split::hold_out_at(&shop.corpus(), 400 * DAY_MS, 3000, 1)
            .cases
            .is_empty()
    );
}

#[test]
fn the_same_data_and_seed_give_the_same_model() {
    let shop = tastes();
    let (a, b) = (shop.choose(), shop.choose());
    assert_eq!(a.0, b.0);
    let model = |s: &Settings| build(&shop.corpus(), s, &|_| {}).unwrap();
    assert_eq!(model(&a.0).parts(), model(&b.0).parts());
}

#[test]
fn settings_survive_the_manifest() {
    let (settings, _) = tastes().choose();
    let json = serde_json::to_value(&settings).unwrap();
    assert_eq!(serde_json::from_value::<Settings>(json).unwrap(), settings);
}

#[test]
fn degenerate_shops_give_finite_models() {
    let shops = [
        (
            "identical customers",
            Shop::new(products(5), vec![vec![0, 1, 2]; 200]),
        ),
        ("one basket each", {
            let mut shop = tastes();
            shop.timed = true;
            for (customer, history) in shop.histories.iter_mut().enumerate() {
                for touch in history.iter_mut() {
                    (touch.at, touch.basket) = (customer as i64 * DAY_MS, customer as u64 + 1);
                }
            }
            shop
        }),
        (
            "one date for all",
            Shop {
                timed: true,
                ..tastes()
            },
        ),
        ("one product", Shop::new(products(1), vec![vec![0]; 100])),
        (
            "everybody owns everything",
            Shop::new(products(12), vec![(0..12).collect(); 80]),
        ),
        ("one customer", Shop::new(products(4), vec![vec![2, 1]])),
        ("nobody", Shop::new(products(3), vec![])),
        ("empty histories", Shop::new(products(3), vec![vec![]; 10])),
        (
            "two blocks",
            Shop::new(
                products(8),
                (0..120)
                    .map(|u| {
                        if u % 2 == 0 {
                            vec![0, 1, 2, 3]
                        } else {
                            vec![4, 5, 6, 7]
                        }
                    })
                    .collect(),
            ),
        ),
    ];
    for (name, shop) in shops {
        let (settings, choice) = shop.choose();
        let model =
            build(&shop.corpus(), &settings, &|_| {}).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut scores = vec![0.0; model.len()];
        for history in shop.histories.iter().take(3) {
            model.scores(&model.fold_in(history, 0), &mut scores);
            assert!(scores.iter().all(|s| s.is_finite()), "{name}");
        }
        assert!(!choice.verdict.is_empty());
        if ["one basket each", "one date for all"].contains(&name) {
            assert_eq!(
                choice.regime,
                Some(Regime::Random),
                "{name}: {}",
                choice.why
            );
        }
    }
}

#[test]
fn a_shop_of_customers_with_nothing_in_common_gets_what_is_popular() {
    let rows = (0..100).map(|u| (u * 4..u * 4 + 4).collect()).collect();
    let (settings, choice) = Shop::new(products(400), rows).choose();
    assert!(
        choice.regime.is_some() && choice.blend_ndcg == 0.0,
        "{choice:?}"
    );
    assert!(choice.verdict.starts_with("nothing"), "{}", choice.verdict);
    assert_eq!(settings.blend.len(), 1);
    assert_eq!(settings.blend[0].family.name(), "most popular");
    let shown: Vec<String> = choice
        .table
        .iter()
        .map(|t| format!("{:.4}", t.ndcg))
        .collect();
    assert!(shown.iter().all(|ndcg| ndcg == "0.0000"), "{shown:?}");
}

#[test]
fn what_a_family_is_worth_is_told_of_those_in_the_blend_and_of_those_left_out() {
    let (_, choice) = chains().choose();
    let next = choice.table.iter().find(|t| t.name == "next item").unwrap();
    assert!(next.worth > 0.05, "{choice:?}");
    // nothing is worth less than nothing by more than a tie is
    assert!(choice
        .table
        .iter()
        .all(|t| t.worth > -0.01 && t.worth <= 1.0));
    assert!(choice.verdict.contains("families") == choice.verdict.contains('±'));
}

#[test]
fn too_little_data_gets_the_simple_thing_and_says_so() {
    let shop = Shop::new(products(10), vec![vec![1, 2, 3], vec![2, 3], vec![2]]);
    let (_, choice) = shop.choose();
    assert_eq!(choice.regime, None);
    assert!(
        choice.verdict.contains("too little data"),
        "{}",
        choice.verdict
    );
}

#[test]
fn a_limit_that_is_too_low_is_refused_before_the_work() {
    let shop = tastes();
    let refused = memory::check(&shop.corpus(), 64, 1_000_000);
    assert!(matches!(refused, Err(FitError::Memory { .. })));
    assert!(memory::check(&shop.corpus(), 64, MEMORY).is_ok());
}

#[test]
fn what_nobody_known_buys_is_popular_all_the_same() {
    let day = |n: i64| n * DAY_MS;
    let products = ["tea", "cup", "jam"].map(Product::bare).to_vec();
    let catalogue = Catalogue::new(products).unwrap();
    let known = [Touch::new(Kind::PURCHASE, ProductIx(0), day(99))];
    let corpus = Corpus {
        catalogue: &catalogue,
        histories: vec![Cow::Borrowed(&known[..])],
        anonymous: vec![
            (ProductIx(1), day(99)),
            (ProductIx(1), day(98)),
            (ProductIx(2), day(39)),
        ],
        timed: true,
    };
    let ever = corpus.buyers_lately(None);
    assert_eq!(ever, [1.0, 2.0, 1.0]);
    let lately = corpus.buyers_lately(Some(30.0));
    assert!(lately[1] > lately[0] && lately[2] == 0.25, "{lately:?}");
    assert_eq!(corpus.anonymous_before(day(98)), [(ProductIx(2), day(39))]);
}
