import { Wheel } from './wheel.tsx';

const DEMO_PICTURES = '/demo/pictures/';

/** The demo shop's pictures have millrace's own address; here they come through the server of this page, as the API does. */
function beside(url: string): string {
  const { pathname } = new URL(url, location.href);
  return pathname.startsWith(DEMO_PICTURES) ? pathname : url;
}

/** A product's picture. Its name stands beside it wherever it is shown, so it says nothing more to who cannot see it. */
export function Picture({ url }: { url: string | null }) {
  return <span className="picture">{url ? <img src={beside(url)} alt="" width="320" height="240" loading="lazy" /> : <Wheel />}</span>;
}
