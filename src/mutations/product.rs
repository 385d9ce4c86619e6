//! Products and what is in store of them.

use super::entry::mutations;
use millrace_command::product::{CreateProduct, RestockProduct, RetireProduct, UpdateProduct};
use millrace_read::graphql::Product;

mutations! {
    ProductMutations:

    /// Brings a product into the shop. For staff.
    create_product(CreateProduct) -> CreateProductPayload {
        show {
            /// The new product.
            product: Product,
        }
    }

    /// Describes a product anew. What is not given stays as it is. For staff.
    update_product(UpdateProduct) -> UpdateProductPayload {
        show {
            /// The product, changed.
            product: Product,
        }
    }

    /// Puts more of a product in store. For staff.
    restock_product(RestockProduct) -> RestockProductPayload {
        show {
            /// The product, with what came in.
            product: Product,
        }
    }

    /// Takes a product out of the shop. For staff.
    retire_product(RetireProduct) -> RetireProductPayload {
        show {
            /// The product, sold no longer.
            product: Product,
        }
    }
}
