// ---- what all parts use
'use strict';
const $ = id => document.getElementById(id);
const el = (tag, props, ...kids) => {
  const e = Object.assign(document.createElement(tag), props || {});
  e.append(...kids.filter(k => k != null));
  return e;
};
const set = (e, text) => {
  if (e.textContent !== text)
    e.textContent = text;
};  // A live region is not read again for nothing.
const group = digits => digits.replace(/\B(?=(\d{3})+$)/g, ',');
const num = n => {
  if (n == null)
    return '–';
  const t = String(n), m = /^(-?)(\d+)(\.\d+)?$/.exec(t);
  return m ? m[1] + group(m[2]) + (m[3] || '') : t;
};
const many = (n, one, more = one + 's') => `${num(n)} ${String(n) === '1' ? one : more}`;
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const duration = s => s == null ? '–' :
    s < 60                      ? s + ' s' :
    s < 3600                    ? Math.floor(s / 60) + ' min' :
    s < 86400                   ? Math.floor(s / 3600) + ' h ' + Math.floor(s % 3600 / 60) + ' min' :
    s < 63113904                ? Math.floor(s / 86400) + ' days' :
                                  Math.floor(s / 31556952) + ' years';
const bytes = b => {
  let i = 0;
  while (b >= 1024 && i < 4) {
    b /= 1024;
    i++;
  }
  return b.toFixed(i && b < 10 ? 1 : 0) + ' ' + ['B', 'KiB', 'MiB', 'GiB', 'TiB'][i];
};
const clock = ms => new Date(ms).toLocaleTimeString('en-GB');
const ago = s => {
  const seconds = Math.max(0, Math.floor(Date.now() / 1000 - s));
  return seconds < 5 ? 'just now' : duration(seconds) + ' ago';
};
const utc = s => new Date(Number(s) * 1000).toISOString().replace('T', ' ').replace('.000Z', ' UTC');
let sayTimer;
function say(text) {
  $('say').textContent = text;
  clearTimeout(sayTimer);
  sayTimer = setTimeout(() => $('say').textContent = '', 6000);
}
// A server that hangs, or a proxy before it, never says so. What is counted may wait for another count.
const ANSWER_MS = 30000;
async function ask(path, ms, options) {
  let r;
  try {
    r = await fetch(path, {...options, signal: AbortSignal.timeout(ms)});
    return {ok: r.ok, status: r.status, body: await r.json()};
  } catch (e) {
    throw new Error(
        e.name === 'TimeoutError' ? `no answer within ${ms / 1000} s` :
            r ? `what answers is not plumbline (HTTP ${r.status})` :
                'no answer');
  }
}
async function get(path, ms = ANSWER_MS) {
  const {ok, status, body} = await ask(path, ms);
  if (!ok && !body.reasons)
    throw new Error(body.error ? body.error.message : `HTTP ${status}`);
  return body;
}
// The parts that have no answer yet say so, and claim nothing; what they list comes in place of it.
const ASKING = 'Asking the server…';
function tell_asking() {
  const s = now.status, is_empty = s && (s.chain_id == null || !s.block);
  for (const e of document.querySelectorAll('.asking'))
    set(e,
        now.gone            ? 'No answer so far.' :
            is_empty        ? e.dataset.later :
            e.dataset.error ? `No answer so far: ${e.dataset.error}. It is asked again.` :
                              ASKING);
}
function unanswered(place, error) {
  for (const e of document.querySelectorAll(`#${place} .asking`))
    e.dataset.error = error.message;
  tell_asking();
}
async function change(method, path, body) {
  // Without a token too: the server knows whether it has one that could be put in.
  const token = $('token').value;
  let r;
  try {
    r = await ask(path, ANSWER_MS, {
      method,
      headers: token ? {Authorization: 'Bearer ' + token} : {},
      body: body ? JSON.stringify(body) : undefined
    });
  } catch (e) {
    say(`The server: ${e.message}. Whether it is done, the work queue tells once it answers.`);
    return null;
  }
  if (r.ok)
    return r.body;
  if (r.status === 401) {
    $('token').focus();
    $('token').select();
    say(token ? 'Wrong token: the server does not know it.' :
                'This needs the token: put it into the field at the top of the page.');
  } else
    say(r.body.error ? r.body.error.message : `HTTP ${r.status}`);
  return null;
}
$('token').value = sessionStorage.getItem('token') || '';
$('token').onchange = () => sessionStorage.setItem('token', $('token').value);
const theme = localStorage.getItem('theme');
if (theme)
  document.documentElement.dataset.theme = theme;
$('theme').onclick = () => {
  const t = getComputedStyle(document.documentElement).colorScheme === 'dark' ? 'light' : 'dark';
  document.documentElement.dataset.theme = t;
  localStorage.setItem('theme', t);
  draw();
};
// The text, which may go on in the next line after each `mark`.
const broken = (text, mark) =>
    text.split(mark).flatMap((part, i, all) => i + 1 < all.length ? [part + mark, el('wbr')] : [part]);
function table(caption, heads, rows) {
  const name = i => heads[i].replace('#', ''), cls = i => heads[i].endsWith('#') ? 'n' : '';
  const cell = (c, i) => {
    const td = el('td', {className: cls(i), role: 'cell', title: typeof c === 'string' ? c : ''}, c);
    td.dataset.head = name(i);
    return td;
  };
  // The roles stay where rows are laid out as cards.
  return el(
      'table', {role: 'table'}, el('caption', {}, caption),
      el('thead', {role: 'rowgroup'},
         el('tr', {role: 'row'},
            ...heads.map(
                (_, i) =>
                    el('th', {className: cls(i), scope: 'col', role: 'columnheader'},
                       ...broken(name(i), '_'))))),
      el('tbody', {role: 'rowgroup'}, ...rows.map(r => el('tr', {role: 'row'}, ...r.map(cell)))));
}
// A table that is wider than its place is set closer, then each row as a card: no column is cut.
function fit(place) {
  for (const how of ['', 'close', 'cards']) {
    place.classList.remove('close', 'cards');
    if (how)
      place.classList.add(how);
    if (place.scrollWidth <= place.clientWidth)
      return;
  }
}
function replace_table(place, made) {
  place.replaceChildren(made);
  fit(place);
}
let width = 0;
new ResizeObserver(([main]) => {
  if (main.contentRect.width !== width)
    document.querySelectorAll('.wide').forEach(fit);
  width = main.contentRect.width;
}).observe($('main'));
