//! The launcher of the private PostgreSQL, with real servers.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, ErrorKind},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        process::{CommandExt as _, ExitStatusExt as _},
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use prospector::db::embedded::{
    Access, EmbeddedError, Options, Server, ThrowawayDir, join_or_start, running_socket,
    throwaway_dir,
};
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _, postgres::PgConnectOptions};

const DATA_DIR: &str = "PROSPECTOR_TEST_DATA_DIR";
const THROWAWAY: &str = "PROSPECTOR_TEST_THROWAWAY";
const DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn a_throwaway_server_starts_answers_and_leaves_nothing() {
    let folder = folder();
    let server = Server::start(&throwaway(folder.path())).unwrap();

    server.check_alive().unwrap();
    assert_eq!(number(&server, "select 40::bigint + 2"), 42);
    assert_eq!(
        text(
            &server,
            "select string_agg(name || '=' || setting, ' ' order by name) from pg_settings
            where name in ('fsync', 'full_page_writes', 'synchronous_commit', 'listen_addresses',
                'TimeZone', 'max_connections')"
        ),
        "TimeZone=UTC fsync=off full_page_writes=off listen_addresses= max_connections=200 \
         synchronous_commit=off"
    );
    let mode = fs::metadata(server.socket_dir()).unwrap().mode();
    assert_eq!(mode & 0o777, 0o700, "the socket's folder is private");

    let pid = postmaster(folder.path());
    server.stop().unwrap();
    assert!(!is_alive(pid));
    let path = folder.path().to_path_buf();
    drop(folder);
    assert!(!path.exists());
}

#[test]
fn an_ordinary_user_can_run_a_server() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    let Some(mut owner) = Owner::ordinary(&data_dir) else {
        println!("skipped: root, and there is no user `nobody` to run as");
        return;
    };
    let socket = owner.ready().expect("the server starts");
    assert_eq!(query(&socket, "select 1::bigint").get::<i64, _>(0), 1);
    assert_eq!(
        fs::metadata(data_dir.join("postgres")).unwrap().uid(),
        fs::metadata(&data_dir).unwrap().uid()
    );
    owner.finish();
}

#[test]
fn data_survives_a_stop_and_a_start() {
    let folder = folder();
    let options = durable(folder.path());
    let server = Server::start(&options).unwrap();
    assert_eq!(text(&server, "show fsync"), "on");
    run(
        server.socket_dir(),
        "create table kept as select 7::bigint as number",
    );
    server.stop().unwrap();

    let server = Server::start(&options).unwrap();
    assert_eq!(number(&server, "select number from kept"), 7);
    // Dropping stops it as well.
    let pid = postmaster(folder.path());
    drop(server);
    assert!(!is_alive(pid));
}

#[test]
fn a_second_owner_waits_and_then_names_the_first() {
    let folder = folder();
    let options = throwaway(folder.path());
    let server = Server::start(&options).unwrap();

    let begin = Instant::now();
    let error = Server::start(&Options {
        lock_wait: Duration::from_millis(300),
        ..options.clone()
    })
    .unwrap_err();
    assert!(begin.elapsed() >= Duration::from_millis(300));
    assert!(matches!(error, EmbeddedError::Locked { .. }), "{error}");
    let holder = format!("process {}", std::process::id());
    assert!(error.to_string().contains(&holder), "{error}");

    // One that waits long enough gets the folder when the first has stopped.
    let second = thread::spawn(move || Server::start(&options).unwrap());
    server.stop().unwrap();
    assert_eq!(number(&second.join().unwrap(), "select 1::bigint"), 1);
}

#[test]
fn a_command_finds_the_running_server_of_its_data_folder() {
    let folder = folder();
    let options = throwaway(folder.path());
    assert_eq!(running_socket(folder.path()), None);

    let Access::Started(server) = join_or_start(&options).unwrap() else {
        panic!("there was no server to join");
    };
    let found = running_socket(folder.path()).unwrap();
    assert_eq!(found, (server.socket_dir().to_path_buf(), server.port()));
    let Access::Joined { socket_dir, .. } = join_or_start(&options).unwrap() else {
        panic!("a server runs already");
    };
    assert_eq!(query(&socket_dir, "select 1::bigint").get::<i64, _>(0), 1);

    server.stop().unwrap();
    assert_eq!(running_socket(folder.path()), None);
}

