import { useGraphiQL } from '@graphiql/react';
import { useState, useSyncExternalStore } from 'react';
import { send, session } from './api.ts';
import { firstError } from './endpoint.ts';
import type { Example } from './example-file.ts';
import { triggerOf } from './examples.ts';
import { liveStatus, onLiveStatus, type LiveStatus } from './live-status.ts';
import { fillPlaceholders } from './placeholders.ts';
import { TRANSPORTS } from './transport.ts';

const STATE_TEXT: Record<Exclude<LiveStatus['state'], 'off'>, string> = {
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
};

/** Under a running subscription: its state, its number of events, and a button that makes a live example move. */
export function LiveFooter() {
  const status = useSyncExternalStore(onLiveStatus, liveStatus);
  if (status.state === 'off') return null;
  const trigger = triggerOf(status.operationName);
  return (
    <div className="millrace-live" data-state={status.state} data-events={status.events} data-resumes={status.resumes}>
      <span className="millrace-live-dot" aria-hidden="true" />
      <span role="status">
        {STATE_TEXT[status.state]} by {TRANSPORTS[status.transport]} · {counted(status.events, 'event')}
        {status.resumes > 0 && ` · resumed ${counted(status.resumes, 'time')}`}
      </span>
      {trigger && <TriggerButton trigger={trigger} />}
    </div>
  );
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Runs the trigger as the demo user beside the subscription, which a second tab would stop. */
function TriggerButton({ trigger }: { trigger: Example }) {
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  const [problem, setProblem] = useState<string | null>(null);

  async function run() {
    setProblem(null);
    try {
      await runTrigger(trigger, variableEditor?.getValue() ?? '');
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  }

  return (
    <>
      <button type="button" className="graphiql-button millrace-trigger" onClick={() => void run()}>
        {trigger.title} as demo user
      </button>
      {problem !== null && (
        <span role="alert" className="millrace-problem" title={problem}>
          {problem}
        </span>
      )}
    </>
  );
}

async function runTrigger(trigger: Example, liveVariablesText: string): Promise<void> {
  const authorization = session.authorization() ?? (await session.signIn());
  const headers = await session.fresh({ Authorization: authorization });
  const variables = await triggerVariables(trigger, liveVariablesText, headers);
  const answer = await send({ query: trigger.query, operationName: trigger.operationName, variables }, headers);
  const problem = firstError(answer) ?? refusalIn(answer.data);
  if (problem !== null) throw new Error(problem);
}

/** The trigger's own variables, but what the live operation also has (the post it watches) comes from there. */
async function triggerVariables(
  trigger: Example,
  liveVariablesText: string,
  headers: Record<string, string>,
): Promise<Record<string, unknown>> {
  const live = (liveVariablesText.trim() === '' ? {} : JSON.parse(liveVariablesText)) as Record<string, unknown>;
  const merged = Object.fromEntries(Object.entries(trigger.variables).map(([name, value]) => [name, live[name] ?? value]));
  return JSON.parse(await fillPlaceholders(JSON.stringify(merged), send, headers)) as Record<string, unknown>;
}

/** The first domain error in a mutation's payload. */
function refusalIn(data: unknown): string | null {
  const payload = Object.values(data ?? {})[0] as { errors?: { message: string }[] } | null | undefined;
  return payload?.errors?.[0]?.message ?? null;
}
