//! Packing all subscription boxes from one stock.
