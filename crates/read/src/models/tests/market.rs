//! A shop that only ever does what a command could have done, and the log of it.

use super::{Log, REASON, at};
use millrace_events::order::{CancelledBy, OrderCancelled, OrderPaid, OrderPlaced, OrderSent, OrderedLine, Refund};
use millrace_events::product::{ProductCreated, ProductDescription, ProductRestocked, ProductRetired};
use millrace_events::product::{ProductUpdated, StockMoved};
use millrace_events::user::UserErased;
use millrace_events::wallet::{MovementCause, TopUpDeclined, TopUpRequested, WalletMoved, WalletOpened};
use millrace_events::{
    Currency, Date, ErasureId, Event, Money, OrderId, Personal, ProductId, Timestamp, TopUpId, TransactionId, UserId,
    WalletId,
};
use std::collections::{BTreeMap, BTreeSet};
use time::macros::date;
use uuid::Uuid;

const CURRENCIES: [&str; 2] = ["EUR", "USD"];
const FIRST_ID: u128 = 0x0190_0000_0000_7000_8000_0000_0002_0000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Pending,
    Confirmed,
    Shipped,
    Delivered,
    Cancelled,
}

#[derive(Debug)]
pub struct Offer {
    id: ProductId,
    description: ProductDescription,
    stock: u32,
    retired: bool,
}

#[derive(Debug)]
pub struct Bought {
    pub customer: UserId,
    pub status: Status,
    id: OrderId,
    lines: Vec<OrderedLine>,
    total: Money,
}

#[derive(Debug)]
pub struct Purse {
    id: WalletId,
    currency: Currency,
    balance: i64,
    asked: Vec<(TopUpId, i64)>,
}

/// What the commands' own tables would have.
#[derive(Debug, Default)]
pub struct Market {
    pub log: Log,
    pub erased: BTreeSet<UserId>,
    pub offers: Vec<Offer>,
    pub orders: Vec<Bought>,
    purses: BTreeMap<(UserId, Currency), Purse>,
    ids: u128,
}

/// What moves money into a wallet, or out of it.
struct Moving {
    cause: MovementCause,
    minor: i64,
    transaction_id: TransactionId,
    order_id: Option<OrderId>,
    top_up_id: Option<TopUpId>,
    other: Option<UserId>,
    note: Option<Personal<String>>,
}

impl Moving {
    fn new(cause: MovementCause, minor: i64, transaction_id: TransactionId) -> Self {
        Self { cause, minor, transaction_id, order_id: None, top_up_id: None, other: None, note: None }
    }
}

pub fn currency(n: u8) -> Currency {
    Currency::parse(CURRENCIES[usize::from(n) % CURRENCIES.len()]).unwrap()
}

impl Market {
    fn fresh(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(FIRST_ID + self.ids)
    }

    fn now(&self) -> Timestamp {
        at(i64::try_from(self.log.events.len()).unwrap())
    }

    pub fn create(&mut self, staff: UserId, stock: u32, price: Money) {
        let id = ProductId(self.fresh());
        let name = format!("Product {}", self.ids);
        let description = ProductDescription { name, text: "Of oak.".into(), image_url: None, price };
        let created = ProductCreated { product_id: id, description: description.clone(), stock };
        self.offers.push(Offer { id, description, stock, retired: false });
        self.log.command(Some(staff), vec![Event::ProductCreated(created)]);
    }

    pub fn update(&mut self, staff: UserId, offer: usize, minor: i64) -> Option<()> {
        let text = format!("As of {}.", self.log.events.len());
        let offer = self.offers.get_mut(offer).filter(|offer| !offer.retired)?;
        let price = Money::new(minor, offer.description.price.currency);
        let image_url = (minor % 2 == 0).then(|| "https://millrace.example/oak.png".to_owned());
        offer.description = ProductDescription { text, price, image_url, ..offer.description.clone() };
        let (product_id, description) = (offer.id, offer.description.clone());
        self.log.command(Some(staff), vec![Event::ProductUpdated(ProductUpdated { product_id, description })]);
        Some(())
    }

    pub fn restock(&mut self, staff: UserId, offer: usize, quantity: u32) -> Option<()> {
        let offer = self.offers.get_mut(offer).filter(|offer| !offer.retired)?;
        offer.stock += quantity;
        let restocked = ProductRestocked { product_id: offer.id, quantity, stock: offer.stock };
        self.log.command(Some(staff), vec![Event::ProductRestocked(restocked)]);
        Some(())
    }

    pub fn retire(&mut self, staff: UserId, offer: usize) -> Option<()> {
        let offer = self.offers.get_mut(offer).filter(|offer| !offer.retired)?;
        offer.retired = true;
        let product_id = offer.id;
        self.log.command(Some(staff), vec![Event::ProductRetired(ProductRetired { product_id })]);
        Some(())
    }

