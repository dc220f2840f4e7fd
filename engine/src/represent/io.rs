//! The representation as files of a bundle.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::io_alike;
use super::representation::{IalsPart, Parts, SparsePart, SpectralPart};
use super::{ContentPart, Csr, Dense, Ials, IalsOptions, Representation, Vocabulary, Weighting};
use crate::bundle::{
    read_json, read_tensors, write_json, write_tensors, Bundle, BundleError, BundleWriter, Tensor,
};

const HEAD: &str = "represent.json";
const TENSORS: &str = "represent.safetensors";

/// The small part: what the tensors mean.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    products: usize,
    dim: usize,
    sparse: Vec<Weighting>,
    spectral: Option<Weighting>,
    ials: Option<IalsHead>,
    #[serde(default)]
    content: Option<ContentHead>,
    /// Layers of the graph of products alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alike: Option<usize>,
    /// Whether candidates always come from the exact scan.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    exact: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContentHead {
    gain: f32,
    #[serde(default)]
    level: f32,
    features: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IalsHead {
    weighting: Weighting,
    weight: f32,
    options: IalsOptions,
}

impl Representation {
    /// Writes `represent.json` and `represent.safetensors`.
    pub fn write(&self, bundle: &mut BundleWriter) -> Result<(), BundleError> {
        let parts = self.parts();
        let n = parts.buyers.len();
        let head = Head {
            products: n,
            dim: parts.units.cols,
            sparse: parts.sparse.iter().map(|p| p.weighting).collect(),
            spectral: parts.spectral.as_ref().map(|p| p.weighting),
            ials: parts.ials.as_ref().map(|p| IalsHead {
                weighting: p.weighting,
                weight: p.weight,
                options: p.model.options,
            }),
            content: parts.content.as_ref().map(|p| ContentHead {
                gain: p.gain,
                level: p.level,
                features: p
                    .vocabulary
                    .entries()
                    .map(|(name, _)| name.to_owned())
                    .collect(),
            }),
            alike: parts.alike.as_ref().map(io_alike::layers),
            exact: parts.exact,
        };
        write_json(bundle, HEAD, &head)?;
        let mut tensors = BTreeMap::new();
        let mut put = |name: String, tensor: Tensor| tensors.insert(name, tensor);
        put("buyers".into(), Tensor::f32(&[n], parts.buyers.clone()));
        put("lately".into(), Tensor::f32(&[n], parts.lately.clone()));
        put(
            "prior".into(),
            Tensor::f32(&[parts.prior.len()], parts.prior.clone()),
        );
        put(
            "units".into(),
            Tensor::f32(&[n, parts.units.cols], parts.units.data.clone()),
        );
        if let Some(part) = &parts.spectral {
            put("source".into(), Tensor::f32(&[n], part.source.clone()));
            put("target".into(), Tensor::f32(&[n], part.target.clone()));
        }
        if let Some(part) = &parts.ials {
            let items = &part.model.items;
            put(
                "latent".into(),
                Tensor::f32(&[n, items.cols], items.data.clone()),
            );
        }
        if let Some(part) = &parts.content {
            let idf: Vec<f32> = part
                .vocabulary
                .entries()
                .map(|(_, weight)| weight)
                .collect();
            put("content.idf".into(), Tensor::f32(&[idf.len()], idf));
            put(
                "content.appeal".into(),
                Tensor::f32(&[part.appeal.len()], part.appeal.clone()),
            );
            let map = &part.map;
            put(
                "content.map".into(),
                Tensor::f32(&[map.rows, map.cols], map.data.clone()),
            );
        }
        if let Some(alike) = &parts.alike {
            io_alike::put(alike, &mut put);
        }
        for (at, part) in parts.sparse.iter().enumerate() {
            let (starts, indices, values) = part.rows.parts();
            let starts: Vec<u64> = starts.iter().map(|s| *s as u64).collect();
            put(
                format!("sparse{at}.starts"),
                Tensor::u64(&[starts.len()], starts),
            );
            put(
                format!("sparse{at}.columns"),
                Tensor::u32(&[indices.len()], indices.to_vec()),
            );
            put(
                format!("sparse{at}.values"),
                Tensor::f32(&[values.len()], values.to_vec()),
            );
        }
        write_tensors(bundle, TENSORS, &tensors)
    }

