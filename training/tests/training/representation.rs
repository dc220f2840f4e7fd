//! A representation of every kind of part: ways to a score agree, and a bundle gives it back.

use proptest::prelude::*;

use serendib_engine::bundle::{Bundle, BundleWriter, Manifest};
use serendib_engine::represent::*;
use serendib_shop::{Kind, ProductIx, Touch};
use serendib_training::learn::vectors::cooccurrence::{cooccurrence, CooccurrenceOptions, Shape};
use serendib_training::learn::vectors::ials;
use serendib_training::learn::vectors::svd::{truncated_svd, SvdOptions};

/// A small representation with every kind of part.
fn small() -> Representation {
    let rows: Vec<Vec<(u32, f32)>> = (0..40u32)
        .map(|u| {
            (0..12)
                .filter(|i| (u * 7 + i * 5) % 4 == 0 || i % 4 == u % 4)
                .map(|i| (i, 1.0))
                .collect()
        })
        .collect();
    let interactions = Csr::from_rows(13, rows);
    let buyers: Vec<f32> = interactions
        .col_counts()
        .iter()
        .map(|c| *c as f32)
        .collect();
    let counts = cooccurrence(
        &interactions,
        CooccurrenceOptions {
            customer_power: 0.5,
            keep: 8,
            last: 100,
        },
    );
    let svd = truncated_svd(
        &interactions,
        SvdOptions {
            k: 5,
            oversample: 5,
            iterations: 4,
            seed: 1,
        },
    );
    let (units, lengths) = unit_rows(&svd.v);
    let ials = ials::fit(
        &interactions,
        IalsOptions {
            dim: 4,
            epochs: 4,
            block: 4,
            unobserved: 0.1,
            regularisation: 0.01,
            exponent: 1.0,
            seed: 2,
        },
        None,
    );
    Representation::new(Parts {
        alike: None,
        exact: false,
        lately: buyers.clone(),
        prior: buyers.iter().map(|b| b * 1e-3).collect(),
        sparse: vec![SparsePart {
            weighting: Weighting {
                order_decay: 0.7,
                ..Weighting::default()
            },
            rows: Shape::symmetric(0.6).apply(&counts, &buyers, 6),
        }],
        spectral: Some(SpectralPart {
            weighting: Weighting::default(),
            source: lengths.clone(),
            target: lengths,
        }),
        content: Some(ContentPart {
            vocabulary: Vocabulary::from_entries(vec!["brand:x".into()], vec![1.5]).unwrap(),
            map: Dense {
                rows: 1,
                cols: 4,
                data: vec![0.6, 0.0, 0.8, 0.0],
            },
            gain: 2.0,
            appeal: vec![0.1],
            level: 0.05,
        }),
        ials: Some(IalsPart {
            weighting: Weighting::default(),
            model: ials,
            weight: 0.5,
        }),
        units,
        buyers,
    })
    .unwrap()
}