    /// What can be had of what is wanted, in one currency; nothing if that is nothing.
    pub fn place(&mut self, customer: UserId, wanted: &[(usize, u32)], skew_s: i64) -> Option<()> {
        let lines = self.take_out(wanted);
        let first = lines.first()?;
        let minor = lines.iter().map(|line| line.price.minor() * i64::from(line.quantity)).sum();
        let (id, total) = (OrderId(self.fresh()), Money::new(minor, first.price.currency));
        let personal = |text: &str| Personal::known(customer, text.to_owned());
        let placed = Event::OrderPlaced(OrderPlaced {
            order_id: id,
            customer_id: customer,
            customer_name: personal("Ada Test"),
            customer_email: personal("ada@millrace.example"),
            delivery_address: personal("Mill Lane 1"),
            lines: lines.clone(),
            total,
            estimated_delivery: Date(date!(2026 - 11 - 30)),
            pay_until: at(900),
        });
        let reserved = lines.iter().map(|line| Event::StockReserved(self.moved(id, line)));
        let events = [placed].into_iter().chain(reserved).collect();
        self.orders.push(Bought { customer, status: Status::Pending, id, lines, total });
        self.log.skewed(skew_s).command(Some(customer), events);
        Some(())
    }

    fn take_out(&mut self, wanted: &[(usize, u32)]) -> Vec<OrderedLine> {
        let mut lines = Vec::<OrderedLine>::new();
        for (offer, quantity) in wanted {
            let Some(offer) = self.offers.get_mut(*offer) else { continue };
            let price = offer.description.price;
            let is_same = |line: &OrderedLine| line.price.currency == price.currency && line.product_id != offer.id;
            if offer.retired || offer.stock < *quantity || !lines.iter().all(is_same) {
                continue;
            }
            offer.stock -= quantity;
            lines.push(OrderedLine {
                product_id: offer.id,
                product_name: offer.description.name.clone(),
                product_image: offer.description.image_url.clone(),
                quantity: *quantity,
                price,
            });
        }
        lines
    }

    fn moved(&self, order_id: OrderId, line: &OrderedLine) -> StockMoved {
        let offer = self.offers.iter().find(|offer| offer.id == line.product_id).unwrap();
        StockMoved { product_id: offer.id, order_id, quantity: line.quantity, stock: offer.stock }
    }

    pub fn pay(&mut self, order: usize) -> Option<()> {
        let order = self.orders.get_mut(order).filter(|order| order.status == Status::Pending)?;
        let (order_id, customer_id, amount) = (order.id, order.customer, order.total);
        let purse = self.purses.get(&(customer_id, amount.currency))?;
        if purse.balance < amount.minor() {
            return None;
        }
        order.status = Status::Confirmed;
        let transaction_id = TransactionId(self.fresh());
        let moving = Moving::new(MovementCause::Payment, -amount.minor(), transaction_id);
        let moved = self.move_money((customer_id, amount.currency), Moving { order_id: Some(order_id), ..moving });
        let estimated_delivery = Date(date!(2026 - 12 - 02));
        let paid = OrderPaid { order_id, customer_id, transaction_id, amount, estimated_delivery };
        self.log.command(Some(customer_id), vec![moved, Event::OrderPaid(paid)]);
        Some(())
    }

    pub fn send(&mut self, staff: UserId, order: usize) -> Option<()> {
        let order = self.orders.get_mut(order)?;
        let sent = OrderSent { order_id: order.id, customer_id: order.customer };
        let event = match order.status {
            Status::Confirmed => Event::OrderShipped(sent),
            Status::Shipped => Event::OrderDelivered(sent),
            Status::Pending | Status::Delivered | Status::Cancelled => return None,
        };
        order.status = if order.status == Status::Confirmed { Status::Shipped } else { Status::Delivered };
        self.log.command(Some(staff), vec![event]);
        Some(())
    }

