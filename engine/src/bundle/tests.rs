use super::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

fn sample(dir: &std::path::Path, id: &str) -> PathBuf {
    let mut writer = BundleWriter::new(dir, id).unwrap();
    let tensors = BTreeMap::from([
        (
            "a".to_owned(),
            Tensor::f32(&[2, 2], vec![1.0, 2.0, 3.0, 4.0]),
        ),
        ("b".to_owned(), Tensor::u32(&[3], vec![7, 8, 9])),
    ]);
    write_tensors(&mut writer, "t.safetensors", &tensors).unwrap();
    write_json(&mut writer, "j.json", &vec!["x", "y"]).unwrap();
    writer
        .seal(Manifest {
            id: id.to_owned(),
            ..Manifest::default()
        })
        .unwrap()
}

#[test]
fn what_is_written_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let bundle = Bundle::open(&sample(dir.path(), "m1")).unwrap();
    assert_eq!(bundle.manifest().id, "m1");
    let tensors = read_tensors(&bundle, "t.safetensors").unwrap();
    assert_eq!(tensors["b"].clone().into_u32().unwrap(), [7, 8, 9]);
    assert_eq!(tensors["a"].shape, [2, 2]);
    let words: Vec<String> = read_json(&bundle, "j.json").unwrap();
    assert_eq!(words, ["x", "y"]);
}

#[test]
fn every_truncation_and_bit_flip_of_every_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = sample(dir.path(), "m1");
    for entry in fs::read_dir(&path).unwrap() {
        let file = entry.unwrap().path();
        let good = fs::read(&file).unwrap();
        for keep in [0, 1, good.len() / 2, good.len() - 1] {
            fs::write(&file, &good[..keep]).unwrap();
            assert!(Bundle::open(&path).is_err(), "{file:?} cut to {keep}");
        }
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            fs::write(&file, &bad).unwrap();
            assert!(Bundle::open(&path).is_err(), "{file:?} bit {bit}");
        }
        fs::remove_file(&file).unwrap();
        assert!(Bundle::open(&path).is_err(), "{file:?} missing");
        fs::write(&file, &good).unwrap();
    }
    fs::write(path.join("extra"), "x").unwrap();
    let error = Bundle::open(&path).unwrap_err().to_string();
    assert!(error.contains("extra"), "{error}");
    fs::remove_file(path.join("extra")).unwrap();
    Bundle::open(&path).unwrap();
}

#[test]
fn another_format_version_is_named() {
    use sha2::{Digest, Sha256};
    let dir = tempfile::tempdir().unwrap();
    let path = sample(dir.path(), "m1");
    let text = r#"{"format_version": 2, "shape": "unknown to us"}"#;
    fs::write(path.join(MANIFEST), text).unwrap();
    let seal = format!("{}\n", hex::encode(Sha256::digest(text)));
    fs::write(path.join(SEAL), seal).unwrap();
    assert!(matches!(
        Bundle::open(&path),
        Err(BundleError::Version { found: 2, .. })
    ));
}

#[test]
fn a_number_that_is_not_finite_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = BundleWriter::new(dir.path(), "m").unwrap();
    let tensors = BTreeMap::from([("a".to_owned(), Tensor::f32(&[1], vec![f32::NAN]))]);
    write_tensors(&mut writer, "t", &tensors).unwrap();
    let path = writer
        .seal(Manifest {
            id: "m".into(),
            ..Manifest::default()
        })
        .unwrap();
    let bundle = Bundle::open(&path).unwrap();
    assert!(read_tensors(&bundle, "t").is_err());
}

#[test]
fn current_is_swapped_by_compare_and_set() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path(), "m1");
    sample(dir.path(), "m2");
    let models = ModelsDir::new(dir.path());
    assert_eq!(models.current().unwrap(), None);
    assert!(ModelsDir::resolve(dir.path()).is_err());
    models.swap(Some(""), "m1").unwrap();
    assert!(models.swap(Some("m2"), "m2").is_err());
    models.swap(Some("m1"), "m2").unwrap();
    assert_eq!(models.current().unwrap().as_deref(), Some("m2"));
    assert!(models.publish("m3").is_err());
    assert!(models.publish("../m1").is_err());
    assert_eq!(models.list().unwrap(), ["m1", "m2"]);
    sample(dir.path(), "m0");
    assert_eq!(models.before("m2").unwrap().as_deref(), Some("m1"));
    assert_eq!(models.before("m1").unwrap(), None);
    assert_eq!(
        models.before("m0").unwrap(),
        None,
        "never current, and nothing was before it"
    );
    models.publish("m0").unwrap();
    models.publish("m2").unwrap();
    assert_eq!(
        models.before("m2").unwrap().as_deref(),
        Some("m1"),
        "m2 went on to m0 and back again"
    );
    assert_eq!(
        ModelsDir::resolve(dir.path()).unwrap(),
        dir.path().join("m2")
    );
}

#[test]
fn a_bundle_under_another_name_is_refused_in_a_models_directory() {
    let dir = tempfile::tempdir().unwrap();
    let path = sample(dir.path(), "m1");
    fs::rename(&path, dir.path().join("copy")).unwrap();
    let models = ModelsDir::new(dir.path());
    models.publish("copy").unwrap();
    for error in [
        models.bundle("copy").unwrap_err(),
        ModelsDir::open(dir.path()).unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(error.contains("m1") && error.contains("copy"), "{error}");
    }
    // by itself, a bundle may stand anywhere
    ModelsDir::open(&dir.path().join("copy")).unwrap();
}

#[test]
fn what_was_current_before_is_told_latest_first() {
    let dir = tempfile::tempdir().unwrap();
    let models = ModelsDir::new(dir.path());
    for id in ["m1", "m2", "m3"] {
        sample(dir.path(), id);
        models.publish(id).unwrap();
    }
    sample(dir.path(), "kept-back");
    assert_eq!(models.earlier("m3").unwrap(), ["m2", "m1"]);
    assert_eq!(models.earlier("by-hand").unwrap(), ["m3", "m2", "m1"]);
    fs::remove_dir_all(dir.path().join("m2")).unwrap();
    assert_eq!(models.earlier("m3").unwrap(), ["m1"]);
    assert!(models.earlier("m1").unwrap().is_empty());
}

#[test]
fn an_unsealed_bundle_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = BundleWriter::new(dir.path(), "m1").unwrap();
    writer.put("a", b"x").unwrap();
    assert!(writer.put("a", b"x").is_err());
    assert!(writer.put("../a", b"x").is_err());
    drop(writer);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
