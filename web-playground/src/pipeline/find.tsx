import { useId, useState } from 'react';
import type { Answer } from '../endpoint.ts';
import { ask, wordsOf } from './api.ts';
import { commandFound, nodeFound, nothingFound, type Found, type FoundNode, type Freshness } from './found.ts';
import { readId } from './ids.ts';
import { COMMAND, NODE } from './operations.ts';
import type { CommandStatus, PipelineSample } from './sample.ts';
import { useIsSignedIn } from './sign-in-button.tsx';
import { SIGNS } from './strip.ts';

/** Finds what an id names, and shows its way through the stores. */
export function Find({ sample }: { sample: PipelineSample | null }) {
  const isSignedIn = useIsSignedIn();
  const [text, setText] = useState('');
  const [result, setResult] = useState<Found | string | null>(null);
  const title = useId();

  async function find() {
    setResult(null);
    try {
      setResult(await look(text, sample));
    } catch (problem) {
      setResult(wordsOf(problem));
    }
  }

  return (
    <section aria-labelledby={title}>
      <h2 id={title}>Find</h2>
      {isSignedIn ? (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void find();
          }}
        >
          <label>
            The id of a command, or of anything
            <input value={text} onChange={(event) => setText(event.target.value)} spellCheck={false} autoComplete="off" required />
          </label>
          <button type="submit">Find</button>
        </form>
      ) : (
        <p className="hint">Sign in as the demo user, at the top, to look for a command of yours or for a post, a person, a product.</p>
      )}
      <div role="status" data-found>
        {typeof result === 'string' && <p>{result}</p>}
        {result !== null && typeof result !== 'string' && <Way found={result} />}
      </div>
    </section>
  );
}

function Way({ found: { title, steps } }: { found: Found }) {
  return (
    <>
      <h3>{title}</h3>
      <ol className="steps">
        {steps.map(({ store, words, tone }) => (
          <li key={store} data-tone={tone}>
            <span className="sign" aria-hidden="true">
              {SIGNS[tone].sign}
            </span>
            <strong>{store}</strong> <span>{words}</span>
          </li>
        ))}
      </ol>
    </>
  );
}

async function look(text: string, sample: PipelineSample | null): Promise<Found | string> {
  const read = readId(text);
  if (read === null || read.kind === 'none') return nothingFound(read);
  if (read.kind === 'command') {
    const { data } = await ask<{ commandStatus: CommandStatus | null }>(COMMAND, { id: read.id });
    return data.commandStatus === null ? nothingFound(read) : commandFound(read, data.commandStatus);
  }
  const { data, answer } = await ask<{ node: FoundNode | null }>(NODE, { id: read.id });
  return data.node === null ? nothingFound(read) : nodeFound(data.node, freshnessOf(answer), sample);
}

const freshnessOf = ({ extensions }: Answer) => extensions?.millrace as Freshness | undefined;
