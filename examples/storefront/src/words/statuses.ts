import type { MovementCause, OrderStatus } from '../gql/graphql.ts';

/** An order's way, as it goes if nobody cancels it. */
export const WAY: readonly OrderStatus[] = ['PENDING', 'CONFIRMED', 'SHIPPED', 'DELIVERED'];

const STATUSES: Record<OrderStatus, string> = {
  PENDING: 'not paid yet',
  CONFIRMED: 'paid',
  SHIPPED: 'on its way',
  DELIVERED: 'delivered',
  CANCELLED: 'cancelled',
};

export function statusWords(status: string): string {
  return STATUSES[status as OrderStatus] ?? status.toLowerCase();
}

const CAUSES: Record<MovementCause, string> = {
  TOP_UP: 'Topped up',
  PAYMENT: 'Order paid',
  REFUND: 'Order paid back',
  TRANSFER_SENT: 'Sent',
  TRANSFER_RECEIVED: 'Received',
};

export const causeWords = (cause: MovementCause): string => CAUSES[cause];
