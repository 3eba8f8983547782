//! What may be wrong with a graph: one enum, each fault with its place in the volfile where it has one.
use crate::volfile::render::{self, Pointed};
use crate::volfile::{SetBy, Span};

/// A graph that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// The volfile's translators or options do not fit; every fault found is here, the first one first.
    #[error("{}", render::plain(origin, text, faults).trim_end())]
    Faults {
        /// The file, or where the text was fetched.
        origin: String,
        /// The whole text.
        text: String,
        /// At least one.
        faults: Vec<GraphFault>,
    },
    /// A translator did not start.
    #[error("volume `{volume}`, type {type_name}, does not start: {why}")]
    Init {
        /// The volume.
        volume: String,
        /// Its type.
        type_name: String,
        /// What the translator said.
        why: String,
    },
    /// A translator does not come back from `init`.
    #[error(
        "volume `{volume}`, type {type_name}, has been starting for {seconds} s and is given up; \
         --init-timeout=SECONDS allows more"
    )]
    Hangs {
        /// The volume.
        volume: String,
        /// Its type.
        type_name: String,
        /// How long was waited.
        seconds: u64,
    },
    /// A thread to start translators on cannot be had.
    #[error("no thread to start translators on: {0}")]
    Thread(#[source] std::io::Error),
    /// A running graph cannot become the one that was asked for.
    #[error(
        "the new volfile has another graph: {difference}; it takes effect when the process is started again"
    )]
    Topology {
        /// The first difference.
        difference: String,
    },
    /// A translator refused its new options.
    #[error("volume `{volume}`, type {type_name}, does not take its new options: {why}")]
    Reconfigure {
        /// The volume.
        volume: String,
        /// Its type.
        type_name: String,
        /// What the translator said.
        why: String,
    },
}

/// One fault of a graph. May grow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphFault {
    /// The translator of a volume cannot be opened.
    #[error("volume `{volume}`: {why}")]
    Load {
        /// The volume.
        volume: String,
        /// The volume's type in the volfile.
        at: Option<Span>,
        /// Why, as the loader says it.
        why: String,
    },
    /// A translator that has no place in a volfile.
    #[error("volume `{volume}` is a mount, which a volfile cannot hold")]
    Mount {
        /// The volume.
        volume: String,
        /// The volume's type.
        at: Option<Span>,
    },
    /// An option that the translator does not declare.
    #[error("volume `{volume}`, type {type_name}, knows no option `{key}`")]
    UnknownOption {
        /// The volume.
        volume: String,
        /// Its type.
        type_name: String,
        /// The option.
        key: String,
        /// Who set it.
        by: SetBy,
        /// The declared option that was probably meant.
        meant: Option<String>,
    },
    /// An option with a value that the translator does not take.
    #[error("option `{key}` of volume `{volume}` is `{value}`, expected {expected}")]
    BadValue {
        /// The volume.
        volume: String,
        /// The option.
        key: String,
        /// The value.
        value: String,
        /// What was expected.
        expected: String,
        /// Who set it.
        by: SetBy,
    },
    /// An option without which the translator cannot start.
    #[error("volume `{volume}`, type {type_name}, has no option `{key}`, which it needs")]
    MissingOption {
        /// The volume.
        volume: String,
        /// Its type.
        type_name: String,
        /// The option.
        key: String,
        /// What the option is.
        what: String,
        /// The volume's name in the volfile.
        at: Option<Span>,
    },
    /// Two translators that cannot stand in one graph.
    #[error(
        "volume `{volume}`, type {type_name}, stands in {allowed} graphs only, and volume `{other}`, type \
         {other_type}, in {other_allowed} graphs only"
    )]
    Position {
        /// The volume.
        volume: String,
        /// Its type.
        type_name: String,
        /// Where it may stand.
        allowed: String,
        /// The volume's type in the volfile.
        at: Option<Span>,
        /// The other volume.
        other: String,
        /// Its type.
        other_type: String,
        /// Where that may stand.
        other_allowed: String,
        /// The other volume's type in the volfile.
        other_at: Option<Span>,
    },
    /// `--volume-name` names no volume.
    #[error("--volume-name={name}: the volfile has no such volume")]
    NoSuchTop {
        /// The name.
        name: String,
        /// The volume that was probably meant.
        meant: Option<String>,
    },
}

impl GraphFault {
    /// An option that is not declared, without its place.
    pub fn is_unknown_option(&self) -> bool {
        matches!(self, GraphFault::UnknownOption { .. })
    }
}

impl Pointed for GraphFault {
    fn at(&self) -> Option<Span> {
        match self {
            GraphFault::Load { at, .. }
            | GraphFault::Mount { at, .. }
            | GraphFault::MissingOption { at, .. }
            | GraphFault::Position { at, .. } => at.clone(),
            GraphFault::UnknownOption { by: SetBy::Volfile { key, .. }, .. } => Some(key.clone()),
            GraphFault::BadValue { by: SetBy::Volfile { value, .. }, .. } => Some(value.clone()),
            GraphFault::UnknownOption { .. } | GraphFault::BadValue { .. } | GraphFault::NoSuchTop { .. } => {
                None
            }
        }
    }

    fn label(&self) -> String {
        match self {
            GraphFault::Load { .. } => "cannot be opened".to_owned(),
            GraphFault::Mount { .. } => "here".to_owned(),
            GraphFault::UnknownOption { .. } => "not declared".to_owned(),
            GraphFault::BadValue { expected, .. } => format!("expected {expected}"),
            GraphFault::MissingOption { key, .. } => format!("wants `option {key} VALUE`"),
            GraphFault::Position { allowed, .. } => format!("{allowed} only"),
            GraphFault::NoSuchTop { .. } => String::new(),
        }
    }

    fn others(&self) -> Vec<(Span, String)> {
        match self {
            GraphFault::Position { other_at: Some(at), other_allowed, .. } => {
                vec![(at.clone(), format!("{other_allowed} only"))]
            }
            _ => Vec::new(),
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            GraphFault::Mount { .. } => Some("give the mount point on the command line".to_owned()),
            GraphFault::UnknownOption { meant: Some(meant), .. }
            | GraphFault::NoSuchTop { meant: Some(meant), .. } => Some(format!("did you mean `{meant}`?")),
            GraphFault::UnknownOption { type_name, .. } => {
                Some(format!("`mortar plugin info {type_name}` lists the options it has"))
            }
            GraphFault::BadValue { by: SetBy::CommandLine, .. } => {
                Some("it was given by --xlator-option".to_owned())
            }
            GraphFault::MissingOption { what, .. } if !what.is_empty() => Some(format!("it is {what}")),
            _ => None,
        }
    }
}
