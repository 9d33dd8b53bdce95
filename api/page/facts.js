// ---- the verdict's three facts, and what else is not as it should be
// The service's own reasons, but for those that the verdict and the differences tell in full.
const no_answer_told = s => s.state === 'starting' && no_answer(s) !== null;
function attention(s, more) {
  const known = now.conflicts, quiet = silence(s) != null;
  const told_hook = r => /^webhook \S+ (?=takes nothing )/.exec(r);
  return s.reasons.filter(
      r => !(told_hook(r) && more.includes(told_hook(r)[0].replace('w', 'W'))) &&
          !(more.includes('newest block that is told') && r.startsWith('the chain\'s head, ')) &&
          !(lower_head(s) && more.includes(lower_head(s).slice(1)) && r === chain_wait(s)) &&
          !(known && /^the (log|replay|state) proof/.test(r)) &&
          !(known && known.summary.quarantined && !known.summary.mismatches &&
            /^\d+ events? (is|are) in quarantine\b/.test(r)) &&
          !(no_answer_told(s) &&
            /^(waiting for the chain: |no provider has told |provider \S+ is (slow|silent): |provider .* is not asked: down(:|$))/
                .test(r)) &&
          !(quiet &&
            (/^no provider has told/.test(r) ||
             (muteness(s) != null &&
              /^(waiting for the chain.*no answer|provider .* is not asked: down: no answer)/.test(r)))));
}
const made = (p, b) => p.head_age_seconds == null || p.head_age_seconds >= 1e9 ? utc(b.timestamp) :
    p.head_age_seconds < 60 ? `newest block ${Math.max(0, p.head_age_seconds)} s old` :
                              `no new block for ${duration(p.head_age_seconds)}`;
function freshness(s) {
  const p = s.progress, b = s.block, quiet = silence(s), told = p.ready_age_seconds;
  if (!b)
    return ['Nothing is indexed yet', ''];
  const where = `block ${num(b.number)} of ${num(p.head_block)}`, old = standstill(s);
  if (p.lag == null && blocks_left(s))
    return [
      `No: ${behind(s)} behind`,
      quiet != null ? `${where}; no provider has told the head for ${duration(quiet)}` :
          old ? `${where}; the head itself is ${old}` :
                `${where}; the head is old`
    ];
  if (quiet != null)
    return [
      `Unknown: no ${muteness(s) == null ? 'head is told' : 'answer'} for ${duration(quiet)}`,
      `block ${num(b.number)} is indexed; head ${num(p.head_block)}, last told ${duration(quiet)} ago`
    ];
  if (p.lag == null && lower_head(s))
    return ['Unknown: the head that is told is lower', `block ${num(b.number)} is indexed`];
  if (p.lag == null && !old && chain_wait(s))
    return ['Unknown: the chain does not answer', `block ${num(b.number)} is indexed`];
  if (p.lag == null)
    return [`Unknown: the head is ${old || 'old'}`, `${where}; check that the node is in sync`];
  return [
    // As the title: so few blocks as ready_lag allows are up to date.
    (p.lag ? (s.ready ? `Yes, ${behind(s)} to go: ` : `No: ${behind(s)} behind, `) :
             (s.ready ? 'Yes: ' : 'Not yet: ')) +
        where,
    `node asked ${told == null || told < 1 ? 'just now' : duration(told) + ' ago'}; ${made(p, b)}`
  ];
}
// Of what proofs found there is no answer yet.
function not_answered() {
  if (!now.status || now.status.chain_id == null)
    return {
      text: 'Not known yet',
      more: now.status && too_slow(now.status).length ? 'the chain answers too late so far' :
                                                        'the chain has not answered so far'
    };
  return now.unread ? {text: 'Not known', more: `${now.unread}; it is asked again`} :
                      {text: ASKING, more: ''};
}
const newest = tasks => tasks.reduce((a, b) => a && a.id > b.id ? a : b, null);
// How far the newest run of a proof is; empty where there is none.
function how_far(tasks, name) {
  const run = newest(tasks);
  if (!run || run.state === 'cancelled')
    return '';
  if (run.state === 'done')
    return `${name}: ${outcome(run.result)}`;
  // The work queue has it in full.
  const why = run.error.length > 120 ? run.error.slice(0, 119) + '…' : run.error;
  if (why)
    return run.state === 'dead' ? `${name} has failed: ${why}` : `${name} is tried again: ${why}`;
  return run.state === 'running' ? `${name} runs` : `${name} waits in the queue`;
}
const is_proof = level => level === 'bloom' || level === 'receipts';
// The first block is not proven: why.
function unproven(s) {
  const p = s.progress;
  if (s.chain_id == null || !s.block)
    return ['Not proven yet', 'nothing is indexed yet'];
  if (!now.tasks || !strip.whole)
    return [ASKING, ''];
  const runs = now.tasks.filter(k => k.kind === 'prove_log'), last = newest(runs),
        told = last && last.state === 'done' && JSON.parse(last.result || '{}');
  // It is of after this status: the next one knows it.
  if (told && told.verdict === 'equal' && is_proof(told.level) && told.from <= p.first_block)
    return [ASKING, ''];
  // That headers join is not that events are right.
  const short = told && told.verdict === 'equal' && told.level in LEVELS && !is_proof(told.level) ?
      `the proof of the events got no further than ${LEVELS[told.level][0]}, blocks ${num(told.from)} to ${
          num(told.to)}` :
      '';
  return [
    strip.whole.some(one => is_proof(one.level)) ? 'Not from the first block on yet' : 'Not proven yet',
    short || how_far(runs, 'the proof of the events') ||
        (s.state === 'backfilling'             ? 'proofs of the events run once the index is live' :
             p.finalized_block < p.first_block ? 'no block that is indexed is final so far' :
                                                 'no proof of the events has proven a block so far')
  ];
}
// How many of these blocks no proof has proven, as far as the strip knows them.
const not_proven = (from, to) =>
    (strip.whole || [])
        .filter(one => !is_proof(one.level))
        .reduce((n, one) => n + Math.max(0, Math.min(one.to, to) - Math.max(one.from, from) + 1), 0);
