// When the server is away: what the page says meanwhile, and that it goes on afterwards.
import assert from 'node:assert/strict';
import { openWatched } from '../../../../web-playground/test/browser.mjs';
import { until } from '../../../../web-playground/test/steps.mjs';
import { isLive, signedIn } from './news.mjs';

/** Nobody answers; then somebody does. */
export async function tellsThatNobodyAnswers(context, url, shot) {
  const { page, offences } = await openWatched(context, new URL('shop', url).href, (fresh) => fresh.route('**/graphql', (route) => route.abort()));
  await page.getByText('The shop cannot be reached.').waitFor();
  await shot('nobody-answers')(page);
  await page.unroute('**/graphql');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator('.product-card').first().waitFor();
  // Chromium itself reports each request that nobody answered.
  assert.deepEqual(offences.filter((offence) => !/Failed to load resource/.test(offence)), []);
  await page.close();
}

/** The server is started anew under an open order; then it is sent. `restart` is over when it serves. */
export async function orderResumesAfterRestart(context, url, { demo, staff }, shot, restart) {
  const { page, offences } = await openWatched(context, new URL('sign-in', url).href);
  await page.getByRole('button', { name: 'Sign in as demo user' }).click();
  await signedIn(page);
  const id = await paidOrder(demo);
  await page.goto(new URL(`orders/${id}`, url).href);
  await page.locator('.step[aria-current]').getByText('Paid').waitFor();
  await isLive(page);
  await restart();
  await staff.command('shipOrder', { orderId: id });
  await page.locator('.step[aria-current]').getByText('Sent').waitFor();
  await shot('restarted')(page);
  const others = offences.filter((offence) => !/WebSocket connection to .* failed|Failed to load resource/.test(offence));
  assert.deepEqual(others, []);
  await page.close();
}

async function paidOrder(demo) {
  const { products } = await demo.ask('{ products(sort: PRICE_LOWEST, first: 1) { nodes { id } } }');
  const lines = [{ productId: products.nodes[0].id, quantity: 1 }];
  const { receipt } = await demo.command('placeOrder', { lines, deliveryAddress: 'Mill Lane 1' });
  await demo.command('payOrder', { orderId: receipt.aggregateId });
  const read = () => demo.ask('query($id: ID!) { order(id: $id) { status } }', { id: receipt.aggregateId });
  await until('the paid order', read, ({ order }) => order?.status === 'CONFIRMED');
  return receipt.aggregateId;
}
