// Buying: from the shop's shelves to an order that is delivered, with what can go wrong on the way.
import assert from 'node:assert/strict';
import { until } from '../../../../web-playground/test/steps.mjs';
import { entry, isLive } from './news.mjs';

const CLOCK = 'Tower clock';
/** So much dearer than what the demo user has are two clocks. */
const DEARER_MINOR = 50_000;
const CLOCKS = `{ products(search: "${CLOCK}", first: 10) { nodes { name } } }`;
const WALLETS = '{ viewer { wallets { currency balance { amountMinor } } } }';

const shelf = (page) => page.locator('.product-card');
const words = (minor) => new Intl.NumberFormat('en-US', { style: 'currency', currency: 'EUR' }).format(minor / 100);
const step = (page, name) => page.locator('.step[aria-current]').getByText(name).waitFor();
const orderId = (page) => new URL(page.url()).pathname.split('/').at(-1);

/** Two of it cost more than the demo user has. */
async function clockFor(demo) {
  const { viewer } = await demo.ask(WALLETS);
  const balance = Number(viewer.wallets.find(({ currency }) => currency === 'EUR').balance.amountMinor);
  const price = Math.ceil((balance + DEARER_MINOR) / 2);
  return { balance, price, input: { name: CLOCK, description: 'It strikes.', price: { amountMinor: String(price), currency: 'EUR' }, stock: 2 } };
}

export async function buying({ staff, demo }) {
  const { balance, price, input } = await clockFor(demo);
  return steps({ staff, balance, price, input });
}

const steps = ({ staff, balance, price, input }) => ({
  async 'the shop shows its goods, with pictures'(page, shot) {
    await entry(page, 'Shop');
    await until('the goods', () => shelf(page).count(), (count) => count === 12);
    const pictures = page.locator('.product-card img');
    await pictures.last().scrollIntoViewIfNeeded();
    await until('pictures', () => pictures.evaluateAll((all) => all.filter(({ naturalWidth }) => naturalWidth > 0).length), (count) => count === 12);
    await shot('shop');
  },

  async 'goods are found and sorted'(page) {
    await page.getByLabel('Sort').selectOption('Cheapest first');
    await until('the cheapest first', () => shelf(page).first().textContent(), (text) => text.includes('Sourdough loaf'));
    await page.getByLabel('Search').fill('honey');
    await until('the honey', () => shelf(page).allTextContents(), (texts) => texts.length === 1 && texts[0].includes('Linden honey'));
    await page.getByLabel('Search').fill('unicorn');
    await page.getByText('The mill has nothing like that.').waitFor();
    await page.getByLabel('Search').fill('');
  },

  async 'stock moves while one looks at it'(page) {
    const { receipt } = await staff.command('createProduct', input);
    // Somebody else's change: without its token a page that asks at once may be a moment too early.
    await until('the clock on the shelf', () => staff.ask(CLOCKS), ({ products }) => products.nodes.some(({ name }) => name === CLOCK));
    await page.getByLabel('Sort').selectOption('Dearest first');
    await shelf(page).getByRole('link', { name: CLOCK }).click();
    await page.getByText('Only 2 left').waitFor();
    await isLive(page);
    await staff.command('restockProduct', { productId: receipt.aggregateId, quantity: 1 });
    await page.getByText('Only 3 left').waitFor();
  },

  async 'the basket counts and remembers'(page, shot) {
    const add = page.getByRole('button', { name: `Add ${CLOCK} to the basket` });
    for (let count = 1; count <= 4; count++) {
      await add.click();
      await page.getByText(`${count} in it`).waitFor();
    }
    await shot('product');
    await page.reload();
    await entry(page, /Basket/);
    await page.getByText(words(4 * price)).first().waitFor();
  },

  async 'too few in stock is told in plain words, with the way out'(page, shot) {
    await page.getByLabel('Where shall it go?').fill('Mill Lane 1\n4711 Millbrook');
    await page.getByRole('button', { name: 'Order' }).click();
    await page.getByText(`Only 3 of ${CLOCK} are left.`).waitFor();
    await shot('out-of-stock');
    await page.getByRole('button', { name: 'Take 3' }).click();
    await page.getByRole('button', { name: 'One fewer' }).click();
    await page.getByText(words(2 * price)).first().waitFor();
  },

  async 'an order is placed'(page) {
    await page.getByRole('button', { name: 'Order' }).click();
    await step(page, 'Ordered');
    assert.match(await page.locator('.headline').textContent(), /^Please pay by/);
    assert.equal(await page.getByRole('link', { name: /Basket/ }).textContent(), 'Basket');
  },

  async 'missing money is told in plain words, with how much'(page, shot) {
    await page.getByRole('button', { name: `Pay ${words(2 * price)}` }).click();
    await page.getByRole('alert').getByText(`Your wallet holds ${words(balance)}: ${words(2 * price - balance)} are missing.`).waitFor();
    await shot('missing-money');
  },

  async 'a top-up of just that arrives by itself'(page) {
    await isLive(page);
    await page.getByRole('button', { name: /^Top up €/ }).click();
    await page.getByText(`Your wallet holds ${words(2 * price)}.`).waitFor();
    await page.getByRole('alert').waitFor({ state: 'detached' });
  },

  async 'the order is paid, and moves while others work on it'(page, shot) {
    await page.getByRole('button', { name: `Pay ${words(2 * price)}` }).click();
    await step(page, 'Paid');
    await staff.command('shipOrder', { orderId: orderId(page) });
    await step(page, 'Sent');
    await staff.command('confirmDelivery', { orderId: orderId(page) });
    await step(page, 'Delivered');
    await page.getByText('It has arrived.').waitFor();
    await shot('order');
  },

  async 'orders and wallet tell of it'(page, shot) {
    await entry(page, 'Orders');
    const card = page.locator('.order-card').first();
    await until('the order', () => card.textContent(), (text) => text.includes(`2 × ${CLOCK}`) && text.includes('delivered'));
    await shot('orders');
    await entry(page, 'Wallet');
    await until('what was paid', () => page.locator('.movement').allTextContents(), (texts) => texts.some((text) => text.includes('Order paid') && text.includes(words(-2 * price))));
    await shot('wallet');
  },

  async 'an order is cancelled, and the money comes back'(page) {
    await page.getByLabel('How much').fill('2000');
    await page.getByRole('button', { name: 'Top up €2,000.00' }).click();
    await until('the money', () => page.locator('.amount').allTextContents(), (texts) => texts.includes('€2,000.00'));
    await entry(page, 'Shop');
    await page.getByLabel('Sort').selectOption('Cheapest first');
    await page.getByRole('button', { name: /Add Sourdough loaf/ }).click();
    await entry(page, /Basket/);
    await page.getByLabel('Where shall it go?').fill('Mill Lane 1');
    await page.getByRole('button', { name: 'Order' }).click();
    await page.getByRole('button', { name: 'Pay €6.90' }).click();
    await step(page, 'Paid');
    await page.getByRole('button', { name: 'Cancel the order' }).click();
    await step(page, 'Cancelled');
    await page.getByText('You cancelled it.').waitFor();
    await page.getByText('Paid back').waitFor();
  },
});
