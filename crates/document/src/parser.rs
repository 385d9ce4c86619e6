//! From tokens to an outline. Strict where another reading of the text would have another shape, lenient where the shape is the same:
//! async-graphql's own parser comes after us.

use crate::Steps;
use crate::lexer::{Lexer, Token};
use crate::limits::Limits;
use crate::outline::{Argument, Fragment, Item, Kind, Operation, Outline, Selection};
use crate::refusal::{Limit, Refusal};
use std::ops::Range;

type Parsed<T> = Result<T, Refusal>;

pub(crate) fn parse<'a>(text: &'a str, limits: &Limits, steps: &mut Steps) -> Parsed<Outline<'a>> {
    let lexer = Lexer::new(text);
    let mut parser =
        Parser { lexer, next: None, limits, steps, counts: Counts::default(), outline: Outline::default() };
    parser.advance()?;
    while parser.next.is_some() {
        parser.definition()?;
    }
    if parser.outline.operations.is_empty() { Err(parser.refusal()) } else { Ok(parser.outline) }
}

#[derive(Debug, Default)]
struct Counts {
    tokens: usize,
    nesting: usize,
    aliases: usize,
    directives: usize,
}

/// Where a selection stands.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    depth: usize,
    lists: usize,
    of_schema: bool,
}

struct Parser<'a, 'b> {
    lexer: Lexer<'a>,
    next: Option<Token<'a>>,
    limits: &'b Limits,
    steps: &'b mut Steps,
    counts: Counts,
    outline: Outline<'a>,
}

