//! File descriptors: each session needs one, and more while it transfers.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raise the soft limit to what the administrator allows.
pub fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, current = ?limit.current, "the descriptor limit stays");
    }
}
