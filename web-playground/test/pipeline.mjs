// Uses the pipeline page of a running millrace with its demo community in Chromium, as a person would.
// Usage: node test/pipeline.mjs http://127.0.0.1:4000/   (SCREENSHOTS=folder keeps pictures)
// With --restarts it writes the line "restart" when it wants the server started anew, and reads a line when that is done.
import assert from 'node:assert/strict';
import { openWatched, withBrowser } from './browser.mjs';
import { aPostIsFound, commandIsFound, dotsMove, fits, goesOnAfterRestart, isConnected, keepsMoving, pipelineSteps, place } from './checks/pipeline.mjs';
import { follow, restart, shot, told, WAIT_MS } from './steps.mjs';

const NARROW = { width: 360, height: 780 };
const [address = 'http://127.0.0.1:4000/', ...options] = process.argv.slice(2);
const URL_OF_PAGE = new URL('pipeline', address).href;
const GRAPHQL = new URL('graphql', address).href;

/** Opens the page for one check; `isExpected` says which offences belong to it. */
async function look(context, check, { prepare, isExpected = () => false } = {}) {
  const { page, offences } = await openWatched(context, URL_OF_PAGE, prepare);
  page.setDefaultTimeout(WAIT_MS);
  await isConnected(page, 'live');
  await check(page).catch(async (error) => {
    await shot('failed')(page);
    throw new Error(`${error.message}; the page reported: ${offences.join('; ') || 'nothing'}`, { cause: error });
  });
  assert.deepEqual(offences.filter((offence) => !isExpected(offence)), []);
  await page.close();
}

async function visit(context) {
  const { page, offences } = await openWatched(context, URL_OF_PAGE);
  page.setDefaultTimeout(WAIT_MS);
  const finding = {
    'a command of one’s own is found by its id': (opened, picture) => commandIsFound(opened, GRAPHQL, picture),
    'a post is found by its id': (opened) => aPostIsFound(opened, GRAPHQL),
    'the playground is one click away, and leads back': playgroundAndBack,
  };
  await follow(page, offences, { ...pipelineSteps, ...finding });
  await page.close();
}

async function playgroundAndBack(page) {
  await page.getByRole('link', { name: 'Playground' }).click();
  await page.getByRole('link', { name: 'Pipeline' }).click();
  await isConnected(page, 'live');
}

await withBrowser(async (context) => {
  await visit(context);
  await told('dots move, and stop for less motion', () => look(context, (page) => keepsMoving(GRAPHQL, () => dotsMove(page))));
  await told('a narrow window fits', () => look(context, narrow, { prepare: (page) => page.setViewportSize(NARROW) }));
  if (options.includes('--restarts')) {
    // Chromium itself reports what was cut, and what found nobody while the server was away.
    const isExpected = (offence) => /Failed to load resource|net::ERR_/.test(offence);
    await told('figures go on after a restart', () => look(context, (page) => goesOnAfterRestart(page, restart, shot), { isExpected }));
  }
});

async function narrow(page) {
  await place(page, 'log').waitFor();
  await fits(page, NARROW.width);
  await shot('pipeline-narrow')(page);
}