#[test]
fn killing_the_owner_stops_the_server_and_keeps_the_data() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    let mut owner = Owner::spawn(&data_dir, false, None).unwrap();
    let socket = owner.ready().expect("the server starts");
    run(&socket, "create table kept as select 7::bigint as number");
    let pid = postmaster(&data_dir);
    owner.kill();

    // A new owner waits for the old server to go; it does not take it over.
    let server = Server::start(&durable(&data_dir)).unwrap();
    assert!(!is_alive(pid));
    assert_ne!(postmaster(&data_dir), pid);
    assert_eq!(number(&server, "select number from kept"), 7);
    server.stop().unwrap();

    // And without anybody starting again, the watchdog alone sees to it.
    let mut owner = Owner::spawn(&data_dir, false, None).unwrap();
    owner.ready().expect("the server starts");
    let pid = postmaster(&data_dir);
    owner.kill();
    wait_until("the watchdog stops the server", || !is_alive(pid));
    assert_eq!(running_socket(&data_dir), None);
}

#[test]
fn killing_the_owner_of_a_throwaway_folder_removes_it() {
    let folder = folder();
    let mut owner = Owner::spawn(folder.path(), true, None).unwrap();
    owner.ready().expect("the server starts");
    owner.kill();
    wait_until("the folder goes", || !folder.path().exists());
}

#[test]
fn a_path_too_long_for_a_socket_is_no_hindrance() {
    let folder = folder();
    let data_dir = folder.path().join("long".repeat(30));
    let server = Server::start(&throwaway(&data_dir)).unwrap();
    assert!(!server.socket_dir().starts_with(&data_dir));
    assert_eq!(number(&server, "select 1::bigint"), 1);
    let socket_dir = server.socket_dir().to_path_buf();
    assert_eq!(running_socket(&data_dir).unwrap().0, socket_dir);
    server.stop().unwrap();
    assert!(!socket_dir.exists());

    let mut owner = Owner::spawn(&data_dir, true, None).unwrap();
    let socket_dir = owner.ready().expect("the server starts");
    owner.kill();
    wait_until("the watchdog removes the socket", || !socket_dir.exists());
}

#[test]
fn an_unfinished_initdb_leaves_nothing_half_made() {
    let folder = folder();
    let leftover = folder.path().join("postgres.new-0123456789abcdef");
    fs::create_dir_all(leftover.join("base")).unwrap();
    fs::write(leftover.join("PG_VERSION"), "15\n").unwrap();
    let programs = FakePrograms::new("touch \"$9/PG_VERSION\"; echo boom >&2; exit 1");

    let error = Server::start(&Options {
        bin_dir: Some(programs.0.clone()),
        ..throwaway(folder.path())
    })
    .unwrap_err();
    assert!(matches!(error, EmbeddedError::Initdb { .. }), "{error}");
    assert!(error.to_string().contains("boom"), "{error}");
    let left: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("postgres"))
        .collect();
    assert_eq!(left, Vec::<String>::new());

    let server = Server::start(&throwaway(folder.path())).unwrap();
    assert_eq!(number(&server, "select 1::bigint"), 1);
}

#[test]
fn a_stale_pid_file_does_not_block_even_when_its_number_lives_again() {
    let folder = folder();
    let options = throwaway(folder.path());
    Server::start(&options).unwrap().stop().unwrap();
    // A living process of the server's user that is no server.
    let cluster = fs::canonicalize(folder.path()).unwrap().join("postgres");
    let owner = fs::metadata(&cluster).unwrap();
    let mut command = Command::new("cat");
    if owner.uid() != fs::metadata(folder.path()).unwrap().uid() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    let mut stranger = command
        .current_dir("/")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let pid_file = cluster.join("postmaster.pid");
    let content = format!(
        "{}\n{}\n1700000000\n5432\n{}\n\n\nready   \n",
        stranger.id(),
        cluster.display(),
        folder.path().join("run").display()
    );
    fs::write(&pid_file, content).unwrap();
    chown(&pid_file, Some(owner.uid()), Some(owner.gid())).unwrap();
    fs::write(folder.path().join("run/.s.PGSQL.5432"), "").unwrap();

    assert_eq!(running_socket(folder.path()), None);
    let server = Server::start(&options).unwrap();
    assert_eq!(number(&server, "select 1::bigint"), 1);
    assert!(is_alive(stranger.id()), "the stranger was left alone");
    drop(stranger.stdin.take());
    stranger.wait().unwrap();
}

