-- Products, what lies in store of them, and orders.

CREATE TABLE products (
    id uuid PRIMARY KEY,
    version integer NOT NULL CHECK (version > 0),
    name text NOT NULL,
    description text NOT NULL,
    image_url text,
    price_minor bigint NOT NULL CHECK (price_minor > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- The sum of the movements: they move it, nothing else can. See move_stock().
    stock integer NOT NULL DEFAULT 0 CHECK (stock >= 0),
    -- True once it is sold no longer.
    retired boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE orders (
    id uuid PRIMARY KEY,
    version integer NOT NULL CHECK (version > 0),
    customer_id uuid NOT NULL REFERENCES users,
    status text NOT NULL CHECK (status IN ('pending', 'confirmed', 'shipped', 'delivered', 'cancelled')),
    total_minor bigint NOT NULL CHECK (total_minor > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- Null once the customer is erased.
    delivery_address text,
    -- If it is still pending then, it is cancelled.
    pay_until timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE INDEX orders_of_customer ON orders (customer_id);
-- For the process manager that cancels what stays unpaid.
CREATE INDEX orders_due ON orders (pay_until) WHERE status = 'pending';

CREATE TABLE order_lines (
    order_id uuid NOT NULL REFERENCES orders,
    -- The customer's order: 0, 1, 2…
    place smallint NOT NULL CHECK (place >= 0),
    product_id uuid NOT NULL REFERENCES products,
    quantity integer NOT NULL CHECK (quantity > 0),
    -- Of one, when the order was placed.
    price_minor bigint NOT NULL CHECK (price_minor > 0),
    PRIMARY KEY (order_id, place),
    UNIQUE (order_id, product_id)
);

-- Every coming and going of a product, for ever. One belongs to each version of the product that changed its stock.
CREATE TABLE stock_movements (
    product_id uuid NOT NULL REFERENCES products,
    product_version integer NOT NULL CHECK (product_version > 0),
    kind text NOT NULL CHECK (kind IN ('received', 'reserved', 'released')),
    -- Below zero for what went out.
    quantity integer NOT NULL CHECK ((quantity < 0) = (kind = 'reserved') AND quantity <> 0),
    order_id uuid REFERENCES orders,
    at timestamptz NOT NULL,
    PRIMARY KEY (product_id, product_version),
    CHECK ((order_id IS NULL) = (kind = 'received'))
);

-- An order sets a product aside once, and gives it back once.
CREATE UNIQUE INDEX stock_movements_of_order ON stock_movements (order_id, product_id, kind) WHERE order_id IS NOT NULL;

CREATE FUNCTION move_stock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE products p SET stock = p.stock + m.quantity
    FROM (SELECT product_id, sum(quantity)::integer AS quantity FROM moved GROUP BY product_id) m
    WHERE p.id = m.product_id;
    RETURN NULL;
END $$;
CREATE TRIGGER stock_moved AFTER INSERT ON stock_movements REFERENCING NEW TABLE AS moved
FOR EACH STATEMENT EXECUTE FUNCTION move_stock();

CREATE FUNCTION refuse_a_change_by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE integrity_constraint_violation
        USING MESSAGE = format('%s of %s is the sum of its entries: add one', TG_ARGV[0], TG_TABLE_NAME);
END $$;
CREATE TRIGGER stock_by_hand BEFORE UPDATE OF stock ON products FOR EACH ROW
WHEN (pg_trigger_depth() = 0 AND old.stock <> new.stock) EXECUTE FUNCTION refuse_a_change_by_hand('stock');
CREATE TRIGGER stock_to_begin_with BEFORE INSERT ON products FOR EACH ROW
WHEN (new.stock <> 0) EXECUTE FUNCTION refuse_a_change_by_hand('stock');

CREATE FUNCTION refuse_a_change_of_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE integrity_constraint_violation USING MESSAGE = format('%s is written once: add an entry', TG_TABLE_NAME);
END $$;
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON stock_movements
FOR EACH STATEMENT EXECUTE FUNCTION refuse_a_change_of_history();
