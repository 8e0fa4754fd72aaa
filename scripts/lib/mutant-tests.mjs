// Runs the tests of the build with all mutants: first without a mutant, to learn which tests reach which mutants, then once per mutant.
// A test that never comes to the changed place cannot fail, so most mutants need a few of the 800 tests only.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { at } from './paths.mjs';
import { Failure } from './steps.mjs';

export const SWITCH = 'ASSAY_MUTANT';
const RECORD = 'ASSAY_MUTANTS_REACHED';
const REACHED = at('target', 'mutants', 'crate-reached.txt');

// They compare files of the repository with each other.
const UNRELATED = ['documents::', 'supply_chain::', 'security_page::'];

// The tests that take longer than 2 s of processor time. Only mutants that survive the others meet them.
const SLOWEST = [
  'cache_model::every_property_holds_in_every',
  'verify::engines::the_tests_of_verification_pass_under_every_engine',
  'attacks_jose::rsa_signatures::every_single_wrong_octet_of_the_encoding_is_refused',
  'signing::two_isolates_with_the_same_keys_in_any_order_agree_at_every_second',
  'signing::at_every_second_of_a_quarter',
  'jose_properties::every_single_edit_of_a_signed_token_is_detected',
  'jose_properties::every_change_of_one_character_is_detected_at_every_place',
  'cases::every_case_has_the_root_cause_that_it_names',
  'cases::no_report_holds_a_token_a_signature_or_a_secret',
  'cases::the_advice_of_every_case_works_when_it_is_followed_literally',
  'cases::every_line_to_copy_in_the_advice_is_shown_and_followed_in_a_case',
  'rsa::tests::the_kernel_and_the_rsa_crate_give_the_same_verdicts',
  'eddsa::tests::octets_at_the_edges_get_ed25519_dalek_s_verdict',
];

// A mutant can loop for ever or fill the memory. It gets this processor time, and eight times what its tests take without it.
const LEAST_CPU_SECONDS = 5;
const MOST_KILOBYTES = 4_000_000;
// A test can also wait for something that never comes. Other programs may take most of the processors meanwhile, so this is long.
const WALL_SECONDS_PER_CPU_SECOND = 20;

// The first tests of a mutant are those that are cheap and concern little else; more follow if these pass.
const CPU_SECONDS_OF_A_BATCH = [0.02, 0.2, 2, Infinity];

/** The module that the copy of the crate gets: which mutant is switched on, and which are reached while none is. */
export const MUTATION_MODULE = `
#[doc(hidden)]
pub mod mutation {
    use std::cell::RefCell;
    use std::collections::BTreeSet;
    use std::io::Write as _;
    use std::sync::OnceLock;

    static ACTIVE: OnceLock<u32> = OnceLock::new();
    static RECORD: OnceLock<Option<String>> = OnceLock::new();
    thread_local! {
        static REACHED: RefCell<Reached> = RefCell::new(Reached::default());
    }

    /// The mutants that this thread has reached. libtest runs every test in a thread of its own, and gives it the test's name.
    #[derive(Default)]
    struct Reached {
        last: u32,
        ids: BTreeSet<u32>,
    }

    impl Drop for Reached {
        fn drop(&mut self) {
            let Some(Some(path)) = RECORD.get() else { return };
            let on_processor = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
            let nanoseconds = on_processor.split(' ').next().unwrap_or_default();
            let ids: Vec<String> = self.ids.iter().map(ToString::to_string).collect();
            let thread = std::thread::current();
            let line = format!("{} {} {}\\n", thread.name().unwrap_or("-"), nanoseconds, ids.join(","));
            let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
            file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the record of reached mutants can be written");
        }
    }

    #[must_use]
    pub fn active(id: u32) -> bool {
        let active = *ACTIVE.get_or_init(|| std::env::var("${SWITCH}").ok().and_then(|text| text.parse().ok()).unwrap_or(0));
        if active == 0 && RECORD.get_or_init(|| std::env::var("${RECORD}").ok()).is_some() {
            let _ = REACHED.try_with(|reached| {
                let mut reached = reached.borrow_mut();
                if reached.last != id {
                    reached.last = id;
                    reached.ids.insert(id);
                }
            });
        }
        active == id
    }
}
`;

/**
 * Runs the fast or the slow tests without a mutant. Returns a list with an entry for each test: `binary`, `name`, `cpu` in seconds and `ids`, the set of
 * the mutants that it reaches. Tests that reach none are not in it.
 */
