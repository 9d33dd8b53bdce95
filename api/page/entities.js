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
  $('where').placeholder = e ? `${e.key[0].name}=… ${e.key[0].name}.gte=…` : '';
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
      el('button', {
        className: 'link',
        title: 'What became of ' + row.key,
        onclick: () => history(entity, row.key).catch(x => say(x.message))
      },
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
// A long number may go on in the next line after a comma.
const at_commas = text => text.length < 16 ? text : el('span', {}, ...broken(text, ','));
async function show(next) {
  const name = $('entity').value;
  if (!name) {
    $('rows').replaceChildren(
        el('p', {className: 'soft'}, 'The config declares no entities: events are stored all the same.'));
    return;
  }
  const ask = new URLSearchParams({limit: 25});
  for (const w of $('where').value.trim().split(/\s+(?=[A-Za-z_][\w.]*=)/).filter(Boolean)) {
    const at = w.indexOf('='), point = w.lastIndexOf('.', at);
    if (point > 0)
      ask.append(w.slice(0, at), w.slice(at + 1));
    else
      ask.append('where', w);
  }
  if ($('order').selectedIndex > 0)
    ask.set('order', $('order').value);
  if (next)
    ask.set('cursor', next);
  paged = !!next;
  try {
    const page = await get(`/v1/entities/${encodeURIComponent(name)}?${ask}`);
    cursor = page.next;
    $('more').disabled = !cursor;
    const e = entities.find(x => x.name === name), cols = [...e.key, ...e.fields];
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
            el('p', {className: 'soft'},
               $('where').value ? 'No rows that fit.' : 'No rows yet: they come with the first events.'));
  } catch (x) {
    read = '';
    set($('rows-note'), x.message);
    $('rows').replaceChildren();
    $('more').disabled = true;
  }
}
// Every change of one row: what the event made of it, field by field.
async function history(entity, key) {
  const h =
      await get(`/v1/entities/${encodeURIComponent(entity)}/${encodeURIComponent(key)}/history?limit=200`);
  let last = {};
  const items = h.versions.map(v => {
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
  $('past-title').textContent = entity + ' ' + key;
  $('past-list')
      .replaceChildren(
          ...(h.next ? [el('li', {className: 'soft'}, 'Only the first 200 changes.')] : []),
          ...items.reverse());
  $('past').showModal();
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
