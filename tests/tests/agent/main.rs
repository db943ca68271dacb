//! The agent in a real service: what its pages hold, that the real clients read them, and that hostile ones do no harm.

mod clients;
mod hostile;
mod pages;
mod service;
