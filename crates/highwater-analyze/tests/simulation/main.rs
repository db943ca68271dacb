//! What is promised of comparisons, on simulated programs whose truth is known: the sampler draws as the recorder does, the
//! profiles go through [`diff`](highwater_analyze::diff()). Every number is seeded. Where a promise is kept only because of some
//! step, the test does without the step as well, and must see the difference.

mod copies;
mod coverage;
mod groups;
mod leaks;
mod random;
mod single_rows;
mod world;
