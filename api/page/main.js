// ---- who is asked how often
// What has no answer yet is not asked again. `place` is the part that says that it is being asked.
const runs = [];
// All of them, now: there is something to be told that was not before.
const ask_all = () => runs.forEach(run => run());
const every = (ms, what, place) => {
  let is_open = false;
  const run = async () => {
    if (document.hidden || is_open)
      return;
    is_open = true;
    await what().catch(e => unanswered(place, e));
    is_open = false;
  };
  addEventListener('visibilitychange', run);
  setInterval(run, ms);
  runs.push(run);
  return run();
};
const lost = () => {
  if (!now.gone)
    now.gone = now.heard || Date.now();
  tell_stream();
  if (!now.status) {
    $('verdict').className = 'bad';
    set($('says'), 'The server does not answer');
    set($('why'), 'Check that plumbline runs, and its log. It is asked again every 2 s.');
    tell_asking();
  } else
    tellVerdict();
};
(async () => {
  // All else is asked once the server has said what it serves.
  await new Promise(begin => every(2000, () => status().then(begin, lost)));
  // Between two answers, what was told grows older by the clock of this page.
  setInterval(() => {
    if (now.status && !now.gone && Date.now() - now.heard > 3000)
      tell_status();
  }, 1000);
  const first = [
    every(5000, chain, 'strip-text'), every(5000, wrong, 'wrong'), every(3000, queue, 'queue'),
    every(10000, browse, 'rows'), every(10000, hour), every(2000, stats)
  ];
  every(1000, async () => {
    if (asked || repairing())
      await wrong();
  });
  live();
  // Counting takes its time, and the server counts one thing at a time for each who asks.
  await Promise.allSettled(first);
  every(15000, reports);
})();
