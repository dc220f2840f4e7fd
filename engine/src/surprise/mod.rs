//! Surprise engineered: unexpectedness, novelty, timeliness, delight, dial and floor.
