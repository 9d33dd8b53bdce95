// ---- progress
const past = {
  lag: [],
  rate: []
};
function line(id, values) {
  const top = Math.max(1, ...values);
  $(id).setAttribute(
      'points',
      values.map((v, i) => `${values.length > 1 ? 100 * i / (values.length - 1) : 0},${38 - 36 * v / top}`)
          .join(' '));
  return top;
}
async function status() {
  const s = await get('/v1/status'), p = s.progress;
  now.status = s;
  now.heard = Date.now();
  now.gone = 0;
  let stats = null;
  if (s.chain_id != null)
    try {
      stats = await get('/v1/stats');
    } catch (e) {
    }
  set($('chain-id'), s.chain_id == null ? '' : 'chain ' + s.chain_id);
  set($('version'), s.version ? '· version ' + s.version : '');
  const span = Math.max(1, p.target_block + 1 - p.first_block),
        done = Math.min(span, Math.max(0, p.next_block - p.first_block)),
        share = p.target_block ? 100 * done / span : 0;
  $('bar').firstElementChild.style.width = share + '%';
  $('bar').setAttribute('aria-valuenow', share.toFixed(1));
  const tile = (name, value) => el('div', {}, el('dt', {}, name), el('dd', {}, value)),
        known = p.head_block > 0;
  $('tiles').replaceChildren(
      tile('block indexed', s.block ? num(s.block.number) : '–'),
      tile('head of the chain', known ? num(p.head_block) : 'not told yet'),
      tile('final', known ? num(p.finalized_block) : '–'),
      tile('events stored', stats ? num(stats.events) : '–'),
      tile('events a second', num(Math.round(p.events_per_second))),
      tile(
          p.eta_seconds == null ? 'blocks a second' : 'to go',
          p.eta_seconds == null ? p.blocks_per_second.toFixed(1) : duration(p.eta_seconds)),
      tile('reorganisations followed', num(p.reorgs)),
      tile('on disk', stats ? bytes(stats.size_bytes) : '–'));
  if (p.lag != null && known)
    past.lag.push(p.lag);
  past.rate.push(p.events_per_second);
  for (const k of ['lag', 'rate'])
    if (past[k].length > 300)
      past[k].shift();
  for (const [k, name] of [['lag', 'Blocks behind'], ['rate', 'Events a second']]) {
    line(k + '-line', past[k]);
    set($(k + '-text'),
        `${name}, since this page is open${
            past[k].length ? `: at most ${num(Math.ceil(Math.max(...past[k])))}` : ''}`);
  }
  $('providers')
      .replaceChildren(table(
          'Providers', ['Name', 'State', 'Head#', 'Latency#', 'Requests#', 'Errors#', 'Lies#'],
          s.providers.map(
              v =>
                  [el('span', {style: 'white-space:nowrap'}, v.name),
                   el('span', {className: v.usable ? 'good' : 'bad', style: 'white-space:nowrap'}, v.state),
                   num(v.head), Math.round(v.latency_ms) + ' ms', num(v.requests),
                   num(v.errors + v.refusals + v.malformed),
                   el('span', {className: v.lies ? 'bad' : ''}, num(v.lies))])));
  const hooks = s.webhooks || [];
  $('webhooks-card').hidden = !hooks.length;
  const sinks = s.sinks || [];
  $('sinks-card').hidden = !sinks.length;
  for (const id of ['sinks-card', 'webhooks-card'])
    $(id).className = hooks.length && sinks.length ? 'half' : '';
  $('sinks').replaceChildren(...sinks.map(
      k =>
          el('li', {}, el('b', {}, k.name), ' ',
             el('span',
                {className: k.reason ? 'bad' :
                     k.lag === 0     ? 'good' :
                                       ''},
                k.state),
             el('div', {className: 'soft'},
                k.block == null ?
                    'Nothing was written yet.' :
                    `holds block ${num(k.block)}${k.lag ? `, ${many(k.lag, 'block')} behind` : ''}`),
             k.reason ? el('div', {className: 'bad small'}, k.reason) : null)));
  $('webhooks')
      .replaceChildren(...hooks.map(
          w =>
              el('li', {}, el('b', {}, w.name), ' ',
                 w.error ? el('span', {className: 'bad'},
                              w.state === 'dead' ? 'given up' : `not taken, try ${w.attempts}`) :
                                                   el('span', {className: 'good'}, w.delivered_block == null ? '' : 'taken'),
                 el('div', {className: 'soft'},
                    w.delivered_block == null ? 'Nothing was delivered yet.' :
                                                `delivered through block ${num(w.delivered_block)}`),
                 w.error ? el('div', {className: 'bad small'}, w.error) : null)));
  tellVerdict();
  if (s.block) {
    const last = Math.max(s.block.number, p.head_block);
    if (strip.last == null || strip.to === strip.last) {
      const follow = strip.from === strip.first;
      strip.last = last;
      strip.first = p.first_block;
      strip.to = last;
      if (follow || strip.from == null) {
        const first = strip.from == null;
        strip.from = strip.first;
        if (first)
          chain().catch(() => {});
      }
    } else
      strip.last = last;
  }
}
