/** The shop's mark: a water wheel. */
export function Wheel() {
  return (
    <svg className="wheel" viewBox="0 0 32 32" aria-hidden="true">
      <circle cx="16" cy="16" r="10" />
      <path d="M16 2v28M2 16h28M6 6l20 20M26 6L6 26" />
      <circle className="hub" cx="16" cy="16" r="3.5" />
    </svg>
  );
}
