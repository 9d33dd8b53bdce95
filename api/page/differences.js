// ---- differences
// What is stored and what is right, as the page shows that field; null where words alone tell it.
function values_of(f) {
  if (f.stored == null && f.expected == null)
    return null;
  return [f.stored, f.expected].map(v => v == null ? 'nothing' : field_text(f.entity, f.field, v));
}
function finding(f) {
  const event = event_differs(f), values = f.field && values_of(f),
        code = (text, stored) => el('code', {title: stored ?? ''}, text);
  if (event)
    return el('li', {className: 'small'}, el('b', {}, event), details(f));
  return el(
      'li', {className: 'small'},
      values ? el('span', {}, el('b', {}, `${place_of(f)} · ${field_of(f)}: `), code(values[0], f.stored),
                  ' here, ', code(values[1], f.expected),
                  f.kind.startsWith('state') ? ' in the contract' : ' is right') :
          f.field ? el('span', {}, el('b', {}, `${place_of(f)} · ${field_of(f)}: `), f.detail || f.text) :
                    el('b', {}, f.text),
      values && f.detail ? el('span', {className: 'soft'}, ` · ${f.detail}`) : null,
      f.field && f.entity && f.block && !/last changed/.test(f.detail) ?
          el('span', {className: 'soft'}, ` · row last changed in block ${num(f.block)}`) :
          null);
}
// All that is known of it; what somebody has opened stays open while the list is told anew.
const unfolded = new Set();
function details(f) {
  const made = el('details', {open: unfolded.has(f.text)}, el('summary', {}, 'Details'), f.text);
  made.ontoggle = () => made.open ? unfolded.add(f.text) : unfolded.delete(f.text);
  return made;
}
// What is listed, by its kind.
const listed = findings => findings.every(f => /^log /.test(f.kind)) ? ['more event', 'more events'] :
    findings.every(f => f.field)                                     ? ['more value', 'more values'] :
                                                                       ['more finding', 'more findings'];
const FINDINGS_SHOWN = 6;
const lines = texts =>
    el('ul', {className: 'plain'}, ...texts.map(text => el('li', {className: 'small'}, text)));
// The newest run, where it is about this entity: its name, or all.
const about = (run, entity) =>
    run && (!run.entity || !entity || run.entity.split(' ').includes(entity)) ? run : null;
const is_open = run => run.state === 'waiting' || run.state === 'running';
// What this page has put into the queue, until it has ended.
let asked = null;
async function ask_task(name, path, body) {
  const answer = await change('POST', path, body);
  if (!answer)
    return;
  asked = {name, task: answer.task.id};
  say(name + ': it is in the queue.');
  await wrong();
}
// The note that it is in the queue does not outlive the run.
function tell_end() {
  const {repair, plan} = now.conflicts, runs = [repair, plan].filter(r => r && asked && r.task >= asked.task),
                 run = runs.find(r => r.task === asked.task);
  if (!runs.length || (run && is_open(run)))
    return;
  if (run)
    say(`${asked.name}: ${run.state === 'done' ? 'it has ended' : run.error || run.state}.`);
  asked = null;
}
// Repairs and plans as they are listed, to see whether one has begun or ended.
const runs_of = conflicts =>
    conflicts && [conflicts.repair, conflicts.plan].map(r => r && r.task + ' ' + r.state).join();
