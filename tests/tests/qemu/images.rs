//! Images with one purpose each.
