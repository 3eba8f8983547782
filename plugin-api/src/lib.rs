//! Everything a translator needs, and nothing else.
