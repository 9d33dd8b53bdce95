// ---- entities
let entities = [], cursor = null, paged = false;
async function browse() {
  if (!now.status || now.status.chain_id == null)
    return;
  const list = await get('/v1/entities'), names = list.entities.map(e => e.name).join(),
        same = names === entities.map(e => e.name).join();
  entities = list.entities;
  $('ask').hidden = !entities.length;
  if (!same) {
    $('entity').replaceChildren(...entities.map(e => el('option', {value: e.name})));
    orders();
  }
  name_entities();
  if (!same || (!paged && !$('rows').contains(document.activeElement)))
    await show();
}
const state_proof = name =>
    now.reports && now.reports.reports.find(r => r.proof === 'state' && r.entity === name);
const proof_word = name => {
  const proof = state_proof(name);
  return !now.reports          ? '' :
      !proof || !proof.checked ? ', not compared' :
      proof.equal              ? ', equal' :
      proof.mismatches         ? ', differs' :
                                 ', not all compared';
};
// Each entity with its rows and whether it was compared.
function name_entities() {
  for (const o of $('entity').options)
    set(o, `${o.value} (${num(entities.find(e => e.name === o.value).rows)}${proof_word(o.value)})`);
  tell_rows();
}
// The fields that no getter tells.
function unread_fields(name) {
  const e = entities.find(one => one.name === name), left = (e && e.fields_not_compared) || [];
  return left.length ? `; ${left.join(', ')} not` : '';
}
// Of which block the rows are, and whether they were compared: as the list of entities says it.
let read = '';
function tell_rows() {
  const proof = state_proof($('entity').value);
  if (read)
    set($('rows-note'),
        read +
            (!now.reports ? '' :
                 !proof || !proof.checked ?
                            'Not compared with the contract.' :
                 proof.equal ?
                            `Equal to the contract at block ${num(proof.block)} (${
                                many(proof.checked, 'value')} compared${unread_fields($('entity').value)}).` :
                 !proof.mismatches ?
                            `Not all compared with the contract at block ${num(proof.block)}.` :
                            `${differing_rows([proof])} from the contract at block ${num(proof.block)}.`));
}
function orders() {
  const e = entities.find(x => x.name === $('entity').value),
        down = o => o.split(',').map(c => '-' + c).join();
  $('order').replaceChildren(
      ...(e ? e.orders : []).map(o => el('option', {value: o}, 'by ' + o)),
      ...(e ? e.orders : []).map(o => el('option', {value: down(o)}, `by ${o}, last first`)));
  $('where').placeholder = e ? `${e.key[0].name}=… ${e.key[0].name}.gte=… scan=true` : '';
}
const short_address = text => text.slice(0, 8) + '…' + text.slice(-6);
const copy_button = text =>
    el('button', {
      className: 'copy',
      title: 'Copy ' + text,
      ariaLabel: 'Copy ' + text,
      onclick: () => navigator.clipboard.writeText(text).then(() => say('Copied.'), () => say(text))
    },
       'copy');
