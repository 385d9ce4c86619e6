import { Page } from '../router.tsx';
import { OwnWrites } from '../workings/own-writes.tsx';
import { Resuming } from '../workings/resuming.tsx';

export function WorkingsPage() {
  return (
    <Page title="How it works">
      <OwnWrites />
      <Resuming />
      <section aria-labelledby="newest">
        <h2 id="newest">Newer stays newer</h2>
        <p>
          Answers and live events reach this page by different ways, and may overtake each other. Each thing says at which position of the log it
          changed last, its <code>revision</code>, and the cache of this shop, <code>RevisionCache</code> of <code>clients/</code>, never puts an
          older one over a newer one.
        </p>
      </section>
    </Page>
  );
}