export async function reaching(build, speed) {
  const found = [];
  for (const binary of [...build.units, build.native, build.cli].filter(Boolean)) {
    rmSync(REACHED, { force: true });
    const filters = [...UNRELATED, ...(speed === 'fast' ? SLOWEST : [])].flatMap((name) => ['--skip', name]);
    const names = speed === 'fast' ? [] : SLOWEST;
    // Several threads, because with one libtest runs the tests in the main thread, which has not the name of the test.
    const { outcome, output } = await tested(binary, ['--test-threads', '2', ...filters, ...names], { [RECORD]: REACHED }, 1200);
    if (outcome !== 'survived') throw new Failure(`✗ The tests fail without a mutant:\n${output}`);
    if (!existsSync(REACHED)) continue;
    const byThread = new Map();
    for (const line of readFileSync(REACHED, 'utf8').trim().split('\n')) {
      const [name, nanoseconds, ids] = line.split(' ');
      if (!byThread.has(name)) byThread.set(name, { binary, name, cpu: 0, ids: new Set() });
      const test = byThread.get(name);
      test.cpu += nanoseconds ? Number(nanoseconds) / 1e9 : 0.1;
      for (const id of ids ? ids.split(',') : []) test.ids.add(Number(id));
    }
    found.push(...(binary === build.cli ? withPrograms(byThread) : byThread.values()));
  }
  return found;
}

/** The tests of the command line, each with what the processes of the program reach; their main threads are called `main`. */
function withPrograms(byThread) {
  const programs = ['main', '-'].map((name) => byThread.get(name)).filter(Boolean);
  const tests = [...byThread.values()].filter((test) => !programs.includes(test));
  for (const test of tests) {
    for (const program of programs) test.ids = test.ids.union(program.ids);
  }
  return tests;
}

/** Tries one mutant with these tests. Returns its `outcome`, `caught`, `timeout`, `survived` or `unreached`, and `by`, the test that failed. */
export async function tried(mutant, tests) {
  const reaching = tests.filter(({ ids }) => ids.has(mutant.id));
  if (reaching.length === 0) return { outcome: 'unreached' };
  for (const batch of batches(reaching)) {
    const result = await testedWith(mutant, batch);
    if (result.outcome !== 'survived') return result;
  }
  return { outcome: 'survived' };
}

/** The tests in groups: cheap tests that reach few mutants first. */
function batches(tests) {
  const order = tests.map((test) => ({ test, rank: test.cpu * test.ids.size })).sort((one, other) => one.rank - other.rank);
  const groups = [];
  let [cpu, next] = [0, 0];
  for (const { test } of order) {
    if (groups.length === 0 || cpu > CPU_SECONDS_OF_A_BATCH[next]) {
      if (groups.length > 0) next += 1;
      groups.push([]);
      cpu = 0;
    }
    groups.at(-1).push(test);
    cpu += test.cpu;
  }
  return groups;
}

async function testedWith(mutant, tests) {
  for (const binary of new Set(tests.map((test) => test.binary))) {
    const own = tests.filter((test) => test.binary === binary);
    const cpu = own.reduce((sum, test) => sum + test.cpu, 0);
    const args = ['--test-threads', '1', '--exact', ...own.map(({ name }) => name)];
    const result = await tested(binary, args, { [SWITCH]: String(mutant.id) }, LEAST_CPU_SECONDS + 8 * cpu);
    if (result.outcome !== 'survived') return result;
  }
  return { outcome: 'survived' };
}

/** Tries a mutant that is the only one of its build, and always on: with the tests whose names contain one of `filters` first, then with all. */
export async function triedAlone(build, module, filters) {
  const skipped = (names) => names.flatMap((name) => ['--skip', name]);
  const runs = [
    ...build.units.map((binary) => [binary, [`${module}::`]]),
    [build.native, [...skipped([...UNRELATED, ...SLOWEST]), ...filters]],
    ...build.units.map((binary) => [binary, []]),
    [build.cli, []],
    [build.native, skipped([...UNRELATED, ...SLOWEST])],
    [build.native, SLOWEST],
  ];
  for (const [binary, args] of runs) {
    const result = await tested(binary, ['--test-threads', '2', ...args], {}, 600);
    if (result.outcome !== 'survived') return result;
  }
  return { outcome: 'survived' };
}

/**
 * Runs a test binary until its end, its first failure or its limit of processor time. Returns `outcome`, `caught`, `timeout` or `survived`, `by`, the test
 * that failed, and the end of the `output`.
 */
function tested(binary, args, settings, cpuSeconds) {
  return new Promise((resolve, reject) => {
    const limited = `ulimit -t ${Math.ceil(cpuSeconds)}; ulimit -v ${MOST_KILOBYTES} 2>/dev/null; exec "$0" "$@"`;
    const env = { ...process.env, ...settings, CARGO_MANIFEST_DIR: at('target', 'mutants', 'crate') };
    const child = spawn('/bin/sh', ['-c', limited, binary, '--quiet', ...args], {
      cwd: env.CARGO_MANIFEST_DIR,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    /** @type {string | undefined} */
    let by;
    let late = false;
    const keep = (text) => {
      output = (output + text).slice(-20_000);
      // libtest goes on after a failure, but one is enough.
      by ??= /(\S+) --- FAILED/.exec(output)?.[1];
      if (by) child.kill('SIGKILL');
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    const clock = setTimeout(
      () => {
        late = true;
        child.kill('SIGKILL');
      },
      cpuSeconds * WALL_SECONDS_PER_CPU_SECOND * 1000,
    );
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(clock);
      const endless = !by && (late || signal === 'SIGXCPU' || signal === 'SIGKILL');
      resolve({ outcome: endless ? 'timeout' : code === 0 ? 'survived' : 'caught', by, output });
    });
  });
}
