// ---- the verdict: is it right, is it up to date?
const LEVELS = {
  none: ['not indexed yet', 0],
  fetched: ['fetched: one provider said so', .25],
  linked: ['linked: headers join to the head', .5],
  bloom: ['bloom: agrees with the header', .75],
  receipts: ['receipts: every event proven', 1]
};
const now = {
  status: null,
  told: null,  // the same as the server gave it, its ages not grown since
  tasks: null,
  unread: '',  // why it is not answered what proofs found
  conflicts_ms: 0,
  conflicts: null,
  reports: null,
  entities: null,
  quarantine: null,
  proofs: [],
  schedule: [],  // what runs by itself, and how often
  ready: 0,
  stats: null,
  heard: 0,
  gone: 0
};
// What is in quarantine and is no correction of a repair.
const put_away_events = summary => summary.quarantined - summary.refused_corrections;
// What the entities are known to be: compared with the contract, or nothing is said of them.
function compared() {
  const c = now.conflicts, proofs = now.reports ? now.reports.reports.filter(r => r.proof === 'state') : [],
        // What found no difference and is not equal could not look at all.
      asked = proofs.filter(r => r.checked > 0), done = asked.filter(r => r.equal),
        names = done.map(p => p.entity), unlooked = done.find(p => p.not_looked_at),
        partly = asked.filter(r => !r.equal && !r.mismatches).map(p => p.entity);
  if (!c)
    return {cls: '', ...not_answered()};
  if (c.summary.mismatches) {
    const wrong = c.conflicts;
    return {
      cls: 'bad',
      text: 'No: ' +
          (wrong.every(w => w.proof === 'state') ? differing_rows(wrong) :
                                                   many(c.summary.mismatches, 'mismatch', 'mismatches')),
      more: wrong.map(w => w.entity || 'the ' + w.proof).join(', ') +
          (wrong.some(w => w.not_looked_at) ? '; not looked at again since' : '')
    };
  }
  if (c.summary.quarantined) {
    const events = put_away_events(c.summary);
    return {
      cls: 'bad',
      text: 'No',
      more: events ? `${many(events, 'event is', 'events are')} stored, and nothing is made of ${
                         events === 1 ? 'it' : 'them'}` :
                     `the mapping has no place for what a repair wrote of ${
                         many(c.summary.refused_corrections, 'block')}`
    };
  }
  if (!done.length && partly.length)
    return {
      cls: '',
      text: 'Not all compared',
      is_partial: true,
      left: `Not all compared: ${partly.join(', ')}`,
      more: `the newest proof of ${partly.join(', ')} could not look at all`
    };
  if (!done.length)
    return {
      cls: '',
      text: can_compare() ? 'Not compared yet' : 'Not compared',
      more: can_compare() ?
          not_yet() :
          'no entity in the config has state = { call = … }, which says what of the contract it should equal'
    };
  const least = Math.min(...done.map(p => p.block)), all = done.reduce((n, p) => n + p.checked, 0),
        then = Math.min(...done.map(p => p.time)),
        // Where there are no rows there is nothing to compare.
      others = (now.entities || []).filter(e => !names.includes(e.name) && e.rows > 0).map(e => e.name),
        without = others.filter(name => !proofs.some(p => p.entity === name)),
        missing = others.filter(name => !partly.includes(name)),
        hint = without.length ? `: ${without.map(n => `[entities.${n}]`).join(', ')} in the config ${
                                    without.length > 1 ? 'need' : 'needs'} state = { call = … }` :
                                '',
        said = (hint) => [missing.length ? `not compared: ${missing.join(', ')}${hint}` : '',
                          partly.length ? `not all compared: ${partly.join(', ')}` : '']
                             .filter(Boolean)
                             .join('; '),
        left = said(hint).replace(/^n/, 'N');
  const unread = (now.entities || [])
                     .filter(e => names.includes(e.name) && (e.fields_not_compared || []).length)
                     .map(e => `${e.name}: ${e.fields_not_compared.join(', ')} not`);
  const what = when => `${names.join(', ')}: ${many(all, 'value')} compared at block ${num(least)}, ${when}${
      unread.length ? `; ${unread.join('; ')}` : ''}`;
  return {
    cls: left ? '' : 'good',
    told: what('at ' + clock(1000 * then)),  // Beside what is told more often an age would differ.
    part: left ? `${names.length} of ${names.length + others.length}` : '',
    text: left ? `${names.length} of ${names.length + others.length} compared, and equal` :
                 'Equal to the contract',
    left,
    more: what(ago(then)) + (left ? `; ${said('')}` : '') +
        (unlooked ? `; not looked at again since: ${unlooked.not_looked_at}` : '')
  };
}
// Why no proof of state has compared anything so far. The queue may be asked later than the proofs.
function not_yet() {
  const waiting = (now.tasks || []).filter(k => k.kind === 'prove_state' && is_open(k)),
        entry = now.schedule.find(one => one.kind === 'prove_state'),
        said = how_far(now.proofs, 'the proof of state') || how_far(waiting, 'the proof of state');
  if (said)
    return said;
  if (!entry)
    return 'no proof of state has run: [schedule] prove_state = "10m" in the config runs it';
  const often = `every ${duration(Math.max(1, Math.round(entry.interval_ms / 1000)))}, as [schedule] says`;
  return now.status && now.status.state === 'live' ?
      `the proof of state is due, and then ${often}` :
      `the proof of state runs once the index is live, ${often}`;
}
// Some entity says in the config what of the contract it should equal; true as long as it is not known.
const can_compare = () => !now.entities || !now.entities.length || now.entities.some(e => e.has_state);
// The repair that waits or runs, if any.
function repairing() {
  const run = now.conflicts && now.conflicts.repair;
  return run && is_open(run) ? run : null;
}
// The dry run that is under way, if any.
function dry_run() {
  const run = now.conflicts && now.conflicts.plan;
  return run && run.state === 'running' ? run : null;
}
// How far the queue says that the run is: " (log: blocks 1,200 of 5,063)", or empty.
function progress_of(run) {
  const task = (now.tasks || []).find(k => k.id === run.task);
  return task && task.progress ? ` (${task.progress})` : '';
}
// A contract that counts other rows is one mismatch of an entity, and no row that differs.
function differing_rows(proofs) {
  const counts = proofs.filter(p => p.detail.includes('the contract counts other rows')).length,
        rows = proofs.reduce((n, p) => n + p.mismatches, 0) - counts;
  return [
    rows ? many(rows, 'row differs', 'rows differ') : '',
    counts ? many(counts, 'number of rows differs', 'numbers of rows differ') : ''
  ].filter(Boolean)
      .join(', ');
}
// A state proof counts rows, the others count what they compare.
function differing(conflicts, count) {
  return conflicts.every(c => c.proof === 'state') ?
      `${differing_rows(conflicts)} from the contract` :
      `${many(count, 'mismatch was', 'mismatches were')} found by proofs`;
}
// A stored event as a proof tells it, or null.
function event_of(text) {
  try {
    const event = JSON.parse(text);
    return event && typeof event === 'object' ? event : null;
  } catch {
    return null;
  }
}
// What a proof of the log found, with the event's name in place of all that it says; empty where it is
// another.
function event_differs(f) {
  const event = /^log /.test(f.kind) && (event_of(f.expected) || event_of(f.stored));
  if (!event)
    return '';
  const name =
      event.event ? [event.contract, event.event].filter(Boolean).join('.') : 'an event that no ABI knows';
  return `block ${num(f.block)} log ${f.log_index}: ` +
      (f.kind === 'log missing' ? `the chain has ${name}, the index lacks it` :
           f.kind === 'log invented' ?
                                  `the index has ${name}, the chain does not` :
                                  `${name}: ${f.field || 'it'} is stored otherwise than the chain has it`);
}
// Where a finding is: the row, or the block.
const place_of =
    f => [f.entity, f.key].filter(Boolean).join(' ') || (f.block ? `block ${num(f.block)}` : 'the log');
