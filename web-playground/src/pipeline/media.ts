import { useLayoutEffect, useRef, useState, useSyncExternalStore, type RefObject } from 'react';

/** Whether a media query holds, also when that changes. */
export function useMedia(query: string): boolean {
  const list = window.matchMedia(query);
  const onChange = (listener: () => void) => {
    list.addEventListener('change', listener);
    return () => list.removeEventListener('change', listener);
  };
  return useSyncExternalStore(onChange, () => list.matches);
}

/** Whoever asks the system for less motion. */
export const LESS_MOTION = '(prefers-reduced-motion: reduce)';
export const DARK = '(prefers-color-scheme: dark)';

/** The width that an element has, 0 before it is laid out. */
export function useWidth<T extends Element>(): [RefObject<T | null>, number] {
  const element = useRef<T>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (!element.current) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}
