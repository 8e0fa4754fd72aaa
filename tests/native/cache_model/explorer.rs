//! Explores every execution of a world, depth first: it runs the world again from the start for each choice that was not taken yet,
//! and stops at a state that was seen before.

use std::collections::HashSet;

use super::world::{Choice, Setup, World};

/// The result of an exploration.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Different states.
    pub(super) states: usize,
    /// Executions, each from the start.
    pub(super) executions: usize,
    /// Executions that ended because no choice was left.
    pub(super) ends: usize,
    /// The longest execution, in steps.
    pub(super) longest: usize,
    /// Whether there were more states than the limit.
    pub(super) is_partial: bool,
    /// The property that failed, and the steps that led there.
    pub(super) violation: Option<(String, Vec<Choice>)>,
}

/// A step that was taken.
struct Step {
    choice: Choice,
    alternatives: Vec<Choice>,
    memories: Vec<u64>,
}

/// Explores `setup`, up to `limit` states.
pub(super) fn explore(setup: Setup, limit: usize) -> Report {
    let mut report = Report::default();
    let mut seen = HashSet::new();
    let mut path: Vec<Step> = Vec::new();
    let first = World::new(setup, None).memories();
    loop {
        let mut world = World::new(setup, Some(&first));
        report.executions += 1;
        if let Some((last, before)) = path.split_last_mut() {
            for step in before.iter() {
                world.take_again(&step.choice, &step.memories);
            }
            world.take(&last.choice);
            last.memories = world.memories();
        }
        loop {
            if world.violation().is_some() || !seen.insert(world.digest()) {
                break;
            }
            let mut alternatives = world.choices();
            let Some(choice) = alternatives.pop() else {
                report.ends += 1;
                world.end_well();
                break;
            };
            world.take(&choice);
            path.push(Step { choice, alternatives, memories: world.memories() });
            report.longest = report.longest.max(path.len());
        }
        if let Some(what) = world.violation() {
            report.violation = Some((what, path.into_iter().map(|step| step.choice).collect()));
            break;
        }
        report.is_partial = seen.len() >= limit;
        if report.is_partial || !backtrack(&mut path) {
            break;
        }
    }
    report.states = seen.len();
    report
}

/// Goes back to the last step that has an alternative, and puts it in place of the step. `false` if there is none.
fn backtrack(path: &mut Vec<Step>) -> bool {
    while let Some(step) = path.last_mut() {
        if let Some(alternative) = step.alternatives.pop() {
            step.choice = alternative;
            return true;
        }
        path.pop();
    }
    false
}
