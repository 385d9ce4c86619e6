//! Money: whole minor units (cents, say) of one currency. Sums are checked: nothing overflows, and no two currencies are ever mixed.

use crate::BigInt;
use async_graphql::{InputObject, InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A currency of ISO 4217.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency(iso_currency::Currency);

/// Why a text is no currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a currency code of ISO 4217, such as EUR")]
pub struct UnknownCurrency;

impl Currency {
    /// Reads the alphabetic code; in capitals only, so that each currency has one spelling.
    pub fn parse(code: &str) -> Result<Self, UnknownCurrency> {
        iso_currency::Currency::from_code(code)
            .filter(|currency| currency.code() == code)
            .map(Self)
            .ok_or(UnknownCurrency)
    }

    /// The alphabetic code, such as `EUR`.
    pub fn as_str(self) -> &'static str {
        self.0.code()
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&code).map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[A-Z]{3}$" })
    }
}

/// A currency, by its code in ISO 4217: `EUR`.
#[Scalar(name = "Currency", specified_by_url = "https://www.iso.org/iso-4217-currency-codes.html")]
impl ScalarType for Currency {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(code) => Self::parse(&code).map_err(InputValueError::custom),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.as_str().to_owned())
    }
}

/// An amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, SimpleObject, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[graphql(name = "Money")]
pub struct Money {
    /// In the currency's smallest unit, such as cents. Below zero for what goes out.
    #[serde(with = "amount_text")]
    #[schemars(with = "String")]
    pub amount_minor: BigInt,
    /// Which currency.
    pub currency: Currency,
}

/// An amount of money that is named in an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, InputObject, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[graphql(name = "MoneyInput")]
pub struct MoneyInput {
    /// In the currency's smallest unit, such as cents; at least 1.
    #[serde(with = "amount_text")]
    pub amount_minor: BigInt,
    /// Which currency.
    pub currency: Currency,
}

/// Why amounts cannot be put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// More than 63 bits hold.
    #[error("the amount is too large")]
    Overflow,
    /// Amounts of two currencies.
    #[error("{0} and {1} cannot be put together")]
    OtherCurrency(Currency, Currency),
}

impl Money {
    /// So many minor units.
    pub fn new(amount_minor: i64, currency: Currency) -> Self {
        Self { amount_minor: BigInt(amount_minor), currency }
    }

    /// Nothing of a currency.
    pub fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// Minor units.
    pub fn minor(self) -> i64 {
        self.amount_minor.0
    }

    /// Both amounts together.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::OtherCurrency(self.currency, other.currency));
        }
        let sum = self.minor().checked_add(other.minor()).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(sum, self.currency))
    }

    /// The amount so many times.
    pub fn times(self, count: u32) -> Result<Self, MoneyError> {
        let product = self.minor().checked_mul(i64::from(count)).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(product, self.currency))
    }

    /// The same amount the other way.
    pub fn negated(self) -> Result<Self, MoneyError> {
        let negated = self.minor().checked_neg().ok_or(MoneyError::Overflow)?;
        Ok(Self::new(negated, self.currency))
    }
}

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.minor(), self.currency)
    }
}

/// As a string, as GraphQL has it: JavaScript's numbers end at 53 bits.
mod amount_text {
    use crate::BigInt;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(amount: &BigInt, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&amount.0)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BigInt, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map(BigInt).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur(amount_minor: i64) -> Money {
        Money::new(amount_minor, Currency::parse("EUR").unwrap())
    }

    #[test]
    fn sums_are_checked() {
        assert_eq!(eur(3).plus(eur(4)), Ok(eur(7)));
        assert_eq!(eur(i64::MAX).plus(eur(1)), Err(MoneyError::Overflow));
        assert_eq!(eur(i64::MAX / 2).times(3), Err(MoneyError::Overflow));
        assert_eq!(eur(i64::MIN).negated(), Err(MoneyError::Overflow));
        let chf = Money::zero(Currency::parse("CHF").unwrap());
        assert_eq!(eur(1).plus(chf), Err(MoneyError::OtherCurrency(eur(1).currency, chf.currency)));
    }

    #[test]
    fn a_currency_has_one_spelling() {
        assert_eq!(Currency::parse("EUR").map(Currency::as_str), Ok("EUR"));
        for bad in ["eur", "EURO", "", "XQZ", "E R"] {
            assert_eq!(Currency::parse(bad), Err(UnknownCurrency), "{bad}");
        }
    }

    #[test]
    fn the_largest_amount_keeps_every_digit_in_json() {
        let text = serde_json::to_string(&eur(i64::MAX)).unwrap();
        assert_eq!(text, r#"{"amountMinor":"9223372036854775807","currency":"EUR"}"#);
        assert_eq!(serde_json::from_str::<Money>(&text).unwrap(), eur(i64::MAX));
    }
}
