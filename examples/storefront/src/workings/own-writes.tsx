import { CONSISTENCY_HEADER } from '@millrace/client';
import { useState } from 'react';
import { tokens } from '../api/client.ts';
import { useSignedIn } from '../api/signed-in.ts';
import { Problem } from '../parts/notices.tsx';
import { SignIn } from '../parts/sign-in.tsx';
import { start, troubleWords, writeAndRead, type Reading, type Round } from './write-and-read.ts';

/** An even number: likes and unlikes come out even. */
const ROUNDS = 10;

/** Shows what the consistency token is for: reading what one has just written. */
export function OwnWrites() {
  const isSignedIn = useSignedIn();
  return (
    <section aria-labelledby="own-writes">
      <h2 id="own-writes">You see what you have done</h2>
      <p>
        A write is decided in one place and read in another, some milliseconds later. Who reads in between sees the state from before, unless the
        request brings the token that the write was answered with: then the reader waits until that write is there. In this shop each request brings
        it, by <code>consistencyLink</code> of <code>clients/</code>. Try it without:
      </p>
      {isSignedIn ? <Rounds /> : <SignIn />}
    </section>
  );
}

function Rounds() {
  const [rounds, setRounds] = useState<readonly Round[]>([]);
  const [isBusy, setIsBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  const run = async () => {
    setIsBusy(true);
    setTrouble(null);
    setRounds([]);
    await play((round) => setRounds((all) => [...all, round])).catch((error: unknown) => setTrouble(troubleWords(error)));
    setIsBusy(false);
  };
  return (
    <div className="card lab">
      <button type="button" className="button primary" disabled={isBusy} onClick={() => void run()}>
        {isBusy ? `${rounds.length} of ${ROUNDS}…` : `Write and read ${ROUNDS} times`}
      </button>
      <Problem>{trouble}</Problem>
      {rounds.length > 0 && <Results rounds={rounds} />}
      {rounds.length > 0 && (
        <p className="hint">
          The next request of this page brings <code className="wire">{`${CONSISTENCY_HEADER}: ${tokens.toBring()}`}</code>
        </p>
      )}
    </div>
  );
}

async function play(onRound: (round: Round) => void): Promise<void> {
  let { postId, isLiked } = await start();
  for (let count = 0; count < ROUNDS; count++) {
    onRound(await writeAndRead({ postId, isLiked }));
    isLiked = !isLiked;
  }
}

function Results({ rounds }: { rounds: readonly Round[] }) {
  const old = (of: (round: Round) => Reading) => rounds.filter((round) => !of(round).isNew).length;
  return (
    <>
      <p className="headline" role="status" data-rounds={rounds.length} data-old-with-token={old(({ withToken }) => withToken)}>
        Without the token {old(({ without }) => without)} of {rounds.length} readers saw the state from before the write; with it{' '}
        {old(({ withToken }) => withToken)}.
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">Write</th>
            <th scope="col">Read without token</th>
            <th scope="col">Read with token</th>
          </tr>
        </thead>
        <tbody>
          {rounds.map(({ token, without, withToken }, number) => (
            <tr key={token}>
              <th scope="row">{number + 1}</th>
              <Cell reading={without} />
              <Cell reading={withToken} />
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Cell({ reading: { isNew, ms } }: { reading: Reading }) {
  return (
    <td data-new={isNew}>
      {isNew ? '✓ new' : '✗ old'} <span className="hint">{ms.toFixed(0)} ms</span>
    </td>
  );
}
