//! Runs a private PostgreSQL for those who have none: nothing to set up, nothing listening on
//! the network.
//!
//! - **Whose it is.** The server of a data folder belongs to the one process that holds the
//!   folder's [`lock`]. It is reached by a Unix socket in a folder that only its user may enter.
//!   Other commands find it with [`running_socket`]. A server is never taken over: a new owner
//!   waits for an older one to go, then stops it.
//! - **How it ends.** With [`Server::stop`] or by dropping the [`Server`], within a bounded time;
//!   and when our process dies in any other way, `kill -9` included, by a [`watchdog`]. Data
//!   survives all of it, save what a throwaway server was told not to keep.
//! - **Under root** its programs run as another [`account`], since PostgreSQL refuses root.
//!   Only the cluster and the socket's folder belong to that user.
//! - **What is where.** `DATA_DIR/postgres` is the [`cluster`], `run` holds the socket,
//!   `postgres.log` the server's [`log`], `prospector.lock` the lock.
//!
//! Everything here blocks and uses std only: call it from a thread that may wait. Each failure is
//! an [`EmbeddedError`] that names the next step.

mod account;
mod cluster;
mod error;
mod folders;
mod launch;
mod lock;
mod log;
mod pid_file;
mod programs;
mod watchdog;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use self::{
    account::ServerUser,
    folders::SocketFolder,
    launch::{Launch, Running},
    lock::DataLock,
    log::Log,
    pid_file::PidFile,
};
pub use self::{
    error::EmbeddedError,
    folders::{ThrowawayDir, throwaway_dir},
};

/// The cluster's folder below the data folder.
const CLUSTER: &str = "postgres";

/// Which server to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Made where it is missing.
    pub data_dir: PathBuf,
    /// The folder of `initdb` and `postgres`; the usual places are searched without it.
    pub bin_dir: Option<PathBuf>,
    /// How long to wait for another owner of the data folder to go.
    pub lock_wait: Duration,
    /// Fast instead of durable, for tests: a crash of the machine loses the data. In a folder
    /// made by [`throwaway_dir`], the folder goes too when this process dies.
    pub throwaway: bool,
}

/// A running server that belongs to this process; stopped when dropped.
#[derive(Debug)]
pub struct Server {
    running: Mutex<Running>,
    socket: SocketFolder,
    port: u16,
    log: Log,
    lock: DataLock,
    is_stopped: bool,
}

/// The database of a data folder, for a command that needs it for a moment.
#[derive(Debug)]
pub enum Access {
    /// Another process, `serve` say, runs the server.
    Joined { socket_dir: PathBuf, port: u16 },
    /// Nobody did, so it was started.
    Started(Box<Server>),
}

impl Server {
    /// Starts the server and waits until it takes connections; the first start in a data folder
    /// makes the cluster.
    pub fn start(options: &Options) -> Result<Server, EmbeddedError> {
        let found = programs::search(options.bin_dir.as_deref())?;
        let own_uid = account::own_uid()?;
        let data_dir = folders::prepare_data_dir(&options.data_dir, own_uid)?;
        let lock = DataLock::acquire(&data_dir, options.lock_wait)?;

        let cluster = data_dir.join(CLUSTER);
        let programs = programs::pick(&found, &cluster)?;
        let user = ServerUser::of(&cluster, own_uid)?;
        user.check_reach(&[&programs.initdb(), &programs.postgres(), &data_dir])?;
        cluster::clear_old_server(&cluster, &user)?;
        cluster::create_if_missing(&data_dir, &programs, &user, options.throwaway)?;
        let socket = SocketFolder::prepare(&data_dir, &user)?;
        let log = Log::begin(&data_dir)?;

        let launch = Launch {
            data_dir: &data_dir,
            cluster: &cluster,
            programs: &programs,
            user: &user,
            socket: &socket,
            log: &log,
            throwaway: options.throwaway,
        };
        let (running, pid_file) = launch.run().inspect_err(|_| socket.clear())?;
        let mut server = Server {
            port: pid_file.port.unwrap_or(pid_file::PORT),
            running: Mutex::new(running),
            socket,
            log,
            lock,
            is_stopped: false,
        };
        server.lock.announce(&data_dir, pid_file.pid)?;
        Ok(server)
    }

    /// The folder of the server's socket: connect as user `postgres` to database `postgres`.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.socket.path
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Fails when the server has ended by itself. Cheap; to be asked every second or so, since it
    /// also keeps the server's log from growing without bound.
    pub fn check_alive(&self) -> Result<(), EmbeddedError> {
        self.log.trim();
        let mut running = self.running();
        let status = match running.postgres.try_wait() {
            Ok(None) => return Ok(()),
            Ok(Some(status)) => status.to_string(),
            Err(error) => error.to_string(),
        };
        // Its process id is free for others from here on.
        running.watchdog.stand_down();
        Err(EmbeddedError::Died {
            status,
            log: self.log.path().to_path_buf(),
            tail: self.log.tail(),
        })
    }

    /// Stops the server: open sessions end, what was committed stays.
    pub fn stop(mut self) -> Result<(), EmbeddedError> {
        self.shut_down()
    }

    fn shut_down(&mut self) -> Result<(), EmbeddedError> {
        if self.is_stopped {
            return Ok(());
        }
        self.is_stopped = true;
        self.lock.withdraw();
        let mut running = self.running();
        let result = launch::stop(&mut running.postgres);
        running.watchdog.stand_down();
        drop(running);
        self.socket.clear();
        result
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nobody is left to tell; the next start repairs what a killed server left.
        self.shut_down().ok();
    }
}

/// The socket folder and port of the server that another process runs on this data folder.
#[must_use]
pub fn running_socket(data_dir: &Path) -> Option<(PathBuf, u16)> {
    let data_dir = fs::canonicalize(data_dir).ok()?;
    let cluster = data_dir.join(CLUSTER);
    let server = lock::holder(&data_dir)?.server?;
    let file = PidFile::read(&cluster)?;
    let is_current =
        file.pid == server && file.is_ready && pid_file::is_postmaster(server, &cluster);
    is_current.then_some((file.socket_dir?, file.port?))
}

/// Joins the server of the data folder, or starts it where none runs; `lock_wait` is for one that
/// is about to start or to stop.
pub fn join_or_start(options: &Options) -> Result<Access, EmbeddedError> {
    let mut attempt = options.clone();
    attempt.lock_wait = Duration::ZERO;
    let mut last = None;
    let access = poll(options.lock_wait, || {
        if let Some((socket_dir, port)) = running_socket(&options.data_dir) {
            return Some(Ok(Access::Joined { socket_dir, port }));
        }
        match Server::start(&attempt) {
            Err(error @ EmbeddedError::Locked { .. }) => {
                last = Some(error);
                None
            }
            result => Some(result.map(|server| Access::Started(Box::new(server)))),
        }
    });
    match (access, last) {
        (Some(result), _) => result,
        (None, Some(error)) => Err(error),
        (None, None) => Server::start(&attempt).map(|server| Access::Started(Box::new(server))),
    }
}

/// Whether this process is root's, which PostgreSQL would refuse.
#[must_use]
pub fn runs_as_root() -> bool {
    account::own_uid().is_ok_and(|uid| uid == 0)
}

/// Asks until there is an answer or the time is over; asks once at least.
#[expect(
    clippy::disallowed_methods,
    reason = "the launcher is blocking code and runs on no runtime thread"
)]
fn poll<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        let answer = ask();
        if answer.is_some() || start.elapsed() >= limit {
            return answer;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
