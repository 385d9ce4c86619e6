import { QUANTITY_MAX } from '../basket.ts';

interface QuantityProps {
  name: string;
  quantity: number;
  onChange: (quantity: number) => void;
}

/** How many of a product: with buttons, because fingers are larger than a number field's arrows. */
export function Quantity({ name, quantity, onChange }: QuantityProps) {
  return (
    <span className="quantity" role="group" aria-label={`How many of ${name}`}>
      <button type="button" aria-label="One fewer" disabled={quantity <= 1} onClick={() => onChange(quantity - 1)}>
        −
      </button>
      <output>{quantity}</output>
      <button type="button" aria-label="One more" disabled={quantity >= QUANTITY_MAX} onClick={() => onChange(quantity + 1)}>
        +
      </button>
    </span>
  );
}
