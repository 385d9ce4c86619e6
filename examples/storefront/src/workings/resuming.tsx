import { useQuery } from '@apollo/client/react';
import { errorsOf } from '@millrace/client';
import { useEffect, useReducer, useRef, useState } from 'react';
import { useSignedIn } from '../api/signed-in.ts';
import { NewestPostDocument } from '../gql/graphql.ts';
import { Failure, Nothing, Problem, Waiting } from '../parts/notices.tsx';
import { SignIn } from '../parts/sign-in.tsx';
import { Line, type Heard } from './line.ts';
import { troubleWords, writeTwice } from './write-and-read.ts';
import { writtenWords } from '../words/erased.ts';

/** Shows what cursors are for: going on behind the last event after the line was cut. */
export function Resuming() {
  const isSignedIn = useSignedIn();
  return (
    <section aria-labelledby="resuming">
      <h2 id="resuming">Nothing is missed</h2>
      <p>
        Each live event carries a cursor. When the line breaks, <code>subscribeWithResume</code> of <code>clients/</code> asks for what comes behind
        the last one, on whatever server answers then. Cut the line, write while it is down, mend it: each write arrives once, in order.
      </p>
      {isSignedIn ? <WithPost /> : <SignIn />}
    </section>
  );
}

function WithPost() {
  const { data, error, refetch } = useQuery(NewestPostDocument);
  if (error) return <Failure error={error} again={refetch} />;
  if (!data) return <Waiting what="a post" />;
  const [post] = data.posts.nodes;
  return post ? <Watched post={post} /> : <Nothing>There is no post to watch yet.</Nothing>;
}

type Entry = { kind: 'asked' | 'heard' | 'did'; text: string; cursor?: string | null };

const LOG_MAX = 50;
const logged = (log: readonly Entry[], entry: Entry): readonly Entry[] => [...log, entry].slice(-LOG_MAX);

function Watched({ post }: { post: { id: string; title: string } }) {
  const [log, add] = useReducer(logged, []);
  const [isCut, setIsCut] = useState(false);
  const line = useLine(post.id, add);
  const [trouble, setTrouble] = useState<string | null>(null);
  const write = () => {
    setTrouble(null);
    writeTwice(post.id, () => add({ kind: 'did', text: 'You liked it, or took that back' })).catch((error: unknown) => setTrouble(troubleWords(error)));
  };
  const cut = () => {
    line.current?.cut();
    setIsCut(true);
    add({ kind: 'did', text: 'You cut the line' });
  };
  const mend = () => {
    line.current?.mend();
    setIsCut(false);
    add({ kind: 'did', text: 'You mended the line' });
  };
  return (
    <div className="card lab">
      <p>
        Watched: <b>{writtenWords(post.title)}</b> <span className="badge" data-status={isCut ? 'CANCELLED' : 'DELIVERED'}>{isCut ? 'line cut' : 'line up'}</span>
      </p>
      <div className="row">
        <button type="button" className="button" disabled={isCut} onClick={cut}>Cut the line</button>
        <button type="button" className="button primary" onClick={write}>Write twice</button>
        <button type="button" className="button" disabled={!isCut} onClick={mend}>Mend the line</button>
      </div>
      <Problem>{trouble}</Problem>
      <Log log={log} />
    </div>
  );
}

/** The line, for as long as the page is shown. */
function useLine(postId: string, add: (entry: Entry) => void) {
  const line = useRef<Line>(null);
  useEffect(() => {
    line.current = new Line(postId, {
      subscribed: (after) => add({ kind: 'asked', text: after === null ? 'Asked for a snapshot and what follows' : 'Asked for what comes behind', cursor: after }),
      heard: (event) => add({ kind: 'heard', text: eventWords(event), cursor: 'cursor' in event ? event.cursor : null }),
      failed: (problem) => add({ kind: 'heard', text: errorsOf(problem)[0]?.message ?? 'The line failed' }),
    });
    return () => line.current?.end();
  }, [postId, add]);
  return line;
}

function eventWords(event: Heard): string {
  if (event.__typename === 'HistoryGone') return 'Too old a cursor: begins anew';
  const name = event.__typename === 'PostSnapshot' ? 'Snapshot' : 'Change';
  return `${name} at position ${event.position}: ${'post' in event ? (event.post?.likeCount ?? 0) : 0} likes`;
}

const SIGNS = { asked: '→', heard: '←', did: '•' };

function Log({ log }: { log: readonly Entry[] }) {
  return (
    <ol className="log" aria-live="polite" aria-label="What happens on the line">
      {log.map(({ kind, text, cursor }, number) => (
        <li key={number} data-kind={kind}>
          <span aria-hidden="true">{SIGNS[kind]}</span> {text} {cursor && <code title={cursor}>…{cursor.slice(-14)}</code>}
        </li>
      ))}
    </ol>
  );
}
