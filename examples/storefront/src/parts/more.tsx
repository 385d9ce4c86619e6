import { useState } from 'react';
import { failureWords } from '../words/problems.ts';
import { Problem } from './notices.tsx';

interface MoreProps {
  pageInfo: { hasNextPage: boolean; endCursor: string | null } | undefined;
  what: string;
  fetchMore: (variables: { after: string | null }) => Promise<unknown>;
}

/** Reads the next page of a list. */
export function More({ pageInfo, what, fetchMore }: MoreProps) {
  const [isBusy, setIsBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  if (!pageInfo?.hasNextPage) return null;
  const fetchNext = async () => {
    setIsBusy(true);
    setFailure(null);
    await fetchMore({ after: pageInfo.endCursor }).catch(setFailure);
    setIsBusy(false);
  };
  return (
    <div className="more">
      <button type="button" className="button quiet" disabled={isBusy} onClick={fetchNext}>
        {isBusy ? 'Loading…' : `More ${what}`}
      </button>
      <Problem>{failure !== null && failureWords(failure)}</Problem>
    </div>
  );
}
