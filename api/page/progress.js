// ---- progress
// The last hour as the server kept it, so that whoever opens the page now sees it.
async function hour() {
  const samples = (await get('/v1/progress')).samples, rates = [];
  for (let i = 1; i < samples.length; ++i) {
    const seconds = samples[i].time - samples[i - 1].time;
    if (seconds > 0)
      rates.push(
          {time: samples[i].time, value: Math.max(0, samples[i].events - samples[i - 1].events) / seconds});
  }
  line('lag', 'Blocks behind', samples.filter(s => s.lag != null).map(s => ({time: s.time, value: s.lag})));
  line('rate', 'Events a second', rates);
}
function line(id, name, points) {
  if (points.length < 2) {
    set($(id + '-text'), name + ': drawn here in half a minute');
    return;
  }
  const top = Math.max(1, ...points.map(p => p.value)), first = points[0].time,
        last = points[points.length - 1].time, most = Math.max(...points.map(p => p.value));
  $(id + '-line')
      .setAttribute(
          'points',
          points.map(p => `${100 * (p.time - first) / Math.max(1, last - first)},${38 - 36 * p.value / top}`)
              .join(' '));
  set($(id + '-text'),
      `${name}, ${clock(first * 1000)} to ${clock(last * 1000)}: at most ${
          num(most < 10 ? +most.toFixed(1) : Math.ceil(most))}`);
}
const STATUS_MS = 7000;  // The status waits for nothing else.
async function status() {
  const s = await get('/v1/status', STATUS_MS), before = now.status;
  now.told = now.status = s;
  now.heard = Date.now();
  now.gone = 0;
  // What differs is told by another answer: it is awaited for a moment, so that both say the same.
  const count = Object.values(s.mismatches).reduce((a, b) => a + b, 0);
  if (now.conflicts && now.conflicts.summary.mismatches !== count)
    await Promise.race([wrong().catch(() => {}), new Promise(done => setTimeout(done, 2000))]);
  tell_status();
  follow();
  if (before && before.chain_id == null && s.chain_id != null)
    ask_all();
}
async function stats() {
  if (!now.status || now.status.chain_id == null)
    return;
  const first = !now.stats;
  now.stats = await get('/v1/stats');
  if (first)
    tell_status();
}
// The newest status, and the ages in it as old as they are by now.
function aged() {
  const s = now.told, p = s.progress, passed = Math.max(0, Math.floor((Date.now() - now.heard) / 1000)),
        older = age => age == null ? age : age + passed;
  return {
    ...s,
    ready_changed_seconds: older(s.ready_changed_seconds),
    progress:
        {...p, ready_age_seconds: older(p.ready_age_seconds), head_age_seconds: older(p.head_age_seconds)},
    providers: s.providers.map(v => ({...v, silent_seconds: older(v.silent_seconds)}))
  };
}
function tell_status() {
  const s = now.status = aged(), p = s.progress, stats = now.stats;
  set($('chain-id'), s.chain_id == null ? '' : 'chain ' + s.chain_id);
  set($('version'), s.version ? '· version ' + s.version : '');
  const span = Math.max(1, p.target_block + 1 - p.first_block),
        done = Math.min(span, Math.max(0, p.next_block - p.first_block)),
        share = p.target_block ? 100 * done / span : 0;
  $('bar').firstElementChild.style.width = share + '%';
  $('bar').setAttribute('aria-valuenow', share.toFixed(1));
  const tile = (name, value) => el('div', {}, el('dt', {}, name), el('dd', {}, value)),
        known = p.head_block != null, quiet = silence(s);
  $('tiles').replaceChildren(
      tile('block indexed', s.block ? num(s.block.number) : '–'),
      tile(
          'head of the chain' + (known && quiet != null ? `, last told ${duration(quiet)} ago` : ''),
          known ? num(p.head_block) : 'not told yet'),
      tile('indexed and final', known ? num(p.finalized_block) : '–'),
      tile('events stored', stats ? num(stats.events) : '–'),
      tile('events a second', num(Math.round(p.events_per_second))),
      tile(to_go(p) ? 'to go' : 'blocks a second', to_go(p) || p.blocks_per_second.toFixed(1)),
      tile('reorganisations followed', num(p.reorgs)),
      tile('on disk', stats ? bytes(stats.size_bytes) : '–'));
  providers(s);
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
  tell_stream();
  tellVerdict();
}
// The strip goes on with the chain, unless it is zoomed.
function follow() {
  const s = now.status, p = s.progress;
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
