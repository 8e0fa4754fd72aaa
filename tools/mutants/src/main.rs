//! Puts many mutants into one build. Each is switched on by its number, so that the crate is compiled once instead of once per
//! mutant.
//!
//! Usage: `mutants SOURCE_ROOT TARGET_ROOT < list.json > left.json`. The list is that of `cargo mutants --list --json`, with a
//! member `id` added to each. The mutated files are written below `TARGET_ROOT`. The output is an object: `unplaced` has the ids that
//! this tool cannot place, such as mutants in constants; `unviable` has those that never compile, which are `||` in a `let` chain.
//!
//! A `const fn` loses its `const`, unless a constant is computed with it.
//!
//! `a == b` becomes `(crate::mutation::active(7) ^ ((a) == (b)))`, and a function's body gets a first statement
//! `if crate::mutation::active(8) { return Default::default(); }`. Comments mark the text of each mutant, by which
//! scripts/lib/crate-mutants.mjs finds out which mutant a compiler error belongs to: `/*<8*/…/*>*/` surrounds the text that only
//! this mutant has, `/*[7,8*/…/*]*/` the expression or body that these mutants change.

// The list is cargo-mutants' own output.
#![allow(clippy::disallowed_methods)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use proc_macro2::{LineColumn, Span};
use serde::{Deserialize, Serialize};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

mod constants;

/// One entry of the list.
#[derive(Deserialize)]
struct Mutant {
    id: u32,
    file: String,
    genre: Genre,
    replacement: String,
    span: Place,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
enum Genre {
    FnValue,
    BinaryOperator,
    UnaryOperator,
    MatchArm,
    MatchArmGuard,
    StructField,
}

#[derive(Deserialize)]
struct Place {
    start: Point,
}

/// Both count from 1, as cargo-mutants counts.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Hash)]
struct Point {
    line: usize,
    column: usize,
}

impl From<LineColumn> for Point {
    fn from(at: LineColumn) -> Self {
        Self { line: at.line, column: at.column.saturating_add(1) }
    }
}

/// Bytes of a source file.
type Range = std::ops::Range<usize>;

/// A piece of the source that mutants change.
struct Site<'a> {
    range: Range,
    change: Change<'a>,
}

enum Change<'a> {
    /// The mutants' values are returned before the body runs.
    Body(Vec<&'a Mutant>),
    Operator {
        left: Range,
        operator: Range,
        right: Range,
        mutants: Vec<&'a Mutant>,
    },
    Unary {
        operand: Range,
        mutant: &'a Mutant,
    },
    /// An empty range before `=>`: the arm gets a guard that is false.
    Arm(&'a Mutant),
    Guard(Vec<&'a Mutant>),
    /// The value of a field, which becomes that of the same field in `base`.
    Field {
        member: &'a syn::Member,
        value: Range,
        base: Range,
        mutant: &'a Mutant,
    },
    /// The `const` of a function is taken out.
    NotConst,
}

#[derive(Serialize)]
struct Left {
    unplaced: Vec<u32>,
    unviable: Vec<u32>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(from), Some(to)) = (arguments.next(), arguments.next()) else {
        return Err("usage: mutants SOURCE_ROOT TARGET_ROOT < list.json".into());
    };
    let list: Vec<Mutant> = serde_json::from_reader(std::io::stdin())?;
    let mut by_file: BTreeMap<&str, Vec<&Mutant>> = BTreeMap::new();
    for mutant in &list {
        by_file.entry(&mutant.file).or_default().push(mutant);
    }
    let folders =
        ["src", "crates/jose/src", "crates/verifier/src"].map(|folder| Path::new(&from).join(folder));
    let used = constants::names_used(&folders, |file| {
        file.strip_prefix(&from)
            .is_ok_and(|file| file.to_str().is_some_and(|file| by_file.contains_key(file)))
    })?;
    let mut left = Left { unplaced: Vec::new(), unviable: Vec::new() };
    for (file, mutants) in by_file {
        let source = std::fs::read_to_string(Path::new(&from).join(file))?;
        let mut sites =
            Sites { by_point: HashMap::new(), found: Vec::new(), unviable: Vec::new(), used: &used };
        for mutant in mutants {
            sites.by_point.entry(mutant.span.start).or_default().push(mutant);
        }
        let syntax = syn::parse_file(&source)?;
        sites.visit_file(&syntax);
        left.unplaced.extend(sites.by_point.values().flatten().map(|mutant| mutant.id));
        left.unviable.extend(sites.unviable);
        let mut found = sites.found;
        // Outer sites before inner ones, an insertion before the expression that begins there.
        found.sort_by_key(|site| {
            (site.range.start, !site.range.is_empty(), std::cmp::Reverse(site.range.end))
        });
        std::fs::write(Path::new(&to).join(file), render(&source, 0..source.len(), &found))?;
    }
    println!("{}", serde_json::to_string(&left)?);
    Ok(())
}

/// Finds the place of each mutant in the syntax tree, and takes it out of `by_point`.
struct Sites<'a> {
    by_point: HashMap<Point, Vec<&'a Mutant>>,
    found: Vec<Site<'a>>,
    unviable: Vec<u32>,
    /// What constants are computed with.
    used: &'a HashSet<String>,
}

