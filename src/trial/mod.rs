//! Trials: an owner's table is given to partners in memory, attacked, traced, and the outcome counted.

pub mod interval;
pub mod owner;