#[test]
fn the_death_of_the_server_is_noticed() {
    let folder = folder();
    let options = throwaway(folder.path());
    let server = Server::start(&options).unwrap();
    send("KILL", postmaster(folder.path()));

    wait_until("the death is noticed", || server.check_alive().is_err());
    let error = server.check_alive().unwrap_err();
    assert!(matches!(error, EmbeddedError::Died { .. }), "{error}");
    server.stop().unwrap();

    let server = Server::start(&options).unwrap();
    assert_eq!(number(&server, "select 1::bigint"), 1);
}

#[test]
fn missing_programs_are_told_with_the_next_step() {
    let folder = folder();
    let error = Server::start(&Options {
        bin_dir: Some(folder.path().join("no-such-folder")),
        ..throwaway(folder.path())
    })
    .unwrap_err();
    assert!(error.to_string().contains("no-such-folder"), "{error}");

    let message = EmbeddedError::ProgramsMissing.to_string();
    for part in [
        "apt-get install postgresql",
        "brew install postgresql",
        "DATABASE_URL",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn data_of_another_version_is_refused() {
    let folder = folder();
    let programs = FakePrograms::new("exit 1");
    let cluster = folder.path().join("postgres");
    fs::create_dir(&cluster).unwrap();
    fs::write(cluster.join("PG_VERSION"), "14\n").unwrap();
    let error = Server::start(&Options {
        bin_dir: Some(programs.0.clone()),
        ..throwaway(folder.path())
    })
    .unwrap_err();
    assert!(
        matches!(&error, EmbeddedError::VersionMismatch { made_by, .. } if made_by == "14"),
        "{error}"
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = folder();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let Some(mut owner) = Owner::ordinary(&closed.join("data")) else {
        println!("skipped: root, and there is no user `nobody` to run as");
        return;
    };
    let error = owner.ready().unwrap_err();
    assert!(error.contains("no permission to write to"), "{error}");
    assert!(error.contains("closed/data"), "{error}");
    owner.finish();
}

#[test]
fn as_root_the_first_folder_closed_to_the_server_is_named() {
    let folder = folder();
    if !is_root() {
        println!("skipped: only root hands the server over to another user");
        return;
    }
    let closed = folder.path().join("closed");
    fs::create_dir_all(closed.join("below")).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let error = Server::start(&throwaway(&closed.join("below"))).unwrap_err();
    let EmbeddedError::ClosedFolder { folder, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*folder, closed);
}

/// Not a test: the process that [`Owner`] runs, which owns a server until its input ends.
#[test]
#[ignore = "the helper process of other tests"]
fn owner_process() {
    let Some(data_dir) = env::var_os(DATA_DIR) else {
        return;
    };
    let options = Options {
        throwaway: env::var_os(THROWAWAY).is_some(),
        ..durable(Path::new(&data_dir))
    };
    match Server::start(&options) {
        Ok(server) => {
            println!("\nready {}", server.socket_dir().display());
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
            server.stop().unwrap();
        }
        Err(error) => println!("\nerror {error}"),
    }
}

/// Another process that owns a server.
struct Owner {
    child: Child,
    output: BufReader<ChildStdout>,
    /// A copy of this program where the original is closed to the other user.
    _copy: Option<TemporaryFolder>,
}

impl Owner {
    fn spawn(data_dir: &Path, throwaway: bool, user: Option<(u32, u32)>) -> std::io::Result<Owner> {
        let program = env::current_exe()?;
        match Owner::spawn_program(&program, data_dir, throwaway, user) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let folder = TemporaryFolder::new();
                let copy = folder.0.join("owner");
                fs::copy(&program, &copy)?;
                let mut owner = Owner::spawn_program(&copy, data_dir, throwaway, user)?;
                owner._copy = Some(folder);
                Ok(owner)
            }
            result => result,
        }
    }

    fn spawn_program(
        program: &Path,
        data_dir: &Path,
        throwaway: bool,
        user: Option<(u32, u32)>,
    ) -> std::io::Result<Owner> {
        let mut command = Command::new(program);
        command
            .args([
                "--exact",
                "embedded::owner_process",
                "--ignored",
                "--nocapture",
            ])
            .env(DATA_DIR, data_dir)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if throwaway {
            command.env(THROWAWAY, "1");
        }
        if let Some((uid, gid)) = user {
            command.uid(uid).gid(gid);
        }
        let mut child = command.spawn()?;
        let output = BufReader::new(child.stdout.take().unwrap());
        Ok(Owner {
            child,
            output,
            _copy: None,
        })
    }

    /// As an ordinary user on a data folder, which is given to that user where its parent is open;
    /// `None` where there is no such user to be had.
    fn ordinary(data_dir: &Path) -> Option<Owner> {
        if !is_root() {
            return Some(Owner::spawn(data_dir, false, None).unwrap());
        }
        let user = nobody()?;
        if fs::metadata(data_dir.parent().unwrap()).unwrap().mode() & 0o200 != 0 {
            fs::create_dir(data_dir).unwrap();
            chown(data_dir, Some(user.0), Some(user.1)).unwrap();
        }
        Some(Owner::spawn(data_dir, false, Some(user)).unwrap())
    }

    /// The socket's folder, or why there is none.
    fn ready(&mut self) -> Result<PathBuf, String> {
        let mut line = String::new();
        while self.output.read_line(&mut line).unwrap() > 0 {
            if let Some(socket) = line.strip_prefix("ready ") {
                return Ok(socket.trim_end().into());
            }
            if let Some(error) = line.strip_prefix("error ") {
                return Err(error.to_owned());
            }
            line.clear();
        }
        panic!("the process ended without a word");
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.signal(), Some(9));
    }

    fn finish(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

/// `postgres` tells version 15, `initdb` does as it is told.
struct FakePrograms(
    PathBuf,
    #[expect(dead_code, reason = "removed when dropped")] TemporaryFolder,
);

impl FakePrograms {
    fn new(initdb: &str) -> FakePrograms {
        let folder = TemporaryFolder::new();
        for (name, script) in [
            ("postgres", "echo 'postgres (PostgreSQL) 15.0'"),
            ("initdb", initdb),
        ] {
            let program = folder.0.join(name);
            fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        FakePrograms(folder.0.clone(), folder)
    }
}

/// For programs: `/dev/shm` may forbid to run any.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> TemporaryFolder {
        let name = format!("prospector-it-{}", uuid::Uuid::new_v4());
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        TemporaryFolder(path)
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn folder() -> ThrowawayDir {
    throwaway_dir("prospector-it").unwrap()
}

fn throwaway(data_dir: &Path) -> Options {
    Options {
        throwaway: true,
        ..durable(data_dir)
    }
}

fn durable(data_dir: &Path) -> Options {
    Options {
        data_dir: data_dir.to_path_buf(),
        bin_dir: None,
        lock_wait: DEADLINE,
        throwaway: false,
    }
}

fn number(server: &Server, sql: &'static str) -> i64 {
    query(server.socket_dir(), sql).get(0)
}

fn text(server: &Server, sql: &'static str) -> String {
    query(server.socket_dir(), sql).get(0)
}

fn run(socket_dir: &Path, sql: &'static str) {
    with_connection(socket_dir, async |connection| {
        connection.execute(sql).await.unwrap();
    });
}

fn query(socket_dir: &Path, sql: &'static str) -> sqlx::postgres::PgRow {
    with_connection(socket_dir, async |connection| {
        connection.fetch_one(sql).await.unwrap()
    })
}

fn with_connection<T>(socket_dir: &Path, body: impl AsyncFnOnce(&mut PgConnection) -> T) -> T {
    let options = PgConnectOptions::new_without_pgpass()
        .socket(socket_dir)
        .port(5432)
        .username("postgres")
        .database("postgres");
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let mut connection = PgConnection::connect_with(&options)
                .await
                .expect("the server takes connections");
            let result = body(&mut connection).await;
            connection.close().await.unwrap();
            result
        })
}

fn postmaster(data_dir: &Path) -> u32 {
    let content = fs::read_to_string(data_dir.join("postgres/postmaster.pid")).unwrap();
    content.lines().next().unwrap().parse().unwrap()
}

/// A zombie whose new parent has not asked for it yet counts as dead.
fn is_alive(pid: u32) -> bool {
    if cfg!(target_os = "linux") {
        return fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|command| !command.is_empty());
    }
    send("0", pid)
}

fn send(signal: &str, pid: u32) -> bool {
    Command::new("sh")
        .args([
            "-c",
            "kill -s \"$1\" \"$2\"",
            "sh",
            signal,
            &pid.to_string(),
        ])
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

fn is_root() -> bool {
    id(&["-u"]) == Some(0)
}

fn nobody() -> Option<(u32, u32)> {
    Some((id(&["-u", "nobody"])?, id(&["-g", "nobody"])?))
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

#[expect(
    clippy::disallowed_methods,
    reason = "waits for a state, with a deadline"
)]
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < DEADLINE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
