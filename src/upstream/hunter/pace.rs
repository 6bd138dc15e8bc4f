//! Keeping below the rate that Hunter allows a key.
//!
//! Hunter takes 15 calls a second and 500 a minute. 8 a second, of which 7 may come at once, are
//! never more than 15 in any second nor more than 487 in any minute. Each process counts for itself:
//! where several share a key, Hunter's own refusals hold them back.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const INTERVAL: Duration = Duration::from_millis(125);
const AT_ONCE: u32 = 7;
/// Beyond this a caller is sent away: a worker has better things to do than to stand in line.
const LONGEST_LINE: Duration = Duration::from_secs(10);

/// Hands out the moments at which calls may begin.
#[derive(Debug)]
pub(super) struct Pace {
    /// When the next call would begin if they were spread evenly.
    next: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits for this call's turn.
    ///
    /// # Errors
    /// How long to stay away, because too many wait already.
    pub(super) async fn turn(&self) -> Result<(), Duration> {
        let at = self.reserve(Instant::now())?;
        tokio::time::sleep_until(at).await;
        Ok(())
    }

    fn reserve(&self, now: Instant) -> Result<Instant, Duration> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let saved_up = INTERVAL * (AT_ONCE - 1);
        let even = now
            .checked_sub(saved_up)
            .map_or(*next, |oldest| oldest.max(*next));
        // What is saved up is spent by beginning before the even moment.
        let begin = even.max(now);
        let in_line = begin - now;
        if in_line > LONGEST_LINE {
            return Err(in_line);
        }
        *next = even + INTERVAL;
        Ok(begin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most moments that fall into any window of this length.
    fn busiest(moments: &[Instant], window: Duration) -> usize {
        let in_window = |from: &Instant| {
            let inside = |at: &&Instant| *at >= from && **at < *from + window;
            moments.iter().filter(inside).count()
        };
        moments.iter().map(in_window).max().unwrap_or(0)
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_and_no_minute_sees_more_calls_than_hunter_allows() {
        let pace = Pace::new();
        tokio::time::advance(Duration::from_secs(3600)).await;
        let mut moments = Vec::new();
        for call in 0..1200 {
            if call == 600 {
                tokio::time::advance(Duration::from_millis(900)).await;
            }
            pace.turn().await.unwrap();
            moments.push(Instant::now());
        }
        assert_eq!(busiest(&moments, Duration::from_millis(1)), 7);
        assert!(busiest(&moments, Duration::from_secs(1)) <= 15);
        let in_a_minute = busiest(&moments, Duration::from_secs(60));
        assert!((480..=487).contains(&in_a_minute), "{in_a_minute}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_would_stand_in_line_for_long_is_told_when_to_come_back() {
        let pace = Pace::new();
        tokio::time::advance(Duration::from_secs(1)).await;
        let now = Instant::now();
        let waits: Vec<_> = (0..100).map(|_| pace.reserve(now)).collect();
        let in_line = waits.iter().filter(|wait| wait.is_ok()).count();
        assert_eq!(in_line, 87);
        assert_eq!(waits[99], Err(Duration::from_millis(10_125)));
        // Those who were sent away took nobody's turn.
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(
            pace.reserve(Instant::now()).unwrap(),
            now + Duration::from_millis(10_125)
        );
    }
}
