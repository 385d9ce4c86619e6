import { SignIn } from '../parts/sign-in.tsx';
import { goTo, Page } from '../router.tsx';

export function SignInPage() {
  return (
    <Page title="Sign in">
      <SignIn onDone={() => goTo('/')} />
    </Page>
  );
}
