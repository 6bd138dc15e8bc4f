//! What tests are made of: a database each, the API in process, a sandbox on a real socket.

pub(crate) mod answer;
pub(crate) mod app;
pub(crate) mod binary;
pub(crate) mod browser;
pub(crate) mod by_hand;
pub(crate) mod collector;
pub(crate) mod database;
pub(crate) mod faulty;
pub(crate) mod log_watch;
pub(crate) mod openapi;
pub(crate) mod poisoned;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod reads;
pub(crate) mod recorder;
pub(crate) mod replica;
pub(crate) mod requests;
pub(crate) mod served;
pub(crate) mod socket;
pub(crate) mod stored;
pub(crate) mod traffic;
pub(crate) mod unipile;
pub(crate) mod world;
