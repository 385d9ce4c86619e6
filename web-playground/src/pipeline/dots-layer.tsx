import { useEffect, useRef } from 'react';
import { dotsOf, onTheWay, placeOf, type Dot } from './dots.ts';
import type { PipelineEvent } from './sample.ts';

const SVG = 'http://www.w3.org/2000/svg';
const RADIUS = '4.5';

/** Events on their way. They are moved outside of React: sixty times a second is not what it is made for. */
export function Dots({ events, cameAt, projections }: { events: readonly PipelineEvent[]; cameAt: number; projections: readonly string[] }) {
  const layer = useRef<SVGGElement>(null);
  const dots = useRef<Dot[]>([]);
  const names = useRef(projections);
  names.current = projections;

  useEffect(() => {
    // A page that nobody sees draws nothing, and shall not draw it all at once when it is looked at again.
    if (document.hidden) return;
    const now = performance.now();
    dots.current = [...onTheWay(dots.current, now), ...dotsOf(events, now)];
  }, [events, cameAt]);

  useEffect(() => {
    let frame = 0;
    const draw = (now: number) => {
      if (layer.current) place(layer.current, onTheWay(dots.current, now), names.current, now);
      frame = requestAnimationFrame(draw);
    };
    frame = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(frame);
  }, []);

  return <g ref={layer} className="dots" aria-hidden="true" />;
}

function place(layer: SVGGElement, dots: readonly Dot[], names: readonly string[], now: number): void {
  const moving = dots.flatMap((dot) => {
    const point = pointOf(layer, dot, now);
    return point ? [{ dot, point }] : [];
  });
  while (layer.childElementCount < moving.length) layer.append(circle());
  while (layer.childElementCount > moving.length) layer.lastElementChild?.remove();
  moving.forEach(({ dot, point }, index) => {
    const element = layer.children[index];
    element?.setAttribute('cx', String(point.x));
    element?.setAttribute('cy', String(point.y));
    element?.setAttribute('data-shade', String(names.indexOf(dot.event.projection)));
  });
}

function pointOf(layer: SVGGElement, dot: Dot, now: number): DOMPoint | null {
  const place = placeOf(dot, now);
  if (place === null) return null;
  const way = layer.ownerSVGElement?.getElementById(place.way);
  return way instanceof SVGPathElement ? way.getPointAtLength(place.share * way.getTotalLength()) : null;
}

function circle(): Element {
  const element = document.createElementNS(SVG, 'circle');
  element.setAttribute('r', RADIUS);
  element.setAttribute('class', 'shade');
  return element;
}
