// Opens the playground of a running millrace with its demo community in Chromium and uses it as a person would.
// Usage: node test/playground.mjs http://127.0.0.1:4000/   (SCREENSHOTS=folder keeps pictures)
// With --restarts it writes the line "restart" when it wants the server started anew, and reads a line when that is done.
import { openWatched, withBrowser } from './browser.mjs';
import { resumesAfterCut, resumesAfterRestart } from './checks/breaks.mjs';
import { editing } from './checks/editing.mjs';
import { exampleSteps } from './checks/examples.mjs';
import { firstVisit } from './checks/first-visit.mjs';
import { panes } from './checks/panes.mjs';
import { transports } from './checks/transports.mjs';
import { fallbackWorks, fitsNarrowWindow } from './checks/windows.mjs';
import { follow, restart, shot, told, WAIT_MS } from './steps.mjs';

const [address = 'http://127.0.0.1:4000/', ...options] = process.argv.slice(2);
const URL_OF_SERVER = new URL(address).href;

/** Uses one page, step by step. */
async function visit(context) {
  const { page, offences } = await openWatched(context, URL_OF_SERVER);
  page.setDefaultTimeout(WAIT_MS);
  const steps = { ...firstVisit, ...(await exampleSteps()), ...transports, ...panes, ...editing };
  await follow(page, offences, steps);
  await page.close();
}

await withBrowser(async (context) => {
  await visit(context);
  await told('a subscription resumes after a cut', () => resumesAfterCut(context, URL_OF_SERVER, shot));
  if (options.includes('--restarts')) {
    await told('a subscription resumes after a restart', () => resumesAfterRestart(context, URL_OF_SERVER, shot, restart));
  }
  await told('a narrow window fits', () => fitsNarrowWindow(context, URL_OF_SERVER, shot));
  await told('the plain page works', () => fallbackWorks(context, URL_OF_SERVER, shot));
});
