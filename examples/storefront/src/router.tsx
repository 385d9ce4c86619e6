import { useEffect, useRef, useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent, type ReactNode } from 'react';

const MOVED = 'storefront-moved';

function subscribe(listener: () => void): () => void {
  for (const event of ['popstate', MOVED]) addEventListener(event, listener);
  return () => ['popstate', MOVED].forEach((event) => removeEventListener(event, listener));
}

/** The path of the page that is shown. */
export function usePath(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

export function goTo(path: string): void {
  history.pushState(null, '', path);
  scrollTo(0, 0);
  dispatchEvent(new Event(MOVED));
}

const isPlainClick = (event: MouseEvent): boolean => event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);

/** A link to another page of this shop. In a new tab, as a bookmark and without a mouse it is a link like any other. */
export function Link({ to, ...others }: { to: string } & AnchorHTMLAttributes<HTMLAnchorElement>) {
  const follow = (event: MouseEvent) => {
    if (!isPlainClick(event)) return;
    event.preventDefault();
    goTo(to);
  };
  return <a href={to} onClick={follow} {...others} />;
}

let isFirstPage = true;

/** A page with its title, which gets the focus: who listens to the page is told that it is another one. */
export function Page({ title, kicker, children }: { title: string; kicker?: ReactNode; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Mill Lane`;
  }, [title]);
  useEffect(() => {
    if (!isFirstPage) heading.current?.focus({ preventScroll: true });
    isFirstPage = false;
  }, []);
  return (
    <main id="content" className="page">
      {kicker}
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children}
    </main>
  );
}
