// Changes that make the fast paths wrong, for `npm run mutants -- fast-paths`. A fast path gives an outcome again, or gets it from other code, and must
// decide as the whole verification does. Each change is one row: a name, a text that the file has once, with the changed expression between « and »,
// and what stands in its place.
//
// A row with `equivalent` changes no outcome; the text says why.

const rows = (file, mutants) => mutants.map(([name, text, to, more = {}]) => ({ name, file, text, to, ...more }));

export const MUTANTS = [
  // The verdict on a known token at the gateway.
  ...rows('src/http/admission.rs', [
    ['a known verdict is used where other places count', 'self.known.filter(|_| «places.is_default()» &&', 'true'],
    ['a known verdict is used beside a token in the query', '«query_token(asked.query).is_none()»)?', 'true'],
    ['a route with other places leaves grounds', 'verification.grounds.filter(|_| «places.is_default()»)', 'true'],
    ['a known token is said to be in another place', 'place: «0», is_cookie: false', '1'],
    [
      'a known token is said to be in a cookie',
      'place: 0, is_cookie: «false»',
      'true',
      { equivalent: 'this is asked only before a verdict is there, and a known token has one' },
    ],
  ]),
  ...rows('crates/verifier/src/verify/grounds.rs', [
    ['a verdict is given again that does not hold', 'if «!self.hold(terms, keys, now)» {', 'false'],
    ['a verdict that is given again has the time of the epoch', 'verified_at: «now»,', 'Timestamp::from_epoch_seconds(0)'],
    ['a verdict that is given again names no token', 'identity: «Some(identity.clone())», content', 'None'],
    ['grounds hold longer than a signature is remembered', '«terms.remembered.is_recent(&entry, now)»\n', 'true'],
    ['grounds hold although the signature may be checked twice', '&& «!terms.cross_checks.may_be_drawn()»', 'true'],
    ['grounds hold although an engine has failed', '&& «!terms.cross_checks.is_distrusted(entry.key.algorithm)»', 'true'],
    ['grounds hold under every set', '&& «is_of_the_same_set()»', 'true'],
    ['grounds hold under no set', '&& «is_of_the_same_set()»', 'false'],
    [
      'grounds hold under any set that needs no work',
      '«keys.settled(source, &terms.cache, wanted, now) == Some(identity)»',
      'keys.settled(source, &terms.cache, wanted, now).is_some()',
    ],
    ['grounds of a shared secret never hold', '(None, ..) => «true»', 'false'],
    ['grounds under a set in the configuration never hold', '«fixed.identity() == identity»', 'false'],
    [
      'a set in the configuration is not compared',
      '«fixed.identity() == identity»',
      'true',
      { equivalent: 'it is the one under which the token was remembered: the memory and the set belong to the same configuration' },
    ],
    [
      'an issuer without a set has every set',
      '(Some(_), None, None) => «false»',
      'true',
      { equivalent: 'a token is not remembered under a set of an issuer without one, and an issuer does not change' },
    ],
    ['grounds hold although a claim breaks a rule now', '&& «issuer.rules.violations(header, claims, now).is_empty()»', 'true'],
  ]),
  // What the responses, the values and the verdicts rest on that JavaScript keeps.
  ...rows('src/http/standing.rs', [
    ['a response stands under a former configuration', '«configured.has(&application)»\n', 'true'],
    ['a response stands although the record is to be read', '&& «!configured.is_due_at(now)»', 'true'],
    ['a response stands although the store lacks an attempt', '&& «!application.has_unwritten()»', 'true'],
    ['a response stands although the self-test is to run', '&& «!application.is_untested()»', 'true'],
    ['a response stands although its grounds do not hold', '&& «self.grounds.hold(terms, &application.keys, now)»', 'true'],
    ['grounds are found in another env', '«Weak::ptr_eq(&standing.configured, &Rc::downgrade(configured))»', 'true'],
    ['grounds are found under another configuration', '&& «Weak::ptr_eq(&standing.application, &Rc::downgrade(application))»', 'true'],
    ['grounds are found under every number of their place', '«*known == number»);\n        let (_, standing) = found?;', 'true'],
    ['a response stands under every number of its place', '«*known == number»);\n        found.is_some_and', 'true'],
    ['all numbers have one place', '«number % limits::KEPT_RESPONSES»', '0'],
  ]),
  // The signatures that were found valid.
  ...rows('crates/verifier/src/verify/remembered.rs', [
    ['an entry is found after its time', '(«self.is_recent(&found, now)» && found.digest', 'true'],
    ['an entry is found for every token with its mark', '&& «found.digest == sha256(token.as_bytes())»)', 'true'],
    ['a token is remembered the first time', 'if «is_known» {', 'true'],
    ['a token that was remembered is taken for new', 'generations.once.note(mark) || «was_remembered»', 'false'],
    ['a mark is not noted', '«std::mem::replace(place, mark)» == mark', '*place'],
    ['an entry is valid for a second more', '.is_ok_and(|age| «age < self.seconds»)', 'age <= self.seconds'],
    ['a generation is young for a second more', 'Ok(age) if «age < seconds» => {}', 'age <= seconds'],
    ['no older reading of the clock is tolerated', 'Err(_) if «age >= -OLDER_READING_SECONDS» => {}', 'false'],
    ['a second less of an older reading is tolerated', 'Err(_) if «age >= -OLDER_READING_SECONDS» => {}', 'age > -OLDER_READING_SECONDS'],
    ['a second more of an older reading is tolerated', 'Err(_) if «age >= -OLDER_READING_SECONDS» => {}', 'age >= -OLDER_READING_SECONDS - 1'],
    ['every older reading is tolerated', 'Err(_) if «age >= -OLDER_READING_SECONDS» => {}', 'true'],
    [
      'the old generation is old for a second more',
      'Ok(age) if «age < seconds.saturating_mul(2)» => self.begin(now)',
      'age <= seconds.saturating_mul(2)',
    ],
    ['the old generation is dropped at once', 'Ok(age) if «age < seconds.saturating_mul(2)» => self.begin(now)', 'false'],
    ['the old generation is not searched', '.or_else(|| «generations.old.get(&mark)»)', 'None'],
    ['entries are kept although that is switched off', 'if «self.seconds == 0» {', 'false'],
    ['a token may take no more than a byte less', '«bytes > limits::REMEMBERED_BYTES_PER_TOKEN»', 'bytes >= limits::REMEMBERED_BYTES_PER_TOKEN'],
    ['a token may take everything', '«bytes > limits::REMEMBERED_BYTES_PER_TOKEN»', 'false'],
    [
      'a generation has one token more',
      '«generations.young.len() >= limits::REMEMBERED_TOKENS»',
      'generations.young.len() > limits::REMEMBERED_TOKENS',
    ],
    ['a generation has any number of tokens', '«generations.young.len() >= limits::REMEMBERED_TOKENS»', 'false'],
    ['a generation has a byte less', '|| «grown > limits::REMEMBERED_BYTES»', 'grown >= limits::REMEMBERED_BYTES'],
    ['a generation has any number of bytes', '|| «grown > limits::REMEMBERED_BYTES»', 'false'],
    ['a replaced entry is charged', '.saturating_sub(«replaced_bytes»)', '0'],
  ]),
  ...rows('crates/verifier/src/verify/run/mod.rs', [
    ['a remembered signature replaces the check by both engines', 'let known = if «self.twice» { None }', 'false'],
    ['a remembered signature counts under another set', '«known.set == of_set» && !is_distrusted', 'true'],
    [
      'a remembered key that is distrusted counts',
      'known.set == of_set && «!is_distrusted(&known.key)»',
      'true',
      { equivalent: 'no signature of a distrusted key is remembered, and what is distrusted does not change while the memory exists' },
    ],
    [
      'a remembered token may break every rule',
      '«issuer.rules.violations(token.header(), token.claims(), self.now)».into_iter()',
      'if self.trail.is_remembered { Vec::new() } else { issuer.rules.violations(token.header(), token.claims(), self.now) }',
    ],
  ]),
  // The signatures that the platform's engine makes.
  ...rows('src/signing/key.rs', [
    ['the engine is asked in vain after a failure', 'if «matches!(turn, Turn::Rust)» {', 'false'],
    ['the engine may take ten times as long', 'with_timeout(platform, «limit_ms»,', 'limit_ms * 10'],
    ['a wrong signature leaves', 'if «public.key.verify(self.algorithm, message, &signature)» =>', 'true'],
    ['no signature of the engine leaves', 'if «public.key.verify(self.algorithm, message, &signature)» =>', 'false'],
    ['a wrong signature counts as none', 'Some(Ok(_)) => «Failure::WrongSignature»', 'Failure::NoSignature(EngineError(String::new()))'],
    ['a failure is not noted', '«public.engine.has_failed(platform, (self.algorithm, &self.kid), failure)»;', 'drop(failure)'],
    ['no good signature is noted', '«public.engine.has_signed(platform)»;', '()'],
    ['each signature is trusted', '«checks == Checks::OnePerSecond && matches!(turn, Turn::Sign { is_trusted: true, .. })»', 'true'],
    ['no signature is trusted', '«checks == Checks::OnePerSecond && matches!(turn, Turn::Sign { is_trusted: true, .. })»', 'false'],
    [
      'signatures of kept tokens are trusted',
      '«checks == Checks::OnePerSecond && matches!(turn, Turn::Sign { is_trusted: true, .. })»',
      'matches!(turn, Turn::Sign { is_trusted: true, .. })',
    ],
    ['a trusted signature may have any length', 'if is_trusted && «public.key.fault_of_form(&signature).is_none()» =>', 'true'],
    ['a timer is set for each signature', 'match within_turns(«limits::SIGNING_ENGINE_TURNS», asked.as_mut())', '1'],
    [
      'a signature has a turn less before a timer is set',
      'match within_turns(«limits::SIGNING_ENGINE_TURNS», asked.as_mut())',
      'limits::SIGNING_ENGINE_TURNS - 1',
    ],
  ]),
  ...rows('src/signing/engine.rs', [
    ['the engine is asked again a second later', 'if «now < *again_at» {', 'now <= *again_at'],
    ['the engine is asked again at once', 'if «now < *again_at» {', 'false'],
    ['every request asks the engine again', '*again_at = «next_attempt(now)»;', '*again_at'],
    ['an imported key is not kept', 'State::NotYet => «*state = State::Imported { key: Rc::clone(&key), verified_at: None }»', '()'],
    ['a key that was imported later is used', 'State::Imported { key: kept, .. } => «return Rc::clone(kept)»', '()'],
    [
      'a key is trusted that has made no good signature',
      'is_trusted: «*verified_at == Some(clock.now())» }',
      'verified_at.is_none_or(|at| at == clock.now())',
    ],
    ['a key is trusted once it has made a good signature', 'is_trusted: «*verified_at == Some(clock.now())» }', 'verified_at.is_some()'],
    ['a key is trusted when the clock was set back', 'is_trusted: «*verified_at == Some(clock.now())» }', '*verified_at >= Some(clock.now())'],
    ['a good signature makes no others trusted', '«*verified_at = now»', '()'],
    [
      'a good signature after a failure makes no others trusted',
      '«*state = State::Imported { key, verified_at: now }»',
      '*state = State::Imported { key, verified_at: None }',
    ],
    ['a good signature after a failure is not noted', '«*state = State::Imported { key, verified_at: now }»', '()'],
    ['an imported key is not kept after a failure', '«*imported = Some(Rc::clone(&key))»', '()'],
    [
      'an imported key is used after a failure before it has signed',
      '«*imported = Some(Rc::clone(&key))»',
      '*state = State::Imported { key: Rc::clone(&key), verified_at: None }',
    ],
    [
      'a wrong signature is forgotten after a while',
      '«(State::Never, Level::Error, WRONG.to_owned())»',
      '(State::Failed { again_at, imported: None }, Level::Error, WRONG.to_owned())',
    ],
    [
      'an engine without a signature is never asked again',
      '«(State::Failed { again_at, imported: None }, Level::Warn, error.0)»',
      '(State::Never, Level::Warn, error.0)',
    ],
    ['each failed attempt is logged', '«matches!(before, State::Failed { .. })»', 'false'],
    ['no failure is logged', '«matches!(before, State::Failed { .. })»', 'true'],
    ['a wrong signature is not logged', '(_, Failure::WrongSignature) => «false»', 'true'],
    ['the engine is asked again in the same second', '«now.plus(limits::SIGNING_ENGINE_RETRY_SECONDS)»', 'now'],
  ]),
];
