import { session } from './api.ts';
import { useDemoSession } from './use-demo-session.ts';

/** Signs the demo user in or out. The token goes into the Headers editor, see `TabFiller`. */
export function DemoButton() {
  const { isSignedIn, problem, toggle } = useDemoSession(session);
  return (
    <span className="millrace-demo">
      {problem !== null && (
        <span role="alert" className="millrace-problem" title={problem}>
          {problem}
        </span>
      )}
      <button
        type="button"
        className="graphiql-button millrace-demo-button"
        title={isSignedIn ? 'Takes the token out of the Headers editor' : 'Puts a token into the Headers editor; it is kept in memory only'}
        onClick={toggle}
      >
        {isSignedIn ? 'Sign out demo user' : 'Sign in as demo user'}
      </button>
    </span>
  );
}
