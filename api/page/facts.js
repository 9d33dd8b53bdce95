// ---- the verdict's three facts, and what else is not as it should be
// The service's own reasons, but for those that the verdict and the differences tell in full.
function attention(s) {
  const known = now.conflicts, quiet = silence(s) != null;
  return s.reasons.filter(
      r => !(known && /^the (log|replay|state) proof/.test(r)) &&
          !(known && known.summary.quarantined && !known.summary.mismatches &&
            /^\d+ events are in quarantine$/.test(r)) &&
          !(quiet && /^(no provider has told|waiting for the chain).*no answer/.test(r)));
}
const made = (p, b) => p.head_age_seconds == null || p.head_age_seconds >= 1e9 ? utc(b.timestamp) :
    p.head_age_seconds < 60 ? `newest block ${Math.max(0, p.head_age_seconds)} s old` :
                              `no new block for ${duration(p.head_age_seconds)}`;
function freshness(s) {
  const p = s.progress, b = s.block, quiet = silence(s), told = p.ready_age_seconds;
  if (!b)
    return ['Nothing is indexed yet', ''];
  const where = `block ${num(b.number)} of ${num(p.head_block)}`;
  if (now.gone)
    return ['Unknown', where];
  if (quiet != null)
    return [
      `Unknown: no answer for ${duration(quiet)}`,
      `block ${num(b.number)} is indexed; head ${num(p.head_block)}, last told ${duration(quiet)} ago`
    ];
  if (p.lag == null)
    return ['Unknown: the head is old', `${where}; ${made(p, b)}`];
  return [
    p.lag ? `No: ${many(p.lag, 'block')} behind, ${where}` : `Yes: ${where}`,
    `node asked ${told == null || told < 1 ? 'just now' : duration(told) + ' ago'}; ${made(p, b)}`
  ];
}
function proven_to(s) {
  const proven = now.proven, last = s.progress.finalized_block;
  if (!proven)
    return ['Not proven yet', 'proofs of the events run once the index is live'];
  const newer = s.block ? s.block.number - Math.max(last, proven.block) : 0, level = LEVELS[proven.level][0];
  return [
    `Block ${num(proven.block)}` + (proven.block === last ? ', the last final block' : ''),
    level + (proven.block < last ? `; ${many(last - proven.block, 'final block')} not proven so far` : '') +
        (newer > 0 ? `; ${num(newer)} newer ${newer === 1 ? 'one waits' : 'ones wait'} to become final` : '')
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
  const same = compared(),
        fact = (name, [value, more], cls) =>
            el('div', {}, el('dt', {}, name), el('dd', {className: cls || ''}, value, el('span', {}, more)));
  $('facts').replaceChildren(
      fact(
          'Up to date?', freshness(s),
          now.gone               ? '' :
              s.ready            ? 'good' :
              silence(s) != null ? 'warn' :
                                   ''),
      fact('Proven to?', proven_to(s)),
      fact('Entities right?', [same.text, same.more], now.gone ? '' : same.cls));
  $('reasons').replaceChildren(
      ...attention(s)
          .filter(r => !more.includes(r))
          .map(r => el('li', {}, el('b', {className: 'bad'}, 'Attention: '), r)),
      ...(s.notes || []).map(r => el('li', {className: 'soft'}, 'Note: ' + r)));
}
