//! When a provider is left alone, and when it is asked again: a state machine without clock or lock.
//!
//! A call that concerns one item (a search, a profile) only makes the provider suspect. Whether it is
//! down as a whole is decided by its *vital call*, which concerns no item and changes nothing. So a
//! search that fails each time opens nothing while the provider is well, and keeps nothing open.
//!
//! ```text
//!          failures in a row, the last of them of the vital call
//! closed ────────────────────────────────────────────────────────► open ◄─────┐
//!   ▲                                                               │         │ it fails: a
//!   │ it is answered                                                ▼         │ longer pause
//!   └─────────────────────────────── one probe, the vital call, when the pause is over
//! ```
//!
//! An outage is that of one party (a LinkedIn account) as long as no other has met it. For the others
//! the circuit is closed meanwhile. When another one meets it too, it becomes everybody's.

#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::Instant;

/// Failures further apart are not in a row.
const IN_A_ROW: Duration = Duration::from_secs(5 * 60);
/// How long a provider is left alone at first. Each failed probe doubles it...
const SHORTEST_PAUSE: Duration = Duration::from_secs(5);
/// ... up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// An outage of one party is forgotten when the party has not come back for so long.
const PARTY_GONE_AFTER: Duration = Duration::from_secs(60);
/// Nobody is told to come back sooner than this.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// What a call is to the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It concerns one item, which may be at fault itself.
    Ordinary,
    /// The vital call, made by somebody who wants its answer.
    Vital,
    /// The vital call, made because the provider is suspect.
    Check,
    /// The vital call that may end this outage.
    Probe { outage: u64 },
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Free,
    /// The vital call must show first that this outage is over.
    OnTrial {
        outage: u64,
    },
    Refused {
        retry_after: Duration,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Parties<P> {
    One(P),
    Everyone,
}

impl<P: PartialEq> Parties<P> {
    fn hold(&self, party: &P) -> bool {
        match self {
            Self::One(one) => one == party,
            Self::Everyone => true,
        }
    }

    fn with(self, party: &P) -> Self {
        if self.hold(party) {
            self
        } else {
            Self::Everyone
        }
    }
}

#[derive(Debug, Clone)]
struct Outage<P> {
    number: u64,
    parties: Parties<P>,
    until: Instant,
    /// How long the pause is that ends at `until`.
    pause: Duration,
    is_probed: bool,
}

/// Failures without an answer in between.
#[derive(Debug, Clone)]
struct Streak<P> {
    failures: u32,
    last: Instant,
    /// For whom the vital call was among them.
    vital: Option<Parties<P>>,
}

/// The circuit of one provider. `P` tells its parties apart.
#[derive(Debug, Clone)]
pub(super) struct Circuit<P> {
    /// So many failures in a row open it.
    threshold: u32,
    streak: Option<Streak<P>>,
    is_checked: bool,
    outages: u64,
    outage: Option<Outage<P>>,
}

impl<P: Clone + PartialEq> Circuit<P> {
    pub(super) fn new(threshold: u32) -> Self {
        Self {
            threshold,
            streak: None,
            is_checked: false,
            outages: 0,
            outage: None,
        }
    }

    /// Whether somebody's calls are refused.
    pub(super) fn is_open(&self) -> bool {
        self.outage.is_some()
    }

    /// What a call would be told now. Changes nothing.
    pub(super) fn standing(&self, party: &P, now: Instant) -> Admission {
        match &self.outage {
            Some(outage) if outage.parties.hold(party) => {
                let left = if outage.is_probed {
                    next_pause(outage.pause)
                } else {
                    outage.until.saturating_duration_since(now)
                };
                if left.is_zero() {
                    let outage = outage.number;
                    Admission::OnTrial { outage }
                } else {
                    let retry_after = left.max(SHORTEST_WAIT);
                    Admission::Refused { retry_after }
                }
            }
            _ => Admission::Free,
        }
    }

    /// Admits a call or refuses it. Whoever is let in on trial must report what came of the probe.
    pub(super) fn admit(&mut self, party: &P, now: Instant) -> Admission {
        let admission = self.standing(party, now);
        if let (Admission::OnTrial { .. }, Some(outage)) = (admission, &mut self.outage) {
            outage.is_probed = true;
        }
        admission
    }

    /// The provider answered, if only to refuse: it is well, for this party at least.
    pub(super) fn answered(&mut self, role: Role, party: &P, now: Instant) {
        if role == Role::Check {
            self.is_checked = false;
        }
        self.streak = None;
        self.outage.take_if(|outage| {
            let is_forgotten = !outage.is_probed && now >= outage.until + PARTY_GONE_AFTER;
            outage.parties.hold(party) || is_forgotten
        });
    }

    /// The provider failed. Returns whether the caller has to check it now, by the vital call.
    #[must_use]
    pub(super) fn failed(&mut self, role: Role, party: &P, now: Instant) -> bool {
        if role == Role::Check {
            self.is_checked = false;
        }
        if let Some(outage) = &mut self.outage
            && outage.parties.hold(party)
        {
            let number = outage.number;
            // A call from before the outage, or the probe of an earlier one, tells nothing new.
            if role == (Role::Probe { outage: number }) {
                outage.pause = next_pause(outage.pause);
                outage.until = now + outage.pause;
                outage.is_probed = false;
            }
            return false;
        }
        let streak = self.lengthen_streak(role, party, now);
        if streak.failures < self.threshold {
            return false;
        }
        match streak.vital {
            Some(parties) if role != Role::Ordinary => {
                self.open(parties, now);
                false
            }
            // At most one check at a time.
            _ => !std::mem::replace(&mut self.is_checked, true),
        }
    }

    /// The call was given up before anything came of it: another one may take its place.
    pub(super) fn abandoned(&mut self, role: Role) {
        match role {
            Role::Ordinary | Role::Vital => {}
            Role::Check => self.is_checked = false,
            Role::Probe { outage: number } => {
                if let Some(outage) = &mut self.outage
                    && outage.number == number
                {
                    outage.is_probed = false;
                }
            }
        }
    }

    fn lengthen_streak(&mut self, role: Role, party: &P, now: Instant) -> Streak<P> {
        let before = self.streak.take().filter(|streak| {
            let pause = now.saturating_duration_since(streak.last);
            pause <= IN_A_ROW
        });
        let (failures, vital) = before.map_or((0, None), |streak| (streak.failures, streak.vital));
        let vital = match (role, vital) {
            (Role::Ordinary, vital) => vital,
            (_, None) => Some(Parties::One(party.clone())),
            (_, Some(parties)) => Some(parties.with(party)),
        };
        let streak = Streak {
            failures: failures.saturating_add(1),
            last: now,
            vital,
        };
        self.streak = Some(streak.clone());
        streak
    }

    fn open(&mut self, parties: Parties<P>, now: Instant) {
        self.outages += 1;
        // Whoever fails while another party is out already, shares its outage.
        let parties = if self.outage.is_some() {
            Parties::Everyone
        } else {
            parties
        };
        self.streak = None;
        self.outage = Some(Outage {
            number: self.outages,
            parties,
            until: now + SHORTEST_PAUSE,
            pause: SHORTEST_PAUSE,
            is_probed: false,
        });
    }
}

fn next_pause(pause: Duration) -> Duration {
    (pause * 2).min(LONGEST_PAUSE)
}
