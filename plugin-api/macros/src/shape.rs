//! The shape of a fop that is written as an `async fn`: one that waits for nothing, and one that awaits its child as
//! the last it does, need no future; one that begins with guards (`if self.is_off() { return child.fop(args).await; }`)
//! needs it only behind them.
//!
//! Only what cannot change the meaning is taken: a binding that is alive while the child works might be a guard, and
//! arguments that are taken apart cannot be passed on where they lie, so with such the fop stays an `async fn`.

use proc_macro2::{TokenStream as Tokens, TokenTree};
use quote::{ToTokens, quote};
use syn::visit::Visit;
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Expr, FnArg, Ident, ImplItemFn, Member, Pat, Stmt, parse_quote};

/// How a fop is entered.
pub(crate) enum Shape {
    /// It has a future.
    Later,
    /// It awaits nothing.
    Plain,
    /// It awaits its child last, or answers before: the body with a `Pass` in place of the answer.
    Passing(Block),
    /// It has a future behind guards that pass on or answer: the guards, which end in `None`, and the rest of the body.
    Guarded(Block, Block),
}

/// The shape of an `async fn`.
pub(crate) fn of(method: &ImplItemFn) -> Shape {
    let hides = hides(&method.block);
    if !hides && !awaits(&method.block) {
        return Shape::Plain;
    }
    let (Some(frame), Some(args)) = (parameter(method, 1), parameter(method, 2)) else { return Shape::Later };
    let passing = Passing { frame, args, fop: method.sig.ident.clone() };
    let mut body = method.block.clone();
    if !hides && passing.block(&mut body) && passing.looks(&mut body) {
        return Shape::Passing(body);
    }
    passing.guarded(&method.block).unwrap_or(Shape::Later)
}

/// The name of a parameter.
pub(crate) fn parameter(method: &ImplItemFn, at: usize) -> Option<Ident> {
    match method.sig.inputs.iter().nth(at)? {
        FnArg::Typed(typed) => match &*typed.pat {
            Pat::Ident(name) => Some(name.ident.clone()),
            _ => None,
        },
        FnArg::Receiver(_) => None,
    }
}

/// Macros whose expansion neither awaits nor returns.
const KNOWN: [&str; 16] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "debug",
    "debug_assert",
    "error",
    "format",
    "info",
    "matches",
    "panic",
    "trace",
    "unreachable",
    "vec",
    "warn",
    "write",
    "writeln",
];

/// Whether a macro is called whose expansion may await.
fn hides(block: &Block) -> bool {
    struct Macros(bool);
    impl<'b> Visit<'b> for Macros {
        fn visit_macro(&mut self, call: &'b syn::Macro) {
            let name = call.path.segments.last().map(|last| last.ident.to_string());
            self.0 |= !name.is_some_and(|name| KNOWN.contains(&&*name));
        }
    }
    let mut macros = Macros(false);
    macros.visit_block(block);
    macros.0
}

/// Whether there is an `await` anywhere, in macros' arguments and inner functions, too.
fn awaits(part: &impl ToTokens) -> bool {
    mentions(part.to_token_stream(), &["await"])
}

fn mentions(tokens: Tokens, words: &[&str]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => mentions(group.stream(), words),
        TokenTree::Ident(ident) => words.iter().any(|word| ident == word),
        _ => false,
    })
}

struct Passing {
    frame: Ident,
    args: Ident,
    fop: Ident,
}

