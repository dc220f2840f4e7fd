//! Compiles `serendib/v1/*.proto` without protoc.

use std::path::PathBuf;

use prost::Message;
use prost_types::FileDescriptorSet;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let folder = root.join("serendib/v1");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "proto") {
            println!("cargo:rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    files.sort();
    let descriptors = protox::compile(&files, [&root])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("serendib.bin"), descriptors.encode_to_vec())?;
    std::fs::write(out.join("rpc.rs"), calls(&descriptors))?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}

/// The enum `Rpc` with every call of the contract, so that what is decided by call is decided for each.
fn calls(descriptors: &FileDescriptorSet) -> String {
    let mut names: Vec<(String, String)> = Vec::new();
    for file in &descriptors.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                names.push((method.name().to_owned(), path));
            }
        }
    }
    names.sort();
    let lines = |line: &dyn Fn(&str, &str) -> String| -> String {
        names.iter().map(|(name, path)| line(name, path)).collect()
    };
    let variants = lines(&|name, path| format!("    /// `{path}`.\n    {name},\n"));
    let all = lines(&|name, _| format!("        Rpc::{name},\n"));
    let by_name = lines(&|name, _| format!("            Rpc::{name} => {name:?},\n"));
    let paths = lines(&|name, path| format!("            Rpc::{name} => {path:?},\n"));
    let by_path = lines(&|name, path| format!("            {path:?} => Some(Rpc::{name}),\n"));
    format!(
        "/// A call of the contract.\n\
         #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]\n\
         pub enum Rpc {{\n{variants}}}\n\n\
         impl Rpc {{\n    \
         /// Every call, in order of name.\n    \
         pub const ALL: [Rpc; {count}] = [\n{all}    ];\n\n    \
         /// The name of the method.\n    \
         pub const fn name(self) -> &'static str {{\n        match self {{\n{by_name}        }}\n    }}\n\n    \
         /// The path of the method, `/serendib.v1.Service/Method`.\n    \
         pub const fn path(self) -> &'static str {{\n        match self {{\n{paths}        }}\n    }}\n\n    \
         /// The call at `path`.\n    \
         pub fn of_path(path: &str) -> Option<Rpc> {{\n        match path {{\n{by_path}            _ => None,\n        }}\n    }}\n\
         }}\n",
        count = names.len()
    )
}
