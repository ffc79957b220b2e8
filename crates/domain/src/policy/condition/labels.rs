//! Labels that are not there.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, Expr, LiteralValue, operators},
};

/// Lets a label that is not there read as an empty text: `labels[k]` becomes `k in labels ? labels[k] : ""`.
/// Otherwise a condition about it could not be decided, and would never be met.
pub(super) fn read_missing_labels(expression: &mut IdedExpr) {
    match &mut expression.expr {
        Expr::Call(call) => {
            for part in call.target.as_deref_mut().into_iter().chain(&mut call.args) {
                read_missing_labels(part);
            }
            if call.func_name == operators::INDEX
                && let [labels, key] = call.args.as_slice()
            {
                let id = expression.id;
                let present = Expr::Call(CallExpr {
                    func_name: operators::IN.to_owned(),
                    target: None,
                    args: vec![key.clone(), labels.clone()],
                });
                let empty = Expr::Literal(LiteralValue::String(String::new().into()));
                let index = std::mem::take(expression);
                expression.id = id;
                expression.expr = Expr::Call(CallExpr {
                    func_name: operators::CONDITIONAL.to_owned(),
                    target: None,
                    args: vec![
                        IdedExpr { id, expr: present },
                        index,
                        IdedExpr { id, expr: empty },
                    ],
                });
            }
        }
        Expr::List(list) => list.elements.iter_mut().for_each(read_missing_labels),
        // The checker lets none of the others have parts.
        Expr::Ident(_)
        | Expr::Literal(_)
        | Expr::Select(_)
        | Expr::Comprehension(_)
        | Expr::Map(_)
        | Expr::Struct(_)
        | Expr::Unspecified => {}
    }
}
