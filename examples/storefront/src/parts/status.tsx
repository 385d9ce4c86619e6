import type { OrderCardFragment, OrderStatus } from '../gql/graphql.ts';
import { momentWords } from '../words/dates.ts';
import { statusWords, WAY } from '../words/statuses.ts';

export function StatusBadge({ status }: { status: OrderStatus }) {
  return (
    <span className="badge" data-status={status}>
      {statusWords(status)}
    </span>
  );
}

/** An order's way: what is behind it, where it is, what is to come. */
export function Timeline({ order }: { order: OrderCardFragment }) {
  const steps = order.status === 'CANCELLED' ? order.timeline.map(({ status }) => status) : WAY;
  return (
    <ol className="timeline" aria-live="polite">
      {steps.map((status) => (
        <Step key={status} status={status} at={order.timeline.find((step) => step.status === status)?.at} isNow={status === order.status} />
      ))}
    </ol>
  );
}

const NAMES: Record<OrderStatus, string> = { PENDING: 'Ordered', CONFIRMED: 'Paid', SHIPPED: 'Sent', DELIVERED: 'Delivered', CANCELLED: 'Cancelled' };

function Step({ status, at, isNow }: { status: OrderStatus; at: string | undefined; isNow: boolean }) {
  return (
    <li className="step" data-done={at !== undefined} data-status={status} aria-current={isNow ? 'step' : undefined}>
      <b>{NAMES[status]}</b>
      {at ? <time dateTime={at}>{momentWords(at)}</time> : <span className="hint">to come</span>}
    </li>
  );
}
