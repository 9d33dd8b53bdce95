// ---- reports: sums may pass what a Number holds, so they stay text.
async function reports() {
  if (!now.status || now.status.chain_id == null)
    return;
  const list = (await get('/v1/analytics')).reports;
  $('reports-card').hidden = !list.length;
  if (list.length && !$('report').options.length)
    $('report').replaceChildren(...list.map(r => el('option', {value: r.name}, r.name.replaceAll('_', ' '))));
  if (list.length)
    await report();
}
async function report() {
  const name_asked = $('report').value;
  let r;
  if (!$('report-about').textContent)
    set($('report-about'), 'It is being counted…');
  try {
    r = await get('/v1/analytics/' + encodeURIComponent(name_asked) + '?limit=15');
  } catch (e) {
    if (name_asked !== $('report').value)
      return;
    $('report-bars').replaceChildren();
    set($('report-about'), `No figures: ${e.message}. It is asked again every 15 s.`);
    return;
  }
  if (name_asked !== $('report').value)
    return;
  set($('report-about'), r.about || r.metric);
  const top = Math.max(...r.groups.map(g => Number(g.value)), 0) || 1;
  const name = g => Object.entries(g.by)
                        .map(
                            ([k, v]) => /timestamp|_at$|^day$|^hour$/.test(k) && v > 1e9 ?
                                new Date(v * 1000).toISOString().slice(0, 10) :
                                v)
                        .join(', ') ||
      'all',
        value = v => r.decimals != null && v != null ? at_commas(with_point(String(v), r.decimals)) :
      typeof v === 'number' && !Number.isInteger(v)  ? v.toFixed(3) :
                                                       num(v);
  $('report-bars')
      .replaceChildren(
          ...r.groups.map(
              g =>
                  el('div', {}, el('span', {}, name(g)),
                     el('div', {className: 'b'},
                        el('i', {style: `width:${Math.max(0, 100 * Number(g.value) / top)}%`})),
                     el('span', {}, value(g.value)))),
          ...(r.groups.length ? [] : [el('p', {className: 'soft'}, 'Nothing to count yet.')]));
}
$('report').onchange = () => {
  set($('report-about'), '');
  $('report-bars').replaceChildren();
  report().catch(e => say(e.message));
};