fn purchase(product: u32) -> Touch {
    Touch::new(Kind::PURCHASE, ProductIx(product), 0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn all_ways_to_a_score_agree(history in prop::collection::vec(0u32..13, 1..9), k in 0usize..20) {
        let model = small();
        let touches: Vec<Touch> = history.iter().map(|p| purchase(*p)).collect();
        let folded = model.fold_in(&touches, 0);
        let mut all = vec![0.0; model.len()];
        model.scores(&folded, &mut all);
        let products: Vec<ProductIx> = ProductIx::all(13).collect();
        for (one, each) in model.score(&folded, &products).iter().zip(&all) {
            prop_assert!((one - each).abs() < 1e-5);
        }
        let best = model.candidates(&folded, k, &|p| p != ProductIx(3));
        prop_assert_eq!(best.len(), k.min(12));
        prop_assert!(best.windows(2).all(|w| w[0].1 > w[1].1 || (w[0].1 == w[1].1 && w[0].0 < w[1].0)));
        for (product, score) in best {
            prop_assert!((score - all[product.index()]).abs() < 1e-5);
        }
        // what speaks for a product adds up to its score, prior aside
        let shares = model.contributions(&folded, ProductIx(5), 100);
        prop_assert!(shares.iter().all(|(owned, share)| history.contains(&owned.0) && *share > 0.0));
    }
}

#[test]
fn contributions_of_positive_parts_add_up_to_the_score() {
    let model = small();
    let folded = model.fold_in(&[0, 4, 8].map(purchase), 0);
    let product = ProductIx(2);
    let score = model.score(&folded, &[product])[0] - model.parts().prior[product.index()];
    let shares: f32 = model
        .contributions(&folded, product, 10)
        .iter()
        .map(|s| s.1)
        .sum();
    assert!(shares >= score - 1e-4, "{shares} {score}");
}

#[test]
fn nobody_in_particular_gets_what_is_popular() {
    let model = small();
    let folded = model.fold_in(&[], 0);
    assert!(folded.is_empty() && folded.vector().is_none());
    let best = model.candidates(&folded, 1, &|_| true)[0].0;
    let most = model.popularity().iter().cloned().fold(0.0, f32::max);
    assert_eq!(model.popularity()[best.index()], most);
    assert!(model
        .fold_in_products(&[
            (ProductIx(99), 1.0),
            (ProductIx(1), f32::NAN),
            (ProductIx(2), -1.0)
        ])
        .is_empty());
}

#[test]
fn every_product_is_most_alike_to_itself_and_one_without_buyers_has_no_vector() {
    let model = small();
    assert!(
        model.vector(ProductIx(12)).is_none()
            && model.similar(ProductIx(12), 3, &|_| true).is_empty()
    );
    let alike = model.similar(ProductIx(0), 13, &|p| p != ProductIx(4));
    assert!(alike.iter().all(|(p, _)| ![0, 4, 12].contains(&p.0)));
    assert!(alike
        .iter()
        .all(|(_, cosine)| (-1.001..=1.001).contains(cosine)));
}

#[test]
fn a_bundle_gives_the_same_numbers_back() {
    let model = small();
    let dir = tempfile::tempdir().unwrap();
    let mut writer = BundleWriter::new(dir.path(), "m1").unwrap();
    model.write(&mut writer).unwrap();
    let path = writer
        .seal(Manifest {
            id: "m1".into(),
            ..Manifest::default()
        })
        .unwrap();
    let read = Representation::read(&Bundle::open(&path).unwrap()).unwrap();
    assert_eq!(read.parts(), model.parts());
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let mut parts = small().parts().clone();
    parts.lately.pop();
    assert!(matches!(
        Representation::new(parts),
        Err(RepresentError::Shape { what: "lately", .. })
    ));
    let mut parts = small().parts().clone();
    parts.units.data[0] = 7.0;
    assert!(matches!(
        Representation::new(parts),
        Err(RepresentError::NotUnit { product: 0, .. })
    ));
    let mut parts = small().parts().clone();
    parts.prior[1] = f32::NAN;
    assert!(matches!(
        Representation::new(parts),
        Err(RepresentError::NotFinite { what: "prior" })
    ));
}

#[test]
fn a_product_that_came_later_is_placed_by_its_content() {
    let model = small();
    let mut later = serendib_shop::Product::bare("new");
    assert!(model.embed(&later).is_none());
    later.brand = Some("X".into());
    let cold = model.embed(&later).unwrap();
    assert!((cold.vector()[2] - 0.8).abs() < 1e-6);
    let folded = model.fold_in(&[purchase(0)], 0);
    let query = folded.raw_vector().unwrap();
    // what products like it have with customers at large, and how it suits this one
    let expected = 0.05 + 0.1 + 2.0 * (0.6 * query[0] + 0.8 * query[2]);
    assert!((model.score_cold(&folded, &cold) - expected).abs() < 1e-5);
    let nobody = model.fold_in(&[], 0);
    assert_eq!(model.score_cold(&nobody, &cold), 0.0);
}

/// Interactions of a catalogue large enough for codes, and what is fitted on them.
fn wide() -> (Csr, Parts) {
    let n = 5000u32;
    let rows: Vec<Vec<(u32, f32)>> = (0..3000u32)
        .map(|u| {
            (0..8)
                .map(|k| ((u * 7 + k * k * 13 + (u % 11) * 400) % n, 1.0))
                .collect()
        })
        .collect();
    let interactions = Csr::from_rows(n as usize, rows);
    let buyers: Vec<f32> = interactions
        .col_counts()
        .iter()
        .map(|c| *c as f32)
        .collect();
    let svd = truncated_svd(
        &interactions,
        SvdOptions {
            k: 16,
            oversample: 10,
            iterations: 2,
            seed: 1,
        },
    );
    let counts = cooccurrence(
        &interactions,
        CooccurrenceOptions {
            customer_power: 0.5,
            keep: 20,
            last: 50,
        },
    );
    let (units, lengths) = unit_rows(&svd.v);
    let parts = Parts {
        lately: buyers.clone(),
        prior: buyers.iter().map(|b| b * 1e-4).collect(),
        sparse: vec![SparsePart {
            weighting: Weighting::default(),
            rows: Shape::symmetric(1.0).apply(&counts, &buyers, 20),
        }],
        spectral: Some(SpectralPart {
            weighting: Weighting::default(),
            source: lengths.clone(),
            target: lengths,
        }),
        units,
        buyers,
        ..Parts::default()
    };
    (interactions, parts)
}

/// The share of the exact best 20 of some customers that [`Representation::candidates`] finds.
fn share_found(model: &Representation, interactions: &Csr) -> f64 {
    let (mut found, mut wanted) = (0, 0);
    for u in (0..interactions.rows()).step_by(150) {
        let row = interactions.iter_row(u).map(|(p, x)| (ProductIx(p), x));
        let folded = model.fold_in_products(&row.collect::<Vec<_>>());
        let mut scores = vec![0.0; model.len()];
        model.scores(&folded, &mut scores);
        for keep in [1u32, 3, 500] {
            let allowed = |p: ProductIx| p.0.is_multiple_of(keep);
            let exact = serendib_engine::index::top_of(&scores, 20, &allowed);
            let fast = model.candidates(&folded, 20, &allowed);
            assert_eq!(exact.len(), fast.len());
            wanted += exact.len();
            found += exact
                .iter()
                .filter(|e| fast.iter().any(|f| f.0 == e.0 && (f.1 - e.1).abs() < 1e-4))
                .count();
        }
    }
    found as f64 / wanted as f64
}

#[test]
fn candidates_by_code_equal_the_exact_list() {
    let (interactions, parts) = wide();
    let model = Representation::new(parts).unwrap();
    assert!(model.has_codes());
    let found = share_found(&model, &interactions);
    assert!(found >= 0.99, "{found}");
}

/// Spectral products a hundred times as large as those of iALS, customers as much smaller: both count alike.
#[test]
fn vectors_of_very_different_sizes_keep_their_say_in_the_codes() {
    let (interactions, mut parts) = wide();
    let options = IalsOptions {
        dim: 16,
        epochs: 2,
        block: 16,
        unobserved: 0.01,
        regularisation: 0.003,
        exponent: 1.0,
        seed: 3,
    };
    parts.ials = Some(IalsPart {
        weighting: Weighting::default(),
        model: ials::fit(&interactions, options, None),
        weight: 1.0,
    });
    let spectral = parts.spectral.as_mut().unwrap();
    spectral.source.iter_mut().for_each(|gain| *gain *= 0.1);
    spectral.target.iter_mut().for_each(|gain| *gain *= 1000.0);
    let model = Representation::new(parts).unwrap();
    assert!(model.has_codes());
    let found = share_found(&model, &interactions);
    assert!(found >= 0.99, "{found}");
    let figures = model.index_figures().unwrap();
    assert!(figures.finds_candidates(), "{figures:?}");
}

/// All products nearly the same in one dimension, which hides from a code what tells them apart.
#[test]
fn codes_that_find_too_little_are_not_used_even_after_a_bundle() {
    let n = 5000;
    let mut vectors = Dense::zeros(n, 8);
    for ix in 0..n {
        let row = vectors.row_mut(ix);
        row[0] = 1.0;
        for (d, x) in row.iter_mut().enumerate().skip(1) {
            *x = 0.001 * ((ix * (d + 3)) as f32 * 0.37).sin();
        }
    }
    let (units, lengths) = unit_rows(&vectors);
    let model = Representation::new(Parts {
        buyers: vec![1.0; n],
        lately: vec![1.0; n],
        units,
        spectral: Some(SpectralPart {
            weighting: Weighting::default(),
            source: lengths.clone(),
            target: lengths,
        }),
        ..Parts::default()
    })
    .unwrap();
    assert!(!model.index_figures().unwrap().finds_candidates());
    let sure = model.with_sure_searches();
    assert!(sure.index_figures().is_none() && !sure.has_codes());
    let dir = tempfile::tempdir().unwrap();
    let mut writer = BundleWriter::new(dir.path(), "m1").unwrap();
    sure.write(&mut writer).unwrap();
    let manifest = Manifest {
        id: "m1".into(),
        ..Manifest::default()
    };
    let path = writer.seal(manifest).unwrap();
    let read = Representation::read(&Bundle::open(&path).unwrap()).unwrap();
    assert!(!read.has_codes());
}

/// Vectors in clumps, some equal, one zero: a graph finds nearly all of what the scan finds, and every product by its own vector.
#[test]
fn the_graph_finds_products_alike_and_comes_back_from_a_bundle() {
    let (n, dim) = (1_500usize, 12usize);
    let mut vectors = Dense::zeros(n, dim);
    for ix in 1..n {
        // products 10k + 9 have the vector of 10k + 8
        let own = if ix % 10 == 9 { ix - 1 } else { ix };
        for (d, x) in vectors.row_mut(ix).iter_mut().enumerate() {
            *x = ((own * (d + 3)) as f32 * 0.37).sin() + ((own % 30 * (d + 1)) as f32).cos();
        }
    }
    let (units, _) = unit_rows(&vectors);
    let buyers = vec![1.0; n];
    let mut parts = Parts {
        lately: buyers.clone(),
        buyers,
        units,
        ..Parts::default()
    };
    let graph = AlikeGraph::build(
        &parts.units,
        serendib_engine::index::GraphOptions::default(),
    );
    parts.alike = Some(graph);
    let model = Representation::new(parts).unwrap();
    for keep in [1u32, 2, 20, 700] {
        let allowed = |p: ProductIx| p.0.is_multiple_of(keep);
        let (mut found, mut wanted) = (0, 0);
        for anchor in ProductIx::all(n).skip(1).step_by(50) {
            let exact = model.similar_exactly(anchor, 10, &allowed);
            let fast = model.similar(anchor, 10, &allowed);
            assert_eq!(exact.len(), fast.len());
            wanted += exact.len();
            let inside = |p: ProductIx| fast.iter().any(|f| f.0 == p);
            found += exact.iter().filter(|e| inside(e.0)).count();
        }
        assert!(
            found * 100 >= wanted * 98,
            "1 in {keep}: {found} of {wanted}"
        );
    }
    let alike = model.parts().alike.as_ref().unwrap();
    for product in ProductIx::all(n).skip(1) {
        let vector = model.vector(product).unwrap();
        let found = alike.search(&model.parts().units, vector, 2, &|_| true);
        let found = found.unwrap();
        assert!(found
            .iter()
            .any(|(p, cosine)| *p == product && *cosine > 0.999));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut writer = BundleWriter::new(dir.path(), "m1").unwrap();
    model.write(&mut writer).unwrap();
    let manifest = Manifest {
        id: "m1".into(),
        ..Manifest::default()
    };
    let path = writer.seal(manifest).unwrap();
    let read = Representation::read(&Bundle::open(&path).unwrap()).unwrap();
    assert_eq!(read.parts(), model.parts());
    let figures = read.index_figures().unwrap();
    assert!(figures.alike_20 >= 0.98 && figures.keeps(&figures));
    let worse = IndexFigures {
        alike_20: figures.alike_20 - 0.5,
        ..figures
    };
    assert!(!worse.keeps(&figures));
}
