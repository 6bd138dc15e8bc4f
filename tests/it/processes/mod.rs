//! The service as real processes: suspended, multiplied, told to stop, without a database.

mod backup;
mod database_away;
mod fencing;
mod key_rotation;
mod pacing;
mod replicas;
mod shutdown;
mod upgrade;
