export interface Amount {
  amountMinor: string;
  currency: string;
}

/** An amount in words of the reader's country: `€12.90`. Currencies have different numbers of digits, which the browser knows. */
export function moneyWords({ amountMinor, currency }: Amount): string {
  const format = new Intl.NumberFormat(undefined, { style: 'currency', currency });
  return format.format(Number(amountMinor) / 10 ** digitsOf(format));
}

function digitsOf(format: Intl.NumberFormat): number {
  return format.resolvedOptions().maximumFractionDigits ?? 2;
}

/** What somebody typed, such as `12.50`, as an amount; null if it is no amount above nothing. */
export function parseMoney(text: string, currency: string): Amount | null {
  const digits = digitsOf(new Intl.NumberFormat(undefined, { style: 'currency', currency }));
  const minor = Math.round(Number(text.trim().replace(',', '.')) * 10 ** digits);
  return Number.isSafeInteger(minor) && minor > 0 ? { amountMinor: String(minor), currency } : null;
}

/** The sum of several prices, each so many times. All are of one currency. */
export function sum(parts: readonly { price: Amount; quantity: number }[]): Amount | null {
  const currency = parts[0]?.price.currency;
  if (currency === undefined || parts.some(({ price }) => price.currency !== currency)) return null;
  const minor = parts.reduce((total, { price, quantity }) => total + BigInt(price.amountMinor) * BigInt(quantity), 0n);
  return { amountMinor: String(minor), currency };
}
