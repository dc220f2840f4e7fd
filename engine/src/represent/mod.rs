//! Customers and products as vectors: families of collaborative models, their blend, folding in.
