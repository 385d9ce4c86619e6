// Looks at the built pipeline page in Chromium with samples that were made up, every state that a real server is seldom in, and with
// those of a real one of which a projection hung.
// Usage: node test/replay/pipeline.mjs   (SCREENSHOTS=folder keeps pictures)
import assert from 'node:assert/strict';
import { openWatched, withBrowser } from '../browser.mjs';
import { dotsMove, find, fits, health, isConnected, pipelineSteps, place, signIn } from '../checks/pipeline.mjs';
import { follow, shot, told, until, WAIT_MS } from '../steps.mjs';
import { recorded, samples } from './recorded.mjs';
import { busy, idle, noBeat, relayStuck, stuck } from './samples.mjs';
import { COMMAND_ID, FOREIGN_COMMAND_ID, opaque, POST_ID, startReplay } from './server.mjs';

const NARROW = { width: 360, height: 780 };
const replay = await startReplay();
const url = new URL('pipeline', replay.url).href;

const says = (page, words) => until(`"${words}"`, () => health(page).innerText(), (text) => text.includes(words));

/** Opens the page and closes it after `look`; nothing may be left among its offences but what `isExpected` lets pass. */
async function look(context, prepare, use, isExpected = () => false) {
  const { page, offences } = await openWatched(context, url, prepare);
  page.setDefaultTimeout(WAIT_MS);
  await use(page).catch(async (error) => {
    await shot('failed')(page);
    throw new Error(`${error.message}; the page reported: ${offences.join('; ')}`, { cause: error });
  });
  assert.deepEqual(offences.filter((offence) => !isExpected(offence)), []);
  await page.close();
}

/** A picture of the upper part, where all is told. */
const shotOfTop = (name) => async (page) => (await page.evaluate(() => scrollTo(0, 0)), shot(name)(page));

const asIs = async () => {};
const inColors = (colorScheme, size) => async (page) => {
  await page.emulateMedia({ colorScheme, reducedMotion: 'no-preference' });
  if (size) await page.setViewportSize(size);
};
/** Chromium itself reports what found nobody. */
const isCut = (offence) => /Failed to load resource|ERR_/.test(offence);

