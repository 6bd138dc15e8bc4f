//! A headless browser, driven over the `DevTools` protocol by two pipes.
//!
//! For machines that have one: nothing that the scripts install brings it along, and tests that
//! want it say that they were skipped where there is none.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use prospector::db::embedded::{ThrowawayDir, throwaway_dir};
use serde_json::{Value, json};

const PROGRAMS: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page; gone when dropped.
pub(crate) struct Browser {
    process: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    sent: u64,
    /// The page's, once there is one.
    session: Option<String>,
    /// The address of each request that the page made, in their order.
    pub(crate) requests: Vec<String>,
    _profile: ThrowawayDir,
}

impl Browser {
    /// Starts the browser of this machine; `None` where there is none.
    pub(crate) fn start() -> Option<Self> {
        let program = PROGRAMS.iter().find(|program| runs(program))?;
        let profile = throwaway_dir("prospector-browser").unwrap();
        // It reads commands from descriptor 3 and answers on 4.
        let mut process = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#])
            .arg(program)
            .args(["--headless=new", "--remote-debugging-pipe", "--no-sandbox"])
            .args(["--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let commands = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let (sender, messages) = channel();
        thread::spawn(move || {
            for message in answers.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).unwrap();
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            process,
            commands,
            messages,
            sent: 0,
            session: None,
            requests: Vec::new(),
            _profile: profile,
        };
        browser.open_page();
        Some(browser)
    }

    fn open_page(&mut self) {
        let page = self.ask("Target.createTarget", json!({"url": "about:blank"}));
        let target = json!({"targetId": page["targetId"], "flatten": true});
        let session = self.ask("Target.attachToTarget", target);
        self.session = session["sessionId"].as_str().map(str::to_owned);
        self.ask("Network.enable", json!({}));
    }

    pub(crate) fn go_to(&mut self, address: &str) {
        let gone = self.ask("Page.navigate", json!({"url": address}));
        assert!(gone.get("errorText").is_none(), "{address}: {gone}");
    }

    /// What an expression of the page comes to.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true});
        let answer = self.ask("Runtime.evaluate", asked);
        assert!(
            answer.get("exceptionDetails").is_none(),
            "{expression}: {answer}"
        );
        answer["result"]["value"].clone()
    }

    /// Waits until an expression of the page is true.
    pub(crate) fn wait_until(&mut self, expression: &str) {
        let began = Instant::now();
        while self.evaluate(expression) != json!(true) {
            if began.elapsed() > PATIENCE {
                let shown = self.evaluate("document.body.innerText");
                panic!("{expression}\n{shown}");
            }
            // Each turn is a question to another process, and the next one waits for its answer.
            thread::yield_now();
        }
    }

    /// Sends a command and answers its result, noting the requests that are told of meanwhile.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.sent += 1;
        let mut command = json!({"id": self.sent, "method": method, "params": params});
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        let mut text = command.to_string().into_bytes();
        text.push(0);
        self.commands.write_all(&text).unwrap();
        loop {
            let message = match self.messages.recv_timeout(PATIENCE) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => panic!("the browser does not answer {method}"),
                Err(RecvTimeoutError::Disconnected) => panic!("the browser ended at {method}"),
            };
            if message["method"] == "Network.requestWillBeSent" {
                let address = &message["params"]["request"]["url"];
                self.requests.push(address.as_str().unwrap().to_owned());
            }
            if message["id"] == json!(self.sent) {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked to, it takes its helpers along; killed, they would write to the profile after it
        // was removed.
        let close = json!({"id": 0, "method": "Browser.close"});
        self.commands
            .write_all(format!("{close}\0").as_bytes())
            .ok();
        while self.messages.recv_timeout(Duration::from_secs(5)).is_ok() {}
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn runs(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
