//! Dense arrays as safetensors files.

use std::borrow::Cow;
use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, SafeTensors, View};

use super::{Bundle, BundleError, BundleWriter};

/// Numbers of a tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorData {
    F32(Vec<f32>),
    F64(Vec<f64>),
    /// Unsigned 32-bit integers.
    U32(Vec<u32>),
    /// Unsigned 64-bit integers.
    U64(Vec<u64>),
    U8(Vec<u8>),
}

/// A dense array of any shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// Row-major numbers, as many as the product of `shape`.
    pub data: TensorData,
}

macro_rules! accessors {
    ($($make:ident $take:ident $variant:ident $type:ty;)*) => {
        impl Tensor {
            $(
                #[doc = concat!("A `", stringify!($type), "` tensor.")]
                pub fn $make(shape: &[usize], data: Vec<$type>) -> Tensor {
                    debug_assert_eq!(shape.iter().product::<usize>(), data.len());
                    Tensor { shape: shape.to_vec(), data: TensorData::$variant(data) }
                }

                #[doc = concat!("The numbers, if they are `", stringify!($type), "`.")]
                pub fn $take(self) -> Option<Vec<$type>> {
                    match self.data {
                        TensorData::$variant(data) => Some(data),
                        _ => None,
                    }
                }
            )*
        }
    };
}

accessors! {
    f32 into_f32 F32 f32;
    f64 into_f64 F64 f64;
    u32 into_u32 U32 u32;
    u64 into_u64 U64 u64;
    u8 into_u8 U8 u8;
}

impl Tensor {
    /// One row of the numbers of things.
    pub fn numbers<N: Copy + Into<u32>>(of: &[N]) -> Tensor {
        Tensor::u32(&[of.len()], of.iter().map(|n| (*n).into()).collect())
    }
}

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        match self.data {
            TensorData::F32(_) => Dtype::F32,
            TensorData::F64(_) => Dtype::F64,
            TensorData::U32(_) => Dtype::U32,
            TensorData::U64(_) => Dtype::U64,
            TensorData::U8(_) => Dtype::U8,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match &self.data {
            TensorData::F32(data) => data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorData::F64(data) => data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorData::U32(data) => data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorData::U64(data) => data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorData::U8(data) => Cow::Borrowed(data),
        }
    }

    fn data_len(&self) -> usize {
        match &self.data {
            TensorData::F32(data) => data.len() * 4,
            TensorData::F64(data) => data.len() * 8,
            TensorData::U32(data) => data.len() * 4,
            TensorData::U64(data) => data.len() * 8,
            TensorData::U8(data) => data.len(),
        }
    }
}

/// Writes named tensors as the file `name`.
pub fn write_tensors(
    bundle: &mut BundleWriter,
    name: &str,
    tensors: &BTreeMap<String, Tensor>,
) -> Result<(), BundleError> {
    let bytes =
        safetensors::serialize(tensors, None).map_err(|error| BundleError::content(name, error))?;
    bundle.put(name, &bytes)
}

/// Reads all tensors of the file `name`; every float is finite.
///
/// # Errors
/// A malformed file, a type that is not one of [`TensorData`], or a number that is not finite.
pub fn read_tensors(bundle: &Bundle, name: &str) -> Result<BTreeMap<String, Tensor>, BundleError> {
    let bytes = bundle.read(name)?;
    let file =
        SafeTensors::deserialize(&bytes).map_err(|error| BundleError::content(name, error))?;
    let mut out = BTreeMap::new();
    for (tensor_name, view) in file.iter() {
        let raw = view.data();
        let data = match view.dtype() {
            Dtype::F32 => TensorData::F32(numbers(raw, f32::from_le_bytes)),
            Dtype::F64 => TensorData::F64(numbers(raw, f64::from_le_bytes)),
            Dtype::U32 => TensorData::U32(numbers(raw, u32::from_le_bytes)),
            Dtype::U64 => TensorData::U64(numbers(raw, u64::from_le_bytes)),
            Dtype::U8 => TensorData::U8(raw.to_vec()),
            other => {
                return Err(BundleError::content(
                    name,
                    format!("tensor {tensor_name:?} has type {other:?}"),
                ))
            }
        };
        let finite = match &data {
            TensorData::F32(data) => data.iter().all(|x| x.is_finite()),
            TensorData::F64(data) => data.iter().all(|x| x.is_finite()),
            _ => true,
        };
        if !finite {
            return Err(BundleError::content(
                name,
                format!("tensor {tensor_name:?} holds a number that is not finite"),
            ));
        }
        out.insert(
            tensor_name.to_owned(),
            Tensor {
                shape: view.shape().to_vec(),
                data,
            },
        );
    }
    Ok(out)
}

fn numbers<const N: usize, T>(raw: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    raw.chunks_exact(N)
        .map(|chunk| {
            let mut bytes = [0; N];
            bytes.copy_from_slice(chunk);
            read(bytes)
        })
        .collect()
}
