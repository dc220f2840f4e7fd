//! Model bundles: immutable, sealed directories, verified before anything is parsed.