function proven_to(s) {
  const proven = s.proven;
  if (!proven)
    return unproven(s);
  const last = s.block.finalized, open = not_proven(proven.block + 1, last),
        newer = s.block.number - Math.max(last, proven.block), level = LEVELS[proven.level][0];
  return [
    `Block ${num(proven.block)}` + (proven.block === last ? ', the last final block' : ''),
    level + (open ? `; ${many(open, 'final block')} above it not proven so far` : '') +
        (newer > 0 ? `; ${num(newer)} newer ${newer === 1 ? 'one waits' : 'ones wait'} to become final` : '')
  ];
}
// Since when, in ms, the entity of a state proof's report is known to be right: since the first proof after
// which none found a difference, or since the repair that mended it.
function entity_since(report, proofs) {
  const repair = about(now.conflicts && now.conflicts.repair, report.entity),
        mended = repair && repair.state === 'done' && repair.steps.length ? 1000 * repair.time : 0;
  let since = null;
  for (const proof of proofs) {
    // The repair's end is told in whole seconds; what was found in that second is what it mended.
    if (proof.finished_ms < mended + 1000)
      break;
    const one = proof.entities.find(e => e.entity === report.entity);
    if (one && one.differing)
      return since ?? 1000 * report.time;
    if (one && !one.unproven.length && !(one.disputed || []).length)
      since = proof.finished_ms;
  }
  return mended || (since ?? 1000 * report.time);
}
// The same of all that is compared with the contract; 0 where nothing is.
function right_since() {
  const proofs =
            now.proofs.filter(k => k.state === 'done')
                .sort((a, b) => b.finished_ms - a.finished_ms)
                .map(
                    k => (
                        {finished_ms: k.finished_ms, entities: JSON.parse(k.result || '{}').entities || []})),
        states = now.reports ? now.reports.reports.filter(r => r.proof === 'state' && r.checked > 0) : [];
  return Math.max(0, ...states.map(r => entity_since(r, proofs)));
}
const old_news = () => `what proofs found is that of ${clock(now.conflicts_ms)}; since then: ${now.unread}`;
function tellVerdict() {
  const s = now.status, [cls, text, more] = verdict();
  document.body.classList.toggle('stale', now.gone > 0);
  $('verdict').className = cls;
  set($('says'), text);
  set($('why'), more);
  document.title = text + ' – plumbline';
  tell_asking();
  if (!s)
    return;
  // Of a server that does not answer nothing is known but what it said last.
  const same = compared(), fact = (name, [value, more], cls) => {
    const [shown, beside, color] = !now.gone ? [value, more, cls || ''] :
        value === ASKING                     ? ['Unknown', '', ''] :
                                               [`Unknown (last: ${value}, at ${clock(now.heard)})`, '', ''];
    return el('div', {}, el('dt', {}, name), el('dd', {className: color}, shown, el('span', {}, beside)));
  };
  $('facts').replaceChildren(
      fact(
          'Up to date?', freshness(s),
          s.ready && s.block                                                ? 'good' :
              silence(s) != null || blocks_left(s) || standstill(s) != null ? 'warn' :
                                                                              ''),
      fact('Proven to?', proven_to(s)), fact('Entities right?', [same.text, same.more], same.cls));
  $('reasons').replaceChildren(
      ...attention(s, more)
          .filter(r => !more.includes(r))
          .map(r => el('li', {}, el('b', {className: 'bad'}, 'Attention: '), r)),
      ...[...(s.notes || []).filter(n => !more.includes(n.slice(1))),
          ...(now.unread && now.conflicts && !now.gone ? [old_news()] : [])]
          .map(r => el('li', {className: 'soft'}, 'Note: ' + r)));
}
