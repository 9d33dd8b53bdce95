// ---- queue
// Runs that follow one another and say the same are one line.
function together(tasks) {
  const out = [];
  for (const k of tasks) {
    const says = [k.kind, k.args, k.state, k.error || outcome(k.result)].join('\n'),
          last = out[out.length - 1];
    if (last && last.says === says && k.state === 'done')
      last.times++;
    else
      out.push({...k, says, times: 1});
  }
  return out;
}
// A dry run of a repair is none.
const task_name = k => k.kind === 'repair' && /^dry-run\b/.test(k.args) ?
    ['dry run of a repair', k.args.replace(/^dry-run ?/, '')] :
    [k.kind.replaceAll('_', ' '), k.args];
async function queue(conflicts = now.conflicts) {
  if (!now.status || now.status.chain_id == null)
    return;
  const t = await get('/v1/tasks?limit=100'), first = !now.tasks,
        repairs = t.tasks.filter(k => k.kind === 'repair' && is_open(k)).map(k => k.id),
        own = together(t.tasks.filter(k => !k.kind.startsWith('webhook.'))).slice(0, 8);
  now.tasks = t.tasks;
  if (first)
    tellVerdict();
  // Begun since the differences were asked for: the verdict must know it too.
  if (conflicts && repairs.some(id => ![conflicts.repair, conflicts.plan].some(r => r && r.task === id)))
    setTimeout(() => wrong().catch(() => {}), 0);
  if (!own.length) {
    $('queue').replaceChildren(
        el('li', {className: 'soft'}, 'Nothing to do. Proofs, backups and repairs are listed here.'));
    return;
  }
  const cls = {dead: 'bad', parked: 'bad', running: 'good', done: 'soft', cancelled: 'faint'},
        act = (text, method, path) =>
            el('button', {
              onclick: async () => {
                if (await change(method, path))
                  queue();
              }
            },
               text);
  $('queue').replaceChildren(...own.map(
      k =>
          el('li', {},
             el('div', {className: 'row'},
                el('span', {className: 'grow'}, el('b', {}, task_name(k)[0]),
                   task_name(k)[1] ? ' ' + task_name(k)[1] : '',
                   k.times > 1 ? el('span', {className: 'soft small'}, ` ${k.times} times`) : null),
                el('span', {className: cls[k.state] || ''},
                   k.state + (k.attempts > 1 || k.error ? `, try ${k.attempts} of ${k.attempts_max}` : '')),
                k.state === 'waiting' ? act('Cancel', 'DELETE', '/v1/tasks/' + k.id) :
                    k.state === 'dead' || k.state === 'parked' ?
                                        act('Retry', 'POST', `/v1/tasks/${k.id}/retry`) :
                                        null),
             el('div', {className: (k.error ? 'bad' : 'soft') + ' small'},
                k.error || k.progress || outcome(k.result)))));
}
// What a task reports, in plain words.
function outcome(text) {
  let r;
  try {
    r = JSON.parse(text || '""');
  } catch (e) {
    return text;
  }
  if (typeof r !== 'object' || !r)
    return text || '';
  const found = r.mismatches ? many(r.mismatches, 'mismatch', 'mismatches') : '';
  if (r.task === 'repair')
    return (r.steps.length ? r.steps.join('; ') :
                found      ? many(r.mismatches, 'difference') + ' found, nothing could be mended' :
                             'nothing to mend') +
        (r.whole       ? '' :
             r.dry_run ? '; nothing is changed by a dry run' :
                         '; something is left');
  const said = {
    equal: 'equal',
    partial: 'not all could be compared',
    unprovable: 'cannot be proven'
  }[r.verdict] ||
      r.verdict || '',
        head = found || said;
  if (r.proof === 'log')
    return r.from == null ? head || 'nothing to prove' :
                            `${head}: blocks ${num(r.from)} to ${num(r.to)}, level ${r.level}`;
  if (r.proof === 'state') {
    const sum = k => r.entities.reduce((n, e) => n + Number(e[k] || 0), 0);
    const rows = sum('differing') - sum('count_differs'),
          head = rows ? many(rows, 'row differs', 'rows differ') : found || said;
    const unasked = (r.entities.find(e => e.not_asked) || {}).not_asked;
    return `${head} at block ${num(r.block)}: ` +
        (unasked && !sum('checked') ? unasked :
             r.entities.length && r.entities.every(e => e.unchanged) ?
                                      'the contract has not changed since the last proof' :
                                      `${many(sum('checked'), 'answer')} of the contract held against ${
                                          many(sum('rows'), 'row')}${unasked ? '; ' + unasked : ''}`);
  }
  if (r.proof === 'replay')
    return `${head} at block ${num(r.block)}: ${many(r.rows, 'row')} folded again from ${
        many(r.events, 'event')}`;
  return Object.entries(r)
      .filter(([, v]) => typeof v !== 'object')
      .map(([k, v]) => `${k.replaceAll('_', ' ')} ${typeof v === 'number' ? num(v) : v}`)
      .join(', ');
}