impl Passing {
    /// The guards that a body begins with, apart from what is behind them; `None` when there are none.
    fn guarded(&self, body: &Block) -> Option<Shape> {
        let mut guards = Vec::new();
        for statement in &body.stmts {
            let Some(guard) = self.guard(statement) else { break };
            let mut guard: Block = parse_quote!({ #guard });
            if !self.looks(&mut guard) || hides(&guard) {
                break;
            }
            guards.append(&mut guard.stmts);
        }
        let rest = &body.stmts[guards.len()..];
        (!guards.is_empty()).then(|| {
            Shape::Guarded(
                parse_quote!({ #(#guards)* ::core::option::Option::None }),
                parse_quote!({ #(#rest)* }),
            )
        })
    }

    /// `if … { return …; }` with what it returns rewritten.
    fn guard(&self, statement: &Stmt) -> Option<Stmt> {
        let Stmt::Expr(Expr::If(branch), _) = statement else { return None };
        let [Stmt::Expr(Expr::Return(returned), _)] = &*branch.then_branch.stmts else { return None };
        let (cond, mut end) = (&branch.cond, returned.expr.as_deref()?.clone());
        let looks = branch.else_branch.is_none() && !mentions(quote!(#cond), &["await", "let", "return"]);
        (looks && self.end(&mut end))
            .then(|| parse_quote!(if #cond { return ::core::option::Option::Some(#end); }))
    }

    /// Whether a part only looks at the arguments where they lie; it is made to lend them.
    fn looks(&self, part: &mut Block) -> bool {
        let mut looks = Looks { args: self.args.clone(), only: true };
        looks.visit_block_mut(part);
        looks.only
    }

    /// Rewrites a block that the function ends in; false when it has another shape.
    fn block(&self, block: &mut Block) -> bool {
        let Some((last, before)) = block.stmts.split_last_mut() else { return false };
        let Stmt::Expr(last, None) = last else { return false };
        before.iter_mut().all(statement) && self.end(last)
    }

    /// Rewrites an expression that the function ends in.
    fn end(&self, end: &mut Expr) -> bool {
        match end {
            Expr::Await(awaited) => {
                let Some(child) = self.child(&awaited.base) else { return false };
                *end = parse_quote!(::core::result::Result::Ok(::plugin_api::Pass::On(#child)));
                true
            }
            Expr::If(branch) => {
                let Some((_, other)) = &mut branch.else_branch else { return false };
                // What `if let` matches on lives as long as its block.
                !matches!(*branch.cond, Expr::Let(_))
                    && expression(&mut branch.cond)
                    && self.block(&mut branch.then_branch)
                    && self.end(other)
            }
            Expr::Block(inner) if inner.label.is_none() => self.block(&mut inner.block),
            Expr::Return(returned) => match returned.expr.as_deref_mut() {
                Some(inner) => self.end(inner),
                None => false,
            },
            answer => {
                if !expression(answer) {
                    return false;
                }
                *answer = answered(answer);
                true
            }
        }
    }

    /// The child in `child.FOP(args)`, where that is `frame.child()` or `frame.child_at(…)`.
    fn child<'e>(&self, wind: &'e Expr) -> Option<&'e Expr> {
        let Expr::MethodCall(wind) = wind else { return None };
        let Expr::MethodCall(child) = &*wind.receiver else { return None };
        let is_child = (child.method == "child" || child.method == "child_at")
            && is_name(&child.receiver, &self.frame)
            && !child.args.iter().any(|arg| mentions(quote!(#arg), &["await", "return"]));
        let passes_all = wind.method == self.fop && wind.args.iter().all(|arg| is_name(arg, &self.args));
        (is_child && passes_all).then_some(&*wind.receiver)
    }
}

fn is_name(expr: &Expr, name: &Ident) -> bool {
    matches!(expr, Expr::Path(path) if path.path.is_ident(name))
}

/// Whether the arguments are looked at where they lie, or changed there, and not taken apart: they are lent then.
struct Looks {
    args: Ident,
    only: bool,
}

/// Fields that are numbers in every fop.
const NUMBERS: [&str; 8] = ["flags", "len", "mask", "mode", "offset", "rdev", "size", "umask"];

impl Looks {
    /// Whether an expression is the arguments, or a field somewhere below.
    fn is_part(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Field(field) => self.is_part(&field.base),
            other => is_name(other, &self.args),
        }
    }

    /// As whether [`is_part`](Self::is_part), for a place that only looks; what is none is visited.
    fn place(&mut self, expr: &mut Expr) {
        if !self.is_part(expr) {
            self.visit_expr_mut(expr);
        }
    }
}

impl VisitMut for Looks {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        let args = &self.args;
        match expr {
            Expr::Reference(lent) if is_name(&lent.expr, args) => *lent.expr = parse_quote!(*#args),
            Expr::Reference(lent) => self.place(&mut lent.expr),
            Expr::Binary(both) => {
                self.place(&mut both.left);
                self.place(&mut both.right);
            }
            Expr::Assign(set) => {
                self.place(&mut set.left);
                self.visit_expr_mut(&mut set.right);
            }
            Expr::MethodCall(call) => {
                let part = self.is_part(&call.receiver);
                self.only &= !(part && call.method.to_string().starts_with("into"));
                self.place(&mut call.receiver);
                call.args.iter_mut().for_each(|arg| self.visit_expr_mut(arg));
            }
            Expr::Field(field) if self.is_part(&field.base) => {
                let number =
                    matches!(&field.member, Member::Named(name) if NUMBERS.iter().any(|n| name == n));
                self.only &= number;
            }
            Expr::Path(_) => self.only &= !is_name(expr, args),
            _ => visit_mut::visit_expr_mut(self, expr),
        }
    }

    fn visit_macro_mut(&mut self, call: &mut syn::Macro) {
        self.only &= !mentions(call.tokens.clone(), &[&self.args.to_string()]);
    }
}

/// Rewrites a statement before the end; false when it awaits, or leaves something that is alive at the end.
fn statement(statement: &mut Stmt) -> bool {
    match statement {
        Stmt::Local(local) => {
            let Some(init) = &mut local.init else { return false };
            init.diverge.is_none() && is_number(&init.expr) && expression(&mut init.expr)
        }
        Stmt::Expr(expr, _) => expression(expr),
        Stmt::Item(_) | Stmt::Macro(_) => false,
    }
}

/// Whether an expression is a number or a truth by its form: nothing that has to be dropped.
fn is_number(expr: &Expr) -> bool {
    use syn::BinOp::{And, Eq, Ge, Gt, Le, Lt, Ne, Or};
    match expr {
        Expr::Lit(_) | Expr::Cast(_) => true,
        Expr::Paren(inner) => is_number(&inner.expr),
        Expr::Binary(both) => {
            matches!(both.op, And(_) | Or(_) | Eq(_) | Ne(_) | Lt(_) | Le(_) | Gt(_) | Ge(_))
                || (is_number(&both.left) && is_number(&both.right))
        }
        Expr::MethodCall(call) => {
            let name = call.method.to_string();
            // Lengths, truths, and atomics, which say how they order.
            match (&*name, call.args.len()) {
                ("len", 0) | ("load", 1) | ("fetch_add" | "fetch_sub", 2) => true,
                _ => name.starts_with("is_"),
            }
        }
        _ => false,
    }
}

/// Rewrites the `return`s in an expression that is not the end; false when it awaits, or may hide that it returns.
fn expression(expr: &mut Expr) -> bool {
    if awaits(expr) {
        return false;
    }
    let mut returns = Returns { seen_through: true };
    returns.visit_expr_mut(expr);
    returns.seen_through
}

/// `answer` as what a passing fop returns.
fn answered(answer: &Expr) -> Expr {
    parse_quote!(::core::result::Result::map(#answer, ::plugin_api::Pass::Answer))
}

struct Returns {
    seen_through: bool,
}

impl VisitMut for Returns {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        match expr {
            // What these return from is not the fop.
            Expr::Closure(_) | Expr::Async(_) => {}
            Expr::Macro(call) => self.seen_through &= !mentions(call.mac.tokens.clone(), &["return"]),
            Expr::Return(returned) => match returned.expr.as_deref_mut() {
                Some(inner) => {
                    self.visit_expr_mut(inner);
                    *inner = answered(inner);
                }
                None => self.seen_through = false,
            },
            _ => visit_mut::visit_expr_mut(self, expr),
        }
    }

    fn visit_stmt_mut(&mut self, statement: &mut Stmt) {
        match statement {
            Stmt::Item(_) => {}
            Stmt::Macro(call) => self.seen_through &= !mentions(call.mac.tokens.clone(), &["return"]),
            _ => visit_mut::visit_stmt_mut(self, statement),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(body: &str) -> &'static str {
        let method =
            format!("async fn writev(&self, frame: &Frame, mut args: Writev) -> FopResult<Written> {body}");
        match of(&syn::parse_str(&method).unwrap()) {
            Shape::Later => "later",
            Shape::Plain => "plain",
            Shape::Passing(_) => "passing",
            Shape::Guarded(..) => "guarded",
        }
    }

    #[test]
    fn a_fop_that_awaits_its_child_last_passes_on() {
        for body in [
            "{ frame.child().writev(args).await }",
            "{ frame.child_at(self.pick(&args)).writev(args).await }",
            "{ if self.full { return Err(Errno::EDQUOT.into()); } frame.child().writev(args).await }",
            "{ let n = args.len(); if self.passed.fetch_add(n, Relaxed) > self.limit { return Err(x()); } \
               frame.child().writev(args).await }",
            "{ if args.offset > 0 { frame.child().writev(args).await } else { Err(Errno::EINVAL.into()) } }",
            "{ self.check(&args)?; args.xdata.remove(\"key\"); args.flags |= 1; \
               frame.child().writev(args).await }",
        ] {
            assert_eq!(shape(body), "passing", "{body}");
        }
    }

    #[test]
    fn a_fop_that_may_pass_on_first_needs_a_future_only_behind_that() {
        for body in [
            "{ if self.is_off() { return frame.child().writev(args).await; } \
               let reply = frame.child().writev(args).await?; Ok(reply) }",
            "{ if args.offset > 0 || !self.on.load(Relaxed) { return frame.child().writev(args).await } \
               if self.full(&args.xdata) { return Err(Errno::EDQUOT.into()); } self.other(frame, args).await }",
            "{ if self.is_off() { return frame.child().writev(args).await; } my_macro!(frame, args) }",
        ] {
            assert_eq!(shape(body), "guarded", "{body}");
        }
    }

    #[test]
    fn what_waits_for_nothing_is_plain() {
        assert_eq!(shape("{ let guard = self.lock(); Ok(guard.answer(args)) }"), "plain");
    }

    #[test]
    fn whatever_might_change_its_meaning_keeps_its_future() {
        for body in [
            "{ let guard = self.lock(); frame.child().writev(args).await }",
            "{ let reply = frame.child().writev(args).await?; Ok(reply) }",
            "{ frame.child().writev(args).await.map(|reply| reply) }",
            "{ self.other(frame, args).await }",
            "{ frame.child().fsync(Fsync { fd: args.fd, data_only: true, xdata: args.xdata }).await }",
            "{ match self.lock().state { 0 => frame.child().writev(args).await, _ => Err(x()) } }",
            "{ if let Some(held) = self.hold() { frame.child().writev(args).await } else { Err(x()) } }",
            "{ keep(args.fd); frame.child().writev(args).await }",
            "{ my_macro!(frame, args) }",
            "{ guard!(self); frame.child().writev(args).await }",
            "{ self.sleep().await; frame.child().writev(args).await }",
            "{ if self.asks().await { return frame.child().writev(args).await; } self.other(frame, args).await }",
            "{ if let Some(held) = self.hold() { return frame.child().writev(args).await; } self.other(args).await }",
            "{ if self.takes(args.fd) { return frame.child().writev(args).await; } self.other(frame, args).await }",
            "{ if guard!(self) { return frame.child().writev(args).await; } self.other(frame, args).await }",
            "{ if self.is_off() { return frame.child().writev(args).await; } else { self.count(); } \
               self.other(frame, args).await }",
            "{ for _ in 0..3 { frame.child().writev(args.clone()).await?; } frame.child().writev(args).await }",
        ] {
            assert_eq!(shape(body), "later", "{body}");
        }
    }
}