impl<'a> Sites<'a> {
    fn take(&mut self, at: Span, genre: Genre) -> Vec<&'a Mutant> {
        let Some(here) = self.by_point.get_mut(&at.start().into()) else { return Vec::new() };
        let (taken, left) = here.iter().partition(|mutant| mutant.genre == genre);
        *here = left;
        taken
    }

    /// Whether the function can be called at run time only, so that it can ask which mutant is active.
    fn at_run_time(&mut self, signature: &syn::Signature) -> bool {
        let Some(token) = signature.constness else { return true };
        if self.used.contains(&signature.ident.to_string()) {
            return false;
        }
        self.found.push(Site { range: token.span().byte_range(), change: Change::NotConst });
        true
    }

    fn body(&mut self, block: &syn::Block) {
        let (Some(first), Some(last)) = (block.stmts.first(), block.stmts.last()) else { return };
        let mutants = self.take(first.span(), Genre::FnValue);
        if !mutants.is_empty() {
            let range = first.span().byte_range().start..last.span().byte_range().end;
            self.found.push(Site { range, change: Change::Body(mutants) });
        }
    }
}

impl<'a> Visit<'a> for Sites<'a> {
    // Constants are computed by the compiler, before a mutant can be switched on.
    fn visit_item_const(&mut self, _: &'a syn::ItemConst) {}
    fn visit_item_static(&mut self, _: &'a syn::ItemStatic) {}
    fn visit_impl_item_const(&mut self, _: &'a syn::ImplItemConst) {}
    fn visit_type(&mut self, _: &'a syn::Type) {}
    fn visit_variant(&mut self, _: &'a syn::Variant) {}

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        if self.at_run_time(&item.sig) {
            self.body(&item.block);
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        if self.at_run_time(&item.sig) {
            self.body(&item.block);
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.body(block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_expr_binary(&mut self, expression: &'a syn::ExprBinary) {
        let mutants = self.take(expression.op.span(), Genre::BinaryOperator);
        if has_let(&expression.left) || has_let(&expression.right) {
            self.unviable.extend(mutants.iter().map(|mutant| mutant.id));
        } else if !mutants.is_empty() {
            let (left, right) = (expression.left.span().byte_range(), expression.right.span().byte_range());
            let operator = expression.op.span().byte_range();
            self.found.push(Site {
                range: left.start..right.end,
                change: Change::Operator { left, operator, right, mutants },
            });
        }
        visit::visit_expr_binary(self, expression);
    }

    fn visit_expr_unary(&mut self, expression: &'a syn::ExprUnary) {
        if let Some(mutant) = self.take(expression.op.span(), Genre::UnaryOperator).first() {
            let operand = expression.expr.span().byte_range();
            let start = expression.op.span().byte_range().start;
            self.found.push(Site { range: start..operand.end, change: Change::Unary { operand, mutant } });
        }
        visit::visit_expr_unary(self, expression);
    }

    fn visit_expr_struct(&mut self, expression: &'a syn::ExprStruct) {
        if let Some(base) = &expression.rest {
            for field in &expression.fields {
                if let Some(mutant) = self.take(field.span(), Genre::StructField).first() {
                    let value = field.expr.span().byte_range();
                    let range = field.span().byte_range();
                    let base = base.span().byte_range();
                    let change = Change::Field { member: &field.member, value, base, mutant };
                    self.found.push(Site { range, change });
                }
            }
        }
        visit::visit_expr_struct(self, expression);
    }

    fn visit_expr_match(&mut self, expression: &'a syn::ExprMatch) {
        // cargo-mutants takes `_ if …` for an arm that catches all, but the compiler does not.
        let catches_all = |arm: &syn::Arm| matches!(arm.pat, syn::Pat::Wild(_)) && arm.guard.is_none();
        if expression.arms.iter().any(catches_all) {
            for arm in &expression.arms {
                if let Some(mutant) = self.take(arm.span(), Genre::MatchArm).first() {
                    let at = arm.fat_arrow_token.span().byte_range().start;
                    self.found.push(Site { range: at..at, change: Change::Arm(mutant) });
                }
            }
        }
        visit::visit_expr_match(self, expression);
    }

    fn visit_arm(&mut self, arm: &'a syn::Arm) {
        if let Some((_, guard)) = &arm.guard {
            let mutants = self.take(guard.span(), Genre::MatchArmGuard);
            if !mutants.is_empty() {
                self.found.push(Site { range: guard.span().byte_range(), change: Change::Guard(mutants) });
            }
        }
        visit::visit_arm(self, arm);
    }
}

/// Whether the expression is a `let` of a chain, which cannot stand in parentheses.
fn has_let(expression: &syn::Expr) -> bool {
    match expression {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

/// The source text of the range with the sites in it changed. The sites are sorted, and each is inside or outside of another.
fn render(source: &str, range: Range, sites: &[Site]) -> String {
    let mut output = String::new();
    let mut at = range.start;
    let mut rest = sites;
    while let Some((site, after)) = rest.split_first() {
        rest = after;
        if site.range.start < at || site.range.start < range.start {
            continue;
        }
        if site.range.end > range.end || site.range.start >= range.end && !site.range.is_empty() {
            continue;
        }
        output.push_str(source.get(at..site.range.start).unwrap_or_default());
        output.push_str(&changed(source, site, after));
        at = site.range.end;
    }
    output.push_str(source.get(at..range.end).unwrap_or_default());
    output
}

/// `inner` are the sites that begin after this one in the sorted order; those outside of its ranges are passed over.
fn changed(source: &str, site: &Site, inner: &[Site]) -> String {
    let part = |range: &Range| render(source, range.clone(), inner);
    match &site.change {
        Change::Body(mutants) => {
            let mut text = opening(mutants);
            for mutant in mutants {
                let _ =
                    write!(text, "if {} {{ return {}; }} ", active(mutant), own(mutant, &mutant.replacement));
            }
            text + &part(&site.range) + "/*]*/"
        }
        Change::Operator { left, operator, right, mutants } => {
            let (left, right) = (part(left), part(right));
            let original = source.get(operator.clone()).unwrap_or_default();
            let text = match (original, mutants.as_slice()) {
                // Not both operands false: the other operator.
                ("&&", [mutant]) if mutant.replacement.trim() == "||" => {
                    format!("({0} ^ (({0} ^ ({left})) && ({0} ^ ({right}))))", active(mutant))
                }
                ("||", [mutant]) if mutant.replacement.trim() == "&&" => {
                    format!("({0} ^ (({0} ^ ({left})) || ({0} ^ ({right}))))", active(mutant))
                }
                ("==" | "!=", [mutant]) => format!("({} ^ (({left}) {original} ({right})))", active(mutant)),
                _ => {
                    let mut text = "(".to_owned();
                    for mutant in mutants {
                        let body = format!("({left}) {} ({right})", mutant.replacement.trim());
                        let _ = write!(text, "if {} {{ {} }} else ", active(mutant), own(mutant, &body));
                    }
                    text + &format!("{{ ({left}) {original} ({right}) }})")
                }
            };
            opening(mutants) + &text + "/*]*/"
        }
        Change::Unary { operand, mutant } => {
            let operator = source.get(site.range.start..operand.start).unwrap_or_default();
            let operand = part(operand);
            let without = own(mutant, &format!("({operand})"));
            format!(
                "{}(if {} {{ {without} }} else {{ {operator}({operand}) }})/*]*/",
                opening(&[mutant]),
                active(mutant)
            )
        }
        Change::Field { member, value, base, mutant } => {
            let member = source.get(member.span().byte_range()).unwrap_or_default();
            let base = source.get(base.clone()).unwrap_or_default();
            let other = own(mutant, &format!("({base}).{member}"));
            format!(
                "{}{member}: if {} {{ {other} }} else {{ {} }}/*]*/",
                opening(&[mutant]),
                active(mutant),
                part(value)
            )
        }
        Change::NotConst => String::new(),
        Change::Arm(mutant) => format!("{}if !{} /*]*/", opening(&[mutant]), active(mutant)),
        Change::Guard(mutants) => {
            let mut text = format!("({})", part(&site.range));
            for mutant in mutants {
                text = match mutant.replacement.trim() {
                    "true" => format!("({} || {text})", active(mutant)),
                    _ => format!("(!{} && {text})", active(mutant)),
                };
            }
            opening(mutants) + &text + "/*]*/"
        }
    }
}

fn active(mutant: &Mutant) -> String {
    format!("crate::mutation::active({})", mutant.id)
}

fn own(mutant: &Mutant, text: &str) -> String {
    format!("/*<{}*/{text}/*>*/", mutant.id)
}

fn opening(mutants: &[&Mutant]) -> String {
    let ids: Vec<String> = mutants.iter().map(|mutant| mutant.id.to_string()).collect();
    format!("/*[{}*/", ids.join(","))
}
