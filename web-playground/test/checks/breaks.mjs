// A subscription goes on behind its last event after its socket was cut, and after the server was started anew; so does an event stream.
import assert from 'node:assert/strict';
import { openWatched } from '../browser.mjs';
import { chooseTransport, data, editorsStand, idsAreIn, isStream, live, openTab, pressTrigger, run } from '../editors.mjs';
import { until } from '../steps.mjs';

/** The socket is cut from outside. */
export async function resumesAfterCut(context, url, shot) {
  const watched = await watchPost(context, url);
  await watched.cuts[0]();
  await goesOn(watched, shot('resumed'));
  assert.deepEqual(watched.offences, []);
}

/** The server says goodbye, is away for a while, and comes back as a new process. `restart` is over when it serves. */
export async function resumesAfterRestart(context, url, shot, restart) {
  const bySocket = await watchPost(context, url);
  const byStream = await watchPost(context, url, 'sse');
  await restart();
  await goesOn(bySocket, shot('restarted'));
  // It sees what the other one had somebody write.
  await goesOn(byStream, shot('restarted-stream'), false);
  for (const { offences, page } of [bySocket, byStream]) {
    // Chromium itself reports what was cut, and what found nobody while the server was away.
    const others = offences.filter((offence) => !/WebSocket connection to .* failed|Failed to load resource|net::ERR_/.test(offence));
    assert.deepEqual(others, []);
    await chooseTransport(page, 'websocket');
  }
}

async function watchPost(context, url, transport = 'websocket') {
  const cuts = [];
  const subscribes = [];
  const { page, offences } = await openWatched(context, url, async (fresh) => {
    await fresh.routeWebSocket(/\/graphql$/, (socket) => between(socket, cuts, subscribes));
    fresh.on('request', (request) => isStream(request) && subscribes.push(request.postDataJSON().variables));
  });
  await editorsStand(page);
  await chooseTransport(page, transport);
  await openTab(page, 'WatchPost');
  await idsAreIn(page);
  await run(page);
  const { postChanged: first } = await data(page, 'the snapshot', (value) => value.postChanged?.cursor);
  assert.equal(first.__typename, 'PostSnapshot');
  return { page, offences, cuts, subscribes, first };
}

/** Stands between page and server: notes what is subscribed, and can cut. */
function between(socket, cuts, subscribes) {
  const server = socket.connectToServer();
  socket.onMessage((text) => {
    const message = JSON.parse(text);
    if (message.type === 'subscribe') subscribes.push(message.payload.variables);
    server.send(text);
  });
  cuts.push(() => Promise.all([socket.close({ code: 1012, reason: 'cut by the test' }), server.close()]));
}

async function goesOn({ page, subscribes, first }, shot, hasToMove = true) {
  await until('the resumed subscription', () => live(page), ({ line }) => line?.resumes >= 1);
  await until('the new subscription', async () => subscribes.length, (count) => count >= 2);
  assert.equal(subscribes.at(-1).after, first.cursor);
  if (hasToMove) await pressTrigger(page);
  const { postChanged: next } = await data(page, 'the change', (value) => value.postChanged?.post?.commentCount > first.post.commentCount);
  assert.equal(next.__typename, 'PostChanged', 'a resumed subscription gets no second snapshot');
  const { line, response } = await live(page);
  assert.equal(line?.events, '2', `something was missed or doubled: ${response}`);
  await shot(page);
}