// What of it differs: a field, or the index that its entry is missing in.
const field_of = f => (/^index entry/.test(f.kind) ? 'index ' : '') + f.field;
const clip = text => text == null ? '–' : text.length > 44 ? text.slice(0, 30) + '…' + text.slice(-10) : text;
function differs(f) {
  const event = event_differs(f);
  if (event || !f.field)
    return event || f.text;
  const [stored, expected] = values_of(f) || [],
                 right = f.kind.startsWith('state') ? 'in the contract' : 'is right';
  return `${place_of(f).replace(/0x[0-9a-f]{40,}/gi, short_address)}, ${field_of(f)}: ` +
      (stored == null ? f.detail || f.text : `${clip(stored)} here, ${clip(expected)} ${right}`);
}
// The newest repair has left this difference, and the server knows that another one would too.
const is_hopeless = m => /^correct the mapping/.test(m.remedy || '');
// Events and rows are known to be right up to there, so that a repair finds nothing to mend: the mapping, or
// the contract, is what differs.
function is_of_mapping(m) {
  const {proven} = now.status, replay = now.reports && now.reports.reports.find(r => r.proof === 'replay');
  return m.proof === 'state' && proven && proven.level === 'receipts' && replay && replay.equal &&
      (m.findings || []).every(f => f.block <= Math.min(proven.block, replay.block));
}
// What a run has left names the finding.
const is_left_by = (run, f) =>
    !!f && run.left.some(line => line.startsWith((f.entity ? place_of(f) : `block ${f.block}`) + ':'));