    /// Reads what [`Representation::write`] wrote.
    ///
    /// # Errors
    /// A missing file or tensor, or numbers that do not make a representation.
    pub fn read(bundle: &Bundle) -> Result<Representation, BundleError> {
        let head: Head = read_json(bundle, HEAD)?;
        let mut tensors = read_tensors(bundle, TENSORS)?;
        let bad = |what: String| BundleError::content(TENSORS, what);
        let mut take = |name: &str| {
            tensors
                .remove(name)
                .ok_or_else(|| bad(format!("tensor {name:?} is missing")))
        };
        let wrong = |name: &str| bad(format!("tensor {name:?} has the wrong type"));
        let floats = |take: &mut dyn FnMut(&str) -> Result<Tensor, BundleError>, name: &str| {
            take(name)?.into_f32().ok_or_else(|| wrong(name))
        };
        let n = head.products;
        let mut parts = Parts {
            buyers: floats(&mut take, "buyers")?,
            lately: floats(&mut take, "lately")?,
            prior: floats(&mut take, "prior")?,
            units: dense(n, head.dim, floats(&mut take, "units")?).map_err(bad)?,
            exact: head.exact,
            ..Parts::default()
        };
        if parts.buyers.len() != n {
            return Err(bad(format!(
                "{} products, expected {n}",
                parts.buyers.len()
            )));
        }
        if let Some(weighting) = head.spectral {
            parts.spectral = Some(SpectralPart {
                weighting,
                source: floats(&mut take, "source")?,
                target: floats(&mut take, "target")?,
            });
        }
        if let Some(ials) = head.ials {
            let items = dense(n, ials.options.dim, floats(&mut take, "latent")?).map_err(bad)?;
            if !ials.weight.is_finite() || ials.options.unobserved.is_nan() {
                return Err(BundleError::content(
                    HEAD,
                    "an iALS setting is not a number",
                ));
            }
            parts.ials = Some(IalsPart {
                weighting: ials.weighting,
                model: Ials::from_items(items, ials.options),
                weight: ials.weight,
            });
        }
        if let Some(content) = head.content {
            let features = content.features.len();
            let idf = floats(&mut take, "content.idf")?;
            let map = floats(&mut take, "content.map")?;
            // models of before have none
            let appeal =
                floats(&mut take, "content.appeal").unwrap_or_else(|_| vec![0.0; features]);
            parts.content = Some(ContentPart {
                vocabulary: Vocabulary::from_entries(content.features, idf)
                    .map_err(|what| BundleError::content(HEAD, what))?,
                map: dense(features, head.dim, map).map_err(bad)?,
                gain: content.gain,
                appeal,
                level: content.level,
            });
        }
        if let Some(layers) = head.alike {
            let mut numbers = |name: &str| take(name)?.into_u32().ok_or_else(|| wrong(name));
            parts.alike = Some(io_alike::take(n, layers, &mut numbers, &bad)?);
        }
        for (at, weighting) in head.sparse.into_iter().enumerate() {
            let name = |field: &str| format!("sparse{at}.{field}");
            let starts = take(&name("starts"))?
                .into_u64()
                .ok_or_else(|| wrong(&name("starts")))?;
            let columns = take(&name("columns"))?
                .into_u32()
                .ok_or_else(|| wrong(&name("columns")))?;
            let values = take(&name("values"))?
                .into_f32()
                .ok_or_else(|| wrong(&name("values")))?;
            let starts = starts
                .into_iter()
                .map(|s| usize::try_from(s).unwrap_or(usize::MAX))
                .collect();
            let rows = Csr::from_parts(n, starts, columns, values).map_err(bad)?;
            parts.sparse.push(SparsePart { weighting, rows });
        }
        Representation::new(parts).map_err(|error| bad(error.to_string()))
    }
}

fn dense(rows: usize, cols: usize, data: Vec<f32>) -> Result<Dense, String> {
    if rows.checked_mul(cols) != Some(data.len()) {
        return Err(format!(
            "{} numbers do not make {rows} × {cols}",
            data.len()
        ));
    }
    Ok(Dense { rows, cols, data })
}
