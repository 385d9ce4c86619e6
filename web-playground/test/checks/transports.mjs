// Subscriptions by server-sent events: as by a socket, with what stands in the Headers editor.
import assert from 'node:assert/strict';
import { chooseTransport, data, isStream, live, openExample, pressTrigger, run, stop, tokenIsIn } from '../editors.mjs';
import { until } from '../steps.mjs';

export const transports = {
  async 'a live example comes by server-sent events, and stops'(page, shot) {
    await chooseTransport(page, 'sse');
    const sent = page.waitForRequest(isStream);
    const first = await begin(page, 'watch-post', 'WatchPost', 'postChanged');
    assert.match((await live(page)).line?.text ?? '', /^Live by SSE · 1 event/);
    await pressTrigger(page);
    await data(page, 'the change', (value) => value.postChanged?.cursor !== first.cursor);
    await shot('server-sent-events');
    const ended = page.waitForEvent('requestfailed', isStream);
    await stop(page);
    const response = await (await sent).response();
    assert.match(await response.headerValue('content-type'), /^text\/event-stream/);
    await ended;
  },

  async 'the Headers editor reaches server-sent events, too'(page) {
    const sent = page.waitForRequest(isStream);
    await begin(page, 'watch-feed', 'WatchFeed', 'feedChanged');
    assert.equal((await sent).headers().authorization, await tokenIsIn(page));
    await stop(page);
  },

  async 'the choice is kept for the next visit, and changes back'(page) {
    const kept = () => page.evaluate(() => localStorage.getItem('millrace:liveTransport'));
    assert.equal(await kept(), 'sse');
    await chooseTransport(page, 'websocket');
    await until('the choice', kept, (value) => value === 'websocket');
    await begin(page, 'watch-post', 'WatchPost', 'postChanged');
    assert.match((await live(page)).line?.text ?? '', /^Live by WebSocket/);
    await stop(page);
  },
};

async function begin(page, example, operationName, field) {
  await openExample(page, example, operationName);
  await run(page);
  const first = (await data(page, example, (value) => value[field]?.cursor))[field];
  assert.match(first.__typename, /Snapshot$/);
  return first;
}
