//! Tests that need a process of their own or another tool's reader.
