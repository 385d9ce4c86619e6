// Opens the built storefront in front of a running millrace with its demo community in Chromium and uses it as a person would.
// Usage: node test/storefront.mjs http://127.0.0.1:4000/   (SCREENSHOTS=folder keeps pictures)
// With --restarts it writes the line "restart" when it wants the server started anew, and reads a line when that is done.
// The browser is that of the playground's tests, so its packages have to be installed, too.
import { openWatched, withBrowser } from '../../../web-playground/test/browser.mjs';
import { follow, restart, shot, told, WAIT_MS } from '../../../web-playground/test/steps.mjs';
import { tellsThatThereIsNoSuchPage } from './checks/astray.mjs';
import { buying } from './checks/buying.mjs';
import { orderResumesAfterRestart, tellsThatNobodyAnswers } from './checks/breaks.mjs';
import { news } from './checks/news.mjs';
import { signOutHoldsInBothTabs } from './checks/tabs.mjs';
import { fitsNarrowWindow, worksByKeyboard } from './checks/windows.mjs';
import { workings } from './checks/workings.mjs';
import { demoOf, staffOf } from './people.mjs';
import { serve } from './serving.mjs';

const [address = 'http://127.0.0.1:4000/', ...options] = process.argv.slice(2);
const GRAPHQL = new URL('graphql', address).href;

/** Uses one page, step by step. */
async function visit(context, url, others) {
  const { page, offences } = await openWatched(context, url);
  page.setDefaultTimeout(WAIT_MS);
  await follow(page, offences, { ...news(others), ...(await buying(others)), ...workings });
  await page.close();
}

const others = { staff: await staffOf(GRAPHQL), demo: await demoOf(GRAPHQL) };
const server = await serve(new URL(address).origin);
await withBrowser(async (context) => {
  await visit(context, server.url, others);
  await told('pages fit a narrow window', () => fitsNarrowWindow(context, server.url, shot));
  await told('it works by keyboard', () => worksByKeyboard(context, server.url));
  await told('a path that leads nowhere is told', () => tellsThatThereIsNoSuchPage(context, server.url));
  await told('a sign-out holds in both tabs', () => signOutHoldsInBothTabs(context, server.url));
  await told('it says so when nobody answers', () => tellsThatNobodyAnswers(context, server.url, shot));
  if (options.includes('--restarts')) {
    await told('an order goes on after a restart', () => orderResumesAfterRestart(context, server.url, others, shot, restart));
  }
}).finally(server.stop);
