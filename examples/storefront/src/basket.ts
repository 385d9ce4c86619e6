import { useSyncExternalStore } from 'react';
import { stored } from './api/stored.ts';

const STORED = 'millrace-storefront-basket';
/** So many of one product fit into the basket; whether the shop has them is its word. */
export const QUANTITY_MAX = 99;

export interface BasketLine {
  productId: string;
  quantity: number;
}

let lines: readonly BasketLine[] = stored<BasketLine[]>(localStorage, STORED) ?? [];
const listeners = new Set<() => void>();

function set(now: readonly BasketLine[]): void {
  lines = now;
  localStorage.setItem(STORED, JSON.stringify(now));
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useBasket = (): readonly BasketLine[] => useSyncExternalStore(subscribe, () => lines);

export const countIn = (basket: readonly BasketLine[]): number => basket.reduce((count, { quantity }) => count + quantity, 0);

/** So many of a product; none takes it out. */
export function setQuantity(productId: string, quantity: number): void {
  const kept = Math.min(quantity, QUANTITY_MAX);
  const isThere = lines.some((line) => line.productId === productId);
  const changed = isThere ? lines.map((line) => (line.productId === productId ? { productId, quantity: kept } : line)) : [...lines, { productId, quantity: kept }];
  set(changed.filter((line) => line.quantity > 0));
}

export function addToBasket(productId: string): void {
  const known = lines.find((line) => line.productId === productId);
  setQuantity(productId, (known?.quantity ?? 0) + 1);
}

export const emptyBasket = (): void => set([]);
