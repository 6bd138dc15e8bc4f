//! The service as real processes: suspended, multiplied, told to stop, without a database.

mod database_away;
mod fencing;
mod replicas;
mod shutdown;
