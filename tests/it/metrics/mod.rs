//! What is measured: the page, what it tells of jobs and of a database that is away, and that the
//! documentation, the dashboard and the alerts speak of it by its names.

mod catalogue;
mod page;
mod processes;
mod queue;
