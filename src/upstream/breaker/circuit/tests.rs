use proptest::prelude::*;

use super::*;

type Party = u8;

const A: Party = 1;
const B: Party = 2;
const C: Party = 3;
const THRESHOLD: u32 = 3;

/// A circuit and a clock that the test moves.
struct Bench {
    circuit: Circuit<Party>,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self {
            circuit: Circuit::new(THRESHOLD),
            now: Instant::now(),
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    fn admit(&mut self, party: Party) -> Admission {
        self.circuit.admit(&party, self.now)
    }

    fn fail(&mut self, role: Role, party: Party) -> bool {
        self.circuit.failed(role, &party, self.now)
    }

    fn answer(&mut self, role: Role, party: Party) {
        self.circuit.answered(role, &party, self.now);
    }

    fn fail_times(&mut self, times: u32, role: Role, party: Party) {
        for _ in 0..times {
            let _ = self.fail(role, party);
        }
    }

    /// An outage that A and B have met.
    fn open_for_everyone(&mut self) {
        self.fail_times(THRESHOLD - 1, Role::Vital, A);
        let _ = self.fail(Role::Vital, B);
        assert!(self.circuit.is_open());
    }

    fn refusal(&mut self, party: Party) -> Option<Duration> {
        match self.admit(party) {
            Admission::Refused { retry_after } => Some(retry_after),
            Admission::Free | Admission::OnTrial { .. } => None,
        }
    }

    fn probe(&mut self, party: Party) -> Role {
        match self.admit(party) {
            Admission::OnTrial { outage } => Role::Probe { outage },
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn failures_in_a_row_of_the_vital_call_open_it() {
    let mut bench = Bench::new();
    bench.fail_times(THRESHOLD - 1, Role::Vital, A);
    assert_eq!(bench.admit(A), Admission::Free);
    assert!(!bench.fail(Role::Vital, A));
    assert_eq!(bench.refusal(A), Some(SHORTEST_PAUSE));
}

#[test]
fn an_answer_in_between_begins_the_row_anew() {
    let mut bench = Bench::new();
    for _ in 0..10 {
        bench.fail_times(THRESHOLD - 1, Role::Vital, A);
        bench.answer(Role::Ordinary, B);
    }
    assert!(!bench.circuit.is_open());
}

#[test]
fn failures_far_apart_are_not_in_a_row() {
    let mut bench = Bench::new();
    for _ in 0..10 {
        let _ = bench.fail(Role::Vital, A);
        bench.pass(IN_A_ROW + Duration::from_secs(1));
    }
    assert!(!bench.circuit.is_open());
}

#[test]
fn items_that_fail_lead_to_one_check_at_a_time_which_decides() {
    let mut bench = Bench::new();
    bench.fail_times(THRESHOLD - 1, Role::Ordinary, A);
    assert!(bench.fail(Role::Ordinary, A), "suspect");
    assert!(
        !bench.fail(Role::Ordinary, B),
        "the check is under way already"
    );
    assert!(!bench.circuit.is_open());
    assert!(!bench.fail(Role::Check, A));
    assert!(bench.circuit.is_open());
}

#[test]
fn items_that_fail_open_nothing_while_the_provider_is_well() {
    let mut bench = Bench::new();
    for _ in 0..50 {
        if bench.fail(Role::Ordinary, A) {
            bench.answer(Role::Check, A);
        }
        assert_eq!(bench.admit(A), Admission::Free);
    }
}

#[test]
fn a_check_that_was_given_up_is_made_by_the_next_one_who_fails() {
    let mut bench = Bench::new();
    bench.fail_times(THRESHOLD - 1, Role::Ordinary, A);
    assert!(bench.fail(Role::Ordinary, A));
    bench.circuit.abandoned(Role::Check);
    assert!(bench.fail(Role::Ordinary, A));
}

#[test]
fn after_the_pause_one_probe_is_made_while_others_are_refused() {
    let mut bench = Bench::new();
    bench.open_for_everyone();
    bench.pass(SHORTEST_PAUSE - Duration::from_millis(1));
    assert_eq!(bench.refusal(C), Some(SHORTEST_WAIT));
    bench.pass(Duration::from_millis(1));
    let probe = bench.probe(C);
    for party in [A, B, C] {
        assert_eq!(bench.refusal(party), Some(2 * SHORTEST_PAUSE));
    }
    bench.answer(probe, C);
    assert!(!bench.circuit.is_open());
    assert_eq!(bench.admit(A), Admission::Free);
}

#[test]
fn each_failed_probe_makes_the_pause_longer_up_to_a_bound() {
    let mut bench = Bench::new();
    bench.open_for_everyone();
    bench.pass(SHORTEST_PAUSE);
    for seconds in [10, 20, 30, 30] {
        let probe = bench.probe(A);
        assert!(!bench.fail(probe, A));
        let pause = Duration::from_secs(seconds);
        assert_eq!(bench.refusal(A), Some(pause));
        bench.pass(pause);
    }
}

#[test]
fn a_probe_that_was_given_up_leaves_its_place_to_the_next_one() {
    let mut bench = Bench::new();
    bench.open_for_everyone();
    bench.pass(SHORTEST_PAUSE);
    let probe = bench.probe(A);
    bench.circuit.abandoned(probe);
    bench.probe(B);
    assert!(bench.refusal(A).is_some());
}

#[test]
fn a_probe_of_an_earlier_outage_does_not_speak_for_this_one() {
    let mut bench = Bench::new();
    bench.open_for_everyone();
    bench.pass(SHORTEST_PAUSE);
    let stale = bench.probe(A);
    bench.answer(Role::Vital, B);
    bench.open_for_everyone();
    bench.pass(SHORTEST_PAUSE);
    bench.probe(B);
    let _ = bench.fail(stale, A);
    bench.circuit.abandoned(stale);
    assert!(bench.refusal(C).is_some(), "the probe is still under way");
}

#[test]
fn an_outage_of_one_party_is_nobody_elses() {
    let mut bench = Bench::new();
    bench.fail_times(THRESHOLD, Role::Vital, A);
    assert!(bench.refusal(A).is_some());
    assert_eq!(bench.admit(B), Admission::Free);
    // B's answers, and a slip of B's, change nothing about it.
    bench.answer(Role::Ordinary, B);
    let _ = bench.fail(Role::Vital, B);
    assert!(bench.refusal(A).is_some());
    assert_eq!(bench.admit(B), Admission::Free);
}

#[test]
fn an_outage_that_another_party_meets_as_well_is_everybodys() {
    let mut bench = Bench::new();
    bench.fail_times(THRESHOLD, Role::Vital, A);
    bench.fail_times(THRESHOLD - 1, Role::Ordinary, B);
    assert!(bench.fail(Role::Ordinary, B), "B's failures are checked");
    let _ = bench.fail(Role::Check, B);
    for party in [A, B, C] {
        assert!(bench.refusal(party).is_some());
    }
    bench.pass(SHORTEST_PAUSE);
    let probe = bench.probe(B);
    bench.answer(probe, B);
    assert_eq!(bench.admit(A), Admission::Free);
}

#[test]
fn a_party_that_does_not_come_back_is_forgotten() {
    let mut bench = Bench::new();
    bench.fail_times(THRESHOLD, Role::Vital, A);
    bench.pass(SHORTEST_PAUSE + PARTY_GONE_AFTER);
    bench.answer(Role::Ordinary, B);
    assert!(!bench.circuit.is_open());
}

/// What may happen to a circuit. Numbers pick one of the calls under way.
#[derive(Debug, Clone)]
enum Event {
    Pass(u64),
    Begin { party: Party, is_vital: bool },
    Answered(prop::sample::Index),
    Failed(prop::sample::Index),
    Abandoned(prop::sample::Index),
}

fn event() -> impl Strategy<Value = Event> {
    let party = prop_oneof![Just(A), Just(B), Just(C)];
    prop_oneof![
        2 => (0_u64..40_000).prop_map(Event::Pass),
        6 => (party, any::<bool>()).prop_map(|(party, is_vital)| Event::Begin { party, is_vital }),
        1 => any::<prop::sample::Index>().prop_map(Event::Answered),
        5 => any::<prop::sample::Index>().prop_map(Event::Failed),
        1 => any::<prop::sample::Index>().prop_map(Event::Abandoned),
    ]
}

/// Calls under way, as the breaker makes them.
#[derive(Default)]
struct UnderWay(Vec<(Role, Party)>);

impl UnderWay {
    fn begin(&mut self, bench: &mut Bench, party: Party, is_vital: bool) {
        let role = match bench.admit(party) {
            Admission::Free if is_vital => Role::Vital,
            Admission::Free => Role::Ordinary,
            Admission::OnTrial { outage } => Role::Probe { outage },
            Admission::Refused { retry_after } => {
                assert!((SHORTEST_WAIT..=LONGEST_PAUSE).contains(&retry_after));
                return;
            }
        };
        self.0.push((role, party));
    }

    fn take(&mut self, index: &prop::sample::Index) -> Option<(Role, Party)> {
        let at = (!self.0.is_empty()).then(|| index.index(self.0.len()));
        at.map(|at| self.0.swap_remove(at))
    }

    fn count(&self, wanted: Role) -> usize {
        self.0.iter().filter(|(role, _)| *role == wanted).count()
    }
}

proptest! {
    #[test]
    fn whatever_happens_it_is_careful_and_comes_back(events in prop::collection::vec(event(), 0..200)) {
        let mut bench = Bench::new();
        let mut under_way = UnderWay::default();
        for event in &events {
            let was_open = bench.circuit.is_open();
            let mut vital_failed = false;
            match event {
                Event::Pass(millis) => bench.pass(Duration::from_millis(*millis)),
                Event::Begin { party, is_vital } => under_way.begin(&mut bench, *party, *is_vital),
                Event::Answered(index) => if let Some((role, party)) = under_way.take(index) {
                    bench.answer(role, party);
                    prop_assert_eq!(bench.circuit.standing(&party, bench.now), Admission::Free);
                },
                Event::Failed(index) => if let Some((role, party)) = under_way.take(index) {
                    vital_failed = role != Role::Ordinary;
                    if bench.fail(role, party) {
                        under_way.0.push((Role::Check, party));
                    }
                },
                Event::Abandoned(index) => if let Some((role, _)) = under_way.take(index) {
                    bench.circuit.abandoned(role);
                },
            }
            if bench.circuit.is_open() && !was_open {
                prop_assert!(vital_failed, "only the vital call opens it");
            }
            let probe = Role::Probe { outage: bench.circuit.outages };
            let (checks, probes) = (under_way.count(Role::Check), under_way.count(probe));
            prop_assert!(checks <= 1 && probes <= 1, "{checks} checks, {probes} probes");
        }
        // Whatever is under way ends somehow, and the longest pause passes.
        for (role, _) in std::mem::take(&mut under_way.0) {
            bench.circuit.abandoned(role);
        }
        bench.pass(LONGEST_PAUSE);
        for party in [A, B, C] {
            let standing = bench.circuit.standing(&party, bench.now);
            let refused = matches!(standing, Admission::Refused { .. });
            prop_assert!(!refused, "{:?} is stuck", bench.circuit);
        }
    }
}
