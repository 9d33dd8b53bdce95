// ---- who is asked how often
const every = (ms, what) => {
  let is_open = false;  // What has no answer yet is not asked again.
  const run = async () => {
    if (document.hidden || is_open)
      return;
    is_open = true;
    await what().catch(() => {});
    is_open = false;
  };
  run();
  setInterval(run, ms);
};
const lost = () => {
  if (!now.gone)
    now.gone = now.heard || Date.now();
  if (!now.status) {
    $('verdict').className = 'bad';
    set($('says'), 'The server does not answer');
    set($('why'), 'Check that plumbline runs, and its log. It is asked again every 2 s.');
  } else
    tellVerdict();
};
(async () => {
  await status().catch(lost);
  every(2000, () => status().catch(lost));
  every(5000, chain);
  every(5000, wrong);
  every(1000, async () => {
    if (asked || repairing())
      await wrong();
  });
  every(3000, queue);
  every(10000, browse);
  every(10000, hour);
  every(15000, reports);
  live();
})();
