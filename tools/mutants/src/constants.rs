//! What constants are computed with. A function among it must stay a `const fn`.

use std::collections::HashSet;
use std::error::Error;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// The names in the constants of the sources below `folders`, and in the `const fn`s that these call. A function that is not in a file
/// that `changes` names stays as it is, so its own names count too.
pub(crate) fn names_used(
    folders: &[PathBuf],
    changes: impl Fn(&Path) -> bool,
) -> Result<HashSet<String>, Box<dyn Error>> {
    let mut names = Names::default();
    let mut functions = Vec::new();
    let files = folders.iter().map(|folder| sources(folder)).collect::<Result<Vec<_>, _>>()?;
    for path in files.into_iter().flatten() {
        let mut found = Constants::default();
        found.visit_file(&syn::parse_file(&std::fs::read_to_string(&path)?)?);
        names.0.extend(found.names.0);
        if changes(&path) {
            functions.extend(found.functions);
        } else {
            names.0.extend(found.functions.into_iter().flat_map(|(_, body)| body));
        }
    }
    loop {
        let before = names.0.len();
        for (name, body) in &functions {
            if names.0.contains(name) {
                names.0.extend(body.iter().cloned());
            }
        }
        if names.0.len() == before {
            return Ok(names.0);
        }
    }
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

/// Every identifier that it visits.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    fn of(block: &syn::Block) -> HashSet<String> {
        let mut names = Self::default();
        names.visit_block(block);
        names.0
    }

    fn tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    self.0.insert(name.to_string());
                }
                TokenTree::Group(group) => self.tokens(group.stream()),
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_ident(&mut self, name: &'ast syn::Ident) {
        self.0.insert(name.to_string());
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.tokens(item.tokens.clone());
    }
}

/// The names in constants, and each `const fn` with the names in it.
#[derive(Default)]
struct Constants {
    names: Names,
    functions: Vec<(String, HashSet<String>)>,
}

impl Constants {
    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        if signature.constness.is_some() {
            self.functions.push((signature.ident.to_string(), Names::of(block)));
        }
    }
}

impl<'ast> Visit<'ast> for Constants {
    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.names.visit_item_const(item);
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.names.visit_item_static(item);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.names.visit_impl_item_const(item);
    }

    fn visit_trait_item_const(&mut self, item: &'ast syn::TraitItemConst) {
        self.names.visit_trait_item_const(item);
    }

    fn visit_expr_const(&mut self, expression: &'ast syn::ExprConst) {
        self.names.visit_expr_const(expression);
    }

    fn visit_expr_repeat(&mut self, expression: &'ast syn::ExprRepeat) {
        self.names.visit_expr(&expression.len);
        self.visit_expr(&expression.expr);
    }

    fn visit_type_array(&mut self, array: &'ast syn::TypeArray) {
        self.names.visit_expr(&array.len);
        self.visit_type(&array.elem);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.names.visit_variant(variant);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }
}
