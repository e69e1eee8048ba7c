//! Pictures: decoded within bounds, turned, resized, encoded without what they tell about their maker.