// Why a repair changes nothing about it, as the newest dry run has found; empty where it did not look at it.
function why_in_vain(m, f) {
  const plan = about(now.conflicts.plan, m.entity);
  if (!plan || plan.state !== 'done' || plan.steps.length || !plan.left.length || !f)
    return '';
  return is_left_by(plan, f) ? `A repair would change nothing, as the dry run of ${
                                   clock(plan.time * 1000)} found: ${plan.left[plan.left.length - 1]}.` :
                               '';
}
// The events are known to be right up to the rows' last changes, and no more than that: a row may be damaged.
const is_of_proven_events = m => m.proof === 'state' && now.status.proven &&
    now.status.proven.level === 'receipts' && (m.findings || []).length > 0 &&
    m.findings.every(f => f.block <= now.status.proven.block);
// What the page's reader can do to have it mended.
const how_to_mend = m => is_of_mapping(m) ?
    'Events and rows are proven, so Repair most likely leaves it: see what it would do, and correct the mapping.' :
    now.status.takes_changes ?
    'Press Repair' +
        (m.proof !== 'state' ?
             '.' :
             is_of_proven_events(m) ?
             ', which mends a damaged row: the events are proven, so else it is the mapping.' :
             ': it mends what comes of a missing event or a damaged row.') :
    'This server changes nothing without a token in [http]: plumbline repair mends it at rest.';
