// ---- providers
// Green is for who answers; who has only just been asked is neither good nor bad. Who is silent is what the
// server says, whether it is being asked at this moment or left alone for a while.
const PROVIDER_CLASS = {
  ok: 'good',
  starting: 'soft'
};
function providers(s) {
  const quiet = silence(s);
  const state = v => {
    const silent = v.silent_seconds != null && ['ok', 'starting', 'down'].includes(v.state),
          slow = too_slow(s).some(r => r.startsWith(`provider ${v.name} `));
    return el(
        'span', {
          className: silent || !v.usable ? 'bad' : PROVIDER_CLASS[v.state] || 'warn',
          style: 'white-space:nowrap'
        },
        slow       ? 'too slow' :
            silent ? `${v.state === 'down' ? 'down, ' : ''}no answer for ${duration(v.silent_seconds)}` :
                     v.state);
  };
  replace_table(
      $('providers'),
      table(
          'Providers', ['Name', 'State', 'Head#', 'Latency#', 'Requests#', 'Errors#', 'Lies#'],
          s.providers.map(
              v =>
                  [el('span', {style: 'white-space:nowrap'}, v.name), state(v),
                   num(v.head) +
                       (quiet != null && v.head != null ? `, last told ${duration(quiet)} ago` : ''),
                   v.latency_ms ? Math.ceil(v.latency_ms) + ' ms' : '–', num(v.requests),
                   num(v.errors + v.refusals + v.malformed),
                   el('span', {className: v.lies ? 'bad' : ''}, num(v.lies))])));
}
