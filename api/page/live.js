// ---- live
let socket, wait = 1000;
const verdicts = {};
// A connection to a server that hangs stays open.
function tell_stream() {
  if (socket && socket.readyState !== WebSocket.CONNECTING)
    set($('live-state'),
        now.gone                                 ? 'no answer' :
            socket.readyState === WebSocket.OPEN ? 'connected' :
                                                   'not connected');
}
function live() {
  socket =
      new WebSocket((location.protocol === 'https:' ? 'wss://' : 'ws://') + location.host + '/v1/stream');
  socket.onopen = () => {
    wait = 1000;
    tell_stream();
  };
  socket.onclose = () => {
    tell_stream();
    setTimeout(live, wait);
    wait = Math.min(wait * 2, 30000);
  };
  socket.onmessage = m => {
    const d = JSON.parse(m.data), list = $('events');
    const add = (text, block, mark) => {
      if (list.firstChild && !list.firstChild.dataset.block)
        list.replaceChildren();
      const li = el('li', {}, ...text);
      li.dataset.block = block || 0;
      if (mark) {
        if (list.firstChild?.dataset[mark])
          list.firstChild.remove();
        li.dataset[mark] = '1';
      }
      list.prepend(li);
      while (list.children.length > 100)
        list.lastChild.remove();
    };
    if (d.type === 'block') {
      for (const e of d.events)
        add(
            [
              el('b', {}, (e.contract ? e.contract + '.' : '') + (e.event || 'unknown event')), ' ',
              el('span', {className: 'faint'}, 'block ' + num(e.block)),
              el('div', {className: 'mono soft'},
                 e.params ? Object.entries(e.params)
                                .map(([k, v]) => k + ' ' + (typeof v === 'object' ? JSON.stringify(v) : v))
                                .join(', ') :
                            '')
            ],
            e.block);
      if (!d.events.length)
        add([el('span', {className: 'faint'}, `block ${num(d.block)}: nothing for us`)], d.block, 'quiet');
    }
    if (d.type === 'range')
      add([el('span', {className: 'soft'}, `indexed up to block ${num(d.block)}`)], d.block, 'range');
    if (d.type === 'retract') {
      for (const li of list.children)
        if (+li.dataset.block > d.block)
          li.classList.add('gone');
      add([el('b', {className: 'warn'}, `reorganisation: back to block ${num(d.block)}`)], d.block);
    }
    // A proof that finds what it found before is no news, and one that has always been equal neither.
    if (d.type === 'proof' && /^(log|replay|state)$/.test(d.result.proof)) {
      const key = d.result.proof + ' ' + d.result.entity,
            said = d.result.equal === false ? 'differs' : 'equal';
      if ((verdicts[key] || 'equal') !== said) {
        verdicts[key] = said;
        add([el('b', {className: said === 'equal' ? 'good' : 'bad'},
                `${d.result.proof} proof${d.result.entity ? ' of ' + d.result.entity : ''}: ${said}`)],
            1);
      }
      wrong().catch(() => {});
    }
  };
}