// The first difference, and what to do about it.
function what_to_do() {
  const [m] = now.conflicts.conflicts, [f] = m.findings || [], run = repairing(),
        tried = about(now.conflicts.repair, m.entity);
  return (f ? `First: ${differs(f)}. ` : '') +
      (run ? `Wait, a repair ${run.state === 'running' ? 'is running' : 'is in the queue'}.` :
           is_hopeless(m)? 'Repair cannot mend this: correct the mapping.' :
           tried && tried.state === 'done' && tried.left.length &&
               (m.time <= tried.time || is_left_by(tried, f)) ?
                            'The last repair left this: below is why.' :
             why_in_vain(m, f) || how_to_mend(m));
}
// No provider has told its head for longer than ready_age: since how many seconds, or null.
function silence(s) {
  return s && s.progress.lag == null && s.reasons.some(r => r.startsWith('no provider has told')) ?
      s.progress.ready_age_seconds :
      null;
}
// Nobody answers anything, as the server says of each: for how many seconds the last of them, or null. Who
// does not tell its head may answer all else.
function muteness(s) {
  return s.providers.length && s.providers.every(v => v.silent_seconds != null) ?
      Math.min(...s.providers.map(v => v.silent_seconds)) :
      null;
}
// The head that the providers tell is older than head_age, and they answer: how old, in words, or null.
function standstill(s) {
  const age = s.progress.head_age_seconds;
  return s.progress.lag == null && silence(s) == null &&
          s.reasons.some(r => r.startsWith('the chain\'s head, ')) ?
      (age == null ? '' : duration(age) + ' ') + 'old' :
      null;
}
// Why the chain is waited for, as the server says it; empty where it is not.
const chain_wait = s => s.reasons.find(r => r.startsWith('waiting for the chain: ')) || '';
// Every head that is told is below the index: that sentence, with what the providers tell; empty where one is
// not.
const lower_head = s =>
    (/^waiting for the chain: for [^:]+: (the chain's head is at block .*)$/.exec(chain_wait(s)) ||
     ['', ''])[1];
// What to do where the head is not told, or stands still; empty where it is as it should be.
function head_help(s) {
  const quiet = silence(s), mute = muteness(s), old = standstill(s), several = s.providers.length > 1,
        who = several ? `None of ${s.providers.length} providers` : s.providers.map(v => v.name).join(),
        ill = s.providers.filter(v => v.error)
                  .map(v => `${several ? v.name + ' ' : ''}${v.state}: ${v.error.slice(0, 120)}`);
  if (quiet != null && mute != null)
    return `${who} has ${several ? '' : 'not '}answered for ${duration(mute)}: check that ${
        several ? 'they run, and the way to them' : 'it runs, or add a second provider to [chain] rpc'}.`;
  if (quiet != null)
    return `${who} has ${several ? '' : 'not '}told the chain's head for ${duration(quiet)}${
        ill.length ? ` (${ill.slice(0, 3).join('; ')})` : ''}: see what plumbline doctor URL says${
        several ? ' of them' : ', or add a second provider to [chain] rpc'}.`;
  if (lower_head(s))
    return lower_head(s).replace('t', 'T') + '.';
  return old == null ?
      '' :
      `The chain's newest block that is told is ${old}: check that ${
          several ? 'the nodes are' :
                    'the node is'} in sync (eth_syncing, ${several ? 'their' : 'its'} peers)${
          several ?
              '' :
              ', or add another provider to [chain] rpc'}; where blocks come seldom, raise [chain] head_age.`;
}
// So many blocks are told and not indexed; there may be more where the head is old.
const blocks_left = s =>
    Math.max(0, (s.progress.head_block ?? -1) + 1 - Math.max(s.progress.next_block, s.progress.first_block));
const behind = s =>
    (s.progress.lag == null ? 'at least ' : '') + many(s.progress.lag ?? blocks_left(s), 'block');
// The rate is known, and makes a time that can be told.
const to_go = p => p.eta_seconds >= 1 && p.blocks_per_second > 0 ? duration(p.eta_seconds) : null;
// Who does not take what is delivered, each in a few words and with its reason.
function failing(s) {
  const code = text => /answers (\d{3})\b/.exec(text);
  return [
    ...(s.webhooks || [])
        .filter(w => w.error)
        .map(w => ({
               says: `webhook ${w.name} ${w.state === 'dead' ? 'was given up' : 'fails'}${
                   code(w.error) ? ` (${code(w.error)[1]})` : ''}`,
               why: `Webhook ${w.name} ${w.state === 'dead' ? 'was given up' : 'is tried again'}: ${w.error}.`
             })),
    ...(s.sinks || [])
        .filter(k => k.reason)
        .map(k => ({says: `sink ${k.name} fails`, why: `Sink ${k.name}: ${k.reason}.`})),
    ...s.reasons
        .map(
            r =>
                [r,
                 /^(\d+ tasks? (?:is parked|are parked|has failed for good|have failed for good)): /.exec(r)])
        .filter(([, stuck]) => stuck)
        .map(([why, stuck]) => ({says: stuck[1], why: `${why}.`}))
  ];
}
// What is wrong with the rows, in words and in full.
function wrongness() {
  const c = now.conflicts, bad = c ? c.summary : {mismatches: 0, quarantined: 0, refused_corrections: 0};
  if (bad.mismatches)
    return {text: differing(c.conflicts, bad.mismatches), why: what_to_do()};
  if (!bad.quarantined)
    return {text: '', why: ''};
  const events = put_away_events(bad),
        all = now.stats && now.stats.events >= events ? ` of ${num(now.stats.events)}` : '',
        first = now.quarantine && now.quarantine[0];
  return {
    text: events ? `${num(events)}${all} ${!all && events === 1 ? 'event is' : 'events are'} not applied` :
                   `corrections of ${many(bad.refused_corrections, 'block')} have no place`,
    why: (first ? `First: block ${num(first.block)}, ${first.event}: ${first.reason}. ` : '') +
        'Correct the config and start again.',
    incomplete: true
  };
}
// Who answers, and too late for the index, as the server has found out; empty: nobody.
const too_slow = s => s.reasons.filter(r => /^provider \S+ is slow: /.test(r));
// The chain has not said so much as which one it is, for longer than a moment.
function no_answer(s) {
  const waits = s.reasons.find(r => r.startsWith('waiting for the chain: for ')), slow = too_slow(s);
  if (slow.length)
    return [
      'warn', 'Nothing is indexed: the chain answers too late',
      slow.map(r => r.replace(/^p/, 'P') + '.').join(' ')
    ];
  if (!waits)
    return null;
  const why =
      waits.replace('waiting for the chain: for ', 'For ')
          .replace(/asking which chain this is: |no provider (can be asked now|told a head to go by); /g, '');
  return [
    'warn', 'Nothing is indexed: the chain does not answer',
    `${why}. Check [chain] rpc and id in the config, and that the node runs: plumbline doctor URL.`
  ];
}
function verdict() {
  const s = now.status;
  if (!s)
    return ['', 'Asking the server…', ''];
  if (now.gone)
    return [
      'bad', `The server does not answer since ${clock(now.gone)}`,
      `Check that plumbline runs, and its log. What is below is of ${
          clock(now.heard)}, and may be wrong by now. The server is asked again every 2 s.`
    ];
  if (s.state === 'starting')
    return no_answer(s) || [
      '', 'Starting: the chain has not answered so far',
      'It takes a moment; reasons come here if it takes longer.'
    ];
  if (s.state === 'draining' || s.state === 'stopped')
    return ['warn', 'Shutting down', 'Everything that was shown is safe on the disk.'];
  if (s.chain_id != null && !now.conflicts)
    return now.unread ?
        ['warn', 'Not known to be right', `What proofs found: ${now.unread}. It is asked again every 5 s.`] :
        ['', ASKING, ''];
  const p = s.progress, span = p.target_block + 1 - p.first_block, wrong = wrongness(),
        and = wrong.text && ', and ' + wrong.text, run = repairing(),
        // All of it is not known to be there before the state says so.
      part = span > 0 ? Math.min(99, Math.floor(100 * Math.max(0, p.next_block - p.first_block) / span)) : 0;
  if (s.state === 'backfilling')
    return [
      wrong.text ? 'bad' : 'warn', `Catching up: ${part} % of the blocks${and}`,
      `${to_go(p) ? `About ${to_go(p)} to go; rows` : 'Rows'} are those of block ${
          num(s.block ? s.block.number : p.first_block)}. ${head_help(s)}`
          .trim()
    ];
  if (s.state === 'live' && !s.block && p.first_block > p.head_block && p.lag != null)
    return [
      'warn',
      `Nothing is indexed: the chain is at block ${num(p.head_block)}, the index begins at ${
          num(p.first_block)}`,
      'Correct start_block in the config: the block of the deployment is meant. Else it begins once the chain is there.'
    ];
  if (p.refolding)
    return ['warn', 'Folding the events again', 'Rows are those of before until it is done.'];
  if (run)
    return [
      'warn', `Being repaired${wrong.text ? ': ' + wrong.text : ''}`,
      (run.state === 'running' ? `Running since ${clock(run.time * 1000)}${progress_of(run)}: ` :
           dry_run() ? `It waits for the dry run${progress_of(dry_run())}: ` :
                       'Next in the queue: ') +
          'all proofs run, what they find is mended in one commit, and proven again. Rows can be read meanwhile. ' +
          wrong.why
    ];
  if (!s.ready) {
    return [
      wrong.text ? 'bad' : 'warn',
      (p.lag == null && !blocks_left(s) ? 'Not known to be up to date' : `Behind by ${behind(s)}`) + and,
      head_help(s) ||
          `Not ready for ${duration(s.ready_changed_seconds)}: ${
              (p.lag == null && chain_wait(s)) || s.not_ready[0]}`
    ];
  }
  if (wrong.text)
    return [
      'bad', wrong.incomplete ? `Rows are incomplete: ${wrong.text}` : `Up to date, but ${wrong.text}`,
      wrong.why
    ];
  return fine(s);
}
// Since when, in ms, it is ready. The server tells whole seconds, which must not move the time to and fro.
function ready_since(s) {
  const told = Date.now() - 1000 * s.ready_changed_seconds;
  if (Math.abs(told - now.ready) > 3000)
    now.ready = told;
  return now.ready;
}
// Not one row, and the server's look at the contracts says why; empty: there are some, or it says nothing.
function why_empty(s) {
  const rows = now.entities || [];
  return rows.length && rows.every(e => e.rows === 0) &&
      s.notes.find(
          n =>
              /^(there is no contract code|the ABI of )|is it the contract that emits|is one of `events` in the config|nothing is made of (it|them)\b/
                  .test(n)) ||
      '';
}
// All is up to date, and nothing is known to be wrong.
function fine(s) {
  const same = compared(), fails = failing(s), right = same.cls === 'good',
        from = Math.max(ready_since(s), right_since()),
        since = `Since ${clock(from)}, for ${duration(Math.max(0, Math.floor((Date.now() - from) / 1000)))}.`;
  if (fails.length)
    return [
      'warn', `${right && s.proven ? 'Data right' : 'Up to date'}; ${fails.map(f => f.says).join(', ')}`,
      fails.map(f => f.why).join(' ')
    ];
  if (why_empty(s))
    return [
      'warn', 'Up to date, but every entity is empty', why_empty(s).replace(/^./, c => c.toUpperCase()) + '.'
    ];
  if (right)
    return s.proven ? ['good', 'Right and up to date', since] : [
      '', 'Up to date, and equal to the contract; its events are not proven',
      `${since} ${s.notes[0] || ''}`.trim()
    ];
  if (same.is_partial)
    return ['', 'Up to date; not all could be compared with the contract', `${since} ${same.left}.`];
  return same.part ? ['', `Up to date; ${same.part} entities compared, and equal`, `${since} ${same.left}.`] :
                     ['', `Up to date; not compared with the contract${can_compare() ? ' yet' : ''}`, since];
}