// The first column opens the row's history; an address can be copied there too.
function key_cell(entity, column, row) {
  const text = String(row.row[column.name]), is_address = column.type === 'address';
  const link =
      el('button',
         {className: 'link', title: 'What became of ' + row.key, onclick: () => history(entity, row.key)},
         is_address ? short_address(text) : text);
  return is_address ? el('span', {title: text}, link, copy_button(text)) : link;
}
// The whole number with a point before its last `places` digits.
function with_point(text, places) {
  const minus = text.startsWith('-') ? '-' : '', digits = text.replace('-', '').padStart(places + 1, '0'),
        at = digits.length - places, rest = digits.slice(at).replace(/0+$/, '');
  return minus + group(digits.slice(0, at)) + (rest ? '.' + rest : '');
}
// A value of that field in a sentence: as the rows show it where the config says how.
function field_text(entity, field, value) {
  const e = (now.entities || entities).find(e => e.name === entity),
        column = e && [...e.key, ...e.fields].find(c => c.name === field), text = String(value);
  return column && column.decimals && /^-?\d+$/.test(text) ? with_point(text, column.decimals) : text;
}
// As people read it; what is stored is in the title.
function shown(column, value) {
  const text = String(value);
  if (column.decimals)
    return el('span', {title: text}, at_commas(with_point(text, column.decimals)));
  if (/^uint/.test(column.type) && /(^|_)(time|timestamp|at)$/.test(column.name) && Number(text) > 1e8 &&
      Number(text) < 1e11)
    return el('span', {title: text}, utc(text));
  if (column.type === 'address')
    return el('span', {title: text}, el('code', {}, short_address(text)), copy_button(text));
  return /^u?int|^decimal/.test(column.type) ? el('span', {title: text}, at_commas(num(text))) : text;
}
// A long number may go on in the next line after a comma; one with decimal places at its point, unless what
// stands before that is long itself.
function at_commas(text) {
  if (text.length < 16)
    return text;
  const [whole, places] = text.split('.'), parts = whole.length < 16 ? [whole] : broken(whole, ',');
  return el('span', {}, ...parts, ...(places == null ? [] : [el('wbr'), '.' + places]));
}
async function show(next) {
  const name = $('entity').value;
  if (!name) {
    $('rows').replaceChildren(
        el('p', {className: 'soft'}, 'The config declares no entities: events are stored all the same.'));
    return;
  }
  const ask = new URLSearchParams({limit: 25});
  if ($('order').selectedIndex > 0)
    ask.set('order', $('order').value);
  if (next)
    ask.set('cursor', next);
  paged = !!next;
  const e = entities.find(x => x.name === name), cols = [...e.key, ...e.fields];
  try {
    const as_shown = read_filter(e, $('where').value, ask);
    const page = await get(`/v1/entities/${encodeURIComponent(name)}?${ask}`);
    cursor = page.next;
    $('more').disabled = !cursor;
    read = page.block ? `At block ${num(page.block.number)}, read at ${clock(Date.now())}. ` : '';
    tell_rows();
    replace_table(
        $('rows'),
        page.rows.length ?
            table(
                'Rows of ' + name,
                [
                  ...cols.map(
                      c => c.name +
                          (/^u?int|^decimal/.test(c.type) && !/(^|_)(time|timestamp|at)$/.test(c.name) ? '#' :
                                                                                                         '')),
                  'changed in block#'
                ],
                page.rows.map(
                    r =>
                        [...cols.map((c, i) => i ? shown(c, r.row[c.name]) : key_cell(name, c, r)),
                         num(r.changed_at.block)])) :
            el('p', {className: 'soft'}, nothing_fits(cursor, as_shown)));
  } catch (x) {
    read = '';
    set($('rows-note'), x.message);
    $('rows').replaceChildren(...(/add scan=true/.test(x.message) ? [scan_button()] : []));
    $('more').disabled = true;
  }
}
function nothing_fits(next, as_shown) {
  if (!$('where').value)
    return 'No rows yet: they come with the first events.';
  if (next)
    return 'No row fits among those that were looked at so far: Next page looks further.';
  return 'No rows that fit.' +
      (as_shown.length ?
           ` A value of ${as_shown.join(', ')} is taken as it is shown here, with its decimal places.` :
           '');
}
const scan_button = () =>
    el('button', {
      onclick: () => {
        $('where').value += ' scan=true';
        show();
      }
    },
       'Look at row after row');
// Every change of one row: what the event made of it, field by field.
function changes(entity, versions) {
  let last = {};
  return versions.map(v => {
    const was = last;
    last = v.row || {};
    const changed = v.row ? Object.keys(v.row).filter(f => String(v.row[f]) !== String(was[f])) : [];
    return el(
        'li', {},
        el('b', {},
           v.repaired  ? 'repair' :
               v.event ? (v.event.contract ? v.event.contract + '.' : '') + v.event.event :
                         'unknown event'),
        ' ', el('span', {className: 'faint'}, 'block ' + num(v.changed_at.block)),
        v.row ? el('div', {className: 'mono soft'},
                   changed.map(
                              f => f + ' ' +
                                  (was[f] === undefined ? '' : field_text(entity, f, was[f]) + ' \u2192 ') +
                                  field_text(entity, f, v.row[f]))
                           .join(', ') ||
                       'nothing that is shown changed') :
                el('div', {className: 'bad'}, 'deleted'));
  });
}
// The dialog is there at once: reading folds the log, which may take its time.
const SLOW_MS = 3000;
let opened = 0;
async function history(entity, key) {
  const turn = ++opened, is_shown = () => turn === opened && $('past').open;
  const tell = text => is_shown() && set($('past-state'), text);
  $('past-title').textContent = entity + ' ' + key;
  $('past-list').replaceChildren();
  set($('past-state'), 'What became of it is being read…');
  $('past').showModal();
  const slow = setTimeout(
      () => tell(
          'What became of it is being read: the log is folded up to here, which takes longer the more events it has, and on a busy machine.'),
      SLOW_MS);
  try {
    const h =
        await get(`/v1/entities/${encodeURIComponent(entity)}/${encodeURIComponent(key)}/history?limit=200`);
    tell(h.next ? 'Only the first 200 changes.' : '');
    if (is_shown())
      $('past-list').replaceChildren(...changes(entity, h.versions).reverse());
  } catch (x) {
    tell(`It could not be read: ${x.message}.`);
  }
  clearTimeout(slow);
}
$('entity').onchange = () => {
  orders();
  $('where').value = '';
  show();
};
$('order').onchange = () => show();
$('ask').onsubmit = e => {
  e.preventDefault();
  show();
};
$('refresh').onclick = () => show();
$('more').onclick = () => show(cursor);
