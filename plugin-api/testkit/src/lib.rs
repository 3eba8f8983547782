//! A translator on its bench: graphs of one, fake children, fault points.
