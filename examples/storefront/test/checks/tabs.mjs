// Two tabs of one sign-in: one was opened by the other, and has a copy of all that its tab remembers.
import assert from 'node:assert/strict';
import { openWatched } from '../../../../web-playground/test/browser.mjs';
import { signedIn } from './news.mjs';

const isSigningOut = (request) => request.postData()?.includes('signOut') ?? false;
const isSignedOut = (page) => page.getByRole('link', { name: 'Sign in' }).waitFor();

/** Who signs out in one tab is signed out in the other, even if the server never answers. */
export async function signOutHoldsInBothTabs(context, url) {
  const { page, offences } = await openWatched(context, new URL('sign-in', url).href);
  await page.getByRole('button', { name: 'Sign in as demo user' }).click();
  await signedIn(page);
  const opened = page.waitForEvent('popup');
  await page.evaluate(() => void open('/shop'));
  const second = await opened;
  await signedIn(second);
  await page.route('**/graphql', (route) => (isSigningOut(route.request()) ? undefined : route.continue()));
  await page.getByRole('button', { name: 'Sign out' }).click();
  await Promise.all([page, second].map(isSignedOut));
  assert.equal(await second.evaluate(() => sessionStorage.length), 0);
  assert.deepEqual(offences, []);
  await second.close();
  await page.close();
}
