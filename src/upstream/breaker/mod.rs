//! A circuit breaker for each provider: one that failed again and again is left alone for a while.
//!
//! Refused calls fail at once with [`UpstreamFault::CircuitOpen`] and say when to come back. The
//! state lives in memory, one per process and provider, and so is made anew by a restart. A call that
//! is dropped before it ends (a cancelled job, a time limit, a panic) reports so by itself: no probe
//! stays in flight for ever.

mod circuit;
mod guarded_finder;
mod guarded_provider;

#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub use self::guarded_finder::GuardedFinder;
pub use self::guarded_provider::GuardedProvider;
use crate::upstream::breaker::circuit::{Admission, Circuit, Role};
use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::provider::Standing;

struct Breaker<P> {
    provider: &'static str,
    circuit: Mutex<Circuit<P>>,
}

/// Leave to make one call. Dropped before it is settled, it counts as given up.
struct Permit<'a, P: Clone + PartialEq> {
    breaker: &'a Breaker<P>,
    party: P,
    role: Role,
    is_settled: bool,
}

impl<P: Clone + PartialEq> Breaker<P> {
    fn new(provider: &'static str, threshold: u32) -> Self {
        let breaker = Self {
            provider,
            circuit: Mutex::new(Circuit::new(threshold)),
        };
        breaker.show(false);
        breaker
    }

    fn standing(&self, party: &P) -> Standing {
        match self.locked().standing(party, Instant::now()) {
            Admission::Free => Standing::Trusted,
            Admission::OnTrial { .. } => Standing::OnTrial,
            Admission::Refused { retry_after } => Standing::ShutOff { retry_after },
        }
    }

    /// Lets in whoever makes the vital call, as the probe where one is due.
    fn admit_vital(
        &self,
        operation: &'static str,
        party: &P,
    ) -> Result<Permit<'_, P>, UpstreamError> {
        let admission = self.locked().admit(party, Instant::now());
        let role = match admission {
            Admission::Free => Role::Vital,
            Admission::OnTrial { outage } => Role::Probe { outage },
            Admission::Refused { retry_after } => {
                return Err(self.refusal(operation, retry_after));
            }
        };
        Ok(self.permit(party, role))
    }

    /// Lets in whoever makes another call. Where a probe is due, `ask` makes the vital call first.
    async fn admit_ordinary<T>(
        &self,
        operation: &'static str,
        party: &P,
        ask: impl Future<Output = Result<T, UpstreamError>>,
    ) -> Result<Permit<'_, P>, UpstreamError> {
        let admission = self.locked().admit(party, Instant::now());
        match admission {
            Admission::Free => {}
            Admission::OnTrial { outage } => {
                let probe = self.permit(party, Role::Probe { outage });
                probe.settle(ask.await.as_ref().err());
                if let Standing::ShutOff { retry_after } = self.standing(party) {
                    return Err(self.refusal(operation, retry_after));
                }
            }
            Admission::Refused { retry_after } => {
                return Err(self.refusal(operation, retry_after));
            }
        }
        Ok(self.permit(party, Role::Ordinary))
    }

    fn permit(&self, party: &P, role: Role) -> Permit<'_, P> {
        Permit {
            breaker: self,
            party: party.clone(),
            role,
            is_settled: false,
        }
    }

    fn refusal(&self, operation: &'static str, retry_after: Duration) -> UpstreamError {
        UpstreamError {
            provider: self.provider,
            operation,
            fault: UpstreamFault::CircuitOpen,
            detail: format!("asked again in {} s", retry_after.as_secs_f64().ceil()),
            retry_after: Some(retry_after),
            source: None,
        }
    }

    /// Changes the circuit, and tells when that opened or closed it.
    fn change<T>(&self, change: impl FnOnce(&mut Circuit<P>) -> T) -> T {
        let mut circuit = self.locked();
        let was_open = circuit.is_open();
        let done = change(&mut circuit);
        let is_open = circuit.is_open();
        drop(circuit);
        let provider = self.provider;
        match (was_open, is_open) {
            (false, true) => tracing::warn!(provider, "the circuit is open: no calls for a while"),
            (true, false) => tracing::info!(provider, "the circuit is closed: calls go through"),
            (true, true) | (false, false) => {}
        }
        self.show(is_open);
        done
    }

    fn show(&self, is_open: bool) {
        let value = f64::from(u8::from(is_open));
        metrics::gauge!("prospector_circuit_open", "provider" => self.provider).set(value);
    }

    fn locked(&self) -> MutexGuard<'_, Circuit<P>> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a, P: Clone + PartialEq> Permit<'a, P> {
    /// Reports what came of the call. Returns leave for the check that has to follow, if one has to.
    fn settle(mut self, error: Option<&UpstreamError>) -> Option<Self> {
        self.is_settled = true;
        let (breaker, role) = (self.breaker, self.role);
        let now = Instant::now();
        let has_failed = error.is_some_and(|error| error.fault.is_of_the_provider());
        let is_check_due = breaker.change(|circuit| {
            if has_failed {
                circuit.failed(role, &self.party, now)
            } else {
                circuit.answered(role, &self.party, now);
                false
            }
        });
        is_check_due.then(|| breaker.permit(&self.party, Role::Check))
    }
}

impl<P: Clone + PartialEq> Drop for Permit<'_, P> {
    fn drop(&mut self) {
        if !self.is_settled {
            self.breaker.change(|circuit| circuit.abandoned(self.role));
        }
    }
}
