// ---- the chain as a strip: the higher, the better proven
const strip = {
  from: null,
  to: null,
  first: 0,
  last: null,
  known: -1,  // the newest block that `segments` can tell of
  segments: []
};
$('legend').replaceChildren(...Object.values(LEVELS).map(([text, height]) => {
  const i = el('i');
  i.style.setProperty('--h', 100 * height + '%');
  return el('li', {}, i, text);
}));
async function chain() {
  if (strip.from == null)
    return;
  const all = await get('/v1/chain');
  strip.whole = all.segments;
  strip.known = all.to;
  strip.segments = (strip.from === strip.first && strip.to === strip.last ?
                        all :
                        await get(`/v1/chain?from=${strip.from}&to=${strip.to}`))
                       .segments;
  draw();
  tellVerdict();
}
function draw() {
  const c = $('strip').firstElementChild, w = c.clientWidth, h = c.clientHeight, k = devicePixelRatio || 1;
  c.width = w * k;
  c.height = h * k;
  const g = c.getContext('2d');
  g.scale(k, k);
  g.clearRect(0, 0, w, h);
  if (strip.from == null || !strip.whole)
    return;
  const span = strip.to + 1 - strip.from, sum = {};
  let told = 0;
  g.fillStyle = css('--accent');
  for (const s of strip.segments) {
    const a = (s.from - strip.from) / span * w, b = (s.to + 1 - strip.from) / span * w,
          top = h * LEVELS[s.level][1];
    g.fillRect(a, h - top, Math.max(b - a, 1), top);
    const n = Math.max(0, Math.min(s.to, strip.to) - Math.max(s.from, strip.from) + 1);
    sum[s.level] = (sum[s.level] || 0) + n;
    told += n;
  }
  // Blocks that were indexed since are no longer without, and how well they are proven is told next time.
  const here = to => Math.max(0, Math.min(strip.to, to) + 1 - strip.from),
        indexed = Math.max(strip.known, now.status && now.status.block ? now.status.block.number : -1),
        none = Math.max(0, here(strip.known) - told) + span - here(indexed);
  if (none > 0)
    sum.none = (sum.none || 0) + none;
  set($('strip-from'), num(strip.from));
  set($('strip-to'), num(strip.to));
  set($('strip-text'),
      Object.entries(sum)
          .filter(([, n]) => n)
          .sort((a, b) => b[1] - a[1])
          .map(
              ([l, n]) => (l === 'none' ? 'not indexed' : l) + ' ' +
                  (100 * n / span).toFixed(n === span ? 0 : 1) + '%')
          .join(', '));
}
function zoom(factor, at = .5) {
  if (strip.from == null)
    return;
  const span = strip.to + 1 - strip.from, whole = strip.last + 1 - strip.first,
        want = Math.max(Math.min(20, whole), Math.min(whole, Math.round(span * factor)));
  move(Math.round(strip.from + at * (span - want)), want);
}
function move(from, span) {
  if (strip.last == null)
    return;
  const whole = strip.last + 1 - strip.first;
  span = Math.min(span, whole);
  strip.from = Math.max(strip.first, Math.min(from, strip.last + 1 - span));
  strip.to = strip.from + span - 1;
  strip.segments = strip.whole || [];  // until those of the range are told
  draw();
  chain().catch(() => {});
}
$('zoom-in').onclick = () => zoom(.5);
$('zoom-out').onclick = () => zoom(2);
$('zoom-all').onclick = () => move(strip.first, Infinity);
$('strip').addEventListener('wheel', e => {
  if (!e.ctrlKey && !e.shiftKey)
    return;
  e.preventDefault();
  zoom((e.deltaY || e.deltaX) > 0 ? 1.3 : .77, e.offsetX / $('strip').clientWidth);
}, {passive: false});
$('strip').onkeydown = e => {
  if (strip.from == null)
    return;
  const span = strip.to + 1 - strip.from, step = Math.max(1, Math.round(span / 5));
  const act = {
    '+': () => zoom(.5),
    '=': () => zoom(.5),
    '-': () => zoom(2),
    ArrowLeft: () => move(strip.from - step, span),
    ArrowRight: () => move(strip.from + step, span),
    Home: () => move(strip.first, span),
    End: () => move(strip.last, span),
    '0': () => move(strip.first, Infinity)
  }[e.key];
  if (act) {
    e.preventDefault();
    act();
  }
};
let drag = null;
$('strip').onpointerdown = e => {
  if (strip.from == null)
    return;
  drag = {x: e.clientX, from: strip.from};
  $('strip').setPointerCapture(e.pointerId);
};
$('strip').onpointermove = e => {
  if (drag)
    move(
        Math.round(drag.from - (e.clientX - drag.x) / $('strip').clientWidth * (strip.to + 1 - strip.from)),
        strip.to + 1 - strip.from);
};
$('strip').onpointerup = $('strip').onpointercancel = () => drag = null;
addEventListener('resize', draw);