    /// By this person, or because its time is over.
    pub fn cancel(&mut self, order: usize, sender: Option<UserId>, has_reason: bool) -> Option<()> {
        let order = self.orders.get_mut(order)?;
        let was = std::mem::replace(&mut order.status, Status::Cancelled);
        if !matches!(was, Status::Pending | Status::Confirmed) || sender.is_none() && was != Status::Pending {
            order.status = was;
            return None;
        }
        let (order_id, customer_id, total, lines) = (order.id, order.customer, order.total, order.lines.clone());
        let by = match sender {
            None => CancelledBy::Expiry,
            Some(sender) if sender == customer_id => CancelledBy::Customer,
            Some(_) => CancelledBy::Staff,
        };
        let reason = sender.filter(|_| has_reason).map(|sender| Personal::known(sender, REASON.to_owned()));
        let mut events = Vec::new();
        let refund = (was == Status::Confirmed).then(|| {
            let transaction_id = TransactionId(self.fresh());
            let moving = Moving::new(MovementCause::Refund, total.minor(), transaction_id);
            events.push(self.move_money((customer_id, total.currency), Moving { order_id: Some(order_id), ..moving }));
            Refund { transaction_id, amount: total }
        });
        events.push(Event::OrderCancelled(OrderCancelled { order_id, customer_id, by, reason, refund }));
        for line in &lines {
            let offer = self.offers.iter_mut().find(|offer| offer.id == line.product_id).unwrap();
            offer.stock += line.quantity;
            events.push(Event::StockReleased(self.moved(order_id, line)));
        }
        self.log.command(sender, events);
        Some(())
    }

    pub fn ask_for_money(&mut self, owner: UserId, currency: Currency, minor: i64) {
        let mut events: Vec<Event> = self.open((owner, currency)).into_iter().collect();
        let top_up_id = TopUpId(self.fresh());
        let purse = self.purses.get_mut(&(owner, currency)).unwrap();
        purse.asked.push((top_up_id, minor));
        let (wallet_id, amount) = (purse.id, Money::new(minor, currency));
        events.push(Event::TopUpRequested(TopUpRequested { wallet_id, user_id: owner, top_up_id, amount }));
        self.log.command(Some(owner), events);
    }

    /// The provider says what became of the money that was asked for first.
    pub fn end_top_up(&mut self, owner: UserId, currency: Currency, succeeds: bool) -> Option<()> {
        let purse = self.purses.get_mut(&(owner, currency)).filter(|purse| !purse.asked.is_empty())?;
        let ((top_up_id, minor), wallet_id) = (purse.asked.remove(0), purse.id);
        let event = if succeeds {
            let moving = Moving::new(MovementCause::TopUp, minor, TransactionId(self.fresh()));
            self.move_money((owner, currency), Moving { top_up_id: Some(top_up_id), ..moving })
        } else {
            Event::TopUpDeclined(TopUpDeclined { wallet_id, user_id: owner, top_up_id })
        };
        self.log.command(None, vec![event]);
        Some(())
    }

    pub fn transfer(&mut self, sender: UserId, to: UserId, money: Money, has_note: bool) -> Option<()> {
        let purse = self.purses.get(&(sender, money.currency))?;
        if sender == to || purse.balance < money.minor() {
            return None;
        }
        let mut events: Vec<Event> = self.open((to, money.currency)).into_iter().collect();
        let transaction_id = TransactionId(self.fresh());
        let note = has_note.then(|| Personal::known(sender, "For the weir.".to_owned()));
        let moving = |cause, minor, other| Moving {
            other: Some(other),
            note: note.clone(),
            ..Moving::new(cause, minor, transaction_id)
        };
        let sent = moving(MovementCause::TransferSent, -money.minor(), to);
        events.push(self.move_money((sender, money.currency), sent));
        let received = moving(MovementCause::TransferReceived, money.minor(), sender);
        events.push(self.move_money((to, money.currency), received));
        self.log.command(Some(sender), events);
        Some(())
    }

    pub fn erase(&mut self, user_id: UserId) {
        self.erased.insert(user_id);
        let erased = UserErased { user_id, erasure_id: ErasureId(self.fresh()), issued_until: self.now() };
        self.log.command(Some(user_id), vec![Event::UserErased(erased)]);
    }

    fn open(&mut self, (owner, currency): (UserId, Currency)) -> Option<Event> {
        if self.purses.contains_key(&(owner, currency)) {
            return None;
        }
        let id = WalletId(self.fresh());
        self.purses.insert((owner, currency), Purse { id, currency, balance: 0, asked: vec![] });
        Some(Event::WalletOpened(WalletOpened { wallet_id: id, user_id: owner, currency }))
    }

    fn move_money(&mut self, whose: (UserId, Currency), moving: Moving) -> Event {
        let moved_at = self.now();
        let purse = self.purses.get_mut(&whose).unwrap();
        purse.balance += moving.minor;
        Event::WalletMoved(WalletMoved {
            wallet_id: purse.id,
            user_id: whose.0,
            transaction_id: moving.transaction_id,
            moved_at,
            cause: moving.cause,
            amount: Money::new(moving.minor, purse.currency),
            balance: Money::new(purse.balance, purse.currency),
            order_id: moving.order_id,
            top_up_id: moving.top_up_id,
            other_user_id: moving.other,
            note: moving.note,
        })
    }
}
