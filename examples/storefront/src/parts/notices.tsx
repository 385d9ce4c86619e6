import type { ReactNode } from 'react';
import { failureWords } from '../words/problems.ts';

/** Something went wrong: read out at once, and marked by more than colour. */
export function Problem({ children }: { children: ReactNode }) {
  if (!children) return null;
  return (
    <div className="notice problem" role="alert">
      {children}
    </div>
  );
}

/** A query without an answer, and a way to ask again. */
export function Failure({ error, again }: { error: unknown; again: () => unknown }) {
  return (
    <Problem>
      {failureWords(error)}{' '}
      <button type="button" className="button small" onClick={() => void again()}>
        Try again
      </button>
    </Problem>
  );
}

/** What is about to be there. */
export function Waiting({ what }: { what: string }) {
  return (
    <p className="waiting" role="status">
      Loading {what}…
    </p>
  );
}

export function Nothing({ children }: { children: ReactNode }) {
  return <p className="nothing">{children}</p>;
}
