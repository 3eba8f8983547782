//! The host: reads a volfile, opens its translators, serves the graph.
