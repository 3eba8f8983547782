//! From `tracing` events to log lines.
use std::cell::RefCell;
use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::{LOGGER, Level, Logger, Record};

/// Writes every event as one line.
///
/// Field `xl` names the translator (else the last part of the target does), `graph` its graph, `msgid` the message's
/// number; all other fields follow the sentence as `[{key=value}, …]`.
#[derive(Debug)]
pub(super) struct LineLayer;

thread_local! {
    static PARTS: RefCell<Parts> = RefCell::new(Parts::default());
}

impl<S: Subscriber> Layer<S> for LineLayer {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let level = Level::from(metadata.level());
        let ours =
            ["host", "mortar", "gluster", "plugin"].iter().any(|name| metadata.target().starts_with(name));
        // What libraries say below a warning is about themselves.
        metadata.is_event() && level <= super::level() && (ours || level <= Level::Warning)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(super::level().filter())
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(logger) = LOGGER.get() else { return };
        PARTS.with(|parts| match parts.try_borrow_mut() {
            Ok(mut parts) => parts.write(logger, event),
            Err(_) => Parts::default().write(logger, event),
        });
    }
}

/// The parts of an event as they are visited.
#[derive(Debug, Default)]
struct Parts {
    xlator: String,
    message: String,
    fields: String,
    target: String,
    graph: u32,
    msg_id: Option<u64>,
}

impl Parts {
    fn write(&mut self, logger: &Logger, event: &Event<'_>) {
        self.clear();
        event.record(self);
        let metadata = event.metadata();
        let file = metadata.file().and_then(|file| file.rsplit('/').next()).unwrap_or("?");
        put(&mut self.target, format_args!("{file}:{}:{}", metadata.line().unwrap_or(0), metadata.target()));
        if self.xlator.is_empty() {
            self.xlator.push_str(metadata.target().rsplit("::").next().unwrap_or_default());
        }
        if !self.fields.is_empty() {
            put(&mut self.message, format_args!(" [{}]", self.fields));
        }
        logger.write(&Record {
            level: Level::from(metadata.level()),
            graph: self.graph,
            xlator: &self.xlator,
            target: &self.target,
            msg_id: self.msg_id,
            message: &self.message,
        });
    }

    fn clear(&mut self) {
        for text in [&mut self.xlator, &mut self.message, &mut self.fields, &mut self.target] {
            text.clear();
        }
        (self.graph, self.msg_id) = (0, None);
    }

    fn take(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        match field.name() {
            "message" => put(&mut self.message, value),
            "xl" => put(&mut self.xlator, value),
            name => {
                let comma = if self.fields.is_empty() { "" } else { ", " };
                put(&mut self.fields, format_args!("{comma}{{{name}={value}}}"));
            }
        }
    }
}

impl Visit for Parts {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match (field.name(), u32::try_from(value)) {
            ("graph", Ok(graph)) => self.graph = graph,
            ("msgid", _) => self.msg_id = Some(value),
            _ => self.take(field, format_args!("{value}")),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.record_u64(field, value),
            Err(_) => self.take(field, format_args!("{value}")),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, format_args!("{value:?}"));
    }
}

fn put(text: &mut String, value: fmt::Arguments<'_>) {
    text.write_fmt(value).expect("a string takes everything");
}
