//! Lists as Relay connections, one type per kind of node.

use super::comment::Comment;
use super::order::Order;
use super::page::{Page, PageInfo, Paging, Place};
use super::post::Post;
use super::product::Product;
use super::shown::Shown;
use super::user::User;
use super::wallet::Movement;
use async_graphql::Object;

macro_rules! connections {
    ($( $connection:ident, $edge:ident, $node:ident, $plural:literal $(, total: $total:ty, $total_doc:literal)?; )+) => { $(
        #[doc = concat!("A page of ", $plural, ".")]
        #[derive(Debug, Clone)]
        pub struct $connection {
            page: Page<$node>,
            info: PageInfo,
            $( total: $total, )?
        }

        impl $connection {
            /// The page of documents, each as the node that `node` makes of it; those of which it makes none fall away.
            pub fn new<T>(page: Page<T>, paging: &Paging, node: impl FnMut(T) -> Option<$node>) -> Self {
                let info = page.info(paging);
                Self { page: page.filter_map(node), info $(, total: <$total>::default())? }
            }

            $(
                /// With a counter that is kept for this very list.
                pub fn counted(self, total: u32) -> Self {
                    Self { total: <$total>::from(total), ..self }
                }
            )?
        }

        #[doc = concat!("A page of ", $plural, ".")]
        #[Object]
        impl $connection {
            #[doc = concat!("The ", $plural, " with their places in the list.")]
            async fn edges(&self) -> Vec<$edge> {
                let edge = |(place, node): &(Place, $node)| $edge { cursor: place.to_cursor(), node: node.clone() };
                self.page.entries.iter().map(edge).collect()
            }

            #[doc = concat!("The ", $plural, " alone.")]
            async fn nodes(&self) -> Vec<&$node> {
                self.page.entries.iter().map(|(_, node)| node).collect()
            }

            /// Where the page stands in the list.
            async fn page_info(&self) -> &PageInfo {
                &self.info
            }

            $(
                #[doc = $total_doc]
                async fn total_count(&self) -> $total {
                    self.total
                }
            )?
        }

        #[doc = concat!("One of the ", $plural, " on a page.")]
        #[derive(Debug, Clone)]
        pub struct $edge {
            cursor: String,
            node: $node,
        }

        #[doc = concat!("One of the ", $plural, " on a page.")]
        #[Object]
        impl $edge {
            /// Its place in the list, for `after` and `before`.
            async fn cursor(&self) -> &str {
                &self.cursor
            }

            /// The entry itself.
            async fn node(&self) -> &$node {
                &self.node
            }
        }
    )+ };
}

connections! {
    PostConnection, PostEdge, Post, "posts";
    CommentConnection, CommentEdge, Comment, "comments", total: u32, "How many comments there are on all pages.";
    UserConnection, UserEdge, User, "people", total: Option<u32>,
        "How many people there are on all pages; null for a list that nobody counts, such as a search.";
    ProductConnection, ProductEdge, Product, "products";
    OrderConnection, OrderEdge, Order, "orders", total: Option<u32>,
        "How many orders there are on all pages; null for a list that nobody counts.";
    MovementConnection, MovementEdge, Movement, "movements of money";
}

impl UserConnection {
    /// A page without the people who are hidden from its reader.
    pub fn of_shown(shown: Shown<User>, paging: &Paging) -> Self {
        let mut connection = Self::new(shown.page, paging, Some);
        if let Some(place) = shown.goes_on_at {
            let PageInfo { start_cursor, end_cursor, .. } = &mut connection.info;
            *(if paging.from_end { start_cursor } else { end_cursor }) = Some(place.to_cursor());
        }
        connection
    }
}
