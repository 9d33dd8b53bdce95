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
  proven: null,
  conflicts: null,
  reports: null,
  heard: 0,
  gone: 0
};
// What the entities are known to be: compared with the contract, or nothing is said of them.
function compared() {
  const c = now.conflicts,
        proofs = now.reports ? now.reports.reports.filter(r => r.proof === 'state' && r.checked > 0) : [];
  if (c && c.summary.mismatches) {
    const wrong = c.conflicts;
    return {
      cls: 'bad',
      text: wrong.every(w => w.proof === 'state') ? many(c.summary.mismatches, 'row differs', 'rows differ') :
                                                    many(c.summary.mismatches, 'mismatch', 'mismatches'),
      more: wrong.map(w => w.entity || 'the ' + w.proof).join(', ')
    };
  }
  if (!proofs.length)
    return {
      cls: '',
      text: 'Not compared yet',
      more: 'no proof of state has run: [schedule] prove_state in the config runs it'
    };
  const least = Math.min(...proofs.map(p => p.block)), all = proofs.reduce((n, p) => n + p.checked, 0),
        then = Math.min(...proofs.map(p => p.time)), names = proofs.map(p => p.entity),
        others = entities.map(e => e.name).filter(name => !names.includes(name));
  return {
    cls: 'good',
    part: others.length ? `${names.length} of ${names.length + others.length}` : '',
    text: others.length ? 'What was compared is equal to the contract' : 'Equal to the contract',
    more: `${names.join(', ')}: ${many(all, 'value')} compared at block ${num(least)}, ${ago(then)}` +
        (others.length ? `; not compared: ${others.join(', ')}` : '')
  };
}
// The repair that waits or runs, if any.
function repairing() {
  const run = now.conflicts && now.conflicts.repair;
  return run && (run.state === 'waiting' || run.state === 'running') ? run : null;
}
// A state proof counts rows, the others count what they compare.
function differing(conflicts, count) {
  return conflicts.every(c => c.proof === 'state') ?
      `${many(count, 'row differs', 'rows differ')} from the contract` :
      `${many(count, 'mismatch was', 'mismatches were')} found by proofs`;
}
function verdict() {
  const s = now.status;
  if (!s)
    return ['', 'Asking the server…', ''];
  const p = s.progress, part = () => {
    const span = p.target_block + 1 - p.first_block;
    return span > 0 ? Math.floor(100 * Math.min(1, Math.max(0, p.next_block - p.first_block) / span)) : 0;
  }, same = compared();
  if (now.gone)
    return [
      'bad', `The server does not answer since ${clock(now.gone)}`,
      `What is below is of ${clock(now.heard)}, and may be wrong by now. It is asked again every 2 s.`
    ];
  const bad = now.conflicts ? now.conflicts.summary : {mismatches: 0, quarantined: 0};
  const wrong = bad.mismatches ? differing(now.conflicts.conflicts, bad.mismatches) :
      bad.quarantined          ? `${many(bad.quarantined, 'event')} could not be applied` :
                                 '';
  const cls = bad.mismatches ? 'bad' : bad.quarantined ? 'warn' : '', run = repairing();
  if (s.state === 'starting')
    return [
      '', 'Starting: the chain has not answered so far',
      s.reasons[0] || 'It takes a moment; reasons come here if it takes longer.'
    ];
  if (s.state === 'draining' || s.state === 'stopped')
    return ['warn', 'Shutting down', 'Everything that was shown is safe on the disk.'];
  if (s.state === 'backfilling')
    return [
      cls || 'warn', `Catching up: ${part()} % of the blocks` + (wrong ? ', and ' + wrong : ''),
      p.eta_seconds != null ? `About ${duration(p.eta_seconds)} to go; rows are those of block ${
                                  num(s.block ? s.block.number : p.first_block)}.` :
                              'Rows are those of an old block until then.'
    ];
  if (p.refolding)
    return ['warn', 'Folding the events again', 'Rows are those of before until it is done.'];
  if (run)
    return [
      'warn', `Being repaired${wrong ? ': ' + wrong : ''}`,
      (run.state === 'running' ? `Running since ${clock(run.time * 1000)}: ` : 'Next in the queue: ') +
          'all proofs run, what they find is mended in one commit, and proven again. Rows can be read meanwhile.'
    ];
  if (!s.ready)
    return [
      bad.mismatches ? 'bad' : 'warn',
      (p.lag == null ? 'Not known to be up to date' : `Behind by ${many(p.lag, 'block')}`) +
          (wrong ? ', and ' + wrong : ''),
      `Not ready for ${duration(s.ready_changed_seconds)}: ${
          s.reasons[0] || 'older blocks are still filled in'}`
    ];
  if (wrong)
    return [
      cls, `Up to date, but ${wrong}`,
      bad.mismatches ? 'Below: which, why, and what can be done.' :
                       'Below: which and why. They are stored, and nothing is made of them.'
    ];
  const since = `Since ${clock(Date.now() - 1000 * s.ready_changed_seconds)}, for ${
      duration(s.ready_changed_seconds)}.`;
  if (same.cls !== 'good')
    return ['', 'Up to date; not compared with the contract yet', since];
  return [
    'good', same.part ? `Up to date; ${same.part} entities compared, and equal` : 'Right and up to date',
    since
  ];
}
// What is not as it should be: the service's own reasons, and who does not take what is delivered.
function attention(s) {
  // Whoever lists the differences has looked later than whoever gives the reasons.
  const none = now.conflicts && !now.conflicts.summary.mismatches,
        reasons = s.reasons.filter(r => !none || !/^the (log|replay|state) proof/.test(r)),
        hooks = (s.webhooks || []).filter(w => w.error), sinks = (s.sinks || []).filter(k => k.reason);
  return [
    ...reasons,
    ...hooks.map(
        w => `webhook ${w.name} ${w.state === 'dead' ? 'was given up' : 'is not taken, and tried again'}: ${
            w.error.replace(`webhook ${w.name}: `, '')}`),
    ...sinks.map(k => `sink ${k.name}: ${k.reason}`).filter(text => !s.reasons.some(r => text.endsWith(r)))
  ];
}
function tellVerdict() {
  const s = now.status, [cls, text, more] = verdict();
  document.body.classList.toggle('stale', now.gone > 0);
  $('verdict').className = cls;
  set($('says'), text);
  set($('why'), more);
  document.title = text + ' – plumbline';
  if (!s)
    return;
  const p = s.progress, same = compared(), b = s.block, old = p.head_age_seconds, proven = now.proven;
  const fact = (name, value, more, cls) =>
      el('div', {}, el('dt', {}, name), el('dd', {className: cls || ''}, value, el('span', {}, more)));
  $('facts').replaceChildren(
      fact(
          'Up to date?',
          now.gone             ? 'Unknown' :
              p.lag == null    ? 'Unknown: the head is old' :
              p.lag === 0 && b ? 'Yes, at the head' :
              b                ? `${many(p.lag, 'block')} behind` :
                                 'Nothing is indexed yet',
          b ? `block ${num(b.number)}` +
                  (old != null && old < 1e9 ? `, head made ${duration(old)} ago` : `, ${utc(b.timestamp)}`) :
                             '',
          !now.gone && s.ready ? 'good' : ''),
      fact(
                         'Proven to?', proven ? `Block ${num(proven.block)}` : 'Not proven yet',
          proven ? 'to the level ' + LEVELS[proven.level][0] :
                                  'proofs of the events run once the index is live',
          ''),
      fact('Entities right?', same.text, same.more, now.gone ? '' : same.cls));
  $('reasons').replaceChildren(
      ...attention(s)
          .filter(r => !more.includes(r))
          .map(r => el('li', {}, el('b', {className: 'bad'}, 'Attention: '), r)),
      ...(s.notes || []).map(r => el('li', {className: 'soft'}, 'Note: ' + r)));
}
