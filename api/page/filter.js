// ---- the filter box: what people write there, as parameters of /v1/entities/NAME
// A value as the page shows it, in the units and the form that the API takes; what is neither, as it is.
function as_stored(column, text) {
  const is_number = /^u?int|^decimal/.test(column.type),
        date = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC$/.exec(text);
  if (is_number && date)
    return String(Date.parse(`${date[1]}T${date[2]}Z`) / 1000);
  const m = /^(-?)(\d+|\d{1,3}(?:,\d{3})+)?(?:\.(\d+))?$/.exec(text);
  if (!is_number || !m || (!m[2] && !m[3]))
    return text;
  const whole = (m[2] || '0').replaceAll(',', ''), rest = m[3] || '';
  if (!column.decimals)
    return m[1] + whole + (rest && '.' + rest);
  if (rest.replace(/0+$/, '').length > column.decimals)
    throw new Error(`${column.name} has ${many(column.decimals, 'decimal place')}, and ${text} has more`);
  return m[1] +
      (whole + rest.slice(0, column.decimals).padEnd(column.decimals, '0')).replace(/^0+(?=\d)/, '');
}
const COMPARE = /\.(gt|gte|lt|lte|ne|in)$/;
// Adds to `ask` what `text` says of the entity: field=value, field.gte=value and the like, the value of a key
// that is one field alone, and scan=true; blanks may be around = and in a value. Gives the fields that were
// taken as they are shown.
function read_filter(entity, text, ask) {
  const columns = [...entity.key, ...entity.fields], as_shown = [];
  for (const part of text.trim().split(/\s+(?=[A-Za-z_][\w.]*\s*=)/).filter(Boolean)) {
    const at = /^[A-Za-z_][\w.]*\s*=/.test(part) ? part.indexOf('=') : -1;
    if (at < 0 && entity.key.length > 1)
      throw new Error(`'${part}' is not field=value, and the key of ${entity.name} has several fields: ${
          entity.key.map(c => c.name + '=…').join(' ')}`);
    const name = at < 0 ? entity.key[0].name : part.slice(0, at).trim(), value = part.slice(at + 1).trim(),
          column =
              columns.find(c => c.name === name) || columns.find(c => c.name === name.replace(COMPARE, ''));
    if (!column && name === 'scan') {
      ask.set('scan', value);
      continue;
    }
    const stored = !column   ? value :
        name.endsWith('.in') ? value.split(',').map(one => as_stored(column, one.trim())).join() :
                               as_stored(column, value);
    if (column && column.decimals && !as_shown.includes(column.name))
      as_shown.push(column.name);
    if (column && column.name !== name)
      ask.append(name, stored);
    else
      ask.append('where', `${name}=${stored}`);
  }
  return as_shown;
}
