//! The request path: sources, filters, scorers, re-ranking, reasons.
