//! Vector indexes behind one trait: exact scan, inner-product index, HNSW.