impl<'a> Parser<'a, '_> {
    fn refusal(&self) -> Refusal {
        Refusal::Syntax { offset: self.lexer.offset() }
    }

    /// Takes the token that is next.
    fn advance(&mut self) -> Parsed<Option<Token<'a>>> {
        let following = self.lexer.next(self.steps)?;
        if following.is_some() {
            self.counts.tokens += 1;
            self.limits.check(Limit::Tokens, self.counts.tokens)?;
        }
        Ok(std::mem::replace(&mut self.next, following))
    }

    fn is_next(&self, sign: u8) -> bool {
        self.next == Some(Token::Sign(sign))
    }

    fn take(&mut self, sign: u8) -> Parsed<bool> {
        let is_next = self.is_next(sign);
        if is_next {
            self.advance()?;
        }
        Ok(is_next)
    }

    fn expect(&mut self, sign: u8) -> Parsed<()> {
        if self.take(sign)? { Ok(()) } else { Err(self.refusal()) }
    }

    fn name(&mut self) -> Parsed<&'a str> {
        match self.advance()? {
            Some(Token::Name(name)) => Ok(name),
            _ => Err(self.refusal()),
        }
    }

    fn name_if_next(&mut self) -> Parsed<Option<&'a str>> {
        if matches!(self.next, Some(Token::Name(_))) { self.name().map(Some) } else { Ok(None) }
    }

    fn open(&mut self, sign: u8) -> Parsed<()> {
        self.counts.nesting += 1;
        self.limits.check(Limit::Nesting, self.counts.nesting)?;
        self.expect(sign)
    }

    fn close(&mut self, sign: u8) -> Parsed<()> {
        self.counts.nesting -= 1;
        self.expect(sign)
    }

    fn definition(&mut self) -> Parsed<()> {
        if self.is_next(b'{') {
            return self.operation(Kind::Query, true);
        }
        match self.name()? {
            "query" => self.operation(Kind::Query, false),
            "mutation" => self.operation(Kind::Mutation, false),
            "subscription" => self.operation(Kind::Subscription, false),
            "fragment" => self.fragment(),
            _ => Err(self.refusal()),
        }
    }

    fn operation(&mut self, kind: Kind, is_short: bool) -> Parsed<()> {
        let mut operation = Operation { kind, name: None, variables: vec![], items: 0..0 };
        if !is_short {
            operation.name = self.name_if_next()?;
            operation.variables = self.variables()?;
            self.directives()?;
        }
        operation.items = self.selection_set(Place::default())?;
        self.outline.operations.push(operation);
        self.limits.check(Limit::Operations, self.outline.operations.len())
    }

    fn fragment(&mut self) -> Parsed<()> {
        let name = self.name()?;
        if name == "on" || self.name()? != "on" {
            return Err(self.refusal());
        }
        let on = self.name()?;
        self.directives()?;
        let items = self.selection_set(Place::default())?;
        self.outline.fragments.push(Fragment { name, on, items });
        self.limits.check(Limit::Fragments, self.outline.fragments.len())
    }

    fn variables(&mut self) -> Parsed<Vec<(&'a str, Argument<'a>)>> {
        let mut variables = vec![];
        if !self.is_next(b'(') {
            return Ok(variables);
        }
        self.open(b'(')?;
        while !self.is_next(b')') {
            self.expect(b'$')?;
            let name = self.name()?;
            self.expect(b':')?;
            self.type_name()?;
            self.directives()?;
            let default = if self.take(b'=')? { self.value()? } else { Argument::Other };
            self.directives()?;
            variables.push((name, default));
            self.limits.check(Limit::Variables, variables.len())?;
        }
        self.close(b')')?;
        Ok(variables)
    }

    fn type_name(&mut self) -> Parsed<()> {
        if self.is_next(b'[') {
            self.open(b'[')?;
            self.type_name()?;
            self.close(b']')?;
        } else {
            self.name()?;
        }
        self.take(b'!').map(|_| ())
    }

    fn directives(&mut self) -> Parsed<()> {
        while self.take(b'@')? {
            self.counts.directives += 1;
            self.limits.check(Limit::Directives, self.counts.directives)?;
            self.name()?;
            let arguments = self.arguments()?;
            self.outline.arguments.truncate(arguments.start);
        }
        Ok(())
    }

    fn selection_set(&mut self, place: Place) -> Parsed<Range<usize>> {
        let start = self.outline.items.len();
        self.open(b'{')?;
        while !self.is_next(b'}') {
            self.selection(place)?;
        }
        self.close(b'}')?;
        Ok(start..self.outline.items.len())
    }

    fn selection(&mut self, place: Place) -> Parsed<()> {
        match self.advance()? {
            Some(Token::Spread) => self.fragment_here(place),
            Some(Token::Name(name)) => self.field(name, place),
            _ => Err(self.refusal()),
        }
    }

    fn field(&mut self, first_name: &'a str, place: Place) -> Parsed<()> {
        let name = if self.take(b':')? {
            self.counts.aliases += 1;
            self.limits.check(Limit::Aliases, self.counts.aliases)?;
            self.name()?
        } else {
            first_name
        };
        let arguments = self.arguments()?;
        self.directives()?;
        let selection = Selection::Field { name, arguments };
        let within = Place {
            depth: place.depth + 1,
            lists: place.lists + usize::from(selection.is_list_of_schema()),
            of_schema: place.of_schema || selection.begins_schema(),
        };
        self.push(selection, place, within)
    }

    /// What follows `...`.
    fn fragment_here(&mut self, place: Place) -> Parsed<()> {
        let selection = match self.name_if_next()? {
            Some("on") => Selection::Inline { on: Some(self.name()?) },
            Some(name) => Selection::Spread { name },
            None => Selection::Inline { on: None },
        };
        self.directives()?;
        if !matches!(selection, Selection::Spread { .. }) && !self.is_next(b'{') {
            return Err(self.refusal());
        }
        if matches!(selection, Selection::Spread { .. }) && self.is_next(b'{') {
            return Err(self.refusal());
        }
        self.push(selection, place, place)
    }

    /// Notes a selection, and reads those within it.
    fn push(&mut self, selection: Selection<'a>, place: Place, within: Place) -> Parsed<()> {
        self.steps.take(1);
        let index = self.outline.items.len();
        let Place { depth, lists, of_schema } = place;
        self.outline.items.push(Item { selection, depth, lists, of_schema, end: index + 1 });
        if self.is_next(b'{') {
            self.outline.items[index].end = self.selection_set(within)?.end;
        }
        Ok(())
    }

    fn arguments(&mut self) -> Parsed<Range<usize>> {
        let start = self.outline.arguments.len();
        if !self.is_next(b'(') {
            return Ok(start..start);
        }
        self.open(b'(')?;
        while !self.is_next(b')') {
            let argument = self.named_value()?;
            self.outline.arguments.push(argument);
        }
        self.close(b')')?;
        Ok(start..self.outline.arguments.len())
    }

    fn named_value(&mut self) -> Parsed<(&'a str, Argument<'a>)> {
        let name = self.name()?;
        self.expect(b':')?;
        Ok((name, self.value()?))
    }

    fn value(&mut self) -> Parsed<Argument<'a>> {
        match self.next {
            Some(Token::Sign(b'[')) => return self.list(),
            Some(Token::Sign(b'{')) => return self.object(),
            _ => {}
        }
        match self.advance()? {
            Some(Token::Sign(b'$')) => self.name().map(Argument::Variable),
            Some(Token::Int(number)) => Ok(Argument::Int(number)),
            Some(Token::Float | Token::Text | Token::Name(_)) => Ok(Argument::Other),
            _ => Err(self.refusal()),
        }
    }

    fn list(&mut self) -> Parsed<Argument<'a>> {
        self.open(b'[')?;
        let mut count = 0;
        while !self.is_next(b']') {
            self.value()?;
            count += 1;
            self.limits.check(Limit::ListItems, count)?;
        }
        self.close(b']')?;
        Ok(Argument::List(count))
    }

    fn object(&mut self) -> Parsed<Argument<'a>> {
        self.open(b'{')?;
        while !self.is_next(b'}') {
            self.named_value()?;
        }
        self.close(b'}')?;
        Ok(Argument::Other)
    }
}
