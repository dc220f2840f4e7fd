//! What goes with what: complements, substitutes, variants, basket completion.
