import { useState, type FormEvent } from 'react';
import { session } from '../api/client.ts';
import { useCommand } from '../api/commands.ts';
import { SignInDocument } from '../gql/graphql.ts';
import { Problem } from './notices.tsx';

/** The account that `make run` prints. */
const DEMO = { email: 'demo@millrace.example', password: 'millrace-demo' };

/** A form to sign in, and a button for who only wants to look around. */
export function SignIn({ onDone = () => {} }: { onDone?: () => void }) {
  const { run, isBusy, trouble } = useCommand(SignInDocument);
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const signIn = async (account: typeof DEMO) => {
    const payload = await run(account);
    if (!payload?.session) return;
    session.begin(payload.session);
    onDone();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void signIn({ email, password });
  };
  return (
    <div className="card sign-in">
      <button type="button" className="button primary" disabled={isBusy} onClick={() => void signIn(DEMO)}>
        Sign in as demo user
      </button>
      <p className="hint">or with an account of your own:</p>
      <form onSubmit={submit}>
        <label>
          E-mail
          <input type="email" autoComplete="email" required value={email} onChange={(event) => setEmail(event.target.value)} />
        </label>
        <label>
          Password
          <input type="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.target.value)} />
        </label>
        <button type="submit" className="button" disabled={isBusy}>
          Sign in
        </button>
      </form>
      <Problem>{trouble?.words}</Problem>
    </div>
  );
}
