// A subscription goes on behind its last event after its socket was cut, and after the server was started anew.
import assert from 'node:assert/strict';
import { openWatched } from '../browser.mjs';
import { data, editorsStand, idsAreIn, liveLine, openTab, run } from '../editors.mjs';
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
  const watched = await watchPost(context, url);
  await restart();
  await goesOn(watched, shot('restarted'));
  // Chromium itself reports each socket that found nobody while the server was away.
  const others = watched.offences.filter((offence) => !/WebSocket connection to .* failed/.test(offence));
  assert.deepEqual(others, []);
}

async function watchPost(context, url) {
  const cuts = [];
  const subscribes = [];
  const { page, offences } = await openWatched(context, url, (fresh) => fresh.routeWebSocket(/\/graphql$/, (socket) => between(socket, cuts, subscribes)));
  await editorsStand(page);
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

async function goesOn({ page, subscribes, first }, shot) {
  await until('the resumed socket', () => liveLine(page).getAttribute('data-resumes'), (count) => Number(count) >= 1);
  await until('the new subscription', async () => subscribes.length, (count) => count >= 2);
  assert.equal(subscribes.at(-1).after, first.cursor);
  await page.locator('.millrace-trigger').click();
  const { postChanged: next } = await data(page, 'the change', (value) => value.postChanged?.post?.commentCount > first.post.commentCount);
  assert.equal(next.__typename, 'PostChanged', 'a resumed subscription gets no second snapshot');
  assert.equal(await liveLine(page).getAttribute('data-events'), '2', 'nothing is missed or doubled');
  await shot(page);
}
