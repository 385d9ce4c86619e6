// The script of fallback.html. It needs no build and no library: queries by fetch, subscriptions by graphql-transport-ws.
'use strict';

const field = (id) => document.getElementById(id);
const parsed = (id) => JSON.parse(field(id).value.trim() || '{}');
const show = (value) => (field('answer').textContent = JSON.stringify(value, null, 2));
const tell = (text) => (field('status').textContent = text);
let socket = null;

function operation() {
  return { query: field('query').value, variables: parsed('variables'), operationName: field('name').value.trim() || null };
}

async function run() {
  tell('');
  const response = await fetch('graphql', {
    method: 'POST',
    headers: { accept: 'application/graphql-response+json, application/json', 'content-type': 'application/json', ...parsed('headers') },
    body: JSON.stringify(operation()),
  });
  show(await response.json());
}

function subscribe() {
  stop();
  const payload = operation();
  const connectionParams = parsed('headers');
  const address = new URL('graphql', document.baseURI);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  const own = (socket = new WebSocket(address, 'graphql-transport-ws'));
  let events = 0;
  const send = (message) => own.send(JSON.stringify(message));
  const on = {
    connection_ack: () => send({ id: '1', type: 'subscribe', payload }),
    ping: () => send({ type: 'pong' }),
    next: (message) => { show(message.payload); tell(`Live, events: ${++events}`); },
    error: (message) => { show({ errors: message.payload }); own.close(1000); },
    complete: () => own.close(1000),
  };
  own.onopen = () => send({ type: 'connection_init', payload: connectionParams });
  own.onmessage = ({ data }) => { const message = JSON.parse(data); on[message.type]?.(message); };
  own.onclose = ({ code, reason }) => { if (socket === own) { stop(); tell(`Ended: ${code} ${reason}`); } };
  field('stop').disabled = false;
  tell('Connecting');
}

function stop() {
  const own = socket;
  socket = null;
  own?.close(1000);
  field('stop').disabled = true;
  tell('');
}

/** Runs an action of a button and shows what went wrong. */
function guarded(action) {
  return async (event) => {
    event.preventDefault();
    try {
      await action();
    } catch (error) {
      tell(error.message);
    }
  };
}

field('operation').addEventListener('submit', guarded(run));
field('subscribe').addEventListener('click', guarded(subscribe));
field('stop').addEventListener('click', guarded(stop));
