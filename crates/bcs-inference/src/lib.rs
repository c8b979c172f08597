//! Engines behind one trait, and the queue in front of them.