const finding = {
  async 'a command of one’s own is found with its way'(page, picture) {
    const text = await find(page, COMMAND_ID);
    assert.match(text, /PostgreSQL\s.*events 120,020 to 120,021/);
    assert.match(text, /Projection content\s.*visible after 18 ms/);
    await picture('pipeline-find');
  },
  async 'a post is found with its way'(page) {
    assert.match(await find(page, POST_ID), /Post: A post[^]*its last change, event 119,950, is in it[^]*came from Redis/);
  },
  async 'what is somebody else’s is told in words'(page) {
    assert.match(await find(page, FOREIGN_COMMAND_ID), /Nothing is known of this command .*somebody else's/);
    assert.match(await find(page, opaque(3, 9)), /There is no such Comment/);
    assert.match(await find(page, opaque(7)), /id of a Transaction, which has no page/);
  },
};

const toneOf = (page, id) => place(page, id).getAttribute('data-tone');
const frameOf = (page, id) => place(page, id).locator('rect').evaluate((rect) => getComputedStyle(rect).stroke);
const GO_ON = ['people', 'shop', 'commands'].map((name) => `projection:${name}`);

/** That one alone is red, and a sign, words and what is read out say the same. */
async function isShownStuck(page) {
  assert.equal(await toneOf(page, 'projection:content'), 'stuck');
  const [, red, green, blue] = /rgb\((\d+), (\d+), (\d+)\)/.exec(await frameOf(page, 'projection:content')).map(Number);
  assert.ok(red > 2 * Math.max(green, blue), `its frame is rgb(${red}, ${green}, ${blue})`);
  assert.match(await place(page, 'projection:content').textContent(), /✕stuck/);
  assert.equal(await page.getByRole('alert').innerText(), 'Trouble: content');
  assert.match(await page.locator('.strip svg').getAttribute('aria-label'), /content: stuck, /);
  assert.equal(await page.locator('[data-way="stream>projection:content"]').getAttribute('data-tone'), 'stuck');
  for (const id of GO_ON) assert.equal(await toneOf(page, id), 'good', id);
}

async function isShownWell(page) {
  assert.equal(await frameOf(page, 'projection:content'), await frameOf(page, 'projection:people'), 'of the colour of the others');
  for (const id of ['projection:content', ...GO_ON]) assert.equal(await toneOf(page, id), 'good', id);
  assert.doesNotMatch(await page.locator('.strip').textContent(), /stuck/);
  assert.equal(await page.getByRole('alert').innerText(), '');
}

const hanging = {
  async 'a real projection that hangs is red, with words, and no more when it is let go'(page) {
    replay.scene = recorded('well');
    await says(page, 'Live: everything moves');
    await isShownWell(page);
    replay.scene = recorded('waiting');
    await until('what waits', () => place(page, 'projection:content').textContent(), (text) => /[1-9]\d* wait/.test(text));
    await isShownWell(page);
    for (const phase of ['stuck', 'more waits']) {
      replay.scene = recorded(phase);
      await says(page, `content: ${recordedTrouble(phase)}`);
      assert.match(await health(page).innerText(), /Live, but stuck/);
      await isShownStuck(page);
    }
    await shotOfTop('pipeline-hanging')(page);
    replay.scene = recorded('well again');
    await says(page, 'Live: everything moves');
    await isShownWell(page);
  },
};

const recordedTrouble = (phase) => samples[phase].troubles[0].message;

const scenes = {
  async 'a projection that stands still is red and says so'(page) {
    replay.scene = stuck;
    await says(page, 'content: 1936 events wait');
    assert.equal(await place(page, 'projection:content').getAttribute('data-tone'), 'stuck');
    assert.match(await place(page, 'projection:content').textContent(), /✕stuck/);
    assert.equal(await page.locator('[data-way="stream>projection:content"]').getAttribute('data-tone'), 'stuck');
    assert.equal(await page.getByRole('alert').innerText(), 'Trouble: content, shop');
    assert.match(await place(page, 'projection:shop').textContent(), /!look here/);
    await shotOfTop('pipeline-stuck')(page);
  },
  async 'a relay that stands still is red and says so'(page) {
    replay.scene = relayStuck;
    await says(page, 'relay: 4,210 events wait');
    assert.equal(await page.locator('[data-way="log>relay"]').getAttribute('data-tone'), 'stuck');
    await shotOfTop('pipeline-relay-stuck')(page);
  },
  async 'a relay that is not heard is unknown'(page) {
    replay.scene = noBeat;
    await says(page, 'no relay has told anything lately');
    assert.match(await place(page, 'relay').textContent(), /\?unknown.*no beat/);
    await shotOfTop('pipeline-no-beat')(page);
  },
  async 'figures that stop coming are old'(page) {
    replay.scene = null;
    await says(page, 'Connected, but no figures for');
    assert.equal(await page.locator('.strip').getAttribute('data-current'), 'false');
    replay.scene = busy;
    await says(page, 'Live: everything moves');
  },
};

async function reconnects(page) {
  await isConnected(page, 'live');
  replay.isDown = true;
  replay.cut();
  await says(page, 'Disconnected: connecting again. The figures are from');
  await shotOfTop('pipeline-disconnected')(page);
  replay.isDown = false;
  await says(page, 'Live: everything moves');
}

async function isRefused(page) {
  await says(page, 'The server does not show its pipeline: This is not for you to see');
  replay.isClosed = false;
  await signIn(page);
  await isConnected(page, 'live');
  assert.equal(replay.seen.findLast(({ query }) => query.includes('pipeline {')).authorization, 'Bearer token');
}

await withBrowser(async (context) => {
  await look(context, inColors('light'), (page) => follow(page, [], { ...pipelineSteps, ...finding, ...hanging, ...scenes }));
  await told('dots move, and stop for less motion', () => look(context, inColors('light'), (page) => dotsMove(page, shot)));
  await told('it goes on after a cut', () => look(context, asIs, reconnects, isCut));
  replay.isClosed = true;
  await told('a refusal is told, and signing in is another try', () => look(context, asIs, isRefused, isCut));
  replay.scene = idle;
  await told('an idle server is drawn', () => look(context, asIs, async (page) => (await isConnected(page, 'live'), shotOfTop('pipeline-idle')(page))));
  for (const scheme of ['light', 'dark']) {
    for (const [size, viewport] of [['wide', undefined], ['narrow', NARROW]]) {
      replay.scene = size === 'wide' ? busy : stuck;
      await told(`${scheme} and ${size} fits`, () => look(context, inColors(scheme, viewport), (page) => picture(page, `pipeline-${scheme}-${size}`, viewport)));
    }
  }
});
replay.stop();

async function picture(page, name, viewport) {
  await isConnected(page, 'live');
  await place(page, 'log').waitFor();
  await signIn(page);
  await page.getByRole('button', { name: 'Send a comment' }).click();
  await page.locator('[data-try="done"]').waitFor();
  await find(page, COMMAND_ID);
  if (viewport) await fits(page, viewport.width);
  if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png`, fullPage: true });
}
