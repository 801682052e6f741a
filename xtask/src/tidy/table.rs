//! The rules of the house as data. A change here is a change of the architecture: it goes with one of ARCHITECTURE.md.

/// Which of the workspace's packages one of them may use.
pub(super) enum May {
    /// These and no others.
    Use(&'static [&'static str]),
    /// Any of them: it puts the parts together.
    UseAll,
}

/// Every package of the workspace, each after those it uses.
pub(super) const CRATES: &[(&str, May)] = &[
    ("model", May::Use(&[])),
    ("runtime", May::Use(&["model"])),
    ("native", May::Use(&["model"])),
    ("tree", May::Use(&["model", "native"])),
    ("plan", May::Use(&["model", "tree"])),
    ("policy", May::Use(&["model", "plan", "tree"])),
    ("auth", May::Use(&["model", "runtime"])),
    ("duck", May::Use(&["model", "native", "runtime", "tree"])),
    (
        "gateway",
        May::Use(&["model", "plan", "policy", "runtime", "tree"]),
    ),
    (
        "frontend-pg",
        May::Use(&["auth", "gateway", "model", "runtime"]),
    ),
    (
        "frontend-flight",
        May::Use(&["auth", "gateway", "model", "runtime"]),
    ),
    (
        "frontend-http",
        May::Use(&["auth", "gateway", "model", "runtime"]),
    ),
    (
        "fuzzing",
        May::Use(&[
            "frontend-flight",
            "frontend-pg",
            "model",
            "plan",
            "policy",
            "tree",
        ]),
    ),
    ("server", May::UseAll),
    ("xtask", May::Use(&[])),
    (
        "benches",
        May::Use(&[
            "auth", "duck", "gateway", "model", "native", "plan", "policy", "runtime", "tree",
        ]),
    ),
];

/// Dependencies that live in these crates only: what they bring along, in time to compile or in ideas, stays behind one door.
/// Tests may use them anywhere.
pub(super) const HEAVY: &[(&str, &[&str])] = &[
    ("arrow-flight", &["benches", "frontend-flight", "server"]),
    ("axum", &["frontend-http"]),
    ("clap", &["server"]),
    ("libduckdb-sys", &["native"]),
    ("metrics-exporter-prometheus", &["runtime"]),
    ("pbkdf2", &["auth"]),
    ("pgwire", &["frontend-pg"]),
    ("stringprep", &["auth"]),
    ("toml", &["policy", "server"]),
    ("tonic", &["benches", "frontend-flight", "server"]),
    ("tpchgen", &["xtask"]),
    ("tracing-subscriber", &["runtime"]),
];

/// A file of this many lines or fewer is fine.
pub(super) const SOFT_LINES: usize = 500;
/// No file is longer than this.
pub(super) const HARD_LINES: usize = 700;

/// Files between the two limits, and why each is still one idea.
pub(super) const LONG_FILES: &[(&str, &str)] = &[];
