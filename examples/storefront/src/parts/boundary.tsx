import { Component, type ReactNode } from 'react';

interface Props {
  children: ReactNode;
}

/** Without it React takes the whole page away when any part of it fails. React itself logs the error. */
export class Boundary extends Component<Props, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override render() {
    return this.state.hasFailed ? <WentWrong /> : this.props.children;
  }
}

/** The link is a plain one: it loads everything anew, and with that leaves behind whatever was wrong. */
function WentWrong() {
  return (
    <main id="content" className="page">
      <h1>Something went wrong</h1>
      <p role="alert">
        This page could not be shown. <a href="/">Go to the first page</a>
      </p>
    </main>
  );
}