// What a repair would do, as the newest dry run has it.
function plan_of(m) {
  const plan = about(now.conflicts.plan, m.entity);
  if (!plan)
    return null;
  if (is_open(plan))
    return el(
        'div', {className: 'soft'},
        plan.state === 'running' ? `A dry run looks up what a repair would do${
                                       progress_of(plan)}. It proves all first and changes nothing…` :
                                   'A dry run, which looks up what a repair would do, waits in the queue…');
  if (plan.state !== 'done')
    return el(
        'div', {className: 'bad'},
        `What a repair would do is not known: the dry run: ${plan.error || plan.state}`);
  return el(
      'div', {}, el('b', {}, 'A repair would: '),
      plan.steps.length ? lines(plan.steps) : el('span', {}, 'change nothing.'),
      plan.left.length ? el('div', {}, 'and leave:', lines(plan.left)) : null,
      el('div', {className: 'faint small'}, `looked up by a dry run ${ago(plan.time)}`));
}
// What the newest repair did, and left.
function repair_of(m) {
  const run = about(now.conflicts.repair, m.entity);
  if (!run || repairing())
    return null;
  if (run.state !== 'done')
    return el(
        'div', {className: 'bad'},
        `The repair of ${clock(run.time * 1000)} has not ended well: ${run.error || run.state}.`);
  // The values are listed above.
  const why = run.left.filter(line => !m.entity || !line.startsWith(m.entity + ' '));
  return run.left.length ? el('div', {}, el('b', {}, `The repair of ${clock(run.time * 1000)} left this: `),
                              why.join('; ') + '.') :
                           null;
}
function conflict(m) {
  const busy = repairing(), run = about(now.conflicts.repair, m.entity),
        tried = run && run.state === 'done' && run.left.length > 0,
        plan = about(now.conflicts.plan, m.entity), planning = plan && is_open(plan),
        findings = m.findings || [], dry = ('dry-run ' + (m.entity || '')).trim();
  return el(
      'li', {},
      el('div', {className: 'row'},
         el('b', {className: 'bad title'},
            m.proof === 'state' ?
                `${many(m.mismatches, 'row', 'rows')} of ${m.entity} ${
                    m.mismatches === 1 ? 'differs' : 'differ'}${
                    findings.length > m.mismatches ?
                        `, in ${findings.length}${findings.length >= 20 ? ' or more' : ''} values` :
                        ''}` :
                `${many(m.mismatches, 'mismatch', 'mismatches')} in the ${m.proof} proof${
                    m.entity ? ' of ' + m.entity : ''}`),
         el('button', {
           disabled: !!busy || !!planning,
           onclick: () => ask_task('Dry run', '/v1/tasks', {kind: 'repair', args: dry})
         },
            'What would repair do?'),
         is_hopeless(m) && !busy ?
             null :
             el('button', {
               className: tried ? '' : 'main',
               disabled: !!busy,
               onclick: () => ask_task('Repair', '/v1/reconcile', m.entity ? {entity: m.entity} : {})
             },
                busy      ? 'Repairing…' :
                    tried ? 'Repair again' :
                            'Repair')),
      el('ul', {}, ...findings.slice(0, FINDINGS_SHOWN).map(finding)),
      findings.length > FINDINGS_SHOWN ?
          el('div', {className: 'soft small'},
             `and ${
                 many(
                     findings.length - FINDINGS_SHOWN,
                     ...listed(findings))}: /v1/conflicts lists twenty, plumbline verify all`) :
          null,
      m.cause ? el('div', {}, el('b', {}, 'Why: '), m.cause + '.') : null,
      m.remedy ? el('div', {}, el('b', {}, 'What to do: '), m.remedy + '.') : null, plan_of(m), repair_of(m),
      el('div', {className: 'faint small'},
         `found by the ${m.proof} proof at block ${num(m.block)}, ${utc(m.time)}`),
      m.not_looked_at ?
          el('div', {className: 'small'}, el('b', {}, 'Not looked at again since: '), m.not_looked_at + '.') :
          null);
}
// It is read once at a time: whoever asks meanwhile gets what is read after that.
let reading = null, next_reading = null;
function wrong() {
  if (!reading)
    return reading = read_wrong()
                         .catch(e => {
                           now.unread = e.message;
                           tellVerdict();
                           throw e;
                         })
                         .finally(() => reading = null);
  next_reading = next_reading || reading.catch(() => {}).then(() => {
    next_reading = null;
    return wrong();
  });
  return next_reading;
}
async function read_wrong() {
  if (!now.status || now.status.chain_id == null) {
    tellVerdict();
    return;
  }
  const [c, reports, list, proofs] = await Promise.all([
    get('/v1/conflicts'), get('/v1/reports'), get('/v1/entities'), get('/v1/tasks?kind=prove_state&limit=100')
  ]);
  const q = c.summary.quarantined, put_away = q ? (await get('/v1/quarantine?limit=3')).events : [];
  // No run is listed as running beside a verdict that knows its end; the queue tells how far it is.
  if (runs_of(c) !== runs_of(now.conflicts))
    await queue(c);
  else if ([c.repair, c.plan].some(r => r && is_open(r)))
    await queue(null);
  now.conflicts = c;
  now.conflicts_ms = Date.now();
  now.unread = '';
  now.proofs = proofs.tasks;
  now.schedule = proofs.schedule;
  now.reports = reports;
  now.entities = list.entities;
  now.quarantine = put_away;
  const items = c.conflicts.map(conflict);
  if (q) {
    const events = put_away_events(c.summary);
    items.push(el(
        'li', {},
        el('b', {className: 'bad'},
           [
             events && `${many(events, 'event')} could not be applied`,
             c.summary.refused_corrections &&
                 `corrections of ${many(c.summary.refused_corrections, 'block')} have no place in the mapping`
           ].filter(Boolean)
               .join('; ')),
        el('div', {className: 'soft'},
           events === 0 ?
               'What a repair had written there is kept, and counts again once the mapping has its fields. Correct the config and start again.' :
               `${
                   q === 1 ?
                       'It is stored, and nothing was made of it: the mapping does not allow what it says' :
                       'They are stored, and nothing was made of them: the mapping does not allow what they say'}, or an earlier event is missing. Correct the config and start again.`),
        ...put_away.map(
            e => el('div', {className: 'small'}, `block ${num(e.block)}, ${e.event}: ${e.reason}`)),
        q > put_away.length ? el('div', {className: 'soft small'},
                                 `and ${num(q - put_away.length)} more: plumbline quarantine lists them`) :
                              null));
  }
  if (!items.length) {
    const same = compared();
    items.push(
        same.cls === 'good' ?
            el('li', {}, el('b', {className: 'good'}, '✓ None. '),
               el('span', {className: 'soft'}, same.told + '.')) :
            same.part ?
            el('li', {}, el('b', {}, 'None in what was compared. '),
               el('span', {className: 'soft'}, `${same.told}. ${same.left}.`)) :
            same.is_partial ?
            el('li', {}, el('b', {}, 'None in what was compared. '),
               el('span', {className: 'soft'}, same.left + '.')) :
            el('li', {},
               el('b', {}, `Nothing was compared with the contract${can_compare() ? ' yet' : ''}. `),
               el('span', {className: 'soft'},
                  can_compare() ?
                      `Entities with state in the config are, by the task prove_state: ${not_yet()}.` :
                      'No entity in the config has state = { call = … }.')));
  }
  if (repairing() && !c.conflicts.length)
    items.push(
        el('li', {},
           `A repair ${
               repairing().state === 'running' ? 'runs' + progress_of(repairing()) :
                                                 'waits in the queue'}: all proofs look again.`));
  const done = c.repair && c.repair.state === 'done' && c.repair.steps.length ? c.repair : null;
  if (done)
    items.push(el('li', {className: 'soft'}, `The repair of ${utc(done.time)}:`, lines(done.steps)));
  const kinds = Object.entries(c.summary.by_kind);
  if (kinds.length)
    items.push(el(
        'li', {className: 'soft'}, 'Repaired so far: ' + kinds.map(([k, n]) => k + ' ' + num(n)).join(', ')));
  replace_around_focus($('wrong'), items);
  name_entities();
  tell_end();
  tellVerdict();
}
// The button that has the focus is there again afterwards, with the focus.
function replace_around_focus(list, items) {
  const nth = [...list.querySelectorAll('button')].indexOf(document.activeElement);
  list.replaceChildren(...items);
  const button = list.querySelectorAll('button')[nth];
  if (button)
    button.focus();
}
